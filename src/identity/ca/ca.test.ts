import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Clock } from '../../contract/clock.ts'
import { newCaKey } from './authority.ts'
import { CaError, openCa, type Ca } from './ca.ts'
import { readRequest } from './csr.ts'
import { changed, folderFor, leads, openssl, requestBy, textOf } from './openssl.fixture.ts'
import { openHouseCertificate } from './server.ts'

const HOUR = 3_600_000
const ID = 'spiffe://house.test/agents/a'

/** A clock that stands still until it is told; timers fire when it passes them. */
function handClock(start = Date.now()): Clock & { forward(ms: number): Promise<void> } {
  let now = start
  let timers: { readonly at: number; readonly fire: () => void }[] = []
  return {
    wall: () => now,
    monotonic: () => now - start,
    timer(ms, fire) {
      const one = { at: now + ms, fire }
      timers.push(one)
      return () => void (timers = timers.filter((other) => other !== one))
    },
    async forward(ms) {
      const end = now + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        now = Math.max(now, next.at)
        timers = timers.filter((one) => one !== next)
        next.fire()
        // What was set off writes files; the next moment comes when it has.
        await new Promise((resolve) => setTimeout(resolve, 60))
      }
      now = end
    },
  }
}

async function caIn(t: TestContext, folder: string, clock: Clock, more: { readonly caKey?: string; readonly svidTtlMs?: number; readonly trustDomain?: string; readonly env?: Record<string, string> } = {}): Promise<Ca> {
  const { env = {}, ...settings } = more
  const ca = await openCa({ folder, settings: { trustDomain: 'house.test', svidTtlMs: HOUR, ...settings }, clock, env, onDefect: (error) => assert.fail(String(error)) })
  t.after(() => ca.close())
  return ca
}

async function issued(ca: Ca, folder: string, ...asked: readonly string[]): Promise<string> {
  const request = await readRequest(requestBy(folder, 'ec:P-256', ...asked))
  assert.ok('publicKey' in request)
  return (await ca.issue({ publicKey: request.publicKey, id: ID })).pem
}

test('an SVID leads to the root, and names one SPIFFE id whatever the request asked for', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  const pem = await issued(ca, folder, '-addext', 'subjectAltName=URI:spiffe://house.test/admin,DNS:example.com', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign')
  const text = textOf(folder, pem)
  assert.deepEqual(text.match(/URI:[^\s,]+/g), [`URI:${ID}`])
  assert.doesNotMatch(text, /DNS:|CA:TRUE|Certificate Sign|whoever/)
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/)
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/)
  assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/)
  assert.ok(leads(folder, pem, ca.bundle().pem, clock.wall()))
  const { serialNumber, validFromDate, validToDate } = new X509Certificate(pem)
  assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/)
  assert.equal(Math.round((validToDate.getTime() - validFromDate.getTime()) / 60_000), 61)
})

test('the root is that of the trust domain and signs leaves only', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  const text = textOf(folder, ca.bundle().pem)
  assert.deepEqual(text.match(/URI:[^\s,]+/g), ['URI:spiffe://house.test'])
  assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
  assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
  assert.match(text, /prime256v1/)
})

/** A request with its own signature, changed, and what becomes of it. */
test('requests: what is signed for, and what is refused', async (t) => {
  const folder = folderFor(t)
  const good = requestBy(folder, 'ec:P-256')
  const rows: readonly (readonly [name: string, pem: string, refused: RegExp | undefined])[] = [
    ['ECDSA on P-256', good, undefined],
    ['ECDSA on P-384', requestBy(folder, 'ec:P-384', '-sha384'), undefined],
    ['Ed25519', requestBy(folder, 'ed25519'), undefined],
    ['RSA of 2,048 bits', requestBy(folder, 'rsa:2048'), undefined],
    ['with names of its own', requestBy(folder, 'ec:P-256', '-addext', 'subjectAltName=URI:spiffe://other/x'), undefined],
    ['with the old label', good.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'), undefined],
    ['RSA of 1,024 bits', requestBy(folder, 'rsa:1024'), /RSA of 1024 bits/],
    ['ECDSA on P-521', requestBy(folder, 'ec:P-521'), /curve secp521r1/],
    ['ECDSA on a Koblitz curve', requestBy(folder, 'ec:secp256k1'), /curve secp256k1/],
    ['with a curve of its own', requestBy(folder, 'ec:P-256', '-pkeyopt', 'ec_param_enc:explicit'), /curve|cannot be read/],
    ['Ed448', requestBy(folder, 'ed448'), /kind ed448/],
    ['signed over SHA-1', requestBy(folder, 'ec:P-256', '-sha1'), /SHA-1|unknown hash|cannot be read/],
    ['with a byte of its key changed', changed(good, (der) => flipped(der, 60)), /cannot be read|not signed with its own key/],
    ['with a byte of its signature changed', changed(good, (der) => flipped(der, der.length - 1)), /not signed with its own key/],
    ['with a byte of its name changed', changed(good, (der) => flipped(der, 20)), /not signed|cannot be read/],
    ['cut off', changed(good, (der) => der.subarray(0, -1)), /cut off/],
    ['with a byte behind it', changed(good, (der) => Buffer.concat([der, Buffer.of(0)])), /something follows/],
    ['twice', good + good, /one PEM block/],
    ['with text before it', `key\n${good}`, /one PEM block/],
    ['a certificate', good.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), /one PEM block/],
    ['nothing', '', /one PEM block/],
    ['noise', changed(good, () => Buffer.from('30820010ff', 'hex')), /cut off/],
    ['nested without end', changed(good, () => nested(1500)), /cannot be read|cut off/],
    ['longer than 8 KiB', `${good}${'\n'.repeat(8192)}`, /longer than 8192/],
  ]
  for (const [name, pem, refused] of rows) {
    const read = await readRequest(pem)
    if (refused === undefined) assert.ok('publicKey' in read, `${name}: ${'problem' in read ? read.problem : ''}`)
    else assert.match('problem' in read ? read.problem : 'none', refused, name)
  }
})

