import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import type { Clock } from '../contract/clock.ts'
import { makeDialer, type Dialer } from '../edge/dial/dialer.ts'
import { makeWebhook, type Webhook } from './webhook.ts'

/** Pauses between attempts are over at once; the limit on a whole attempt is not. */
const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, fire) => {
    const timer = setTimeout(fire, ms === 1_000 || ms > 5_000_000 ? 0 : ms)
    return () => clearTimeout(timer)
  },
}

let server: Server
let dialer: Dialer
let webhook: Webhook
afterEach(async () => {
  webhook.close()
  await dialer.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** A place that answers with these statuses, one after the other, and then with 200. */
async function place(statuses: readonly number[], onFailed: (error: unknown) => void = () => undefined): Promise<{ readonly heard: string[]; until(count: number): Promise<void> }> {
  const heard: string[] = []
  const left = [...statuses]
  let told: () => void = () => undefined
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      heard.push(body)
      response.writeHead(left.shift() ?? 200).end()
      told()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  dialer = makeDialer({ origins: [{ origin }] })
  webhook = makeWebhook({ url: `${origin}/alerts?to=ops`, dial: dialer.dial, clock, onFailed })
  return {
    heard,
    async until(count) {
      while (heard.length < count) await new Promise<void>((resolve) => (told = resolve))
    },
  }
}

test('alerts arrive as JSON, in order', async () => {
  const { heard, until } = await place([])
  for (const n of [1, 2, 3]) webhook.send({ kind: 'threshold', n })
  await until(3)
  assert.deepEqual(heard.map((one) => (JSON.parse(one) as { n: number }).n), [1, 2, 3])
})

test('a refused alert is tried again', async () => {
  const { heard, until } = await place([503])
  webhook.send({ kind: 'burn' })
  await until(2)
  assert.equal(heard[0], heard[1])
})

test('a queue without end is cut, and what is lost is said', async () => {
  const lost: unknown[] = []
  const { until } = await place([], (error) => lost.push(error))
  for (let n = 0; n < 150; n++) webhook.send({ n })
  await until(101)
  assert.equal(lost.length, 49)
})
