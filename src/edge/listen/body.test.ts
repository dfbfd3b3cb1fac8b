import assert from 'node:assert/strict'
import test from 'node:test'
import { BodyError } from '../../contract/arrival.ts'
import { echo, HOST, house, type Wire, wire } from './house.fixture.ts'

test('broken chunks cut the body, and the next request on that socket is not read', async (t) => {
  for (const chunks of ['1\nx\r\n0\r\n\r\n', '1\r\nxy0\r\n\r\n', 'fffffffffffffffff\r\nx', 'zz\r\n']) {
    const { listener, malformed, arrivals } = await house(t, echo)
    const text = await wire(t, listener.port, `POST /one HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}GET /two HTTP/1.1\r\n${HOST}\r\n`).closed
    assert.match(text, /^HTTP\/1.1 400 [\s\S]*cut$/)
    assert.equal(arrivals.length, 1)
    assert.equal(malformed.length, 0, 'the receipt of a cut body is its handler\'s')
  }
})

test('bodies are limited: announced, chunked, slow, and cut off', async (t) => {
  const { listener } = await house(
    t,
    async (arrival, outlet) => {
      const kind = await arrival.body.whole(100).then(() => 'fine', (error: unknown) => (error instanceof BodyError ? error.kind : 'other'))
      outlet.head(kind === 'fine' ? 200 : 400, [])
      outlet.end(`<${kind}>`)
    },
    { bodyMs: 80 },
  )
  const post = (head: string, body: string): Wire => wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}${head}\r\n${body}`)
  assert.match(await post('Content-Length: 101\r\n', 'x'.repeat(101)).until(/>/), /too_large/)
  assert.match(await post('Content-Length: 99999999999\r\n', '').until(/>/), /^HTTP\/1.1 400 [\s\S]*connection: close[\s\S]*too_large/i)
  assert.match(await post('Transfer-Encoding: chunked\r\n', `c8\r\n${'x'.repeat(200)}\r\n0\r\n\r\n`).until(/>/), /too_large/)
  assert.match(await post('Content-Length: 100\r\n', 'x'.repeat(100)).until(/>/), /fine/)
  const slow = post('Content-Length: 10\r\n', 'x')
  assert.match(await slow.until(/>/), /too_slow/)
  await slow.closed
})

test('a trickle is too slow even within the total', async (t) => {
  const kinds: string[] = []
  const { listener } = await house(
    t,
    async (arrival, outlet) => {
      await arrival.body.whole(1_000).catch((error: unknown) => kinds.push(error instanceof BodyError ? error.kind : 'other'))
      outlet.head(408, [])
      outlet.end()
    },
    { bodyMs: 60_000, bodyRate: 2_000, bodyWindowMs: 100 },
  )
  const one = wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}Content-Length: 900\r\n\r\n`)
  const trickle = setInterval(() => one.socket.write('x'), 20)
  t.after(() => clearInterval(trickle))
  await one.until(/408/)
  assert.deepEqual(kinds, ['too_slow'])
})

test('a caller that hangs up while sending cuts the body; while waiting it aborts gone and fails writes', async (t) => {
  const seen: unknown[] = []
  let told = (): void => {}
  const { listener, arrivals } = await house(t, async (arrival, outlet) => {
    if (arrival.verb === 'POST') {
      await arrival.body.whole(1_000).catch((error: unknown) => seen.push(error instanceof BodyError ? error.kind : error))
      outlet.head(400, [])
      outlet.end()
      told()
      return
    }
    outlet.head(200, [['content-type', 'text/event-stream']])
    await outlet.write('data: a\n\n')
    await new Promise((resolve) => arrival.gone.addEventListener('abort', resolve))
    await assert.rejects(async () => outlet.write('data: b\n\n'))
    outlet.end()
    seen.push('gone')
    told()
  })
  for (const bytes of [`POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`, `GET / HTTP/1.1\r\n${HOST}\r\n`]) {
    const done = new Promise<void>((resolve) => (told = resolve))
    const one = wire(t, listener.port, bytes)
    if (bytes.startsWith('GET')) await one.until(/data: a/)
    else while (arrivals.length === 0) await new Promise((resolve) => setImmediate(resolve))
    one.socket.destroy()
    await done
  }
  assert.deepEqual(seen, ['cut', 'gone'])
  while (listener.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve))
})

