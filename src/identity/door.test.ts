import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Arrival, Fields, Peer } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import { makeDialer } from '../edge/dial/dialer.ts'
import { makeDoor, type DoorParts } from './door.ts'
import { issuerOf, jws, signingKey } from './issuing.fixture.ts'
import { makeKeySets } from './jwks.ts'
import { makeOidc, type Oidc } from './oidc.ts'
import { identitySettings, principalOf, settleIdentity, type SettledIdentity } from './settings.ts'
import { TASK_TYPE } from './tasks/claims.ts'

const somebody = (workload: string): Principal => principalOf({ tenant: 'default', workload, proof: { kind: 'api_key', id: workload }, scope: {} })
const keyring = { verify: (key: string): Principal | Refusal => (key === 'sp_good' ? somebody('key') : refuse('unauthenticated', { detail: 'no such key' })) }
const local = { identify: (process: { readonly pid: number }) => Promise.resolve(process.pid === 1 ? somebody('program') : process.pid === 2 ? refuse('unauthenticated', { detail: 'it ended' }) : undefined) }
const program = { executable: '/bin/x', uid: 1, workload: 'spiffe://sallyport.internal/x' }
const open = settleIdentity(identitySettings.parse({ anonymous: {}, local: [program] }))
const shut = settleIdentity(identitySettings.parse({ local: [program] }))

async function knock(parts: Partial<DoorParts>, settled: SettledIdentity, peer: Partial<Peer>, fields: Fields = []): Promise<string> {
  const found = await makeDoor({ keyring, local, ...parts })({ verb: 'GET', target: '/', fields, peer: { address: '127.0.0.1', port: 1, ...peer } } as unknown as Arrival, settled)
  return isRefusal(found) ? found.refuse : found.workload
}
const at = (pid: number): Partial<Peer> => ({ address: 'local', port: 0, process: { pid, uid: 1, started: 1 } })
const bearer = (text: string): Fields => [['authorization', `Bearer ${text}`]]
const jwt = jws({ alg: 'none' }, {})

test('at the local socket: the program, else anonymous where that is written; a key or token decides alone', async () => {
  const rows: readonly (readonly [pid: number, fields: Fields, open: string, shut: string])[] = [
    [1, [], 'program', 'program'],
    [1, bearer('unused'), 'program', 'program'],
    [1, bearer('sp_good'), 'key', 'key'],
    [1, bearer('sp_bad'), 'unauthenticated', 'unauthenticated'],
    [1, bearer(jwt), 'unauthenticated', 'unauthenticated'],
    [2, [], 'unauthenticated', 'unauthenticated'],
    [3, [], 'anonymous', 'unauthenticated'],
    [3, bearer('unused'), 'anonymous', 'unauthenticated'],
    [3, [['x-forwarded-for', '10.0.0.1']], 'unauthenticated', 'unauthenticated'],
  ]
  for (const [pid, fields, whenOpen, whenShut] of rows) assert.deepEqual([await knock({}, open, at(pid), fields), await knock({}, shut, at(pid), fields)], [whenOpen, whenShut], `${pid} ${JSON.stringify(fields)}`)
  assert.equal(await knock({}, open, { address: 'local', port: 0 }), 'anonymous', 'where the kernel names nobody')
  assert.equal(await knock({ revoked: (id) => id === 'program' }, open, at(1)), 'revoked')
})

test('nobody becomes anonymous with a credential that was meant as one', async () => {
  for (const credential of ['sp_bad', 'spa_bad', 'spr_bad', 'spe_bad', jwt, 'a.b.c']) assert.equal(await knock({}, open, {}, bearer(credential)), 'unauthenticated', credential)
  assert.equal(await knock({}, open, {}, [['authorization', `DPoP ${jwt}`]]), 'unauthenticated')
  assert.equal(await knock({}, open, { certificates: [Buffer.from('x')] }), 'unauthenticated', 'a certificate that nobody can verify')
  assert.equal(await knock({}, open, { certificates: [] }), 'anonymous')
})

