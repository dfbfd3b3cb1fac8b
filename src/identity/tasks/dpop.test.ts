import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT, generateKeyPair } from 'jose'
import type { Arrival } from '../../contract/arrival.ts'
import { isRefusal } from '../../contract/verdict.ts'
import { makeProofDesk, type ProofDesk } from './dpop.ts'
import { makeReplays } from './replays.ts'
import { arrival, client, START, type ArrivalOf, type Client, type ProofOf } from './tasks.fixture.ts'

const clock = { now: START, wall: () => clock.now, monotonic: () => clock.now, timer: () => () => undefined }
const me = await client()
const other = await client()
const TOKEN = 'the.token.presented'

interface Row {
  readonly what: string
  readonly proof?: ProofOf
  readonly arrival?: ArrivalOf
  /** Header fields instead of one good proof. */
  readonly fields?: (good: string) => Promise<readonly string[]> | readonly string[]
  readonly as?: Client
  readonly why?: RegExp
}

const secs = START / 1000
const rows: readonly Row[] = [
  { what: 'as it should be' },
  { what: 'a query is no part of htu', arrival: { target: '/token?x=1' } },
  { what: 'the default port may be left out', proof: { claims: { htu: 'https://gate.test/token' } }, arrival: { peer: { secure: true }, fields: [] } },
  { what: 'a host in capitals', proof: { claims: { htu: 'HTTP://GATE.test:8080/token' } } },
  { what: 'a clock 59 s behind', proof: { claims: { iat: secs - 59 } } },
  { what: 'a clock 59 s ahead', proof: { claims: { iat: secs + 59 } } },
  { what: 'another method', proof: { claims: { htm: 'GET' } }, why: /htm/ },
  { what: 'the method in lower case', proof: { claims: { htm: 'post' } }, why: /htm/ },
  { what: 'no method', proof: { claims: { htm: undefined } }, why: /claim/ },
  { what: 'another path', proof: { claims: { htu: 'http://gate.test:8080/v1/models' } }, why: /htu/ },
  { what: 'another host', proof: { claims: { htu: 'http://evil.test:8080/token' } }, why: /htu/ },
  { what: 'another port', proof: { claims: { htu: 'http://gate.test:8081/token' } }, why: /htu/ },
  { what: 'https where there is none', proof: { claims: { htu: 'https://gate.test:8080/token' } }, why: /htu/ },
  { what: 'http where there is TLS', arrival: { peer: { secure: true } }, why: /htu/ },
  { what: 'somebody in the address', proof: { claims: { htu: 'http://me@gate.test:8080/token' } }, why: /htu/ },
  { what: 'dots that lead to the path', arrival: { target: '/x/../token' }, why: /htu/ },
  { what: 'the path written otherwise', arrival: { target: '/%74oken' }, why: /htu/ },
  { what: 'no address', proof: { claims: { htu: 'token' } }, why: /htu/ },
  { what: 'two hosts in the request', arrival: { fields: [['host', 'evil.test']] }, why: /htu/ },
  { what: 'the hash of another token', proof: { token: 'another.token' }, why: /ath/ },
  { what: 'no hash of the token', proof: { claims: { ath: undefined } }, why: /ath/ },
  { what: 'too old', proof: { claims: { iat: secs - 61 } }, why: /iat/ },
  { what: 'from the future', proof: { claims: { iat: secs + 61 } }, why: /iat/ },
  { what: 'of no time', proof: { claims: { iat: undefined } }, why: /claim/ },
  { what: 'expired by its own word', proof: { claims: { exp: secs - 600 } }, why: /EXPIRED/ },
  { what: 'without a jti', proof: { claims: { jti: undefined } }, why: /claim/ },
  { what: 'with an endless jti', proof: { claims: { jti: 'x'.repeat(257) } }, why: /claim/ },
  { what: 'of another key than the token', as: other, why: /another key/ },
  { what: 'another key in the header than signed it', proof: { header: { jwk: other.jwk } }, why: /SIGNATURE/ },
  { what: 'another type', proof: { header: { typ: 'JWT' } }, why: /typ/ },
  { what: 'no type', proof: { header: { typ: undefined } }, why: /typ/ },
  { what: 'no key', proof: { header: { jwk: undefined } }, why: /jwk/ },
  { what: 'a private key', proof: { header: { jwk: { ...(await exportJWK(me.key)) } } }, why: /private/ },
  { what: 'a symmetric key', proof: { header: { jwk: { kty: 'oct', k: 'AAAA' } } }, why: /jwk/ },
  { what: 'a key on no curve', proof: { header: { jwk: { ...me.jwk, x: 'AAAA' } } }, why: /DPoP/ },
  { what: 'a critical extension that nobody knows', proof: { header: { crit: ['x'], x: true } }, why: /DPoP/ },
  { what: 'no proof', fields: () => [], why: /none/ },
  { what: 'two proofs', fields: async (good) => [good, await me.proof({ token: TOKEN })], why: /more than one/ },
  { what: 'one proof twice', fields: (good) => [good, good], why: /more than one/ },
  { what: 'two proofs in one field', fields: async (good) => [`${good}, ${await me.proof({ token: TOKEN })}`], why: /read|JWS|DPoP/ },
  { what: 'too long', proof: { claims: { more: 'x'.repeat(4096) } }, why: /too long/ },
  { what: 'cut off', fields: (good) => [good.slice(0, -8)], why: /SIGNATURE|JWS/ },
  { what: 'with the payload of another', fields: async (good) => [[good.split('.')[0], (await me.proof({ token: TOKEN })).split('.')[1], good.split('.')[2]].join('.')], why: /SIGNATURE/ },
  { what: 'unsigned', fields: () => [`${part({ alg: 'none', typ: 'dpop+jwt', jwk: me.jwk })}.${part({ htm: 'POST' })}.`], why: /alg/ },
  { what: 'empty', fields: () => [''], why: /read|DPoP/ },
  { what: 'nonsense', fields: () => ['a.b.c'], why: /read|DPoP/ },
]

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function shown({ as = me, ...row }: Row, desk: ProofDesk, jkt = me.jkt): Promise<string> {
  const good = await as.proof({ token: TOKEN, ...row.proof })
  const proofs = row.fields === undefined ? [good] : await row.fields(good)
  const secure = row.arrival?.peer?.secure === true
  const base = arrival({ ...row.arrival, fields: [...(row.arrival?.fields ?? []), ...proofs.map((one) => ['DPoP', one] as const)] })
  const shownTo: Arrival = secure && row.why === undefined ? { ...base, fields: base.fields.map(([name, value]) => [name, name === 'Host' ? 'gate.test' : value] as const) } : base
  const said = await desk.check(shownTo, { owner: 'w', token: TOKEN, jkt })
  return isRefusal(said) ? `${said.refuse}: ${said.detail}` : said
}

