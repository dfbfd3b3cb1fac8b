import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { type Certificate, certificateFor } from '../certificate.fixture.ts'
import { echo, HOST, house, type House, type Wire, wire } from './house.fixture.ts'
import type { Handler, ListenOptions } from './http.ts'

const server = certificateFor(['localhost'], ['127.0.0.1'])
const one = certificateFor(['one'])
const two = certificateFor(['two'])
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`

const rawOf = ({ cert }: Certificate): Uint8Array => new X509Certificate(cert).raw
const digest = (raw: Uint8Array | undefined): string => (raw === undefined ? 'nobody' : new X509Certificate(raw).fingerprint256)

/** Says whose certificate came with the connection. */
const whose: Handler = async (arrival, outlet) => {
  const { certificates, secure } = arrival.peer
  outlet.head(200, [])
  outlet.end(`<${secure === true} ${certificates?.length ?? 0} ${digest(certificates?.[0])}>`)
}

function secured(t: TestContext, handler: Handler, more: Partial<ListenOptions> = {}): Promise<House> {
  return house(t, handler, { secure: () => server, ...more })
}

/** `refused` is what the client saw where no connection came to be. */
function caller(t: TestContext, port: number, options: ConnectionOptions = {}, bytes?: string): Wire & { readonly socket: TLSSocket; readonly refused: Promise<string> } {
  let text = ''
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  const refused = new Promise<string>((resolve) => socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')))
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  if (bytes !== undefined) socket.write(bytes)
  t.after(() => socket.destroy())
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => (pattern.test(text) ? resolve(text) : undefined)
      look()
      socket.on('data', look)
      socket.on('close', () => (pattern.test(text) ? resolve(text) : reject(new Error(`closed at ${JSON.stringify(text.slice(0, 300))}`))))
    })
  return { socket, text: () => text, closed, until, refused }
}

test('callers come with a certificate or without, and it is read once for each connection', async (t) => {
  const { listener, arrivals, malformed } = await secured(t, whose)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { minVersion: version, maxVersion: version }
    const named = caller(t, listener.port, { ...limits, key: one.key, cert: one.cert + two.cert }, GET)
    assert.match(await named.until(/>/), new RegExp(`<true 2 ${digest(rawOf(one))}>`))
    assert.equal(named.socket.alpnProtocol, false)
    named.socket.write(GET)
    await named.until(/>[\s\S]*>/)
    const nobody = caller(t, listener.port, { ...limits, ALPNProtocols: ['h2', 'http/1.1'] }, GET)
    assert.match(await nobody.until(/>/), /<true 0 nobody>/)
    assert.equal(nobody.socket.alpnProtocol, 'http/1.1')
    assert.equal(nobody.socket.getProtocol(), version)
  }
  const [first, again, nobody] = arrivals
  assert.equal(first?.peer, again?.peer, 'one peer for a connection')
  assert.deepEqual(first?.peer.certificates?.map(digest), [digest(rawOf(one)), digest(rawOf(two))])
  assert.deepEqual([nobody?.peer.secure, nobody?.peer.certificates, nobody?.peer.address], [true, undefined, '127.0.0.1'])
  assert.deepEqual(malformed, [])
})

test('curl speaks to it, and verifies it', async (t) => {
  const { listener } = await secured(t, whose)
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'ca'), server.cert)
  writeFileSync(join(folder, 'pem'), one.cert + one.key)
  const curl = (...args: readonly string[]): Promise<string> => new Promise((resolve) => execFile('curl', ['-sS', '--cacert', join(folder, 'ca'), ...args, `https://127.0.0.1:${listener.port}/x`], (error, out, complaint) => resolve(error === null ? out : complaint)))
  assert.match(await curl('--cert', join(folder, 'pem')), new RegExp(`<true 1 ${digest(rawOf(one))}>`))
  assert.match(await curl(), /<true 0 nobody>/)
  assert.match(await curl('--tls-max', '1.1'), /curl: \(35\)/)
})

