import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { BodyError, field, type Fields } from '../../contract/arrival.ts'
import { DialError, type DialFault, type DialReply } from '../../contract/dial.ts'
import { certificateFor } from '../certificate.fixture.ts'
import { type Dialer, type DialerOptions, makeDialer } from './dialer.ts'

interface Provider {
  readonly port: number
  readonly url: string
  readonly sockets: Socket[]
}

async function listening(t: TestContext, server: Server, scheme = 'http'): Promise<Provider> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `${scheme}://127.0.0.1:${port}`, sockets }
}

const http = (t: TestContext, answer: RequestListener): Promise<Provider> => listening(t, createHttp(answer))

/** A provider that answers each connection's first bytes with raw bytes of its own. */
function raw(t: TestContext, answer: (socket: Socket) => void): Promise<Provider> {
  return listening(t, createTcp((socket) => socket.once('data', () => answer(socket))))
}

function dialer(t: TestContext, origin: string, more: Partial<DialerOptions> = {}): Dialer {
  const made = makeDialer({ origins: [{ origin }], ...more })
  t.after(() => made.close())
  return made
}

interface Asked {
  readonly method?: string
  readonly fields?: Fields
  readonly body?: Uint8Array | string
  readonly signal?: AbortSignal
  readonly connectMs?: number
  readonly headMs?: number
}

function ask(from: Dialer, url: string, asked: Asked = {}): Promise<DialReply> {
  return from.dial({
    method: asked.method ?? 'POST',
    url,
    fields: asked.fields ?? [['content-type', 'application/json']],
    ...(asked.body === undefined ? {} : { body: asked.body }),
    signal: asked.signal ?? new AbortController().signal,
    timeouts: { connectMs: asked.connectMs ?? 5_000, headMs: asked.headMs ?? 5_000 },
  })
}

const text = async (reply: DialReply): Promise<string> => Buffer.from(await reply.body.whole(1e6)).toString()

async function faults(fault: DialFault, run: Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof DialError, String(error))
    assert.equal(error.fault, fault, error.message)
    return true
  })
}

async function breaks(kind: BodyError['kind'], run: Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error: unknown) => error instanceof BodyError && error.kind === kind)
}

async function drain(reply: DialReply): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of reply.body.stream()) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('carries method, path, fields and body; hop-by-hop fields stay behind', async (t) => {
  const provider = await http(t, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.writeHead(201, ['X-Twice', 'one', 'x-twice', 'two', 'Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Proxy-Authenticate', 'x'])
      response.end(JSON.stringify({ verb: request.method, target: request.url, raw: request.rawHeaders, body: Buffer.concat(chunks).toString() }))
    })
  })
  const reply = await ask(dialer(t, provider.url), `${provider.url}/v1/x?alt=sse&k=%2f`, {
    method: 'PUT',
    body: 'héllo',
    fields: [['Authorization', 'Bearer x'], ['Connection', 'X-Secret'], ['X-Secret', '1'], ['Transfer-Encoding', 'chunked'], ['Content-Length', '99'], ['Host', 'evil'], ['TE', 'trailers'], ['Accept-Encoding', 'gzip'], ['X-Many', 'a'], ['X-Many', 'b'], ['Proxy-Authorization', 'p'], ['Upgrade', 'h2c']],
  })
  assert.equal(reply.status, 201)
  assert.deepEqual(reply.fields.filter(([name]) => /^x-/i.test(name)), [['X-Twice', 'one'], ['x-twice', 'two']])
  for (const gone of ['connection', 'keep-alive', 'proxy-authenticate', 'transfer-encoding']) assert.equal(field(reply.fields, gone), undefined)
  const seen = JSON.parse(await text(reply)) as { verb: string; target: string; raw: string[]; body: string }
  assert.deepEqual([seen.verb, seen.target, seen.body], ['PUT', '/v1/x?alt=sse&k=%2f', 'héllo'])
  const pairs: string[] = []
  for (let at = 0; at < seen.raw.length; at += 2) pairs.push(`${seen.raw[at]?.toLowerCase()}: ${seen.raw[at + 1]}`)
  assert.deepEqual(pairs.sort(), ['accept-encoding: identity', 'authorization: Bearer x', 'connection: keep-alive', 'content-length: 6', `host: 127.0.0.1:${provider.port}`, 'x-many: a', 'x-many: b'])
})

