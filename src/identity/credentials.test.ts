import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import type { Arrival } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import { makeDialer, type Dialer } from '../edge/dial/dialer.ts'
import { executableHash, processNow, sameProcess } from '../edge/listen/process.ts'
import type { KeyRow } from '../store/interfaces.ts'
import { certificates, DOMAIN, ENROLLED, isDead, keys, OTHER, programs, REVOKED, tokens, type Row, type World } from './credentials.fixture.ts'
import { makeDoor, type Identify } from './door.ts'
import { certificate, issuerOf, jws, signingKey, type Listening } from './issuing.fixture.ts'
import { makeKeySets } from './jwks.ts'
import { openKeyring } from './keyring.ts'
import { makeLocal } from './local.ts'
import { makeOidc } from './oidc.ts'
import { identitySettings, principalOf, settleIdentity, type SettledIdentity } from './settings.ts'
import { makeSvids } from './svid.ts'
import { TASK_TYPE } from './tasks/claims.ts'
import type { Workload } from './workloads/registry.ts'

const clock = { now: Date.now(), wall: () => clock.now, monotonic: () => performance.now(), timer: (ms: number, fire: () => void) => {
  const timer = setTimeout(fire, ms).unref()
  return () => clearTimeout(timer)
} }

let world: World
let identify: Identify
let settled: SettledIdentity
let dialer: Dialer
const issuers: Listening[] = []
const dead = new Set<string>()

before(async () => {
  const { now } = clock
  const made = {
    ec: await signingKey('ec'), rsa: await signingKey('rsa', 'rsa'), ed: await signingKey('ed', 'ed25519'), weak: await signingKey('weak', 'rsa1024'),
    enc: await signingKey('enc'), other: await signingKey('other'), user: await signingKey('user'), nobody: await signingKey('mine'),
  }
  const enc = { ...made.enc, jwk: { ...made.enc.jwk, use: 'enc' } }
  issuers.push(await issuerOf([made.ec, made.rsa, made.ed, made.weak, enc]), await issuerOf([made.other]), await issuerOf([made.user]))
  const [issuer, otherIssuer, userIssuer] = issuers.map(({ url }) => url) as [string, string, string]
  const [root, foreign] = [await certificate({ ca: true, name: 'root' }, now), await certificate({ ca: true, name: 'root' }, now)]

  const rows: KeyRow[] = []
  const store = { all: () => Promise.resolve([...rows]), insert: (row: KeyRow) => Promise.resolve(void rows.push(row)), revoke: () => Promise.resolve(true) }
  const keyring = await openKeyring({ keys: store, secret: { id: 'test', bytes: Buffer.alloc(32, 7) }, clock })
  const { key: revokedKey, facts } = await keyring.createKey({ name: 'revoked' })
  await keyring.revokeKey(facts.id)

  const local = processNow(process.pid)
  const here = local ?? { pid: process.pid, uid: process.getuid?.() ?? 0, started: 0 }
  const path = await realpath(process.execPath)
  settled = settleIdentity(identitySettings.parse({
    oidc: [
      { issuer, audience: 'sallyport', allow_private: true, workload: `spiffe://${DOMAIN}/ci/{repository}`, match: { repository: 'acme/*', groups: 'staff' }, roles: ['ci'] },
      { issuer, audience: 'cluster', allow_private: true, workload: `spiffe://${DOMAIN}/k8s/{kubernetes.io/namespace}/{kubernetes.io/serviceaccount/name}` },
      { issuer, audience: 'young', allow_private: true, workload: `spiffe://${DOMAIN}/young`, max_age: '5m' },
      { issuer: otherIssuer, audience: 'sallyport', allow_private: true, workload: `spiffe://${DOMAIN}/other/{sub}` },
      { issuer: userIssuer, audience: 'sallyport', allow_private: true, for: 'users', user: '{sub}' },
    ],
    local: [
      { executable: path, uid: here.uid, workload: `spiffe://${DOMAIN}/local/tester`, user: 'tester@here' },
      { executable: `sha256:${'0'.repeat(64)}`, uid: here.uid + 1, workload: `spiffe://${DOMAIN}/local/nobody` },
    ],
  }))
  dialer = makeDialer({ origins: issuers.map(({ url }) => ({ origin: url })) })

  const workloads = new Map<string, Workload>([ENROLLED, OTHER, REVOKED].map((id) => [id, { id, tenant: 'acme', scope: { roles: ['agent'] }, created: 1, ...(id === REVOKED && { revoked: 2 }) }]))
  const anchors = [root.der]
  const subjects = new Map<string, string>()
  identify = makeDoor({
    keyring,
    svids: makeSvids({ clock, trust: { trustDomain: DOMAIN, anchors: () => anchors, find: (id) => workloads.get(id), isRevoked: (serial) => dead.has(serial) } }),
    oidc: makeOidc({ keys: makeKeySets({ dial: dialer.dial, clock }), clock }),
    tasks: { verify: (token) => Promise.resolve(subjects.has(token) ? principalOf({ tenant: 'acme', workload: subjects.get(token) as string, proof: { kind: 'task_token', id: 'task' }, scope: {} }) : refuse('unauthenticated')) },
    local: makeLocal({ executableHash, sameProcess }),
    revoked: (id) => id === `spiffe://${DOMAIN}/ci/acme/gone`,
  })
  world = {
    now, root, foreign, issuer, otherIssuer, userIssuer, keys: made, here, revokedKey,
    key: (await keyring.createKey({ name: 'app' })).key,
    expiredKey: (await keyring.createKey({ name: 'old', expires: 1000 })).key,
    taskToken(workload) {
      const token = jws({ alg: 'ES256', typ: TASK_TYPE, kid: 'x' }, { sub: workload }, made.nobody.private)
      subjects.set(token, workload)
      return token
    },
  }
})

