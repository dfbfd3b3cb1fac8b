import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { Pool } from 'undici'
import { cpuMillis, residentMiB, summary } from './load.ts'
import { start } from './processes.ts'

/** Makes one tools/call and waits for its answer. @throws when that is none. */
type Call = () => Promise<void>

/** One way to the same tool; `open` gives a client of its own. */
interface Way {
  open(): Promise<Call>
  /** Ends its sessions too, unless they are to stay. */
  close(stay?: 'stay'): Promise<void>
}

const root = join(import.meta.dirname, '..')
const REVISIONS = ['2025-11-25', '2026-07-28'] as const
const SESSIONS = 5000
const ROUNDS = 5
/** What agents that think between calls make together, in calls a second. */
const PACE = 100
const SAID = 'The room on the second floor is free.'

/**
 * What the gateway adds to a tools/call, in one run, beside the very same servers without it: the conformance fixture
 * behind HTTP (official SDK) and server-everything over its standard streams; and what an idle session costs.
 */
export async function bench(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const home = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const stops: (() => Promise<void>)[] = []
  try {
    const server = await start<{ both: number; sessions: number }>(join(root, 'bench/mcp_server.ts'), [])
    stops.push(server.stop)
    const everything = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')), 'dist/index.js')
    const [both, sessionsOnly] = [`http://127.0.0.1:${server.said.both}`, `http://127.0.0.1:${server.said.sessions}`]
    const settings = { mcpServers: { both: { url: `${both}/mcp` }, sessions: { url: `${sessionsOnly}/mcp` }, stdio: { command: process.execPath, args: [everything, 'stdio'] }, effect: { command: process.execPath, args: [everything, 'stdio'] } }, tools: { 'both/*': { class: 'read' }, 'sessions/*': { class: 'read' }, 'stdio/*': { class: 'read' }, 'effect/*': { class: 'internal_write' } } }
    const house = await start<{ dataUrl: string; keys: readonly string[] }>(join(root, 'bench/mcp_house.ts'), [JSON.stringify(settings), home])
    stops.push(house.stop)
    const { dataUrl, keys } = house.said
    const key = keys[0] as string
    console.log('| tools/call | clients | direct p50, ms | through p50, ms | added p50, ms | added p99, ms | calls/s through | CPU per call through, us |\n|---|--:|--:|--:|--:|--:|--:|--:|')
    const same = (): string => SAID
    const other = (): string => `${SAID} Ask for number ${Math.floor(Math.random() * 1e9)}.`
    // The same revision on either side of the gateway: the SDK's servers take several times as long in the newer one.
    await compare(`HTTP, ${REVISIONS[0]}`, httpWay(sessionsOnly, '/mcp', REVISIONS[0]), httpWay(dataUrl, '/mcp/sessions', REVISIONS[0], key), house.pid, quick)
    await compare(`HTTP, ${REVISIONS[1]}`, httpWay(both, '/mcp', REVISIONS[1]), httpWay(dataUrl, '/mcp/both', REVISIONS[1], key), house.pid, quick)
    for (const revision of REVISIONS) await compare(`stdio, ${revision}`, stdioWay(everything, same), httpWay(dataUrl, '/mcp/stdio', revision, key, same), house.pid, quick)
    await compare(`stdio, ${REVISIONS[0]}, with an effect`, stdioWay(everything, same), httpWay(dataUrl, '/mcp/effect', REVISIONS[0], key, same), house.pid, quick)
    await compare(`stdio, ${REVISIONS[0]}, never the same text`, stdioWay(everything, other), httpWay(dataUrl, '/mcp/stdio', REVISIONS[0], key, other), house.pid, quick)
    await durable(home)
    await sessions(house.pid, dataUrl, keys.slice(1), home)
  } finally {
    for (const stop of stops.reverse()) await stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function compare(what: string, direct: Way, through: Way, pid: number, quick: boolean): Promise<void> {
  const open = (way: Way): Promise<Call[]> => Promise.all(Array.from({ length: 64 }, () => way.open()))
  const all = [await open(direct), await open(through)] as const
  for (const [name, clients, pace] of [['1', 1, 0], [`64, ${PACE} calls/s together`, 64, PACE], ['64, as fast as they can', 64, 0]] as const) {
    const [directly, via] = [all[0].slice(0, clients), all[1].slice(0, clients)]
    const count = quick ? 100 : pace > 0 ? 300 : clients === 1 ? 600 : 2000
    // What runs for weeks is measured warm.
    for (const set of [directly, via]) await run(set, quick ? 100 : 2000, 0)
    const took: [number[], number[]] = [[], []]
    let elapsed = 0
    let used = 0
    // By turns, so that what else the machine does falls on both.
    for (let round = 0; round < ROUNDS; round++) {
      took[0].push(...(await run(directly, count, pace)))
      const [at, cpu] = [performance.now(), cpuMillis(pid)]
      took[1].push(...(await run(via, count, pace)))
      elapsed += performance.now() - at
      used += cpuMillis(pid) - cpu
    }
    const [before, after] = [summary(took[0]), summary(took[1])]
    const figures = [before.p50, after.p50, after.p50 - before.p50, after.p99 - before.p99].map((one) => one.toFixed(3))
    console.log(`| ${what} | ${name} | ${figures.join(' | ')} | ${Math.round((count * ROUNDS * 1000) / elapsed)} | ${Math.round((used * 1000) / (count * ROUNDS))} |`)
  }
  await direct.close()
  await through.close()
}

/** Each client calls again when it was answered and, with a pace, not before its turn. Milliseconds that the calls took. */
async function run(clients: readonly Call[], count: number, pace: number): Promise<readonly number[]> {
  const took: number[] = []
  const began = performance.now()
  let next = 0
  await Promise.all(
    clients.map(async (call) => {
      while (next < count) {
        const index = next++
        const wait = pace === 0 ? 0 : began + (index * 1000) / pace - performance.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        const at = performance.now()
        await call()
        took.push(performance.now() - at)
      }
    }),
  )
  return took
}

/** Over HTTP, with the tool that says what it is told, or one that always says the same. */
function httpWay(base: string, path: string, revision: string, key?: string, message?: () => string): Way {
  const tool = message === undefined ? 'test_simple_text' : 'echo'
  const pool = new Pool(base, { connections: 64, pipelining: 1 })
  const modern = revision === '2026-07-28'
  const opened: Readonly<Record<string, string>>[] = []
  const meta = { 'io.modelcontextprotocol/protocolVersion': revision, 'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} }
  const usual = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
  const send = async (message: object, more: Readonly<Record<string, string>>): Promise<{ readonly session: string; readonly text: string }> => {
    const { statusCode, headers, body } = await pool.request({ method: 'POST', path, headers: { ...usual, ...more }, body: JSON.stringify({ jsonrpc: '2.0', ...message }) })
    const text = await body.text()
    if (statusCode >= 300) throw new Error(`${path} answered ${statusCode}: ${text.slice(0, 300)}`)
    return { session: String(headers['mcp-session-id'] ?? ''), text }
  }
  return {
    async open() {
      let headers: Readonly<Record<string, string>> = { 'mcp-protocol-version': revision, 'mcp-method': 'tools/call', 'mcp-name': tool }
      if (!modern) {
        const { session } = await send({ id: 0, method: 'initialize', params: { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'bench', version: '1' } } }, {})
        headers = { 'mcp-protocol-version': revision, 'mcp-session-id': session }
        opened.push(headers)
        await send({ method: 'notifications/initialized' }, headers)
      }
      let id = 0
      return async () => {
        const { text } = await send({ id: ++id, method: 'tools/call', params: { name: tool, arguments: message === undefined ? {} : { message: message() }, ...(modern && { _meta: meta }) } }, headers)
        if (!text.includes('"content"') || text.includes('"isError":true')) throw new Error(`${path}: ${text.slice(0, 300)}`)
      }
    },
    async close(stay) {
      if (stay === undefined) for (const headers of opened) await (await pool.request({ method: 'DELETE', path, headers: { ...usual, ...headers } })).body.dump()
      await pool.close()
    },
  }
}

/** The program itself, spoken to as the gateway does. */
function stdioWay(script: string, message: () => string): Way {
  const child = spawn(process.execPath, [script, 'stdio'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const waiting = new Map<number, () => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id } = JSON.parse(line) as { id?: number }
    if (id === undefined) return
    waiting.get(id)?.()
    waiting.delete(id)
  })
  let last = 0
  const ask = (method: string, params: object): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(++last, resolve)
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: last, method, params })}\n`)
    })
  let ready: Promise<void> | undefined
  return {
    async open() {
      await (ready ??= ask('initialize', { protocolVersion: REVISIONS[0], capabilities: {}, clientInfo: { name: 'bench', version: '1' } }))
      return () => ask('tools/call', { name: 'echo', arguments: { message: message() } })
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

/**
 * What no gateway that keeps an intent before it answers can do without, on this machine: another thread that commits one
 * small row, on disk, in the store's own way (WAL, `synchronous = FULL`).
 */
async function durable(home: string): Promise<void> {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    const db = new (require('node:sqlite').DatabaseSync)(workerData)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)')
    const put = db.prepare('INSERT INTO t (b) VALUES (?)')
    parentPort.on('message', (text) => (put.run(text), parentPort.postMessage(0)))`,
    { eval: true, workerData: join(home, 'floor.db') },
  )
  const took: number[] = []
  for (let at = 0; at < 2000; at++) {
    const began = performance.now()
    worker.postMessage('x'.repeat(1000))
    await once(worker, 'message')
    took.push(performance.now() - began)
  }
  await worker.terminate()
  const { p50, p99 } = summary(took.slice(500))
  console.log(`\nThe floor, one row on disk by another thread: p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms.`)
}

/** What a session costs that nobody uses: the difference of five thousand. */
async function sessions(pid: number, dataUrl: string, keys: readonly string[], home: string): Promise<void> {
  const before = { heap: await heapBytes(pid, home), resident: residentMiB(pid) }
  for (const key of keys) {
    const way = httpWay(dataUrl, '/mcp/stdio', REVISIONS[0], key, () => SAID)
    for (let at = 0; at < SESSIONS / keys.length; at++) await way.open()
    await way.close('stay')
  }
  const [heap, resident] = [(await heapBytes(pid, home)) - before.heap, residentMiB(pid) - before.resident]
  console.log(`\nAn idle session: ${(heap / SESSIONS / 1024).toFixed(2)} KiB of heap; ${SESSIONS} sessions: ${resident.toFixed(1)} MiB resident.`)
}

async function heapBytes(pid: number, home: string): Promise<number> {
  const file = join(home, 'heap')
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await new Promise((resolve) => setTimeout(resolve, 20))
  return Number(readFileSync(file, 'utf8'))
}