for (const row of rows) {
  test(`proof ${row.why === undefined ? 'accepted' : 'refused'}: ${row.what}`, async () => {
    const said = await shown(row, makeProofDesk(clock))
    if (row.why === undefined) assert.equal(said, me.jkt)
    else assert.match(said, new RegExp(`^unauthenticated: .*(${row.why.source})`))
  })
}

for (const alg of ['ES384', 'Ed25519', 'EdDSA']) {
  test(`a key for ${alg} can be shown`, async () => {
    const one = await client(alg)
    assert.equal(await shown({ what: alg, as: one }, makeProofDesk(clock), one.jkt), one.jkt)
  })
}

for (const alg of ['RS256', 'PS256', 'ES512']) {
  test(`a key for ${alg} cannot: whoever makes it up would choose what verifying costs`, async () => {
    const one = await client(alg)
    assert.match(await shown({ what: alg, as: one }, makeProofDesk(clock), one.jkt), /alg/)
  })
}

test('a shared secret is no proof', async () => {
  const proof = await new SignJWT({ htm: 'POST', htu: 'http://gate.test:8080/token', iat: secs, jti: 'x' }).setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: me.jwk }).sign(new TextEncoder().encode(JSON.stringify(me.jwk).padEnd(64)))
  assert.match(await shown({ what: 'HS256', fields: () => [proof] }, makeProofDesk(clock)), /alg/)
})

