import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCard } from '../src/guardrails/classifiers/card.ts'
import type { Card } from '../src/guardrails/classifiers/card.ts'
import { BUCKETS, FAST_HEADS, fastLogits } from '../src/guardrails/classifiers/fast.ts'
import type { Linear } from '../src/guardrails/classifiers/fast.ts'
import { openModels, SHIPPED } from '../src/guardrails/classifiers/models.ts'
import { windowsOf } from '../src/guardrails/classifiers/windows.ts'
import { makeGuard } from '../src/guardrails/engine.ts'
import type { Layer } from '../src/guardrails/guardrail.ts'
import { guardrails } from '../src/guardrails/list.ts'
import { readingsOf } from '../src/guardrails/normalise/readings.ts'
import { viewOf } from '../src/guardrails/normalise/view.ts'
import { forScan, scanText } from '../src/guardrails/scan.ts'
import { settleGuardrails } from '../src/guardrails/settings.ts'
import { deepLatency, deepThroughput } from './deep.ts'
import { wilson } from './eval/figures.ts'
import { casesIn, dataFolder, keptBack, labelledIn, sampled, setsIn } from './labelled.ts'
import type { Labelled } from './labelled.ts'
import { installed, peers } from './peers.ts'
import type { Task } from './peers.ts'
import { best, clock, prose, quantile } from './prose.ts'
import { rulesThroughput } from './throughput.ts'

const root = join(import.meta.dirname, '..')

interface Compared {
  readonly what: string
  readonly task: Task
  readonly recall: number
  readonly recallWithin: readonly [number, number]
  readonly flagged: number
  readonly flaggedWithin: readonly [number, number]
  readonly microsMean: number
  readonly microsP99: number
}

/**
 * Measures the layers of the guard apart, then the same labelled texts through the whole and through other packages'
 * local detectors (fetched on first use into an ignored folder; left out with --no-peer).
 */
export async function bench(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const jsonAt = args.indexOf('--json')
  const say = (what: string): void => void process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${what}` : `${what}\n`)
  const speeds: Record<string, number> = {}
  say('rules')
  Object.assign(speeds, rulesThroughput())
  const models = existsSync(join(SHIPPED, 'card.json'))
  say('normalise, fast')
  Object.assign(speeds, normaliseAndFast(models ? linearIn(SHIPPED, readCard(SHIPPED)) : undefined, quick ? 3 : 10))
  if (models) {
    say('deep, one thread')
    Object.assign(speeds, await deepLatency(SHIPPED, readCard(SHIPPED), quick ? 30 : 300))
    say('deep, all cores')
    Object.assign(speeds, await deepThroughput(SHIPPED, readCard(SHIPPED), quick ? 1500 : 8000))
  } else console.error('models/ is not there: the classifiers are left out.')
  say('compared')
  const { tasks, from } = textsFor(quick ? 40 : 400)
  const compared = [...(await own(tasks, models)), ...(args.includes('--no-peer') ? [] : others(tasks, say))]
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  print(speeds, compared, tasks, from)
  const result = { at: new Date().toISOString(), machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${process.platform} ${process.arch}`, node: process.version, quick, from, speeds, compared }
  if (jsonAt >= 0) writeFileSync(args[jsonAt + 1] as string, `${JSON.stringify(result, null, 2)}\n`)
  else console.log(JSON.stringify(result))
}

function linearIn(folder: string, card: Card): Linear {
  const bytes = readFileSync(join(folder, 'fast.bin'))
  return { weights: new Int8Array(bytes.buffer, bytes.byteOffset, BUCKETS * FAST_HEADS.length), ...card.fast }
}

