import assert from 'node:assert/strict'
import test from 'node:test'
import { field } from '../../contract/arrival.ts'
import { echo, HOST, house, wire } from './house.fixture.ts'
import { listen } from './http.ts'

test('hands over verb, target and raw fields as they came, and answers with a length', async (t) => {
  const { listener, arrivals } = await house(t, echo)
  const one = wire(t, listener.port, `POST /v1/x?a=%2F&b=1 HTTP/1.1\r\n${HOST}X-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello`)
  const text = await one.until(/hello$/)
  assert.match(text, /^HTTP\/1.1 200 OK\r\n/)
  assert.match(text, /\r\ncontent-length: 5\r\n/)
  assert.doesNotMatch(text, /transfer-encoding/i)
  const [arrival] = arrivals
  assert.ok(arrival !== undefined)
  assert.deepEqual([arrival.verb, arrival.target], ['POST', '/v1/x?a=%2F&b=1'])
  assert.deepEqual(arrival.fields, [['Host', 'localhost'], ['X-A', '1'], ['x-a', '2'], ['Content-Length', '5']])
  assert.equal(arrival.peer.address, '127.0.0.1')
  assert.equal(arrival.gone.aborted, false)
})

test('requests on which two readers could disagree are refused, with a receipt, and never half-read', async (t) => {
  const post = (head: string, body = ''): string => `POST /secret HTTP/1.1\r\n${HOST}${head}\r\n${body}`
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const vectors: Readonly<Record<string, string | Uint8Array>> = {
    'length and chunked': post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`),
    'chunked and length': post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${smuggled}`),
    'two lengths': post('Content-Length: 4\r\nContent-Length: 5\r\n', 'abcde'),
    'the same length twice': post('Content-Length: 4\r\nContent-Length: 4\r\n', 'abcd'),
    'a list of lengths': post('Content-Length: 4, 4\r\n', 'abcd'),
    'a signed length': post('Content-Length: +4\r\n', 'abcd'),
    'an empty length': post('Content-Length: \r\n', 'abcd'),
    'a hexadecimal length': post('Content-Length: 0x4\r\n', 'abcd'),
    'an unknown coding': post('Transfer-Encoding: xchunked\r\n', smuggled),
    'identity': post('Transfer-Encoding: identity\r\n', smuggled),
    'chunked not last': post('Transfer-Encoding: chunked, identity\r\n', smuggled),
    'stacked codings': post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    'chunked twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'space before the colon': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    'chunked in HTTP/1.0': `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'folded field': `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
    'folded empty field': `GET / HTTP/1.1\r\n${HOST}X:\r\n\tb\r\n\r\n`,
    'bare line feed': `GET / HTTP/1.1\r\n${HOST.replace('\r', '')}X: a\r\n\r\n`,
    'bare carriage return': `GET / HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`,
    'NUL in a field': `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`,
    'no colon': `GET / HTTP/1.1\r\n${HOST}X\r\n\r\n`,
    'no name': `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`,
    'two hosts': `GET / HTTP/1.1\r\n${HOST}Host: localhost\r\n\r\n`,
    'no host': 'GET / HTTP/1.1\r\n\r\n',
    'no host in HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'HTTP/0.9': 'GET /\r\n\r\n',
    'unknown version': `GET / HTTP/1.2\r\n${HOST}\r\n`,
    'absolute form': `GET http://evil.test/ HTTP/1.1\r\n${HOST}\r\n`,
    'fragment': `GET /a#b HTTP/1.1\r\n${HOST}\r\n`,
    'asterisk form': `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    'bytes beyond ASCII': Buffer.from(`GET /\xff HTTP/1.1\r\n${HOST}\r\n`, 'latin1'),
    'unknown method': `FOO / HTTP/1.1\r\n${HOST}\r\n`,
    'TLS to a plain port': Uint8Array.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    'unknown expectation': post('Expect: magic\r\nContent-Length: 1\r\n', 'x'),
  }
  const targets: string[] = []
  const { listener, malformed, defects } = await house(t, async (arrival, outlet) => {
    targets.push(arrival.target)
    await echo(arrival, outlet)
  })
  for (const [name, bytes] of Object.entries(vectors)) {
    const before = malformed.length
    const one = wire(t, listener.port, bytes)
    const text = await one.until(/\r\n\r\n./s).catch((error: unknown) => assert.fail(`${name}: ${String(error)}`))
    assert.match(text, /^HTTP\/1.1 400 /, name)
    one.socket.destroy()
    await one.closed
    assert.equal(malformed.length, before + 1, name)
    assert.doesNotMatch(text, /smuggled/, name)
  }
  assert.deepEqual(targets.filter((target) => target !== '/secret'), [])
  assert.deepEqual(defects, [])
})

test('the answer to a malformed request is JSON with the id that its receipt has', async (t) => {
  const { listener, malformed } = await house(t, echo)
  const text = await wire(t, listener.port, 'nonsense\r\n\r\n').closed
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const said = JSON.parse(body) as { type: string; error: { code: string; message: string }; request_id: string }
  assert.equal(said.error.code, 'bad_request')
  assert.equal(said.request_id, malformed[0]?.id)
  assert.match(said.error.message, /\(id-1\)/)
  assert.match(head, new RegExp(`content-length: ${body.length}`))
  assert.match(head, /x-sallyport-id: id-1\r\n/)
  assert.match(head, /connection: close/)
})

test('CONNECT is not a method here', async (t) => {
  const { listener, malformed } = await house(t, echo)
  assert.match(await wire(t, listener.port, `CONNECT evil.test:443 HTTP/1.1\r\n${HOST}\r\n`).closed, /^HTTP\/1.1 405 /)
  assert.equal(malformed[0]?.code, 'method_not_allowed')
})

test('header floods are refused by bytes and by number', async (t) => {
  const { listener, malformed, arrivals } = await house(t, echo, { headerBytes: 8_192, headerCount: 50 })
  const get = (fields: string): string => `GET / HTTP/1.1\r\n${HOST}${fields}\r\n`
  for (const fields of ['x: y\r\n'.repeat(50), `x: ${'y'.repeat(9_000)}\r\n`, 'x: y\r\n'.repeat(100_000)])
    assert.match(await wire(t, listener.port, get(fields)).until(/headers_too_large/), /^HTTP\/1.1 431 /)
  assert.match(await wire(t, listener.port, `GET /${'a'.repeat(9_000)} HTTP/1.1\r\n`).until(/\r\n\r\n/), /^HTTP\/1.1 4/)
  assert.match(await wire(t, listener.port, get('x: y\r\n'.repeat(49))).until(/\r\n\r\n/), /^HTTP\/1.1 200 /)
  assert.equal(arrivals.length, 1)
  assert.equal(malformed.length, 4)
})

test('only its own names are served', async (t) => {
  const { listener, malformed } = await house(t, echo, { hosts: ['Gate.Example'] })
  const ask = (host: string): Promise<string> => wire(t, listener.port, `GET /x?key=s3cret HTTP/1.1\r\nHost: ${host}\r\n\r\n`).until(/\r\n\r\n/)
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1', `127.0.0.1:${listener.port}`, '[::1]:1', 'gate.example', 'gate.example.:80']) assert.match(await ask(host), /^HTTP\/1.1 200 /, host)
  for (const host of ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', '10.0.0.1', '2130706433', 'user@localhost', 'localhost:0', 'localhost,evil.test', '169.254.169.254', '']) assert.match(await ask(host), /^HTTP\/1.1 421 /, host)
  assert.ok(malformed.every(({ code, path }) => code === 'misdirected' && path === '/x'))
  assert.equal(malformed.length, 10)
  await assert.rejects(async () => listen({ host: '127.0.0.1', port: 0, newId: () => '', hosts: ['a b'] }, echo), RangeError)
})

test('web pages may call only from listed origins', async (t) => {
  const { listener, malformed } = await house(t, echo, { origins: ['https://app.example'] })
  const ask = (fields: string): Promise<string> => wire(t, listener.port, `POST / HTTP/1.1\r\n${HOST}${fields}Content-Length: 0\r\n\r\n`).until(/\r\n\r\n/)
  for (const origin of ['https://evil.test', 'null', 'http://app.example', 'https://app.example.evil.test', 'http://localhost:3000', 'ftp://localhost']) assert.match(await ask(`Origin: ${origin}\r\n`), /^HTTP\/1.1 403 /, origin)
  assert.match(await ask('Origin: https://app.example\r\nOrigin: https://evil.test\r\n'), /^HTTP\/1.1 403 /)
  // A page of this place: the Host that it names is one that is served.
  assert.match(await ask('Origin: http://localhost\r\n'), /^HTTP\/1.1 200 /)
  assert.match(await ask('Origin: https://app.example\r\n'), /^HTTP\/1.1 200 /)
  assert.ok(malformed.every(({ code }) => code === 'origin_denied'))
})

test('heads that come too slowly are answered with 408; silent connections are just closed', async (t) => {
  const { listener, malformed } = await house(t, echo, { headMs: 60 })
  const silent = wire(t, listener.port)
  assert.match(await wire(t, listener.port, 'GET / HTTP/1.1\r\nHost: local').closed, /^HTTP\/1.1 408 [\s\S]*head_too_slow/)
  assert.equal(await silent.closed, '')
  assert.deepEqual(malformed.map(({ code }) => code), ['head_too_slow'])
})

test('connections beyond the limit are closed', async (t) => {
  const { listener } = await house(t, echo, { connections: 2 })
  const first = [wire(t, listener.port), wire(t, listener.port)]
  await Promise.all(first.map(async (one) => {
    one.socket.write(`GET / HTTP/1.1\r\n${HOST}\r\n`)
    await one.until(/200 OK/)
  }))
  assert.equal(await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}\r\n`).closed, '')
})

test('requests in a pipeline are answered in order', async (t) => {
  const { listener } = await house(t, async (arrival, outlet) => {
    if (arrival.target === '/0') await new Promise((resolve) => setTimeout(resolve, 20))
    outlet.head(200, [['x-path', arrival.target]])
    outlet.end(`<${arrival.target}>`)
  })
  const text = await wire(t, listener.port, Array.from({ length: 5 }, (_, at) => `GET /${at} HTTP/1.1\r\n${HOST}\r\n`).join('')).until(/<\/4>/)
  assert.deepEqual([...text.matchAll(/<\/(\d)>/g)].map((match) => match[1]), ['0', '1', '2', '3', '4'])
})

test('fields can be looked up by lower-case name', async (t) => {
  const { listener, arrivals } = await house(t, echo)
  await wire(t, listener.port, `GET / HTTP/1.1\r\n${HOST}X-API-Key: k\r\n\r\n`).until(/200/)
  assert.equal(field(arrivals[0]?.fields ?? [], 'x-api-key'), 'k')
})
