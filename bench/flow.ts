import { readTrace } from '../src/cli/traces.ts'
import { toolFactsOf } from '../src/policy/tools.ts'
import { settleTools, toolsSettings } from '../src/policy/tools/settings.ts'
import type { FlowDecision } from '../src/contract/flow.ts'
import { decideCall } from '../src/session/flow/decide.ts'
import { openSession } from '../src/session/flow/session.ts'
import { flowSchema, settleFlow } from '../src/session/flow/settings.ts'
import { cost } from './flow_cost.ts'
import { recordings, type Recorded } from './flow_cases.ts'

/**
 * What the rules of flow hold and what they leave alone, on the transcripts of cases/flow (each model in them obeys the
 * injection at once), and what a decision costs at 200 messages.
 */

export interface Outcome {
  readonly one: Recorded
  readonly decisions: readonly FlowDecision[]
}

function decided(one: Recorded, known: boolean): Outcome {
  const settings = known ? one.settings : {}
  const session = openSession(settleFlow(flowSchema.parse(settings['flow'] ?? {})), toolFactsOf(settleTools(toolsSettings.parse(settings['tools'] ?? {}))))
  const decisions: FlowDecision[] = []
  for (const event of readTrace(one.line).events) {
    if ('take' in event) session.take(event.take)
    else decisions.push(decideCall(session, event.call))
  }
  return { one, decisions }
}

/** @param known whether the settings count that know the domain. */
export function outcomes(all: readonly Recorded[], known: boolean): readonly Outcome[] {
  return all.map((one) => decided(one, known))
}

/** Wilson's 95 % interval of a share, as text. */
function wilson(hits: number, of: number): string {
  if (of === 0) return '–'
  const z = 1.959964
  const p = hits / of
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of)
  const width = (z / (1 + (z * z) / of)) * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))
  const percent = (share: number): string => (100 * share).toFixed(1)
  return `${percent(p)} [${percent(Math.max(0, middle - width))}–${percent(Math.min(1, middle + width))}]`
}

const stopped = ({ verdict }: FlowDecision): boolean => verdict !== 'allow'
const caught = ({ one, decisions }: Outcome): boolean => one.bad.some((index) => stopped(decisions[index] as FlowDecision))
const untouched = ({ decisions }: Outcome): boolean => !decisions.some(stopped)

/** Shares of attacks of which a call was stopped and of tasks of which none was, and stopped calls for each task. */
export function share(of: readonly Outcome[]): { readonly held: number; readonly untouched: number; readonly holds: number } {
  const attacks = of.filter(({ one }) => one.kind === 'attack')
  const benign = of.filter(({ one }) => one.kind === 'benign')
  return { held: attacks.filter(caught).length / attacks.length, untouched: benign.filter(untouched).length / benign.length, holds: benign.reduce((sum, { decisions }) => sum + decisions.filter(stopped).length, 0) / benign.length }
}

interface Row {
  readonly 'attacks held, %': string
  readonly 'benign untouched, %': string
  readonly 'holds a task': string
  readonly 'attacks / tasks': string
}

function row(of: readonly Outcome[]): Row {
  const attacks = of.filter(({ one }) => one.kind === 'attack')
  const benign = of.filter(({ one }) => one.kind === 'benign')
  return {
    'attacks held, %': wilson(attacks.filter(caught).length, attacks.length),
    'benign untouched, %': wilson(benign.filter(untouched).length, benign.length),
    'holds a task': share(of).holds.toFixed(2),
    'attacks / tasks': `${attacks.length} / ${benign.length}`,
  }
}

export async function bench(args: readonly string[]): Promise<void> {
  const half = args.includes('--half') ? args[args.indexOf('--half') + 1] : undefined
  const all = recordings().filter((one) => half === undefined || one.half === half)
  const rows: Record<string, Row> = {}
  for (const known of [false, true]) {
    const found = outcomes(all, known)
    const name = known ? 'with settings' : 'without settings'
    for (const part of ['tune', 'kept'] as const) if (half === undefined || half === part) rows[`${name}, ${part}`] = row(found.filter(({ one }) => one.half === part))
    for (const domain of new Set(all.map((one) => one.domain))) rows[`${name}, ${domain}`] = row(found.filter(({ one }) => one.domain === domain))
    if (!args.includes('--list')) continue
    for (const outcome of found) {
      const wrong = outcome.one.kind === 'attack' ? !caught(outcome) : !untouched(outcome)
      if (wrong) console.log(`${name}: ${outcome.one.kind === 'attack' ? 'MISSED' : 'HELD'} ${outcome.one.id}\n${outcome.decisions.flatMap(({ verdict, class: kind, reasons }) => [`   ${verdict} ${kind}`, ...reasons.map(({ rule, say }) => `      ${rule}: ${say}`)]).join('\n')}`)
    }
  }
  console.table(rows)
  if (args.includes('--no-time')) return
  time()
  await cost(long().line)
}

