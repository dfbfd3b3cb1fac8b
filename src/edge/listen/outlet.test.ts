import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'node:test'
import { HOST, house, wire } from './house.fixture.ts'
import type { Handler } from './http.ts'

test('back-pressure: writes wait for a caller that does not read, and give up on one that never does', async (t) => {
  let offered = 0
  let ended = (_how: string): void => {}
  const over = new Promise<string>((resolve) => (ended = resolve))
  const block = Buffer.alloc(65_536, 'x')
  const { listener } = await house(
    t,
    async (_arrival, outlet) => {
      outlet.head(200, [])
      try {
        for (; offered < 10_000; offered++) await outlet.write(block)
        ended('all')
      } catch {
        ended('gave up')
      }
      outlet.end()
    },
    { stallMs: 150 },
  )
  const one = connect({ host: '127.0.0.1', port: listener.port })
  one.on('error', () => {})
  t.after(() => one.destroy())
  one.write(`GET / HTTP/1.1\r\n${HOST}\r\n`)
  one.pause()
  assert.equal(await over, 'gave up')
  assert.ok(offered < 1_000, `${offered} blocks were taken`)
})

test('cut ends without a proper end, in chunks and in HTTP/1.0', async (t) => {
  const { listener } = await house(t, async (_arrival, outlet) => {
    outlet.head(200, [])
    await outlet.write('data: half\n\n')
    outlet.cut()
  })
  const text = await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`).closed
  assert.match(text, /data: half/)
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/)
  const failed = await new Promise((resolve) => {
    const old = connect({ host: '127.0.0.1', port: listener.port }, () => old.write(`GET / HTTP/1.0\r\n${HOST}\r\n`))
    t.after(() => old.destroy())
    old.on('error', () => resolve(true)).on('close', () => resolve(false)).resume()
  })
  assert.equal(failed, true)
})

test('handlers that throw, forget or lie about lengths are answered for', async (t) => {
  const cases: readonly Handler[] = [
    () => Promise.reject(new Error('boom')),
    () => {
      throw new Error('at once')
    },
    async () => {},
    async (_arrival, outlet) => outlet.end('no head'),
  ]
  for (const handler of cases) {
    const { listener, defects, malformed } = await house(t, handler)
    assert.match(await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`).until(/unfinished/), /^HTTP\/1.1 503 /)
    assert.equal(defects.length, 1)
    assert.equal(malformed[0]?.code, 'unfinished')
  }
  const begun: readonly Handler[] = [
    async (_arrival, outlet) => {
      outlet.head(200, [])
      await outlet.write('half')
      throw new Error('boom')
    },
    async (_arrival, outlet) => {
      outlet.head(200, [])
      await outlet.write('half')
    },
    async (_arrival, outlet) => {
      outlet.head(200, [['content-length', '3']])
      outlet.end('longer')
    },
    async (_arrival, outlet) => {
      outlet.head(200, [['x', 'a\r\nb: c']])
      outlet.end('split')
    },
    async (_arrival, outlet) => {
      outlet.head(200, [['x', 'a\r\nb: c']])
      await new Promise((resolve) => setTimeout(resolve, 10))
      await outlet.write('split')
    },
  ]
  for (const handler of begun) {
    const { listener } = await house(t, handler)
    const text = await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`).closed
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$|split|longer|^b: c/m)
  }
})

test('handlers cannot write framing of their own', async (t) => {
  const { listener } = await house(t, async (_arrival, outlet) => {
    outlet.head(200, [['Transfer-Encoding', 'gzip'], ['Connection', 'x-secret'], ['Upgrade', 'h2c'], ['Set-Cookie', 'a'], ['Set-Cookie', 'b']])
    outlet.end('ok')
  })
  const text = await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`).until(/ok$/)
  assert.match(text, /Set-Cookie: a\r\nSet-Cookie: b\r\n/)
  assert.doesNotMatch(text, /gzip|x-secret|h2c/)
})

test('the head leaves when the handler waits after it', async (t) => {
  let go = (): void => {}
  const { listener } = await house(t, async (_arrival, outlet) => {
    outlet.head(200, [['content-type', 'text/event-stream']])
    assert.equal(outlet.committed, true)
    await new Promise<void>((resolve) => (go = resolve))
    outlet.end('data: x\n\n')
  })
  const one = wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`)
  await one.until(/text\/event-stream[\s\S]*\r\n\r\n$/)
  go()
  await one.until(/data: x\n\n\r\n0\r\n\r\n$/)
})

test('writes that nobody awaits do no harm when the caller is gone', async (t) => {
  const block = Buffer.alloc(1 << 20)
  const { listener, defects } = await house(t, async (arrival, outlet) => {
    outlet.head(200, [])
    while (!arrival.gone.aborted) {
      void outlet.write(block)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    void outlet.write(block)
    outlet.end()
  })
  const one = wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`)
  one.socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 50))
  one.socket.destroy()
  while (listener.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(defects, [])
})