function flipped(der: Buffer, at: number): Buffer {
  const copy = Buffer.from(der)
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

function nested(depth: number): Buffer {
  let der = Buffer.alloc(0)
  for (let n = 0; n < depth; n++) {
    const { length } = der
    der = Buffer.concat([length < 128 ? Buffer.of(0x30, length) : length < 256 ? Buffer.of(0x30, 0x81, length) : Buffer.of(0x30, 0x82, length >> 8, length & 255), der])
  }
  return der
}

test('every kind of key that is accepted gets a certificate that openssl leads to the root', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  for (const key of ['ec:P-256', 'ec:P-384', 'ed25519', 'rsa:2048']) {
    const request = await readRequest(requestBy(folder, key))
    assert.ok('publicKey' in request)
    const { pem } = await ca.issue({ publicKey: request.publicKey, id: ID })
    assert.ok(leads(folder, pem, ca.bundle().pem, clock.wall()), key)
    assert.equal(openssl(folder, 'x509', '-in', 'leaf.pem', '-noout', '-pubkey'), openssl(folder, 'pkey', '-in', 'key.pem', '-pubout'), key)
  }
})

test('the bundle is a SPIFFE bundle', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  const { keys, ...rest } = JSON.parse(ca.bundle().json) as { readonly keys: Record<string, unknown>[] }
  assert.deepEqual(rest, { spiffe_sequence: 1, spiffe_refresh_hint: 300 })
  assert.equal(keys.length, 1)
  const { x5c, x, y, ...key } = keys[0] as Record<string, unknown>
  assert.deepEqual(key, { use: 'x509-svid', kty: 'EC', crv: 'P-256' })
  assert.deepEqual(x5c, [Buffer.from(ca.anchors()[0] as Uint8Array).toString('base64')])
  assert.equal(typeof x === 'string' && typeof y === 'string', true)
})

test('a CA is the same after a restart; the sequence never falls', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const first = await caIn(t, folder, clock)
  await first.rotate(() => undefined, false)
  assert.equal(first.bundle().sequence, 2)
  first.close()
  const second = await caIn(t, folder, clock)
  assert.deepEqual(second.bundle(), first.bundle())
  assert.deepEqual(second.authorities(), first.authorities())
})

test('rotation: the new CA is trusted at once, signs when everybody has renewed; the old one goes when its last SVID has ended', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  let changes = 0
  ca.onChanged(() => void changes++)
  const anchors = ca.anchors()
  assert.equal(ca.anchors(), anchors)
  const made = await ca.rotate(() => undefined, false)
  assert.equal(made.state, 'next')
  assert.deepEqual(ca.authorities().map(({ state }) => state), ['signing', 'next'])
  assert.notEqual(ca.anchors(), anchors)
  await assert.rejects(ca.rotate(() => undefined, false), CaError)
  await clock.forward(HOUR - 1000)
  const old = await issued(ca, folder)
  assert.ok(leads(folder, old, ca.bundle().pem, clock.wall()))
  await clock.forward(2000)
  assert.deepEqual(ca.authorities().map(({ state }) => state), ['past', 'signing'])
  const fresh = await issued(ca, folder)
  assert.notEqual(new X509Certificate(fresh).issuer, new X509Certificate(old).issuer)
  assert.ok(leads(folder, old, ca.bundle().pem, clock.wall()) && leads(folder, fresh, ca.bundle().pem, clock.wall()))
  await clock.forward(HOUR - 10_000)
  assert.equal(ca.anchors().length, 2)
  await clock.forward(20_000)
  assert.deepEqual(ca.authorities().map(({ state, id }) => [state, id]), [['signing', made.id]])
  assert.deepEqual([ca.bundle().sequence, changes], [3, 3])
  assert.deepEqual(readdirSync(join(folder, 'ca')).sort(), [`${made.id}.key`, 'authorities.json'].sort())
})