/** A conversation of 200 messages of the ordinary sort: 4 KB results, one turn in ten a person's. */
function long(): { readonly line: string; readonly bytes: number } {
  const messages: object[] = [{ role: 'system', content: 'You help ann@own.example.' }, { role: 'user', content: 'Mail the weekly numbers to ann@own.example and tidy the board.' }]
  const words = 'harbour ledger invoice tide north crew pallet survey engine note berth cargo draft winch rope signal'.split(' ')
  for (let i = 0; messages.length < 200; i++) {
    const text = Array.from({ length: 600 }, (_, at) => words[(i * 7 + at * at) % words.length] + (at % 17 === 0 ? String(i * at) : '')).join(' ')
    messages.push({ role: 'assistant', content: null, tool_calls: [{ id: `c${i}`, type: 'function', function: { name: i % 3 === 0 ? 'send_email' : 'search_notes', arguments: JSON.stringify(i % 3 === 0 ? { to: 'ann@own.example', body: `Numbers ${i}` } : { query: `note ${i}` }) } }] })
    messages.push({ role: 'tool', tool_call_id: `c${i}`, content: JSON.stringify([{ id: i, from: `p${i}@else.example`, body: text }]) })
    if (i % 10 === 9) messages.push({ role: 'user', content: `Go on with note ${i}.` })
  }
  const line = JSON.stringify({ id: 'long', messages: messages.slice(0, 200) })
  return { line, bytes: line.length }
}

/** Times of one round, and of the rounds the one at the first quarter: a busy machine spoils most rounds, and not all. */
interface Times {
  readonly p50: number
  readonly p99: number
}

function timesOf(took: number[]): Times {
  took.sort((a, b) => a - b)
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))] as number
  return { p50: at(0.5), p99: at(0.99) }
}

function quieter(rounds: readonly Times[]): Times {
  const of = (pick: (one: Times) => number): number => rounds.map(pick).sort((a, b) => a - b)[rounds.length >> 2] as number
  return { p50: of(({ p50 }) => p50), p99: of(({ p99 }) => p99) }
}

const ROUNDS = 30
const WARM = 5
const EACH = 200

function time(): void {
  const { line, bytes } = long()
  const { events } = readTrace(line)
  const facts = toolFactsOf(settleTools({}))
  const rounds: Record<'parse' | 'whole' | 'decision' | 'turn', Times[]> = { parse: [], whole: [], decision: [], turn: [] }
  const timed = (work: () => unknown): number => {
    const began = performance.now()
    work()
    return performance.now() - began
  }
  for (let round = 0; round < ROUNDS + WARM; round++) {
    const parse = timed(() => JSON.parse(line))
    const session = openSession(settleFlow(), facts)
    const whole = timed(() => {
      for (const event of events) {
        if ('take' in event) session.take(event.take)
        else decideCall(session, event.call)
      }
    })
    // At the end of the conversation: a call alone; then, as a gateway meets it, a result and the call after it.
    const decision: number[] = []
    const turn: number[] = []
    for (let i = 0; i < EACH; i++) decision.push(timed(() => decideCall(session, { tool: 'send_email', arguments: `{"to":"someone${i}@else.example","body":"Numbers ${i} https://a.example/${i}","subject":"x"}` })))
    for (let i = 0; i < 20; i++) {
      const text = JSON.stringify([{ id: i, from: `q${i}@else.example`, body: `${'tide cargo draft survey '.repeat(150)}${i * round}` }])
      turn.push(timed(() => {
        session.take({ origin: 'tool_result', group: `t${i}`, tool: 'search_notes', text })
        decideCall(session, { tool: 'send_email', arguments: `{"to":"q${i}@else.example","body":"Numbers ${i}","subject":"x"}` })
      }))
    }
    if (round < WARM) continue
    rounds.parse.push({ p50: parse, p99: parse })
    rounds.whole.push({ p50: whole, p99: whole })
    rounds.decision.push(timesOf(decision))
    rounds.turn.push(timesOf(turn))
  }
  const floor = quieter(rounds.parse)
  const shown = (of: readonly Times[]): Record<string, string> => {
    const { p50, p99 } = quieter(of)
    return { 'p50, µs': (p50 * 1000).toFixed(0), 'p99, µs': (p99 * 1000).toFixed(0), 'times the floor (p50)': (p50 / floor.p50).toFixed(2) }
  }
  console.log(`200 messages, ${(bytes / 1024).toFixed(0)} KB, ${events.filter((event) => 'call' in event).length} calls; of ${ROUNDS} rounds the one at the first quarter`)
  console.table({
    'floor: JSON.parse of the conversation': shown(rounds.parse),
    'a decision': shown(rounds.decision),
    'a 3.6 KB result taken, and a decision': shown(rounds.turn),
    'the whole conversation taken and decided': shown(rounds.whole),
  })
}