test('dials only what it was built for', async (t) => {
  const provider = await http(t, (_request, response) => response.end('no'))
  const other = await http(t, (_request, response) => response.end('no'))
  const only = dialer(t, provider.url)
  await faults('forbidden', ask(only, `${other.url}/`))
  await faults('forbidden', ask(only, `http://user:pass@127.0.0.1:${provider.port}/`))
  await faults('forbidden', ask(only, `https://127.0.0.1:${provider.port}/`))
  await faults('forbidden', ask(only, 'not a url'))
  await faults('forbidden', ask(only, 'file:///etc/passwd'))
  for (const path of ['/a/../b', '/a/%2e%2e/b', '/a b', '/a#b', '\\a', '/a\n']) await faults('protocol', ask(only, provider.url + path))
  await faults('protocol', ask(only, `${provider.url}/a`, { fields: [['x', 'a\r\nb: c']] }))
  await faults('protocol', ask(only, `${provider.url}/a`, { method: 'GET X' }))
  assert.equal(other.sockets.length, 0)
})

test('redirects are answers, not orders', async (t) => {
  let asked = 0
  const provider = await http(t, (_request, response) => {
    asked++
    response.writeHead(307, { location: '/elsewhere' }).end()
  })
  const reply = await ask(dialer(t, provider.url), `${provider.url}/`)
  assert.equal(reply.status, 307)
  assert.equal(await text(reply), '')
  assert.equal(asked, 1)
})

test('the address that a name resolves to is checked at connect time', async (t) => {
  const provider = await http(t, (_request, response) => response.end('inside'))
  const cases: readonly (readonly [name: string, allowPrivate: boolean, addresses: readonly string[]])[] = [
    ['api.provider.test', false, ['127.0.0.1']],
    ['api.provider.test', true, ['127.0.0.1']],
    ['api.provider.test', false, ['10.0.0.8']],
    ['api.provider.test', false, ['100.64.0.1']],
    ['api.provider.test', true, ['169.254.169.254']],
    ['api.provider.test', true, ['fe80::1']],
    ['api.provider.test', false, ['::ffff:127.0.0.1']],
    ['api.provider.test', false, ['64:ff9b::7f00:1']],
    ['api.provider.test', false, ['1.1.1.1', '127.0.0.1']],
    ['api.provider.test', false, ['0.0.0.0']],
    ['api.provider.test', false, ['nonsense']],
    ['localhost', false, ['10.0.0.8']],
    ['localhost', true, ['1.1.1.1']],
    ['x.localhost', false, ['169.254.169.254']],
  ]
  for (const [name, allowPrivate, addresses] of cases) {
    const origin = `http://${name}:${provider.port}`
    const made = makeDialer({ origins: [{ origin, allowPrivate }], resolve: (_name, done) => done(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) })
    await faults('forbidden', ask(made, `${origin}/`))
    await made.close()
  }
  assert.equal(provider.sockets.length, 0)
})

test('a name that moves between two calls gains nothing', async (t) => {
  const provider = await http(t, (_request, response) => {
    response.setHeader('connection', 'close')
    response.end('fine')
  })
  const answers = ['127.0.0.1', '192.168.0.1']
  const origin = `http://localhost:${provider.port}`
  const made = dialer(t, origin, { resolve: (_name, done) => done(null, [{ address: answers.shift() ?? '', family: 4 }]) })
  assert.equal(await text(await ask(made, `${origin}/`)), 'fine')
  await faults('forbidden', ask(made, `${origin}/`))
})

test('origins that are none, or that nobody should dial, are refused when building', () => {
  for (const origin of ['http://169.254.169.254', 'http://[fd00:ec2::254]', 'http://0.0.0.0', 'http://[::]', 'http://224.0.0.1', 'http://[::ffff:169.254.169.254]', 'ftp://a.b', 'http://a.b/path', 'http://u@a.b', 'http://a.b?x', 'a.b', ''])
    assert.throws(() => makeDialer({ origins: [{ origin }] }), RangeError, origin)
})