test('rotation waits for certificates that were issued for longer before a restart', async (t) => {
  const clock = handClock()
  const ca = await caIn(t, folderFor(t), clock)
  const end = clock.wall() + 5 * HOUR
  await ca.rotate(() => end, false)
  assert.equal(ca.authorities()[0]?.until, end)
})

test('a compromised CA is not trusted from that moment on', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  const old = await issued(ca, folder)
  const made = await ca.rotate(() => undefined, true)
  assert.deepEqual(ca.authorities().map(({ id, state }) => [id, state]), [[made.id, 'signing']])
  assert.ok(!leads(folder, old, ca.bundle().pem, clock.wall()))
  assert.ok(leads(folder, await issued(ca, folder), ca.bundle().pem, clock.wall()))
  assert.deepEqual(readdirSync(join(folder, 'ca')).filter((name) => name.endsWith('.key')), [`${made.id}.key`])
})

test('keys are private, and neither replaced nor forgotten silently', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, folder, clock)
  ca.close()
  const key = join(folder, `${ca.authorities()[0]?.id}.key`)
  const record = join(folder, 'authorities.json')
  for (const file of [key, record]) assert.equal(statSync(file).mode & 0o777, 0o600)
  const [keyText, recordText] = [readFileSync(key, 'utf8'), readFileSync(record, 'utf8')]
  const reopen = (more = {}): Promise<Ca> => caIn(t, folder, clock, more)

  chmodSync(key, 0o640)
  await assert.rejects(reopen(), /can be read by others/)
  chmodSync(key, 0o600)
  writeFileSync(key, newCaKey())
  await assert.rejects(reopen(), /the key of another CA/)
  writeFileSync(key, 'nothing')
  await assert.rejects(reopen(), /no private key that can be read/)
  rmSync(key)
  await assert.rejects(reopen(), /key of the CA is gone/)
  writeFileSync(key, keyText, { mode: 0o600 })
  rmSync(record)
  await assert.rejects(reopen(), /has keys of a CA/)
  writeFileSync(record, '{}', { mode: 0o600 })
  await assert.rejects(reopen(), /cannot be read/)
  writeFileSync(record, recordText, { mode: 0o600 })
  await assert.rejects(reopen({ trustDomain: 'other.test' }), /identity.trust_domain: other.test/)
  assert.deepEqual((await reopen()).bundle(), ca.bundle())
})

test('a key from the settings: its CA stays the same, and another key makes another one beside it', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const env = { CA: newCaKey() }
  const first = await caIn(t, join(folder, 'ca'), clock, { caKey: 'env:CA', env })
  const old = await issued(first, folder)
  await assert.rejects(first.rotate(() => undefined, false), CaError)
  const again = await caIn(t, join(folder, 'ca'), clock, { caKey: 'env:CA', env })
  assert.deepEqual(again.bundle(), first.bundle())
  const file = join(folder, 'next.pem')
  writeFileSync(file, newCaKey(), { mode: 0o600 })
  const next = await caIn(t, join(folder, 'ca'), clock, { caKey: `file:${file}`, env })
  assert.deepEqual(next.authorities().map(({ state }) => state), ['past', 'signing'])
  assert.ok(leads(folder, old, next.bundle().pem, clock.wall()) && leads(folder, await issued(next, folder), next.bundle().pem, clock.wall()))
  assert.deepEqual(readdirSync(join(folder, 'ca')), ['authorities.json'])
  await assert.rejects(caIn(t, join(folder, 'ca'), clock, { caKey: 'env:GONE', env }), /GONE is not set/)
  await assert.rejects(caIn(t, join(folder, 'ca'), clock, { caKey: 'file:/nowhere/key.pem', env }), /there is no file/)
  openssl(folder, 'ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', 'p384.pem')
  await assert.rejects(caIn(t, join(folder, 'ca'), clock, { caKey: 'env:CA', env: { CA: readFileSync(join(folder, 'p384.pem'), 'utf8') } }), /no ECDSA key on P-256/)
})

test('the certificate of the house names its hosts, and is renewed at half-life and when another CA signs', async (t) => {
  const folder = folderFor(t)
  const clock = handClock()
  const ca = await caIn(t, join(folder, 'ca'), clock)
  let renewals = 0
  const house = await openHouseCertificate({ ca, names: ['gate.example', '10.0.0.5'], clock, renewed: () => void renewals++, onDefect: (error) => assert.fail(String(error)) })
  t.after(() => house.close())
  const first = house.current()
  const text = textOf(folder, first.cert)
  assert.match(text, /URI:spiffe:\/\/house\.test\/sallyport, DNS:gate\.example, IP Address:10\.0\.0\.5, DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1\n/)
  await clock.forward(HOUR / 2 - 2000)
  assert.equal(renewals, 0)
  await clock.forward(4000)
  assert.equal(renewals, 1)
  assert.notEqual(house.current().key, first.key)
  await ca.rotate(() => undefined, true)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(renewals, 2)
  assert.ok(leads(folder, house.current().cert, ca.bundle().pem, clock.wall()))
})