after(async () => {
  for (const one of issuers) one.close()
  await dialer.close()
})

async function verdictOn(row: Row): Promise<Principal | Refusal> {
  const { fields = [], target = '/v1/chat/completions', peer } = await row.present(world)
  for (const der of peer?.certificates ?? []) {
    try {
      if (isDead(der)) dead.add(new X509Certificate(der).serialNumber)
    } catch {
      // Some rows present what is no certificate.
    }
  }
  const arrival = { verb: 'POST', fields, target, peer: { address: '198.51.100.7', port: 1, ...peer } } as unknown as Arrival
  return identify(arrival, settled)
}

const tables = { 'mTLS': certificates, 'tokens of issuers': tokens, 'API keys': keys, 'local programs': programs }
for (const [kind, rows] of Object.entries(tables)) {
  describe(kind, () => {
    for (const row of rows) {
      test(row.name, { skip: rows === programs && process.platform !== 'linux' }, async () => {
        const found = await verdictOn(row)
        assert.equal(isRefusal(found) ? found.refuse : 'in', row.verdict, JSON.stringify(found))
        assert.match(isRefusal(found) ? (found.detail ?? '') : found.workload, row.says)
        // Nothing that was presented stands in what is logged or answered.
        if (isRefusal(found)) assert.doesNotMatch(`${found.detail} ${found.say}`, /eyJ|sp_[0-9A-Za-z]{11}_/)
      })
    }
  })
}

const row = (rows: readonly Row[], name: string): Row => rows.find((one) => one.name === name) as Row

test('each principal says how it was proven and how long that lasts', async () => {
  const chain = await verdictOn(row(certificates, 'a good certificate')) as Principal
  assert.deepEqual([chain.tenant, chain.proof.kind, chain.roles, chain.chain], ['acme', 'mtls', ['agent'], []])
  assert.match(chain.proof.id, /^7[0-9A-F]{31}$/)
  assert.equal(Math.abs((chain.expires ?? 0) - world.now - 3_600_000) < 1000, true)
  const token = await verdictOn(row(tokens, 'a good token')) as Principal
  assert.deepEqual([token.tenant, token.proof, token.roles], ['default', { kind: 'oidc', id: 'run-1' }, ['ci']])
  const unnamed = await verdictOn(row(tokens, 'without nbf, iat and jti')) as Principal
  assert.match(unnamed.proof.id, /^sha256:[0-9a-f]{32}$/)
})

test('a local program acts for the user whose id it runs under', { skip: process.platform !== 'linux' }, async () => {
  const found = await verdictOn(row(programs, 'a program that is listed')) as Principal
  const { pid, uid, started } = world.here
  assert.deepEqual([found.chain, found.vouched, found.proof], [['tester@here'], [{ kind: 'local', id: `uid:${uid}` }], { kind: 'local', id: `pid:${pid}:${started}` }])
  assert.equal(await executableHash(world.here), createHash('sha256').update(await readFile(process.execPath)).digest('hex'))
})

