import assert from 'node:assert/strict'
import { createPrivateKey, randomUUID, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { certificateFor } from '../../edge/certificate.fixture.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal, type Refusal } from '../../contract/verdict.ts'
import { arrival, calling, client, forModel, minted, rules, scope, stage, START, thumbprint, workload } from './tasks.fixture.ts'
import { isTaskToken } from './verify.ts'

const it = await stage()
after(() => it.close())
const me = await client()
const other = await client()
const caller = workload('planner', { cohort: 'beta', agent: 'bot', scope: { rights: ['scores'], models: ['small', 'large'] } })
const good = (await minted(it, me, { ...forModel, subject: { token: 'user:ada', type: 'access_token' } }, caller)).token
const goodClaims = decodeJwt(good)
const goodHeader = decodeProtectedHeader(good)
const house = createPrivateKey({ key: (JSON.parse(await readFile(it.file, 'utf8')) as { keys: [{ jwk: never }] }).keys[0].jwk, format: 'jwk' })
const stranger = (await generateKeyPair('ES256')).privateKey

const says = (result: Principal | Refusal): string => (isRefusal(result) ? `${result.refuse}: ${result.detail}` : 'in')
const presented = async (token: string): Promise<string> => says(await it.tasks.verify(token, await calling(me, token)))

interface Forged {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: KeyObject | CryptoKey | Uint8Array
}
const forged = ({ claims = {}, header = {}, key = house }: Forged): Promise<string> => new SignJWT({ ...goodClaims, ...claims } as never).setProtectedHeader({ ...goodHeader, ...header } as never).sign(key)

test('a token says who calls, for whom, and what it allows', async () => {
  const { jti, txn, exp } = goodClaims as { jti: string; txn: string; exp: number }
  assert.deepEqual(await it.tasks.verify(good, await calling(me, good)), {
    tenant: 'acme',
    workload: 'spiffe://test.internal/planner',
    chain: ['https://issuer.test#ada'],
    vouched: [{ kind: 'oidc', id: 'id-user:ada' }],
    roles: ['reader'],
    cohort: 'beta',
    agent: 'bot',
    task: txn,
    proof: { kind: 'task_token', id: jti, from: ['serial-planner', 'id-user:ada'] },
    scope: { models: ['small'], tools: [], audience: 'llm', rights: ['scores'] },
    expires: exp * 1000,
  })
  assert.ok(Object.isFrozen(await it.tasks.verify(good, await calling(me, good))))
})

test('it is recognised by its type, and so is nothing else', () => {
  assert.ok(isTaskToken(good))
  for (const one of ['', 'eyJ', 'eyJ.eyJ.x', 'sp_key', `eyJ${'x'.repeat(9000)}`, `${Buffer.from('{"alg":"ES256","typ":"JWT"}').toString('base64url')}.e30.x`]) assert.ok(!isTaskToken(one), one.slice(0, 20))
})

const seconds = START / 1000
const rows: readonly (readonly [what: string, forged: Forged, why: RegExp])[] = [
  ['signed by somebody else under our key id', { key: stranger }, /SIGNATURE/],
  ['a key id that nobody knows', { header: { kid: 'nobody' } }, /NO_MATCHING/],
  ['no key id', { header: { kid: undefined } }, /NO_MATCHING/],
  ['a key of its own', { header: { kid: 'nobody', jwk: me.jwk }, key: me.key }, /NO_MATCHING/],
  ['another type', { header: { typ: 'JWT' } }, /CLAIM_VALIDATION|typ/i],
  ['no type', { header: { typ: undefined } }, /CLAIM_VALIDATION|typ/i],
  ['signed with a secret', { header: { alg: 'HS256' }, key: new TextEncoder().encode('x'.repeat(32)) }, /ALG/],
  ['another issuer', { claims: { iss: 'spiffe://other.internal/sallyport' } }, /CLAIM/],
  ['no issuer', { claims: { iss: undefined } }, /CLAIM/],
  ['expired', { claims: { iat: seconds - 300, exp: seconds } }, /^key_expired/],
  ['longer than five minutes', { claims: { exp: seconds + 301 } }, /claims/],
  ['ended before it began', { claims: { exp: seconds - 1 } }, /claims/],
  ['from the future', { claims: { iat: seconds + 6, exp: seconds + 200 } }, /future/],
  ['no end', { claims: { exp: undefined } }, /claims/],
  ['no beginning', { claims: { iat: undefined } }, /claims/],
  ['an end that is no number', { claims: { exp: 'never' } }, /CLAIM/],
  ['no id', { claims: { jti: undefined } }, /claims/],
  ['no task', { claims: { txn: undefined } }, /claims/],
  ['two audiences', { claims: { aud: ['llm', 'guard'] } }, /claims/],
  ['no tenant', { claims: { tenant: undefined } }, /claims/],
  ['no tools, which would be all', { claims: { tools: undefined } }, /claims/],
  ['a claim that nobody knows', { claims: { admin: true } }, /claims/],
  ['an actor that is a text', { claims: { act: 'spiffe://test.internal/planner' } }, /claims/],
  ['an actor with more than a name', { claims: { act: { sub: 'spiffe://test.internal/planner', iss: 'x' } } }, /claims/],
  ['a chain that is too deep', { claims: { act: deep(10), vouched: Array.from({ length: 10 }, () => ({ kind: 'mtls', id: 'x' })) } }, /claims/],
  ['nine links, of which eight are proven', { claims: { act: deep(9), vouched: Array.from({ length: 8 }, () => ({ kind: 'mtls', id: 'x' })) } }, /claims/],
  ['a link that nobody vouched for', { claims: { vouched: [] } }, /claims/],
  ['made from nothing', { claims: { from: [] } }, /claims/],
  ['two bindings', { claims: { cnf: { jkt: me.jkt, 'x5t#S256': 'x' } } }, /claims/],
  ['a binding that nobody knows', { claims: { cnf: { jwk: me.jwk } } }, /claims/],
  ['an empty binding', { claims: { cnf: {} } }, /claims/],
  ['bound to another key', { claims: { cnf: { jkt: other.jkt } } }, /another key/],
]

function deep(depth: number): unknown {
  return depth === 0 ? undefined : { sub: `spiffe://test.internal/${depth}`, act: deep(depth - 1) }
}

for (const [what, of, why] of rows) {
  test(`refused: ${what}`, async () => {
    assert.match(await presented(await forged(of)), why)
  })
}

test('refused: unsigned, cut, put together from two, too long', async () => {
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const [, second] = (await minted(it, me, { ...forModel, audience: 'guard' }, workload('planner'))).token.split('.') as [string, string, string]
  const none = Buffer.from(JSON.stringify({ ...goodHeader, alg: 'none' })).toString('base64url')
  for (const one of [`${none}.${payload}.`, `${none}.${payload}.${signature}`, `${header}.${payload}.`, `${header}.${second}.${signature}`, `${good}x`, good.slice(0, -2), `${header}.${payload}`, '..', `${good.slice(0, 100)}${'x'.repeat(9000)}`]) {
    assert.match(await presented(one), /^unauthenticated/, one.slice(0, 40))
  }
})

test('every byte counts', async () => {
  for (let at = 5; at < good.length; at += 97) {
    const changed = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1)
    assert.match(await presented(changed), /^unauthenticated/)
  }
})