/** Microseconds for 1,024 units of text, by kind of text. */
function normaliseAndFast(linear: Linear | undefined, runs: number): Record<string, number> {
  const result: Record<string, number> = {}
  const plain = Array.from({ length: 512 }, (_, i) => prose(1024, i + 1))
  const kinds: Readonly<Record<string, readonly string[]>> = {
    'ASCII chat': plain,
    accented: plain.map((text) => text.replaceAll(' is ', ' ïs ').replaceAll('e', 'é')),
    'Base64 in chat': plain.map((text) => `${text.slice(0, 512)} ${Buffer.from(text.slice(512, 890)).toString('base64')}`.slice(0, 1024)),
    'tables of numbers': plain.map((_, i) => `row ${i}, `.padEnd(1024, `${(i * 7919) % 100_000}, 12.5, 2024-01-${(i % 28) + 1}, `)),
  }
  const perKilobyte = (texts: readonly string[], work: (text: string) => void): number => {
    for (const text of texts) work(text)
    return (best(runs, () => texts.forEach(work)) * 1000) / texts.length
  }
  for (const [kind, texts] of Object.entries(kinds)) {
    result[`normalise, ${kind} (µs/KB)`] = perKilobyte(texts, (text) => {
      viewOf(text)
      readingsOf(text)
    })
  }
  if (linear === undefined) return result
  const into = new Float32Array(FAST_HEADS.length)
  result['fast, ASCII chat, windows of 1 KB texts (µs/KB)'] = perKilobyte(plain, (text) => {
    for (const { start, end } of windowsOf(text)) fastLogits(linear, text.slice(start, end), into)
  })
  return result
}

type Tasks = Readonly<Record<Task, readonly Labelled[]>>

const STRUCTURED = new Set(['EMAIL_ADDRESS', 'CREDIT_CARD', 'PHONE_NUMBER', 'IBAN_CODE', 'US_SSN', 'IP_ADDRESS'])

/** Labelled texts of each task, half of them harmless where there are enough; where they come from, in words. */
function textsFor(most: number): { readonly tasks: Tasks; readonly from: string } {
  const folder = dataFolder()
  if (folder === undefined) {
    const benign = casesIn('benign')
    const tasks = { injection: [...casesIn('injection'), ...casesIn('injection_world'), ...benign], secrets: [...casesIn('secrets'), ...benign], pii: [...casesIn('pii'), ...benign] }
    return { tasks, from: 'the golden cases of the project, for want of labelled sets: our own texts, so the comparison favours us' }
  }
  const take = (rows: readonly Labelled[]): readonly Labelled[] => sampled(rows, most, 'bench')
  const sets = new Map(setsIn(folder).map((name) => [name, labelledIn(folder, `train/${name}`)]))
  const all = [...sets.values()].flat()
  const everyday = labelledIn(folder, 'eval/alpaca_harmless')
  const attacks = all.filter(({ bad, kind, text }) => bad && /injection|jailbreak/.test(kind) && keptBack(text))
  const harmless = all.filter(({ bad, kind, text }) => !bad && /^benign|_benign$/.test(kind) && keptBack(text))
  const people = (sets.get('pii_presidio_generated_large') ?? []).filter(({ spans }) => spans.some(({ type }) => STRUCTURED.has(type)))
  const secrets = sets.get('secrets_synthetic') ?? []
  return {
    tasks: {
      injection: [...take(attacks), ...sampled(harmless, most / 2, 'bench'), ...sampled(everyday, most / 2, 'bench')],
      secrets: [...take(secrets.filter(({ bad }) => bad)), ...take(secrets.filter(({ bad }) => !bad))],
      pii: [...take(people), ...take(everyday)],
    },
    from: `../shared/data by hash (seed "bench"), at most ${most} of each label. Injection: texts kept back from training, of all sources, half of the harmless ones everyday requests. Our classifiers have seen other texts of these sources and the peers have not: recall on unseen sources is in models/RESULTS.md. Personal data: texts with a structured identifier against everyday requests`,
  }
}

function summed(what: string, task: Task, rows: readonly Labelled[], flagged: readonly boolean[], micros: readonly number[]): Compared {
  const count = (bad: boolean): readonly [number, number] => [rows.filter((row, i) => row.bad === bad && flagged[i] === true).length, rows.filter((row) => row.bad === bad).length]
  const [hits, attacks] = count(true)
  const [wrong, harmless] = count(false)
  return {
    what, task, recall: hits / attacks, recallWithin: wilson(hits, attacks), flagged: wrong / harmless, flaggedWithin: wilson(wrong, harmless),
    microsMean: micros.reduce((a, b) => a + b, 0) / micros.length, microsP99: quantile(micros, 0.99),
  }
}

const MEMBERS: Readonly<Record<Task, readonly string[]>> = { injection: ['prompt_injection', 'jailbreak', 'invisible_text'], secrets: ['secrets'], pii: ['pii'] }

