import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import type { Dial } from '../contract/dial.ts'
import { isRefusal } from '../contract/verdict.ts'
import { makeDialer, type DialerOptions } from '../edge/dial/dialer.ts'
import { issuerOf, serve, signingKey, type Listening } from './issuing.fixture.ts'
import { makeKeySets, type KeySets, type KeysFetched, type KeySource } from './jwks.ts'

const EC = await signingKey('ec')
const NEXT = await signingKey('next')
const HOUR = 3_600_000

/** Time that tests move; what is waited for in vain ends after a third. */
function clockOf(): { now: number; wall: () => number; monotonic: () => number; timer: (ms: number, fire: () => void) => () => void } {
  return {
    now: 1_000_000,
    wall() { return this.now },
    monotonic() { return this.now },
    timer(ms, fire) {
      const timer = setTimeout(fire, ms / 3)
      return () => clearTimeout(timer)
    },
  }
}

interface Issuer {
  readonly sets: KeySets
  readonly source: KeySource
  readonly clock: ReturnType<typeof clockOf>
  readonly told: KeysFetched[]
  readonly dial: Dial
}

function reach(t: TestContext, listening: Listening, more: Partial<KeySource> = {}, options: Partial<DialerOptions> = {}): Issuer {
  const dialer = makeDialer({ origins: [{ origin: listening.url }], ...options })
  t.after(async () => {
    listening.close()
    await dialer.close()
  })
  const clock = clockOf()
  const told: KeysFetched[] = []
  return { sets: makeKeySets({ dial: dialer.dial, clock, on: (one) => void told.push(one) }), source: { issuer: listening.url, graceMs: HOUR, ...more }, clock, told, dial: dialer.dial }
}

async function verdict({ sets, source }: Pick<Issuer, 'sets' | 'source'>, kid: string | undefined = 'ec'): Promise<string> {
  const found = await sets.key(source, { alg: 'ES256', ...(kid !== undefined && { kid }) })
  return isRefusal(found) ? found.refuse : 'key'
}

const json = (value: unknown, type = 'application/json'): RequestListener => (_request, response) => void response.writeHead(200, { 'content-type': type }).end(typeof value === 'string' ? value : JSON.stringify(value))
const copies = (count: number): object[] => Array.from({ length: count }, (_, index) => ({ ...EC.jwk, kid: `k${index}` }))