test('the one who holds a certificate is not asked whom an ambiguous second credential names', async () => {
  const seen: string[] = []
  const svids = { verify: () => somebody('holder') }
  const tasks = { verify: (token: string) => (seen.push(token), Promise.resolve(somebody('holder'))) }
  const verify = (key: string): Refusal => (seen.push(key), refuse('unauthenticated'))
  const certificates = [Buffer.from('x')]
  for (const credential of ['sp_good', 'spe_token', jwt]) assert.equal(await knock({ svids, tasks, keyring: { verify } }, shut, { certificates }, bearer(credential)), 'unauthenticated')
  assert.deepEqual(seen, [])
  const task = jws({ alg: 'ES256', typ: TASK_TYPE }, {})
  assert.equal(await knock({ svids, tasks }, shut, { certificates }, bearer(task)), 'holder')
  assert.equal(await knock({ svids }, shut, { certificates }, bearer(task)), 'unauthenticated', 'where no task tokens are made')
  assert.equal(await knock({ svids, tasks, revoked: (id) => id === 'holder' }, shut, { certificates }, bearer(task)), 'revoked')
})

test('a task token whose workload was revoked while its proof was checked does not get in', async () => {
  const task = jws({ alg: 'ES256', typ: TASK_TYPE }, {})
  let gone = false
  const tasks = { verify: () => Promise.resolve().then(() => ((gone = true), somebody('w'))) }
  assert.equal(await knock({ tasks, revoked: (id) => gone && id === 'w' }, shut, {}, bearer(task)), 'revoked')
})

async function users(t: TestContext, entry: object): Promise<{ oidc: Oidc; settled: SettledIdentity; token: (claims: object) => string }> {
  const key = await signingKey('k')
  const listening = await issuerOf([key])
  const dialer = makeDialer({ origins: [{ origin: listening.url }] })
  t.after(async () => {
    listening.close()
    await dialer.close()
  })
  const clock = { wall: Date.now, monotonic: () => performance.now(), timer: (ms: number, fire: () => void) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  } }
  const settled = settleIdentity(identitySettings.parse({ oidc: [{ issuer: listening.url, audience: 'sallyport', allow_private: true, ...entry }] }))
  const token = (claims: object): string => jws({ alg: 'ES256', kid: 'k' }, { iss: listening.url, aud: 'sallyport', sub: 'alice', exp: Math.floor(Date.now() / 1000) + 60, ...claims }, key.private)
  return { oidc: makeOidc({ keys: makeKeySets({ dial: dialer.dial, clock }), clock }), settled, token }
}

test('a user is named by issuer and subject, or as settings say', async (t) => {
  const plain = await users(t, { for: 'users', tenant: 'acme' })
  const found = await plain.oidc.user(plain.token({ jti: 'login-1' }), plain.settled)
  const [issuer] = plain.settled.oidc
  assert.ok(!isRefusal(found))
  assert.deepEqual([found.subject, found.issuer, found.tenant, found.proof], [`${issuer?.issuer}#alice`, issuer?.issuer, 'acme', { kind: 'oidc', id: 'login-1' }])
  assert.equal(isRefusal(await plain.oidc.verify(plain.token({}), plain.settled)), true, 'a user is no workload')
  const named = await users(t, { for: 'users', user: '{email}', match: { email_verified: true } })
  const who = async (claims: object): Promise<string> => {
    const one = await named.oidc.user(named.token(claims), named.settled)
    return isRefusal(one) ? one.refuse : one.subject
  }
  assert.deepEqual([await who({ email: 'a@b.example', email_verified: true }), await who({ email: 'a@b.example', email_verified: false }), await who({ email_verified: true })], ['a@b.example', 'unauthenticated', 'unauthenticated'])
})

test('a token that is for workloads names no user; one for both does either', async (t) => {
  const workload = 'spiffe://sallyport.internal/{sub}'
  const jobs = await users(t, { workload })
  assert.equal(isRefusal(await jobs.oidc.user(jobs.token({}), jobs.settled)), true)
  const both = await users(t, { workload, for: 'both' })
  const [user, caller] = [await both.oidc.user(both.token({}), both.settled), await both.oidc.verify(both.token({}), both.settled)]
  assert.deepEqual([isRefusal(user) || user.subject.endsWith('#alice'), isRefusal(caller) || caller.workload], [true, 'spiffe://sallyport.internal/alice'])
})
