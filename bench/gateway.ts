import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { calls, chat, residentMiB, streams, type Subject } from './load.ts'
import { answers, start } from './processes.ts'

interface Row {
  readonly what: string
  readonly values: Readonly<Record<string, number | string>>
}

const root = join(import.meta.dirname, '..')
const ask = 'Please summarise the minutes of the last planning meeting in three short sentences and say who does what.'

/**
 * Measures the model gateway in one run, side by side: direct, the floor, Sallyport with everything on, and Portkey's
 * gateway from npm (fetched on first use into an ignored folder; left out with --no-peer or where npm cannot fetch it).
 */
export async function bench(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const jsonAt = args.indexOf('--json')
  const home = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const stops: (() => Promise<void>)[] = []
  try {
    const upstream = await start<{ port: number }>(join(root, 'bench/upstream.ts'), [])
    stops.push(upstream.stop)
    const floor = await start<{ port: number }>(join(root, 'bench/floor.ts'), [String(upstream.said.port)])
    stops.push(floor.stop)
    const own = await start<{ dataUrl: string; key: string }>(join(root, 'bench/sallyport.ts'), [String(upstream.said.port), home])
    stops.push(own.stop)
    const path = '/v1/chat/completions'
    const subjects: Subject[] = [
      { name: 'direct', port: upstream.said.port, pid: upstream.pid, path, headers: {} },
      { name: 'floor', port: floor.said.port, pid: floor.pid, path, headers: {} },
      { name: 'sallyport', port: Number(new URL(own.said.dataUrl).port), pid: own.pid, path, headers: { authorization: `Bearer ${own.said.key}` } },
    ]
    const peer = args.includes('--no-peer') ? undefined : await portkey(upstream.said.port, stops)
    if (peer !== undefined) subjects.push(peer)
    const rows = await measure(subjects, quick)
    print(rows, subjects)
    const result = { at: new Date().toISOString(), machine: machine(), node: process.version, quick, rows }
    if (jsonAt >= 0) writeFileSync(args[jsonAt + 1] as string, JSON.stringify(result, null, 2) + '\n')
    else console.log(JSON.stringify(result))
  } finally {
    for (const stop of stops.reverse()) await stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function measure(subjects: readonly Subject[], quick: boolean): Promise<Row[]> {
  const rows: Row[] = []
  const note = (what: string, values: Row['values']): void => {
    rows.push({ what, values })
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`)
  }
  const count = quick ? 400 : 8000
  note('memory idle, MiB', each(subjects, (one) => residentMiB(one.pid)))
  // A process that runs for weeks is measured warm: most of the difference before this is the compiler at work.
  for (const one of subjects) await calls(one, unique(ask), { count: quick ? 300 : 10_000, concurrency: 32 })

  const alone = await every(subjects, (one) => calls(one, unique(ask), { count: quick ? 300 : 3000, concurrency: 1 }))
  note('latency p50 at 1, ms', pick(alone, (run) => run.latency.p50))
  note('latency p99 at 1, ms', pick(alone, (run) => run.latency.p99))
  const direct = alone['direct']
  if (direct !== undefined) {
    note('added p50 at 1, ms', pick(alone, (run) => run.latency.p50 - direct.latency.p50))
    note('added p99 at 1, ms', pick(alone, (run) => run.latency.p99 - direct.latency.p99))
  }
  for (const concurrency of [16, 64]) {
    const runs = await every(subjects, (one) => calls(one, unique(ask), { count, concurrency }))
    note(`calls/s at ${concurrency}`, pick(runs, (run) => run.perSecond))
    note(`CPU per call at ${concurrency}, us`, pick(runs, (run) => run.cpuMicros))
    note(`failed at ${concurrency}`, pick(runs, (run) => run.failed))
  }
  const thirtyTwo = await every(subjects, (one) => streams(one, { count: 32, overMs: 500, model: 'bench-20x64', deltas: 64, gapLimitMs: 80 }))
  note('first token p50 at 32 streams, ms', pick(thirtyTwo, (run) => run.firstToken.p50))
  note('first token p99 at 32 streams, ms', pick(thirtyTwo, (run) => run.firstToken.p99))
  for (const streamCount of quick ? [64, 128] : [128, 256, 384, 512]) {
    const runs = await every(subjects, (one) => streams(one, { count: streamCount, overMs: 2000, model: 'bench-20x64', deltas: 64, gapLimitMs: 80 }))
    note(`clean of ${streamCount} streams`, pick(runs, (run) => run.clean))
  }
  for (const kib of [1, 16, 128, 1024]) {
    const body = unique('x'.repeat(60) + ' ' + 'lorem ipsum dolor sit amet '.repeat((kib * 1024) / 27))
    const runs = await every(subjects, (one) => calls(one, body, { count: quick ? 40 : kib > 100 ? 100 : 600, concurrency: 4 }))
    note(`CPU per call of ${kib} KiB, us`, pick(runs, (run) => run.cpuMicros))
  }
  for (const messages of [1, 20, 200]) {
    const runs = await every(subjects, (one) => calls(one, conversation(messages), { count: quick ? 40 : 400, concurrency: 4 }))
    note(`CPU per call of ${messages} messages, us`, pick(runs, (run) => run.cpuMicros))
  }
  const turns = await every(subjects, (one) => turnCost(one, quick ? 20 : 60))
  note('CPU of turn 1 (1 KB new), us', pick(turns, (run) => run.first))
  note('CPU of turn 100 (1 KB new), us', pick(turns, (run) => run.hundredth))
  note('memory loaded, MiB', each(subjects, (one) => residentMiB(one.pid)))
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  return rows
}

/** Never the same text twice: nothing may be answered from memory. */
function unique(text: string): (index: number) => string {
  const run = Math.random().toString(36).slice(2)
  return (index) => chat('bench', `${text} ${run}-${index}`)
}

/** One conversation that grows nowhere: the same history with another last message, as an agent resends it. */
function conversation(messages: number): (index: number) => string {
  const before = Array.from({ length: messages - 1 }, (_, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content: `${at}: ${ask} `.repeat(8) }))
  return (index) => chat('bench', `${ask} ${index}-${Math.random()}`, false, before)
}

/** What a turn costs at the start of a conversation and with 99 known turns before it; the same new text. */
async function turnCost(subject: Subject, conversations: number): Promise<{ readonly first: number; readonly hundredth: number }> {
  const kilobyte = `${ask} `.repeat(9)
  const history = (run: number) => Array.from({ length: 198 }, (_, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content: `${run} ${at}: ${kilobyte}` }))
  const first = await calls(subject, (index) => chat('bench', `${index}-${Math.random()} ${kilobyte}`), { count: conversations, concurrency: 2 })
  const known = history(Math.random())
  await calls(subject, (index) => chat('bench', `${index}-${Math.random()} ${kilobyte}`, false, known), { count: 4, concurrency: 1 })
  const hundredth = await calls(subject, (index) => chat('bench', `${index}-${Math.random()} ${kilobyte}`, false, known), { count: conversations, concurrency: 2 })
  return { first: first.cpuMicros, hundredth: hundredth.cpuMicros }
}

async function every<T>(subjects: readonly Subject[], run: (one: Subject) => Promise<T>): Promise<Record<string, T>> {
  const runs: Record<string, T> = {}
  for (const one of subjects) runs[one.name] = await run(one)
  return runs
}

function each(subjects: readonly Subject[], read: (one: Subject) => number): Record<string, number> {
  return Object.fromEntries(subjects.map((one) => [one.name, round(read(one))]))
}

function pick<T>(runs: Record<string, T>, read: (run: T) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, round(read(run))]))
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

function print(rows: readonly Row[], subjects: readonly Subject[]): void {
  const names = subjects.map((one) => one.name)
  console.log(`| | ${names.join(' | ')} | sallyport / floor |\n|---|${names.map(() => '--:|').join('')}--:|`)
  for (const { what, values } of rows) {
    const ratio = Number(values['sallyport']) / Number(values['floor'])
    console.log(`| ${what} | ${names.map((name) => values[name] ?? '').join(' | ')} | ${Number.isFinite(ratio) ? ratio.toFixed(2) : ''} |`)
  }
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`
}

const PORTKEY = '@portkey-ai/gateway@1.15.2'

/** Portkey's gateway as its users run it, pointed at the same upstream by its own headers. */
async function portkey(upstream: number, stops: (() => Promise<void>)[]): Promise<Subject | undefined> {
  const folder = join(root, '.bench/portkey')
  const script = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js')
  if (!existsSync(script)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    try {
      execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', PORTKEY], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
    } catch {
      console.error('Portkey could not be fetched; its column is left out.')
      return undefined
    }
  }
  const port = await freePort()
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, [script, `--port=${port}`, '--headless'], { stdio: 'ignore', env: { ...process.env, NODE_ENV: 'production' } })
  stops.push(async () => {
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  })
  await answers(port)
  return {
    name: 'portkey',
    port,
    pid: child.pid as number,
    path: '/v1/chat/completions',
    headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `http://127.0.0.1:${upstream}/v1`, authorization: 'Bearer bench' },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0))
    })
  })
}