const lies: readonly (readonly [name: string, answer: RequestListener, why: RegExp])[] = [
  ['an error', (_request, response) => void response.writeHead(500).end(), /answered 500/],
  ['nothing there', (_request, response) => void response.writeHead(404).end(), /answered 404/],
  ['a redirect', (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /answered 302/],
  ['HTML', json('<html></html>', 'text/html'), /not JSON/],
  ['keys that call themselves HTML', json({ keys: [EC.jwk] }, 'text/html'), /not JSON/],
  ['no type at all', (_request, response) => void response.end(JSON.stringify({ keys: [EC.jwk] })), /not JSON/],
  ['HTML that calls itself JSON', json('<html></html>'), /json/],
  ['duplicate members', json('{"keys":[],"keys":[]}'), /duplicate_key/],
  ['a list', json([EC.jwk]), /no JSON object/],
  ['no keys', json({}), /no list of keys/],
  ['a key that is none', json({ keys: ['key'] }), /key that is none/],
  ['a key whose name is a number', json({ keys: [{ ...EC.jwk, kid: 7 }] }), /no text/],
  ['a shared secret', json({ keys: [EC.jwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' }] }), /secret/],
  ['a private key', json({ keys: [{ ...EC.jwk, d: 'AAAA' }] }), /secret/],
  ['two keys of one name', json({ keys: [EC.jwk, { ...NEXT.jwk, kid: 'ec' }] }), /two keys/],
  ['more keys than are read', json({ keys: copies(65) }), /more than 64/],
  ['more bytes than are read', json({ keys: [EC.jwk], filler: 'x'.repeat(262_144) }), /too_large/],
  ['an answer that never comes', () => undefined, /aborted/],
  ['an answer that never ends', (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":['), /cut/],
  ['a cut answer', (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '9999' })
    response.write('{"keys":[]}', () => response.destroy())
  }, /cut/],
]

for (const [name, answer, why] of lies) {
  test(`an endpoint that lies: ${name}`, async (t) => {
    const listening = await serve(answer)
    const issuer = reach(t, listening, { jwks: `${listening.url}/jwks` })
    assert.equal(await verdict(issuer), 'identity_unavailable')
    assert.match(issuer.told[0]?.problem ?? '', why)
  })
}

const others: readonly (readonly [name: string, keys: readonly object[], kid: string | undefined, verdict: string])[] = [
  ['64 keys', copies(64), 'k63', 'key'],
  ['a single key, and a token that names none', [EC.jwk], undefined, 'key'],
  ['no keys at all', [], 'ec', 'unauthenticated'],
  ['a key for encryption', [{ ...EC.jwk, use: 'enc' }], 'ec', 'unauthenticated'],
  ['a key for other operations', [{ ...EC.jwk, use: undefined, key_ops: ['deriveKey'] }], 'ec', 'unauthenticated'],
  ['a key that is for another algorithm', [{ ...EC.jwk, alg: 'ES384' }], 'ec', 'unauthenticated'],
  ['a key on another curve', [{ ...EC.jwk, crv: 'P-384' }], 'ec', 'unauthenticated'],
  ['a point that is on no curve', [{ ...EC.jwk, y: EC.jwk.x }], 'ec', 'unauthenticated'],
  ['a kind of key that nobody knows, beside a good one', [{ kty: 'new', kid: 'new' }, EC.jwk], 'ec', 'key'],
]

for (const [name, keys, kid, wanted] of others) {
  test(`a set with ${name}`, async (t) => {
    const listening = await serve(json({ keys }, 'application/jwk-set+json; charset=utf-8'))
    assert.equal(await verdict(reach(t, listening, { jwks: `${listening.url}/jwks` }), kid), wanted)
  })
}

test('discovery believes the issuer itself only', async (t) => {
  const cases: readonly (readonly [configuration: (url: string) => unknown, why: RegExp | undefined])[] = [
    [(url) => ({ issuer: url, jwks_uri: `${url}/jwks` }), undefined],
    [(url) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` }), /another issuer/],
    [(url) => ({ jwks_uri: `${url}/jwks` }), /another issuer/],
    [(url) => ({ issuer: url, jwks_uri: 'http://127.0.0.1:1/jwks' }), /own origin|issuer's origin/],
    [(url) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }), /issuer's origin/],
    [(url) => ({ issuer: url }), /issuer's origin/],
  ]
  for (const [configuration, why] of cases) {
    const listening: Listening = await serve((request, response) => json(request.url === '/jwks' ? { keys: [EC.jwk] } : configuration(listening.url))(request, response))
    const issuer = reach(t, listening)
    assert.equal(await verdict(issuer), why === undefined ? 'key' : 'identity_unavailable')
    if (why !== undefined) assert.match(issuer.told[0]?.problem ?? '', why)
  }
})

test('keys are not fetched from private addresses unless settings say so', async (t) => {
  const listening = await issuerOf([EC])
  const { port } = new URL(listening.url)
  for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', 'fe80::1', '::1']) {
    const url = `http://issuer.test:${port}`
    const issuer = reach(t, { ...listening, url }, {}, { resolve: (_name, done) => done(null, [{ address, family: address.includes(':') ? 6 : 4 }]) })
    assert.equal(await verdict(issuer), 'identity_unavailable')
    assert.match(issuer.told[0]?.problem ?? '', /address/, address)
  }
})

test('keys are fetched once for everybody who waits, and kept', async (t) => {
  let asked = 0
  const listening = await serve((request, response) => {
    asked++
    json({ keys: [EC.jwk] })(request, response)
  })
  const issuer = reach(t, listening, { jwks: `${listening.url}/jwks` })
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => verdict(issuer)))), new Set(['key']))
  issuer.clock.now += 290_000
  assert.equal(await verdict(issuer), 'key')
  assert.equal(asked, 1)
  issuer.clock.now += 20_000
  assert.equal(await verdict(issuer), 'key', 'renewed while calls go on')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(asked, 2)
})

test('an unknown key has the set fetched again, twice a minute at most; a key that was withdrawn counts no more', async (t) => {
  let asked = 0
  let shown = [EC]
  const listening = await serve((request, response) => {
    asked++
    json({ keys: shown.map(({ jwk }) => jwk) })(request, response)
  })
  const issuer = reach(t, listening, { jwks: `${listening.url}/jwks` })
  assert.equal(await verdict(issuer), 'key')
  for (let round = 0; round < 20; round += 1) assert.equal(await verdict(issuer, `made up ${round}`), 'unauthenticated')
  assert.equal(asked, 1)
  shown = [NEXT]
  assert.equal(await verdict(issuer, 'next'), 'unauthenticated', 'asked a moment ago')
  issuer.clock.now += 30_000
  assert.equal(await verdict(issuer, 'next'), 'key')
  assert.equal(asked, 2)
  assert.equal(await verdict(issuer, 'ec'), 'unauthenticated')
})

test('while an issuer is down its keys last for the grace, and not a moment longer', async (t) => {
  let up = true
  const listening = await serve((request, response) => (up ? json({ keys: [EC.jwk] })(request, response) : void response.writeHead(503).end()))
  const issuer = reach(t, listening, { jwks: `${listening.url}/jwks` })
  assert.equal(await verdict(issuer), 'key')
  up = false
  issuer.clock.now += 600_000
  assert.equal(await verdict(issuer), 'key')
  assert.equal(await verdict(issuer, 'other'), 'identity_unavailable', 'nobody can say whether there is such a key')
  issuer.clock.now += HOUR - 1
  assert.equal(await verdict(issuer), 'key')
  issuer.clock.now += 1
  assert.equal(await verdict(issuer), 'identity_unavailable')
  up = true
  assert.equal(await verdict(issuer), 'identity_unavailable', 'asked a moment ago')
  issuer.clock.now += 5_000
  assert.equal(await verdict(issuer), 'key')
})

test('an issuer that is not there at all', async (t) => {
  const listening = await serve(json({}))
  const issuer = reach(t, listening)
  listening.close()
  const found = await issuer.sets.key(issuer.source, { alg: 'ES256', kid: 'ec' })
  assert.ok(isRefusal(found) && found.refuse === 'identity_unavailable' && found.retryAfterMs === 5_000 && found.detail?.includes(listening.url))
})