test('what is no handshake is refused, with a receipt where something was said', async (t) => {
  const { listener, malformed, arrivals } = await secured(t, echo, { headMs: 150 })
  const cases: readonly (readonly [string, string | Uint8Array | undefined, string | undefined])[] = [
    ['plain HTTP', `GET / HTTP/1.1\r\n${HOST}\r\n`, 'bad_request'],
    ['garbage', Buffer.alloc(4_096, 0x5a), 'bad_request'],
    ['a broken record', Uint8Array.from([0x16, 3, 1, 0xff, 0xff, 1, 2, 3]), 'bad_request'],
    ['a handshake that never ends', Uint8Array.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), 'head_too_slow'],
  ]
  for (const [name, bytes, code] of cases) {
    const before = malformed.length
    const text = await wire(t, listener.port, bytes).closed
    assert.doesNotMatch(text, /HTTP/, name)
    assert.deepEqual([malformed.length - before, malformed.at(-1)?.code], [1, code], name)
    assert.equal(malformed.at(-1)?.peer.address, '127.0.0.1', name)
  }
  const told = malformed.length
  assert.equal(await wire(t, listener.port).closed, '', 'silence')
  const away = wire(t, listener.port, Uint8Array.from([0x16, 3, 1, 2, 0]))
  away.socket.end()
  await away.closed
  assert.match(await caller(t, listener.port, { ALPNProtocols: ['h2'] }).refused, /NO_APPLICATION_PROTOCOL/)
  assert.match(await caller(t, listener.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }).refused, /VERSION|ALERT/)
  assert.match(await caller(t, listener.port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }).refused, /ALERT/)
  assert.match(await caller(t, listener.port, { rejectUnauthorized: true }).refused, /SELF_SIGNED/)
  assert.deepEqual(malformed.slice(told).map(({ detail }) => detail), ['tls: ERR_SSL_NO_APPLICATION_PROTOCOL', 'tls: ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls: ERR_SSL_NO_SHARED_CIPHER'])
  assert.equal(arrivals.length, 0)
  assert.match(await caller(t, listener.port, {}, GET).until(/\r\n\r\n/), /200 OK/)
})

test('five certificates and 16 KiB are the most that a caller may bring', async (t) => {
  const { listener, malformed, arrivals } = await secured(t, whose)
  const bring = (certs: readonly Certificate[]): Wire => caller(t, listener.port, { key: one.key, cert: certs.map(({ cert }) => cert).join('') }, GET)
  assert.match(await bring([one, two, two, two, two]).until(/>/), /<true 5 /)
  assert.equal(await bring([one, two, two, two, two, two]).closed, '')
  const large = certificateFor(Array.from({ length: 400 }, (_, at) => `${'x'.repeat(50)}${at}.example`))
  assert.equal(await caller(t, listener.port, { ...large }, GET).closed, '')
  assert.deepEqual(malformed.map(({ code, detail }) => [code, detail]), [['bad_request', 'too many certificates'], ['bad_request', 'too many certificates']])
  assert.equal(arrivals.length, 1)
  assert.equal(listener.inFlight(), 0)
})

test('nothing is resumed: each connection proves its certificate anew', async (t) => {
  const { listener } = await secured(t, whose)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { minVersion: version, maxVersion: version, servername: 'localhost' }
    const first = caller(t, listener.port, { ...limits, key: one.key, cert: one.cert })
    let session: Buffer | undefined
    first.socket.on('session', (offered: Buffer) => void (session = offered))
    first.socket.write(GET)
    await first.until(/>/)
    session ??= first.socket.getSession()
    assert.ok(session !== undefined)
    for (const [now, expected] of [[{}, 'nobody'], [{ key: two.key, cert: two.cert }, digest(rawOf(two))], [{ key: one.key, cert: one.cert }, digest(rawOf(one))]] as const) {
      const next = caller(t, listener.port, { ...limits, ...now, session }, GET)
      assert.match(await next.until(/>/), new RegExp(` ${expected}>`), version)
      assert.equal(next.socket.isSessionReused(), false, version)
    }
  }
})

