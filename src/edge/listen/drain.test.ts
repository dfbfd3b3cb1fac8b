import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import test from 'node:test'
import type { Outlet } from '../../contract/arrival.ts'
import { HOST, house, wire } from './house.fixture.ts'

async function streaming(outlet: Outlet, count: number): Promise<void> {
  outlet.head(200, [['content-type', 'text/event-stream']])
  for (let at = 0; at < count; at++) {
    await outlet.write(`data: ${at}\n\n`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  outlet.end('data: [DONE]\n\n')
}

test('draining breaks no stream, closes what is idle, and takes nothing new', async (t) => {
  const { listener } = await house(t, (_arrival, outlet) => streaming(outlet, 30))
  const idle = wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`)
  await idle.until(/0\r\n\r\n$/)
  const open = Array.from({ length: 10 }, () => wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`))
  await Promise.all(open.map((one) => one.until(/data: 1\n/)))
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const down = listener.close({ graceMs: 10_000 })
  await idle.closed
  const refused = await new Promise((resolve) => httpRequest({ host: '127.0.0.1', port: listener.port, agent }).on('error', () => resolve(true)).on('response', () => resolve(false)).end())
  assert.equal(refused, true)
  for (const one of open) assert.match(await one.closed, /data: 29\n[\s\S]*\[DONE\]\n\n\r\n0\r\n\r\n$/)
  await down
  assert.equal(listener.inFlight(), 0)
})

test('what does not end within the grace is cut', async (t) => {
  const { listener, arrivals } = await house(t, async (arrival, outlet) => {
    outlet.head(200, [])
    await outlet.write('data: 0\n\n')
    await new Promise((resolve) => arrival.gone.addEventListener('abort', resolve))
  })
  const one = wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`)
  await one.until(/data: 0/)
  await listener.close({ graceMs: 20 })
  assert.doesNotMatch(await one.closed, /0\r\n\r\n$/)
  assert.equal(arrivals[0]?.gone.aborted, true)
})

test('an answer that begins while draining says that the connection closes', async (t) => {
  let go = (): void => {}
  const { listener } = await house(t, async (_arrival, outlet) => {
    await new Promise<void>((resolve) => (go = resolve))
    outlet.head(200, [])
    outlet.end('late')
  })
  const one = wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`)
  while (listener.inFlight() === 0) await new Promise((resolve) => setImmediate(resolve))
  const down = listener.close({ graceMs: 5_000 })
  go()
  assert.match(await one.closed, /connection: close[\s\S]*late$/i)
  await down
})