test('faults before the reply have names', async (t) => {
  const closed = await http(t, () => {})
  const gone = createTcp().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  await faults('connect', ask(dialer(t, `http://127.0.0.1:${port}`), `http://127.0.0.1:${port}/`))
  await faults('head_timeout', ask(dialer(t, closed.url), `${closed.url}/`, { headMs: 30 }))
  const nowhere = dialer(t, 'http://slow.test', { resolve: () => {} })
  await faults('connect_timeout', ask(nowhere, 'http://slow.test/', { connectMs: 30 }))
  const unknown = dialer(t, 'http://unknown.test', { resolve: (_name, done) => done(new Error('ENOTFOUND'), []) })
  await faults('connect', ask(unknown, 'http://unknown.test/'))
  const reset = await raw(t, (socket) => socket.resetAndDestroy())
  await faults('reset', ask(dialer(t, reset.url), `${reset.url}/`))
  const closing = await raw(t, (socket) => socket.end())
  await faults('reset', ask(dialer(t, closing.url), `${closing.url}/`))
  const half = await raw(t, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'))
  await assert.rejects(ask(dialer(t, half.url), `${half.url}/`), DialError)
})

test('replies that two readers could take for different ones are protocol faults', async (t) => {
  const bad = [
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab',
    'HTTP/1.1 200 OK\r\nx: a\r\n folded\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`,
    'HTTP/1.1 200 OK\r\ncontent-encoding: gzip, br\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-encoding: compress\r\ncontent-length: 0\r\n\r\n',
  ]
  for (const answer of bad) {
    const provider = await raw(t, (socket) => socket.end(answer))
    await faults('protocol', ask(dialer(t, provider.url), `${provider.url}/`)).catch((error: unknown) => {
      throw new Error(`${answer.slice(0, 80)}: ${String(error)}`)
    })
  }
})

test('early hints are skipped', async (t) => {
  const provider = await raw(t, (socket) => socket.end('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
  const reply = await ask(dialer(t, provider.url), `${provider.url}/`)
  assert.deepEqual([reply.status, await text(reply)], [200, 'ok'])
})

test('a body that breaks off is cut, never complete', async (t) => {
  const heads = ['content-length: 10\r\n\r\nabc', 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n']
  for (const head of heads) {
    for (const how of ['end', 'reset'] as const) {
      const provider = await raw(t, (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}`)
        setTimeout(() => (how === 'end' ? socket.end() : socket.resetAndDestroy()), 20)
      })
      const made = dialer(t, provider.url)
      await breaks('cut', ask(made, `${provider.url}/`).then((reply) => reply.body.whole(100)))
      const seen: string[] = []
      const reply = await ask(made, `${provider.url}/`)
      await breaks('cut', (async () => {
        for await (const chunk of reply.body.stream()) seen.push(Buffer.from(chunk).toString())
      })())
      assert.equal(seen.join(''), 'abc')
    }
  }
})

test('aborting ends the upstream at once, at every stage', async (t) => {
  const provider = await http(t, (request, response) => {
    if (request.url === '/stream') response.write('data: a\n\n')
  })
  const made = dialer(t, provider.url)
  await faults('aborted', ask(made, `${provider.url}/`, { signal: AbortSignal.abort() }))
  assert.equal(provider.sockets.length, 0)

  const waiting = new AbortController()
  const call = ask(made, `${provider.url}/`, { signal: waiting.signal })
  while (provider.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve))
  waiting.abort()
  await faults('aborted', call)
  await closed(provider.sockets[0])

  for (const how of ['signal', 'abort', 'break'] as const) {
    const streaming = new AbortController()
    const reply = await ask(made, `${provider.url}/stream`, { signal: streaming.signal })
    const socket = provider.sockets.at(-1)
    const read = (async () => {
      for await (const chunk of reply.body.stream()) {
        assert.equal(Buffer.from(chunk).toString(), 'data: a\n\n')
        if (how === 'break') break
        if (how === 'signal') streaming.abort()
        else reply.abort()
      }
    })()
    if (how === 'break') await read
    else await breaks('cut', read)
    await closed(socket)
  }
})

async function closed(socket: Socket | undefined): Promise<void> {
  assert.ok(socket !== undefined)
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

test('back-pressure reaches the provider', async (t) => {
  const block = Buffer.alloc(1 << 20, 'x')
  let stalled = (): void => {}
  const full = new Promise<void>((resolve) => (stalled = resolve))
  const total = 128
  let sent = 0
  const provider = await http(t, (_request, response) => {
    const more = (): void => {
      while (sent < total) {
        sent++
        if (!response.write(block)) {
          setTimeout(stalled, 100)
          response.once('drain', more)
          return
        }
      }
      response.end()
    }
    more()
  })
  const reply = await ask(dialer(t, provider.url), `${provider.url}/`)
  await full
  assert.ok(sent < total / 2, `${sent} of ${total} MiB sent although nobody reads`)
  let bytes = 0
  for await (const chunk of reply.body.stream()) bytes += chunk.length
  assert.equal(bytes, total << 20)
})

test('whole bodies are limited, announced or not', async (t) => {
  const provider = await http(t, (request, response) => {
    if (request.url === '/announced') response.setHeader('content-length', '2000')
    response.write('x'.repeat(1_000))
    setImmediate(() => response.end('x'.repeat(1_000)))
  })
  const made = dialer(t, provider.url)
  for (const path of ['/announced', '/chunked']) {
    await breaks('too_large', ask(made, provider.url + path).then((reply) => reply.body.whole(1_999)))
    assert.equal((await (await ask(made, provider.url + path)).body.whole(2_000)).length, 2_000)
  }
})

test('a body is read once', async (t) => {
  const provider = await http(t, (_request, response) => response.end('x'))
  const reply = await ask(dialer(t, provider.url), `${provider.url}/`)
  await reply.body.whole(10)
  assert.throws(() => reply.body.stream())
})

test('sockets are kept, also when a short body is not read, and given up when a long one is not', async (t) => {
  const provider = await http(t, (request, response) => {
    if (request.url === '/endless') response.write('x'.repeat(500_000))
    else response.end('short')
  })
  const made = dialer(t, provider.url, { unreadMs: 50 })
  for (let count = 0; count < 3; count++) {
    assert.equal((await ask(made, `${provider.url}/`)).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.equal(provider.sockets.length, 1)
  const reply = await ask(made, `${provider.url}/endless`)
  await closed(provider.sockets.at(-1))
  await breaks('cut', reply.body.whole(1e6))
})

test('characters that are split over packets arrive whole', async (t) => {
  const bytes = Buffer.from('data: 😀é€\n\n')
  const provider = await http(t, (_request, response) => {
    let at = 0
    const more = (): void => {
      if (at === bytes.length) response.end()
      else {
        response.write(bytes.subarray(at, ++at))
        setImmediate(more)
      }
    }
    more()
  })
  assert.equal(await drain(await ask(dialer(t, provider.url), `${provider.url}/`)), 'data: 😀é€\n\n')
})

test('TLS is verified against the name and the trusted certificates', async (t) => {
  const good = certificateFor(['localhost'], ['127.0.0.1'])
  const server = createHttps({ key: good.key, cert: good.cert }, (_request, response) => response.end('secret'))
  const provider = await listening(t, server, 'https')
  const trusting = makeDialer({ origins: [{ origin: provider.url, ca: good.cert }] })
  t.after(() => trusting.close())
  assert.equal(await text(await ask(trusting, `${provider.url}/`)), 'secret')
  await faults('connect', ask(dialer(t, provider.url), `${provider.url}/`))

  const named = certificateFor(['elsewhere.test'])
  const wrong = await listening(t, createHttps({ key: named.key, cert: named.cert }, (_request, response) => response.end('secret')), 'https')
  const misled = makeDialer({ origins: [{ origin: wrong.url, ca: named.cert }] })
  t.after(() => misled.close())
  await faults('connect', ask(misled, `${wrong.url}/`))
})