test('it is nothing without its key: as a plain bearer token, with another key, without a proof, with a used one', async () => {
  const target = '/v1/chat/completions'
  const proof = await me.proof({ token: good, claims: { htu: `http://gate.test:8080${target}` } })
  const verify = async (fields: readonly (readonly [string, string])[]): Promise<string> => says(await it.tasks.verify(good, arrival({ target, fields })))
  assert.match(await verify([['Authorization', `Bearer ${good}`], ['DPoP', proof]]), /not presented as DPoP/)
  assert.match(await verify([['X-Api-Key', good], ['DPoP', proof]]), /not presented as DPoP/)
  assert.match(await verify([['Authorization', `DPoP ${good}`]]), /there is none/)
  assert.match(says(await it.tasks.verify(good, await calling(other, good))), /another key/)
  assert.equal(await verify([['authorization', `dpop ${good}`], ['dpop', proof]]), 'in')
  assert.match(await verify([['Authorization', `DPoP ${good}`], ['DPoP', proof]]), /used before/)
})

test('the certificate of the connection is a key too', async () => {
  const [mine, theirs] = [certificateFor(['a']), certificateFor(['b'])].map(({ cert }) => new X509Certificate(cert).raw) as [Buffer, Buffer]
  const prepared = await it.tasks.exchange(forModel, caller, arrival({ peer: { secure: true, certificates: [mine] } }), rules)
  assert.ok(!isRefusal(prepared))
  const { token, type } = await prepared.mint()
  assert.equal(type, 'Bearer')
  assert.deepEqual(decodeJwt(token)['cnf'], { 'x5t#S256': thumbprint(mine) })
  const over = async (certificates?: readonly Uint8Array[]): Promise<string> => says(await it.tasks.verify(token, arrival({ peer: certificates === undefined ? {} : { certificates } })))
  assert.equal(await over([mine, theirs]), 'in')
  for (const chain of [[theirs], [theirs, mine], [], undefined]) assert.match(await over(chain), /another certificate/)
})

test('its time is looked at anew at every call', async () => {
  const { token } = await minted(it, me, { ...forModel, lifetime: 10 }, caller)
  it.clock.now = START + 9_999
  assert.equal(says(await it.tasks.verify(token, await calling(me, token, { now: it.clock.now }))), 'in')
  it.clock.now = START + 10_000
  assert.match(says(await it.tasks.verify(token, await calling(me, token, { now: it.clock.now }))), /^key_expired/)
  it.clock.now = START - 6_000
  assert.match(says(await it.tasks.verify(token, await calling(me, token, { now: it.clock.now }))), /future/)
  it.clock.now = START
})

for (const [what, id] of [['the token', String(goodClaims.jti)], ['the certificate it was made from', 'serial-planner'], ["the user's token", 'id-user:ada'], ['the workload', 'spiffe://test.internal/planner'], ['the user', 'https://issuer.test#ada']] as const) {
  test(`revoking ${what} ends it at the next call`, async () => {
    assert.equal(await presented(good), 'in')
    it.revoked.add(id)
    assert.match(await presented(good), new RegExp('^revoked'))
    it.revoked.delete(id)
  })
}

test('what one house signed, another does not take', async () => {
  const second = await stage()
  after(() => second.close())
  assert.match(says(await second.tasks.verify(good, await calling(me, good))), /NO_MATCHING/)
})

test('exact tools and routes travel as they are, wildcards only with their owner', async () => {
  const { token } = await minted(it, me, { audience: 'mcp:files', scope: scope('tool:read tool:write') }, workload('w'))
  const principal = await it.tasks.verify(token, await calling(me, token, { claims: { jti: randomUUID() } }))
  assert.ok(!isRefusal(principal))
  assert.deepEqual(principal.scope, { routes: [], models: [], tools: ['read', 'write'], audience: 'mcp:files', rights: [] })
  assert.deepEqual(principal.chain, [])
})
