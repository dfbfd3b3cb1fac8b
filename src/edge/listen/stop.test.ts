import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'node:test'
import { BodyError, type Outlet } from '../../contract/arrival.ts'
import { endedBy, refuse } from '../../contract/verdict.ts'
import { HOST, house, wire } from './house.fixture.ts'

const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`
const aborted = (signal: AbortSignal): Promise<unknown> => new Promise((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener('abort', resolve)))

test('a call that is stopped before its answer hears why, and its connection closes', async (t) => {
  const { listener, arrivals, defects } = await house(t, async (arrival, outlet) => {
    setImmediate(() => outlet.stop(refuse('revoked')))
    await aborted(arrival.gone)
    const { refuse: code } = endedBy(arrival.gone)
    outlet.head(401, [])
    outlet.end(`<${code}>`)
  })
  const one = wire(t, listener.port, GET)
  assert.match(await one.closed, /^HTTP\/1.1 401 [\s\S]*connection: close[\s\S]*<revoked>$/i)
  assert.equal(endedBy((arrivals[0] as (typeof arrivals)[0]).gone).refuse, 'revoked', 'hanging up later does not change the reason')
  assert.deepEqual(defects, [])
})

test('whoever reads the body of a stopped call learns it at once, and can still answer', async (t) => {
  for (const how of ['whole', 'stream', 'unread', 'later'] as const) {
    const { listener } = await house(t, async (arrival, outlet) => {
      if (how !== 'later') setTimeout(() => outlet.stop(refuse('session_ended')), 20)
      else outlet.stop(refuse('session_ended'))
      const read = async (): Promise<void> => {
        if (how === 'unread') await aborted(arrival.gone)
        else if (how !== 'stream') await arrival.body.whole(1_000)
        else for await (const chunk of arrival.body.stream()) assert.ok(chunk.length > 0)
      }
      const kind = await read().then(() => 'nothing', (error: unknown) => (error instanceof BodyError ? error.kind : 'other'))
      outlet.head(403, [])
      outlet.end(`<${kind} ${endedBy(arrival.gone).refuse}>`)
    }, { bodyMs: 60_000 })
    const one = wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nhalf`)
    assert.match(await one.until(/>/), new RegExp(`<${how === 'unread' ? 'nothing' : 'cut'} session_ended>`), how)
    await one.closed
    while (listener.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve))
  }
})

test('an answer that had begun ends with what its handler says last, and then the connection closes', async (t) => {
  const { listener } = await house(t, async (arrival, outlet) => {
    outlet.head(200, [['content-type', 'text/event-stream']])
    await outlet.write('data: 1\n\n')
    setImmediate(() => outlet.stop(refuse('revoked')))
    await aborted(arrival.gone)
    void outlet.write('event: error\n')
    outlet.end(`data: ${endedBy(arrival.gone).refuse}\n\n`)
  })
  const one = wire(t, listener.port, GET + GET)
  assert.match(await one.closed, /data: 1\n\n[\s\S]*event: error\n[\s\S]*data: revoked\n\n\r\n0\r\n\r\n/)
})

test('a write that waits for a caller who does not read fails when the call is stopped', async (t) => {
  const block = Buffer.alloc(1 << 20)
  let tell = (_how: string): void => {}
  const told = new Promise<string>((resolve) => (tell = resolve))
  const { listener } = await house(t, async (_arrival, outlet) => {
    outlet.head(200, [])
    setTimeout(() => outlet.stop(refuse('revoked')), 100)
    try {
      for (let at = 0; at < 1_000; at++) await outlet.write(block)
      tell('all was taken')
    } catch {
      outlet.end('the end')
      tell('failed')
    }
  }, { stallMs: 60_000, lingerMs: 100 })
  const socket = connect({ host: '127.0.0.1', port: listener.port })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(GET)
  socket.pause()
  assert.equal(await told, 'failed')
  while (listener.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve))
})

test('a handler that does not notice that it was stopped is cut off', async (t) => {
  let outlet: Outlet | undefined
  let go = (): void => {}
  const { listener } = await house(t, async (_arrival, one) => {
    outlet = one
    one.head(200, [])
    await one.write('data: 1\n\n')
    await new Promise<void>((resolve) => (go = resolve))
    one.end()
  }, { lingerMs: 50 })
  const caller = wire(t, listener.port, GET)
  await caller.until(/data: 1/)
  outlet?.stop(refuse('revoked'))
  outlet?.stop(refuse('session_ended'))
  assert.doesNotMatch(await caller.closed, /0\r\n\r\n$/)
  go()
  outlet?.stop(refuse('revoked'))
})

test('a stop that comes when all is said changes nothing', async (t) => {
  const { listener, arrivals } = await house(t, async (_arrival, outlet) => {
    outlet.head(200, [])
    outlet.end('<done>')
    outlet.stop(refuse('revoked'))
  })
  const one = wire(t, listener.port, GET)
  await one.until(/<done>/)
  one.socket.write(GET)
  await one.until(/<done>[\s\S]*<done>/)
  assert.equal(arrivals[0]?.gone.aborted, false)
})

test('dropping closes idle connections at once and busy ones with their answer', async (t) => {
  let go = (): void => {}
  const { listener } = await house(t, async (arrival, outlet) => {
    if (arrival.target === '/wait') await new Promise<void>((resolve) => (go = resolve))
    outlet.head(200, [])
    outlet.end('<done>')
  })
  const idle = wire(t, listener.port, GET)
  await idle.until(/<done>/)
  const busy = wire(t, listener.port, GET.replace('/', '/wait'))
  while (listener.inFlight() === 0) await new Promise((resolve) => setImmediate(resolve))
  const ports = [idle, busy].map(({ socket }) => socket.localPort)
  assert.equal(listener.drop(({ port }) => ports.includes(port)), 2)
  await idle.closed
  go()
  assert.match(await busy.closed, /connection: close[\s\S]*<done>$/i)
  assert.equal(listener.drop(() => true), 0)
})
