import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readTrace } from '../src/cli/traces.ts'
import { toolFactsOf } from '../src/policy/tools.ts'
import { settleTools } from '../src/policy/tools/settings.ts'
import { decideCall } from '../src/session/flow/decide.ts'
import { flowMemory, type FlowMemory, type FlowRules } from '../src/session/flow/memory.ts'
import type { FlowSegment } from '../src/session/flow/reading.ts'
import { settleFlow } from '../src/session/flow/settings.ts'

/** What following conversations costs those who wait, and the process: text not seen before, turns of an agent, memory. */

const ROUNDS = 15
const NEW = 100_000
const WORDS = 'harbour ledger invoice tide north crew pallet survey engine note berth cargo draft winch rope signal'.split(' ')

function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
}

function filled(piece: (i: number) => string, between: string): string {
  const pieces: string[] = []
  for (let i = 0, length = 0; length < NEW; i++) length += pieces[pieces.push(piece(i)) - 1]!.length + between.length
  return pieces.join(between)
}

/** Texts of 100 KB of the sorts that tools answer with; no two alike. */
function texts(seed: number): Readonly<Record<string, string>> {
  const any = seeded(seed)
  const words = (count: number): string => Array.from({ length: count }, () => WORDS[any(WORDS.length)]).join(' ')
  const record = (i: number): object => ({ id: any(1e9), from: `p${i}@else.example`, url: `https://a.example/${i}/x?y=${any(1e6)}`, at: '2026-01-02T10:11:12Z', body: words(20) })
  return {
    'prose, a few numbers': filled(() => `${words(12)} ${any(1e6)}.`, ' '),
    'records in JSON': JSON.stringify(Array.from({ length: 420 }, (_, i) => record(i))),
    'lines of a log': filled((i) => `2026-01-02T10:11:${i % 60} INFO 10.0.${any(255)}.${any(255)} user=${any(1e6)} took ${any(1000)}ms path=/a/b/${any(1e6)}`, '\n'),
    'an address in every other word': filled((i) => `p${i}@else${any(99)}.example ${words(1)}`, ' '),
    'Japanese': filled(() => ['日本語のメモ', 'こんにちは世界', '東京タワー', '会議は三時から。'][any(4)] as string, ''),
  }
}

const rules: FlowRules = { settings: settleFlow(), tool: toolFactsOf(settleTools({})) }
const asked: readonly FlowSegment[] = [{ origin: 'user', text: 'Mail the weekly numbers to ann@own.example and tidy the board.' }]

/** A busy machine spoils most rounds, and not all. */
const quieter = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 2] as number

async function reading(): Promise<void> {
  const rows: Record<string, { readonly 'in all, ms': string; readonly 'longest block, ms': string; readonly 'without pieces, ms': string }> = {}
  for (const name of Object.keys(texts(0))) {
    const [took, blocks, whole]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < ROUNDS + 5; round++) {
      const memory = flowMemory(() => performance.now())
      const said: readonly FlowSegment[] = [...asked, { origin: 'tool_result', tool: 'search_notes', group: 'g', text: texts(round)[name] as string }]
      const session = memory.conversation('a', said, rules)
      const { busy, longest } = await watched(async () => memory.look(session, 'soon'))
      const other = memory.conversation('b', said, rules)
      const began = performance.now()
      other.view()
      if (round < 5) continue
      whole.push(performance.now() - began)
      took.push(busy)
      blocks.push(longest)
    }
    rows[name] = { 'in all, ms': quieter(took).toFixed(1), 'longest block, ms': quieter(blocks).toFixed(1), 'without pieces, ms': quieter(whole).toFixed(1) }
  }
  console.log(`100 KB that were not seen before, looked at beside everything else; of ${ROUNDS} rounds the one at the first quarter`)
  console.table(rows)
}

/** How long a work takes, and the longest time that others waited meanwhile. */
async function watched(work: () => Promise<void>): Promise<{ readonly busy: number; readonly longest: number }> {
  let [longest, last, on] = [0, performance.now(), true]
  const turn = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (on) setImmediate(turn)
  }
  setImmediate(turn)
  const began = performance.now()
  await work()
  const busy = performance.now() - began
  turn()
  on = false
  return { busy, longest }
}

/** Turns of an agent: each sends all that was said and two messages more, and has a call decided. */
function turns(segments: readonly FlowSegment[]): void {
  const [late, fresh]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    const memory = flowMemory(() => performance.now())
    for (let at = 2; at <= segments.length; at += 2) {
      const began = performance.now()
      const session = memory.conversation('a', segments.slice(0, at), rules)
      decideCall(session, { tool: 'send_email', arguments: '{"to":"ann@own.example","body":"Numbers","subject":"x"}' })
      if (at > segments.length - 20) late.push(performance.now() - began)
    }
    const began = performance.now()
    flowMemory(() => performance.now()).conversation('a', segments, rules).view()
    fresh.push(performance.now() - began)
  }
  const letters = segments.reduce((sum, { text }) => sum + text.length, 0)
  console.log(`turns of an agent at ${segments.length} messages (${(letters / 1024).toFixed(0)} KB): history recognised, 2 messages new, a call decided: ${(quieter(late) * 1000).toFixed(0)} µs; the same history looked at anew: ${(quieter(fresh) * 1000).toFixed(0)} µs`)
}

const SESSIONS = 60

/** Memory of idle sessions: each owner's one conversation, the texts themselves let go of by whoever sent them. */
function memory(line: string): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const measured = (count: number, keep: FlowMemory, look: boolean): number => {
    const before = used()
    let letters = 0
    for (let i = 0; i < count; i++) {
      // Read anew each time: sessions share no strings.
      const said = segmentsOf(line.replaceAll('harbour', `harbour${i}`))
      letters += said.reduce((sum, { text }) => sum + text.length, 0)
      const session = keep.conversation(`o${i}`, said, rules)
      if (look) session.view()
    }
    const each = (used() - before) / count
    console.log(`memory of an idle session of 200 messages (${(letters / count / 1024).toFixed(0)} KB)${look ? '' : ', before anybody looked'}: ${(each / 1024).toFixed(0)} KB, ${((each * count) / letters).toFixed(1)} bytes a letter`)
    return each
  }
  const looked = flowMemory(() => 0)
  measured(SESSIONS, looked, true)
  const unread = flowMemory(() => 0)
  measured(SESSIONS, unread, false)
  // Both are alive until here.
  console.log(`kept: ${looked.labels('o0').untrusted && unread.labels('o0').untrusted}`)
}

function segmentsOf(line: string): readonly FlowSegment[] {
  return readTrace(line).events.flatMap((event) => ('take' in event ? [event.take] : []))
}

/** @param line one long conversation, as a trace. */
export async function cost(line: string): Promise<void> {
  await reading()
  turns(segmentsOf(line))
  memory(line)
}