test('a proof counts once, also when it comes twice at the same time', async () => {
  const desk = makeProofDesk(clock)
  const request = arrival({ fields: [['DPoP', await me.proof({ token: TOKEN })]] })
  const said = await Promise.all([1, 2, 3].map(() => desk.check(request, { owner: 'w', token: TOKEN })))
  assert.equal(said.filter((one) => one === me.jkt).length, 1)
  assert.equal(said.filter((one) => isRefusal(one) && one.detail === 'DPoP: it was used before').length, 2)
})

test('two keys may happen to use one jti', async () => {
  const desk = makeProofDesk(clock)
  const jti = randomUUID()
  assert.equal(await shown({ what: 'mine', proof: { claims: { jti } } }, desk), me.jkt)
  assert.equal(await shown({ what: 'theirs', as: other, proof: { claims: { jti } } }, desk, other.jkt), other.jkt)
  assert.match(await shown({ what: 'again', proof: { claims: { jti } } }, desk), /used before/)
})

test('a proof that was refused for something else is not used up', async () => {
  const desk = makeProofDesk(clock)
  const proof = await me.proof({ token: TOKEN })
  assert.match(await shown({ what: 'elsewhere', arrival: { target: '/other' }, fields: () => [proof] }, desk), /htu/)
  assert.equal(await shown({ what: 'here', fields: () => [proof] }, desk), me.jkt)
})

test('what cannot be remembered is refused, for this workload only, until there is room', () => {
  const time = { now: 0, wall: () => time.now, monotonic: () => time.now, timer: () => () => undefined }
  const replays = makeReplays(time, 2, 3)
  assert.deepEqual(['a', 'b', 'c', 'a'].map((one) => replays.use('first', one, 100)), ['first', 'first', 'full', 'replayed'])
  assert.equal(replays.use('second', 'a', 50), 'first')
  assert.equal(replays.use('third', 'a', 100), 'full')
  time.now = 50
  assert.equal(replays.use('third', 'a', 150), 'first')
  assert.equal(replays.use('first', 'b', 100), 'replayed')
  time.now = 100
  assert.deepEqual(['c', 'd', 'e'].map((one) => replays.use('first', one, 200)), ['first', 'first', 'full'])
})

test('a full memory says that it cannot be checked now, not that it is wrong', async () => {
  const desk = makeProofDesk(clock, makeReplays(clock, 1))
  assert.equal(await shown({ what: 'one' }, desk), me.jkt)
  assert.match(await shown({ what: 'two' }, desk), /^identity_unavailable/)
})

test('members that describe a public key do no harm', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const proof = await new SignJWT({ htm: 'POST', htu: 'http://gate.test:8080/token', iat: secs, jti: 'x' }).setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { ...jwk, alg: 'ES256', use: 'sig', kid: 'mine' } }).sign(privateKey)
  assert.ok(!isRefusal(await makeProofDesk(clock).check(arrival({ fields: [['DPoP', proof]] }), { owner: 'w' })))
})

test('a proof from before the house started is not taken: it may have been used then', async () => {
  const desk = makeProofDesk(clock, undefined, secs)
  const at = async (iat: number): Promise<string> => {
    const said = await desk.check(arrival({ fields: [['DPoP', await me.proof({ claims: { iat } })]] }), { owner: 'o' })
    return isRefusal(said) ? (said.detail ?? '') : 'in'
  }
  assert.equal(await at(secs), 'in')
  assert.match(await at(secs - 1), /before this house started/)
})
