import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAudit } from '../src/audit/audit.ts'
import { intentOf, receiptOf } from '../src/audit/sample.fixture.ts'
import { scribeFor } from '../src/audit/scribe.ts'
import { settleAudit } from '../src/audit/settings.ts'
import type { Clock } from '../src/contract/clock.ts'
import type { Payload } from '../src/contract/receipt.ts'
import { uuid7Maker } from '../src/formats/ids.ts'
import { openEmbedded } from '../src/store/embedded/open.ts'

/**
 * Durable receipts per second, and what they cost the event loop. Each exchange is an intent (awaited) and a receipt
 * (awaited), `AT_ONCE` of them in flight, as a busy proxy has them.
 */
const EXCHANGES = Number(process.env['EXCHANGES'] ?? 60_000)
const AT_ONCE = Number(process.env['AT_ONCE'] ?? 512)
const SAID = 'The quick brown fox asks what the weather will be like in Lisbon tomorrow, and whether it should pack a coat. '

const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, ms).unref()
    return () => clearTimeout(timer)
  },
}

interface Row {
  readonly case: string
  readonly exchanges: number
  readonly receiptsPerSecond: number
  readonly recordsPerSecond: number
  readonly loopMicrosPerExchange: number
  readonly loopMicrosPerRecord: number
  readonly cpuMicrosPerExchange: number
}

async function measure(name: string, payloadOf: (n: number) => Payload | undefined, subjects: number, payload: 'full' | 'none', intents = true): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const store = await openEmbedded({ folder, scribe: scribeFor(folder) })
  const audit = await openAudit({ store, folder, settings: settleAudit({ payload }), clock })
  const newId = uuid7Maker(() => Date.now())
  let next = 0

  async function one(n: number): Promise<void> {
    const id = newId()
    const subject = `default/key:k${n % subjects}`
    if (intents) await audit.intent(intentOf(id, { subject, at: Date.now() }), [{ key: 'default|key|k1', window: 1000, requests: 1, tokens: 500, cost: 90 }])
    await audit.receipt(receiptOf(id, { subject, at: Date.now() }), payloadOf(n))
  }

  async function lane(until: number): Promise<void> {
    while (next < until) await one(next++)
  }

  const run = (count: number): Promise<unknown> => {
    const until = next + count
    return Promise.all(Array.from({ length: AT_ONCE }, () => lane(until)))
  }

  await run(EXCHANGES / 10)
  const whole = process.cpuUsage()
  const loop = process.threadCpuUsage()
  const started = performance.now()
  await run(EXCHANGES)
  const seconds = (performance.now() - started) / 1000
  const spent = process.threadCpuUsage(loop)
  const spentWhole = process.cpuUsage(whole)
  await audit.close()
  await store.close()
  rmSync(folder, { recursive: true })
  const records = intents ? 2 : 1
  const loopMicros = (spent.user + spent.system) / EXCHANGES
  return {
    case: name,
    exchanges: EXCHANGES,
    receiptsPerSecond: Math.round(EXCHANGES / seconds),
    recordsPerSecond: Math.round((records * EXCHANGES) / seconds),
    loopMicrosPerExchange: Number(loopMicros.toFixed(1)),
    loopMicrosPerRecord: Number((loopMicros / records).toFixed(1)),
    cpuMicrosPerExchange: Number(((spentWhole.user + spentWhole.system) / EXCHANGES).toFixed(1)),
  }
}

const said = (characters: number) => (n: number): Payload => ({
  subject: `default/key:k${n % 50}`,
  tenant: 'default',
  request: { from: 0, segments: [{ origin: 'user', text: SAID.repeat(Math.ceil(characters / SAID.length)).slice(0, characters) }] },
  reply: [],
})

const rows = [
  await measure('receipts alone', () => undefined, 1, 'none', false),
  await measure('intent + receipt', () => undefined, 1, 'none'),
  await measure('intent + receipt + 1 KB sealed', said(1024), 50, 'full'),
  await measure('intent + receipt + 16 KB sealed', said(16 * 1024), 50, 'full'),
]
console.table(rows)
console.log(JSON.stringify({ bench: 'audit', node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, atOnce: AT_ONCE, rows }))