test('there is no renegotiation', async (t) => {
  const { listener } = await secured(t, whose)
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${listener.port}`, '-tls1_2', '-servername', 'localhost'], { stdio: ['pipe', 'pipe', 'pipe'] })
  t.after(() => client.kill())
  let said = ''
  const until = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => (pattern.test(said) ? resolve() : undefined)
      look()
      client.stdout.on('data', look)
      client.stderr.on('data', look)
      client.on('exit', () => resolve())
    })
  for (const stream of [client.stdout, client.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  await until(/Verify return code[\s\S]*---\n/)
  client.stdin.write('R\n')
  await until(/RENEGOTIATING[\s\S]*(no renegotiation|error)/i)
  assert.match(said, /RENEGOTIATING[\s\S]*no renegotiation/i)
})

test('another certificate is shown from the next connection on; one that is none changes nothing', async (t) => {
  let shown = server
  const { listener, defects } = await secured(t, whose, { secure: () => shown })
  const seenBy = async (): Promise<string> => {
    const now = caller(t, listener.port, {}, GET)
    await now.until(/>/)
    return digest(now.socket.getPeerCertificate().raw)
  }
  const old = caller(t, listener.port, {}, GET)
  await old.until(/>/)
  assert.equal(digest(old.socket.getPeerCertificate().raw), digest(rawOf(server)))
  shown = one
  assert.equal(await seenBy(), digest(rawOf(one)))
  old.socket.write(GET)
  await old.until(/>[\s\S]*>/)
  for (const bad of [{ key: one.key, cert: 'none' }, { key: two.key, cert: one.cert }]) {
    shown = bad
    assert.equal(await seenBy(), digest(rawOf(one)))
    assert.equal(await seenBy(), digest(rawOf(one)))
  }
  assert.equal(defects.length, 2, 'each is told once')
  shown = two
  assert.equal(await seenBy(), digest(rawOf(two)))
  await assert.rejects(async () => secured(t, whose, { secure: () => ({ key: '', cert: '' }) }))
})

test('behind TLS everything is as on the plain port, and HTTP/1.0 is not spoken', async (t) => {
  const { listener, malformed } = await secured(t, echo, { headMs: 200 })
  const ask = (bytes: string): Wire => caller(t, listener.port, {}, bytes)
  assert.match(await ask(`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`).until(/hello$/), /^HTTP\/1.1 200 /)
  assert.match(await ask('nonsense\r\n\r\n').closed, /^HTTP\/1.1 400 [\s\S]*bad_request/)
  assert.match(await ask('GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n').until(/\r\n\r\n./s), /^HTTP\/1.1 421 /)
  assert.match(await ask(`GET / HTTP/1.0\r\n${HOST}\r\n`).closed, /^HTTP\/1.1 400 /)
  assert.match(await ask(`CONNECT x:1 HTTP/1.1\r\n${HOST}\r\n`).closed, /^HTTP\/1.1 405 /)
  assert.match(await ask('GET / HTTP/1.1\r\nHost: local').closed, /^HTTP\/1.1 408 /)
  assert.equal(malformed.length, 5)
  assert.ok(malformed.every(({ peer }) => peer.secure === true))
})

test('an answer that is cut does not end properly', async (t) => {
  const { listener } = await secured(t, async (_arrival, outlet) => {
    outlet.head(200, [])
    await outlet.write('data: half\n\n')
    outlet.cut()
  })
  const text = await caller(t, listener.port, {}, GET).closed
  assert.match(text, /data: half/)
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/)
})

test('closing waits neither for handshakes nor for connections that are idle', async (t) => {
  const { listener } = await secured(t, whose, { headMs: 60_000 })
  const half = connectPlain({ host: '127.0.0.1', port: listener.port })
  t.after(() => half.destroy())
  half.write(Uint8Array.from([0x16, 3, 1, 2, 0, 1]))
  half.on('error', () => {})
  const idle = caller(t, listener.port, {}, GET)
  await idle.until(/>/)
  const gone = new Promise((resolve) => half.on('close', resolve))
  await Promise.all([listener.close({ graceMs: 60_000 }), gone, idle.closed])
})

test('connections of a revoked certificate are dropped, and no others', async (t) => {
  let go = (): void => {}
  const waiting = new Promise<void>((resolve) => (go = resolve))
  const { listener } = await secured(t, async (arrival, outlet) => {
    outlet.head(200, [['content-type', 'text/event-stream']])
    await outlet.write('data: 1\n\n')
    if (arrival.target === '/wait') await waiting
    outlet.end('<end>')
  })
  const credentials = { key: one.key, cert: one.cert }
  const silent = caller(t, listener.port, credentials)
  await new Promise((resolve) => silent.socket.on('secureConnect', resolve))
  const idle = caller(t, listener.port, credentials, GET)
  const other = caller(t, listener.port, { key: two.key, cert: two.cert }, GET)
  await Promise.all([idle.until(/<end>\r\n0\r\n\r\n/), other.until(/<end>\r\n0\r\n\r\n/)])
  const busy = caller(t, listener.port, credentials, GET.replace('/', '/wait'))
  await busy.until(/data: 1/)
  while (listener.inFlight() > 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(listener.drop(({ certificates }) => digest(certificates?.[0]) === digest(rawOf(one))), 3)
  await Promise.all([idle.closed, silent.closed])
  go()
  assert.match(await busy.closed, /<end>\r\n0\r\n\r\n$/)
  other.socket.write(GET)
  await other.until(/<end>[\s\S]*<end>/)
  assert.equal(listener.drop(() => false), 0)
})