/** The product as it ships, with the guardrails of the task alone: a text counts as flagged where it would not pass unchanged. */
async function own(tasks: Tasks, withModels: boolean): Promise<readonly Compared[]> {
  const rows: Compared[] = []
  const models = withModels ? openModels(undefined, availableParallelism()) : undefined
  for (const [task, texts] of Object.entries(tasks) as [Task, readonly Labelled[]][]) {
    const off = guardrails.filter(({ id }) => !MEMBERS[task].includes(id)).map(({ id }) => ({ use: id, mode: 'off' as const }))
    const stacks: readonly (readonly Layer[])[] = task === 'injection' && models !== undefined ? [['rules'], ['rules', 'fast'], ['rules', 'fast', 'deep']] : [['rules']]
    for (const layers of stacks) {
      const guard = makeGuard(forScan(settleGuardrails(off, 'strict'), new Set(layers)), { clock, cacheBytes: 1 << 16, tools: { ...(models && { models }) } })
      for (const { text, origin } of texts.slice(0, 40)) await scanText(guard, { text, origin })
      const fresh = makeGuard(forScan(settleGuardrails(off, 'strict'), new Set(layers)), { clock, cacheBytes: 1 << 16, tools: { ...(models && { models }) } })
      const flagged: boolean[] = []
      const micros: number[] = []
      for (const { text, origin } of texts) {
        const began = performance.now()
        const { verdict } = await scanText(fresh, { text, origin })
        micros.push((performance.now() - began) * 1000)
        flagged.push(verdict !== 'allow')
      }
      rows.push(summed(`sallyport, ${layers.join(' + ')}`, task, texts, flagged, micros))
    }
  }
  await models?.close()
  return rows
}

function others(tasks: Tasks, say: (what: string) => void): readonly Compared[] {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const rows: Compared[] = []
  for (const peer of peers) {
    try {
      installed(root, peer)
    } catch (error) {
      console.error(`${peer.name} ${peer.version} is left out: it cannot be installed: ${whyOf(error)}`)
      continue
    }
    for (const { name, task } of peer.detectors) {
      say(`${peer.name}, ${name}`)
      const texts = tasks[task]
      const file = join(folder, `${task}.json`)
      writeFileSync(file, JSON.stringify(texts.map(({ text }) => text)))
      try {
        const said = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'bench/peer.ts'), peer.name, name, file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000, maxBuffer: 1 << 28 })
        const { flagged, micros } = JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as { flagged: boolean[]; micros: number[] }
        rows.push(summed(`${peer.name} ${peer.version}, ${name}`, task, texts, flagged, micros))
      } catch (error) {
        console.error(`${peer.name} ${peer.version}, ${name} is left out: ${whyOf(error)}`)
      }
    }
  }
  rmSync(folder, { recursive: true })
  return rows
}

function whyOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string | Buffer; readonly message?: string }
  const lines = String(stderr ?? '').split('\n')
  return (lines.find((line) => /Error|ERR!/.test(line)) ?? message ?? 'it failed').trim().slice(0, 200)
}

function print(speeds: Readonly<Record<string, number>>, compared: readonly Compared[], tasks: Tasks, from: string): void {
  console.log('| | |\n|---|--:|')
  for (const [what, value] of Object.entries(speeds)) console.log(`| ${what} | ${value.toFixed(value < 10 ? 2 : 1)} |`)
  const percent = (value: number, [low, high]: readonly [number, number]): string => `${(value * 100).toFixed(1)} [${(low * 100).toFixed(1)}–${(high * 100).toFixed(1)}]`
  console.log(`\nTexts: ${from}.`)
  for (const [task, texts] of Object.entries(tasks)) {
    const bad = texts.filter((row) => row.bad).length
    console.log(`\n| ${task} (${bad} / ${texts.length - bad}) | recall, % | harmless flagged, % | µs a text, mean | p99 |\n|---|--:|--:|--:|--:|`)
    for (const row of compared.filter((one) => one.task === task)) console.log(`| ${row.what} | ${percent(row.recall, row.recallWithin)} | ${percent(row.flagged, row.flaggedWithin)} | ${row.microsMean.toFixed(0)} | ${row.microsP99.toFixed(0)} |`)
  }
}