test('revocation counts at the next call, however often the credential was good before', async () => {
  const presented = await row(certificates, 'a good certificate').present(world)
  const again = (): Promise<Principal | Refusal> => verdictOn({ ...row(certificates, 'a good certificate'), present: () => presented })
  const first = await again() as Principal
  assert.equal(await again(), first, 'the same principal, nothing verified twice')
  dead.add(first.proof.id)
  assert.equal((await again() as Refusal).refuse, 'revoked')
})

test('a certificate and a token that were good end on time', async (t) => {
  t.after(() => void (clock.now = world.now))
  const chain = await row(certificates, 'a good certificate').present(world)
  const token = await row(tokens, 'a good token').present(world)
  const both = async (): Promise<string[]> => (await Promise.all([chain, token].map((one) => verdictOn({ ...row(tokens, 'a good token'), present: () => one })))).map((one) => (isRefusal(one) ? one.refuse : 'in'))
  assert.deepEqual(await both(), ['in', 'in'])
  clock.now = world.now + 331_000
  assert.deepEqual(await both(), ['in', 'unauthenticated'])
  clock.now = world.now + 3_600_000
  assert.deepEqual(await both(), ['unauthenticated', 'unauthenticated'])
})

test('keys, certificates and known tokens are answered without waiting', async () => {
  const presented = await row(tokens, 'a good token').present(world)
  const arrival = { verb: 'GET', fields: presented.fields, target: '/', peer: { address: '198.51.100.7', port: 1 } } as unknown as Arrival
  await identify(arrival, settled)
  assert.equal(identify(arrival, settled) instanceof Promise, false)
  assert.equal(identify(arrival, { ...settled, oidc: [...settled.oidc] }) instanceof Promise, true, 'other settings: verified anew')
})

test('a token that may only be young ends when it is too old, however often it was good before', async (t) => {
  t.after(() => void (clock.now = world.now))
  const iat = Math.floor(world.now / 1000)
  const young = jws({ alg: 'ES256', kid: 'ec' }, { iss: world.issuer, aud: 'young', sub: 's', iat, exp: iat + 3600 }, world.keys.ec.private)
  const verdict = async (): Promise<string> => {
    const found = await verdictOn({ ...row(tokens, 'a good token'), present: () => ({ fields: [['authorization', `Bearer ${young}`]] }) })
    return isRefusal(found) ? found.refuse : `in until ${(found.expires ?? 0) - iat * 1000}`
  }
  clock.now = world.now + 299_000
  assert.equal(await verdict(), 'in until 300000')
  clock.now = world.now + 331_000
  assert.equal(await verdict(), 'unauthenticated')
})

test('a token without a jti has one id, however its signature is written', async () => {
  const { fields = [] } = await row(tokens, 'without nbf, iat and jti').present(world)
  const token = (fields[0]?.[1] ?? '').replace('Bearer ', '')
  const [head, body, signature = ''] = token.split('.')
  // ECDSA: where (r, s) is a signature, (r, n - s) is one as well.
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const bytes = Buffer.from(signature, 'base64url')
  const s = (n - BigInt(`0x${bytes.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0')
  const other = `${head}.${body}.${Buffer.concat([bytes.subarray(0, 32), Buffer.from(s, 'hex')]).toString('base64url')}`
  const ids = []
  for (const one of [token, other]) ids.push(((await verdictOn({ ...row(tokens, 'a good token'), present: () => ({ fields: [['authorization', `Bearer ${one}`]] }) })) as Principal).proof.id)
  assert.notEqual(token, other)
  assert.equal(ids[0], ids[1])
})

test('nothing is calculated with the keys of strangers, however many certificates they bring', async (t) => {
  const used = t.mock.method(X509Certificate.prototype, 'verify')
  const mine = new X509Certificate(world.root.der).publicKey
  const between = await certificate({ issuer: world.foreign, ca: true, name: 'between' }, world.now)
  const again = await certificate({ issuer: between, ca: true, name: 'between' }, world.now)
  const leaf = await certificate({ issuer: again, uris: [ENROLLED] }, world.now)
  const found = await verdictOn({ ...row(certificates, 'a good certificate'), present: () => ({ peer: { certificates: [leaf, again, between, world.foreign].map(({ der }) => der) } }) })
  assert.ok(isRefusal(found) && /no trusted/.test(found.detail ?? ''))
  for (const { arguments: [key] } of used.mock.calls) assert.ok(key?.equals(mine))
})