test('bodies arrive byte for byte, however they are cut', async (t) => {
  const { listener } = await house(t, async (arrival, outlet) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of arrival.body.stream()) chunks.push(chunk)
    outlet.head(200, [])
    outlet.end(Buffer.concat(chunks).toString('hex') + '.')
  })
  const bytes = Buffer.from('é😀€')
  const one = wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`)
  for (const byte of bytes) {
    one.socket.write(Buffer.concat([Buffer.from('1\r\n'), Uint8Array.of(byte), Buffer.from('\r\n')]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  one.socket.write('0\r\n\r\n')
  assert.match(await one.until(/\.$/), new RegExp(bytes.toString('hex')))
})

test('back-pressure: a body that is not read stops its sender', async (t) => {
  let release = (): void => {}
  const waiting = new Promise<void>((resolve) => (release = resolve))
  let bytes = 0
  const { listener } = await house(t, async (arrival, outlet) => {
    for await (const chunk of arrival.body.stream()) {
      if (bytes === 0) await waiting
      bytes += chunk.length
    }
    outlet.head(200, [])
    outlet.end('done')
  })
  const total = 32 << 20
  const one = wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}Content-Length: ${total}\r\n\r\n`)
  one.socket.write(Buffer.alloc(total))
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.ok(one.socket.writableLength > total / 4, 'the sender got rid of everything')
  release()
  await one.until(/done$/)
  assert.equal(bytes, total)
})

test('inflight bytes are taken and given back, and a body without room fails', async (t) => {
  let held = 0
  let most = 0
  const inflight = {
    take(bytes: number): boolean {
      if (held + bytes > 1_000) return false
      held += bytes
      most = Math.max(most, held)
      return true
    },
    give(bytes: number): void {
      held -= bytes
    },
  }
  const { listener } = await house(
    t,
    async (arrival, outlet) => {
      let answer = 'fine'
      try {
        if (arrival.target === '/whole') await arrival.body.whole(1e6)
        else for await (const chunk of arrival.body.stream()) assert.ok(chunk.length > 0)
      } catch (error) {
        answer = error instanceof BodyError ? error.kind : 'other'
      }
      outlet.head(answer === 'fine' ? 200 : 503, [])
      outlet.end(`<${answer}>`)
    },
    { inflight },
  )
  const post = (path: string, size: number, chunked = false): Promise<string> =>
    wire(t, listener.port, `POST ${path} HTTP/1.1\r\n${HOST}${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`}\r\n\r\n${chunked ? `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n` : 'x'.repeat(size)}`).until(/>/)
  assert.match(await post('/whole', 900), /<fine>/)
  assert.match(await post('/whole', 1_001), /503[\s\S]*<inflight>/)
  assert.match(await post('/whole', 1_001, true), /<inflight>/)
  assert.match(await post('/stream', 800, true), /<fine>/)
  assert.match(await post('/whole', 1_000, true), /<fine>/)
  while (listener.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(held, 0)
  assert.equal(most, 1_000)
})

test('a refusal before the body is read leaves the connection usable', async (t) => {
  const { listener } = await house(t, async (arrival, outlet) => {
    outlet.head(401, [])
    outlet.end(`<${arrival.target}>`)
  })
  const one = wire(t, listener.port, `POST /1 HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`)
  await one.until(/<\/1>/)
  one.socket.write(`POST /2 HTTP/1.1\r\n${HOST}Content-Length: 200000\r\n\r\n`)
  await one.until(/<\/2>/)
  one.socket.write('x'.repeat(200_000))
  one.socket.write(`GET /3 HTTP/1.1\r\n${HOST}\r\n`)
  assert.doesNotMatch(await one.until(/<\/3>/), /connection: close/i)
})

test('an unwanted endless upload is answered, and then closed', async (t) => {
  const { listener } = await house(t, async (_arrival, outlet) => {
    outlet.head(401, [])
    outlet.end('<no>')
  })
  const one = wire(t, listener.port, `POST /1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`)
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const pump = setInterval(() => one.socket.write(chunk), 1)
  t.after(() => clearInterval(pump))
  assert.match(await one.closed, /<no>/)
})

test('100-continue is said when somebody wants the body, and only then', async (t) => {
  const { listener } = await house(t, async (arrival, outlet) => {
    if (arrival.target === '/no') {
      outlet.head(401, [])
      outlet.end('<no>')
    } else await echo(arrival, outlet)
  })
  const ask = (path: string): Wire => wire(t, listener.port, `POST ${path} HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`)
  assert.doesNotMatch(await ask('/no').closed, /100 Continue/)
  const yes = ask('/yes')
  await yes.until(/100 Continue\r\n\r\n/)
  yes.socket.write('body')
  await yes.until(/200 OK[\s\S]*body$/)
})
