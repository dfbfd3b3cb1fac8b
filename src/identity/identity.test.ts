import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, stat, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Arrival, Fields } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, type Refusal } from '../contract/verdict.ts'
import type { KeyRow } from '../store/interfaces.ts'
import { makeAdminDoor } from './admin.ts'
import { makeDoor } from './door.ts'
import { keyId, newKey } from './key.ts'
import { memoryKeys } from './keys.fixture.ts'
import { openKeyring, type Keyring } from './keyring.ts'
import { hashUnder, openAdminKey, openSecret, type NamedSecret } from './secret.ts'
import { identitySettings, settleIdentity, type SettledIdentity } from './settings.ts'

const secret: NamedSecret = { id: 'test', bytes: Buffer.alloc(32, 7) }
const peer = { address: '127.0.0.1', port: 1 }

function clockAt(start: number): { now: number; wall: () => number; monotonic: () => number; timer: () => () => void } {
  return { now: start, wall() { return this.now }, monotonic() { return this.now }, timer: () => () => undefined }
}

async function open(): Promise<{ ring: Keyring; keys: ReturnType<typeof memoryKeys>; clock: ReturnType<typeof clockAt> }> {
  const keys = memoryKeys()
  const clock = clockAt(1_000)
  return { ring: await openKeyring({ keys, secret, clock }), keys, clock }
}

const closed: SettledIdentity = settleIdentity(undefined)
// Of a key the door says at once who calls: what is cast away is a promise.
const knock = (ring: Keyring, arrival: Pick<Arrival, 'fields' | 'target' | 'peer'>, settled: SettledIdentity): Principal | Refusal => makeDoor({ keyring: ring })(arrival as Arrival, settled) as Principal | Refusal
const call = (ring: Keyring, fields: Fields, target = '/v1/chat/completions', settled = closed): Principal | Refusal => knock(ring, { fields, target, peer }, settled)
const codeOf = (result: Principal | Refusal): string => (isRefusal(result) ? result.refuse : 'in')

test('a key works in each place where the official clients put it', async () => {
  const { ring } = await open()
  const { key, facts } = await ring.createKey({ name: 'app', tenant: 'acme', roles: ['coder'], cohort: 'beta', agent: 'bot', routes: ['default'], models: ['gpt*'], rights: ['scores'], expires: 5_000 })
  for (const fields of [[['Authorization', `Bearer ${key}`]], [['authorization', `bearer  ${key} `]], [['x-api-key', key]], [['api-key', key]], [['X-Goog-Api-Key', key]], [['x-api-key', key], ['authorization', `Bearer ${key}`]], [['authorization', ''], ['x-api-key', key]]] as Fields[]) {
    const principal = call(ring, fields)
    assert.deepEqual(principal, {
      tenant: 'acme', workload: `key:${facts.id}`, chain: [], roles: ['coder'], cohort: 'beta', agent: 'bot',
      proof: { kind: 'api_key', id: facts.id }, scope: { routes: ['default'], models: ['gpt*'], rights: ['scores'] }, expires: 5_000,
    })
  }
})

test('the key is stored as a keyed hash and can be read nowhere', async () => {
  const { ring, keys } = await open()
  const { key, facts } = await ring.createKey({ name: 'app' })
  const shown = JSON.stringify([keys.rows, ring.listKeys(), facts, call(ring, [['x-api-key', key]])])
  assert.ok(!shown.includes(key) && !shown.includes(key.slice(-49)))
  assert.deepEqual(keys.rows[0]?.hash, hashUnder(secret, key))
})

test('whatever is not exactly a living key is refused', async () => {
  const { ring, clock } = await open()
  const { key } = await ring.createKey({ name: 'app', expires: 2_000 })
  const other = newKey('sp').key
  const changed = key.slice(0, -7) + (key.at(-7) === 'a' ? 'b' : 'a') + key.slice(-6)
  for (const credential of [other, changed, key.slice(0, -1), `${key}0`, key.toUpperCase(), 'sk-proj-something', 'sp__', `${'x'.repeat(9000)}`, newKey('spa').key]) {
    assert.equal(codeOf(call(ring, [['x-api-key', credential]])), 'unauthenticated', credential.slice(0, 20))
  }
  assert.equal(codeOf(call(ring, [])), 'unauthenticated')
  assert.equal(codeOf(call(ring, [['authorization', `Basic ${key}`]])), 'unauthenticated')
  assert.equal(codeOf(call(ring, [['authorization', key]])), 'unauthenticated')
  clock.now = 1_999
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'in')
  clock.now = 2_000
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'key_expired')
})

test('several different credentials are refused, and so is one in the URL', async () => {
  const { ring } = await open()
  const { key } = await ring.createKey({ name: 'a' })
  const { key: second } = await ring.createKey({ name: 'b' })
  assert.equal(codeOf(call(ring, [['x-api-key', key], ['authorization', `Bearer ${second}`]])), 'unauthenticated')
  assert.equal(codeOf(call(ring, [['x-api-key', key], ['X-Api-Key', second]])), 'unauthenticated')
  for (const target of [`/gemini/v1beta/models?key=${key}`, `/x?alt=sse&KEY=${key}`, `/x?api_key=${key}`]) {
    const refusal = call(ring, [['x-api-key', key]], target)
    assert.ok(isRefusal(refusal) && refusal.say?.includes('header') && !JSON.stringify(refusal).includes(key))
  }
  assert.equal(codeOf(call(ring, [['x-api-key', key]], '/x?alt=sse&monkey=1')), 'in')
})

test('revocation takes effect before the store has answered, and survives a reload', async () => {
  const { ring, keys } = await open()
  const { key, facts } = await ring.createKey({ name: 'app' })
  const done = ring.revokeKey(facts.id)
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'key_revoked')
  assert.equal(await done, true)
  assert.equal(await ring.revokeKey(facts.id), false)
  assert.equal(await ring.revokeKey('nobody'), false)
  keys.rows.splice(0, 1, { ...(keys.rows[0] as KeyRow) })
  await ring.reload()
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'key_revoked')
  assert.equal(ring.listKeys()[0]?.state, 'revoked')
})

test('a revocation that the store could not keep still holds here, and can be tried again', async () => {
  const { ring, keys } = await open()
  const { key, facts } = await ring.createKey({ name: 'app' })
  const revoke = keys.revoke
  keys.revoke = () => Promise.reject(new Error('disk'))
  await assert.rejects(ring.revokeKey(facts.id))
  await ring.reload()
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'key_revoked')
  keys.revoke = revoke
  assert.equal(await ring.revokeKey(facts.id), true)
})

test('keys that another process made or revoked come in with a reload; one made during a reload stays', async () => {
  const { ring, keys, clock } = await open()
  const elsewhere = await openKeyring({ keys, secret, clock })
  const { key, facts } = await elsewhere.createKey({ name: 'app' })
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'unauthenticated')
  await ring.reload()
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'in')
  await elsewhere.revokeKey(facts.id)
  await ring.reload()
  assert.equal(codeOf(call(ring, [['x-api-key', key]])), 'key_revoked')
  const stale = [...keys.rows]
  let answer: (rows: KeyRow[]) => void = () => undefined
  keys.all = () => new Promise((resolve) => { answer = resolve })
  const reloaded = ring.reload()
  await Promise.resolve()
  const { key: late } = await ring.createKey({ name: 'late' })
  answer(stale)
  await reloaded
  assert.equal(codeOf(call(ring, [['x-api-key', late]])), 'in')
})

test('a row under another secret or with a broken scope lets nobody in', async () => {
  const { ring, keys, clock } = await open()
  const { key } = await ring.createKey({ name: 'app', routes: ['only'] })
  for (const change of [{ under: 'old' }, { scope: '{' }, { scope: '{"routes":[]}' }, { scope: '{"root":true}' }, { hash: new Uint8Array(3) }]) {
    const broken = memoryKeys()
    broken.rows.push({ ...(keys.rows[0] as KeyRow), ...change })
    const other = await openKeyring({ keys: broken, secret, clock })
    assert.equal(codeOf(call(other, [['x-api-key', key]])), 'unauthenticated', JSON.stringify(change))
    assert.equal(other.listKeys()[0]?.state, 'unusable')
  }
})

test('keys of the same name in two tenants are two callers', async () => {
  const { ring } = await open()
  const made = await Promise.all(['acme', 'beta'].map((tenant) => ring.createKey({ name: 'app', tenant })))
  const [a, b] = made.map(({ key }) => call(ring, [['x-api-key', key]]))
  assert.ok(a !== undefined && b !== undefined && !isRefusal(a) && !isRefusal(b))
  assert.deepEqual([a.tenant, b.tenant, a.workload === b.workload], ['acme', 'beta', false])
})

test('an unsound specification makes no key', async () => {
  const { ring, keys } = await open()
  for (const wrong of [{ name: '' }, { name: 'a', tenant: 'a|b' }, { name: 'a', routes: [] }, { name: 'a', extra: 1 }, { name: 'a\nb' }]) await assert.rejects(ring.createKey(wrong as never))
  assert.equal(keys.rows.length, 0)
})

test('callers without a key get in only where that is written, and only from this machine', async () => {
  const { ring } = await open()
  const { key, facts } = await ring.createKey({ name: 'app' })
  const settled = settleIdentity(identitySettings.parse({ anonymous: { tenant: 'lab', roles: ['guest'] } }))
  const from = (address: string, fields: Fields = []): Principal | Refusal => knock(ring, { fields, target: '/', peer: { address, port: 1 } }, settled)
  for (const address of ['127.0.0.1', '127.3.4.5', '::1', '::ffff:127.0.0.1']) assert.equal((from(address) as Principal).tenant, 'lab')
  for (const address of ['10.0.0.1', '::2', '::ffff:10.0.0.1', '128.127.0.1', '']) assert.equal(codeOf(from(address)), 'unauthenticated', address)
  assert.equal(codeOf(from('127.0.0.1', [['X-Forwarded-For', '10.0.0.1']])), 'unauthenticated')
  assert.equal((from('127.0.0.1', [['x-api-key', 'unused']]) as Principal).workload, 'anonymous')
  assert.equal((from('127.0.0.1', [['x-api-key', key]]) as Principal).workload, `key:${facts.id}`)
  assert.equal(codeOf(from('127.0.0.1', [['x-api-key', newKey('sp').key]])), 'unauthenticated', 'a bad key does not become nobody')
  assert.equal(codeOf(call(ring, [])), 'unauthenticated', 'off by default')
  assert.throws(() => identitySettings.parse({ anonymus: {} }))
})

test('secrets and the admin key are made once, for their owner only', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'identity-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'secret')
  const [one, two] = await Promise.all([openSecret(path), openSecret(path)])
  assert.deepEqual(one, two)
  assert.deepEqual(await openSecret(path), one)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const admin = await openAdminKey(join(folder, 'admin'))
  assert.equal(await openAdminKey(join(folder, 'admin')), admin)
  assert.deepEqual((await readdir(folder)).sort(), ['admin', 'secret'])
  await chmod(path, 0o644)
  await assert.rejects(openSecret(path), /read by others/)
  await writeFile(path, 'rubbish')
  await chmod(path, 0o600)
  await assert.rejects(openSecret(path), /not a secret file/)
  assert.equal(await readFile(path, 'utf8'), 'rubbish', 'never replaced')
})

test('the admin key opens the admin port only, and no other key does', async () => {
  const { ring } = await open()
  const { key: admin } = newKey('spa')
  const door = makeAdminDoor(admin, secret)
  const rap = (key: string): string => codeOf(door({ fields: [['authorization', `Bearer ${key}`]], target: '/' }))
  const { key } = await ring.createKey({ name: 'app' })
  assert.deepEqual([rap(admin), rap(key), rap(newKey('spa').key), rap('')], ['in', 'unauthenticated', 'unauthenticated', 'unauthenticated'])
  assert.equal(codeOf(call(ring, [['authorization', `Bearer ${admin}`]])), 'unauthenticated')
  assert.throws(() => makeAdminDoor(key, secret))
})

test('a key says its id, and one wrong character is noticed without asking anybody', () => {
  for (let round = 0; round < 50; round += 1) {
    const { id, key } = newKey('sp')
    assert.match(key, /^sp_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/)
    assert.equal(keyId(key, 'sp'), id)
    const at = 3 + ((round * 7) % (key.length - 3))
    const wrong = key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1)
    assert.equal(keyId(wrong, 'sp'), undefined)
  }
})

test('the keys that share a scope are the same list until a key is made or revoked', async () => {
  const { ring } = await open()
  const { facts: a } = await ring.createKey({ name: 'a', tenant: 'acme', cohort: 'beta', routes: ['def*'] })
  const { facts: b } = await ring.createKey({ name: 'b', tenant: 'acme', routes: ['other'] })
  await ring.createKey({ name: 'a', tenant: 'beta', cohort: 'beta' })
  const everybody = ring.members('acme', 'tenant', 'acme')
  assert.deepEqual(everybody, [`key:${a.id}`, `key:${b.id}`])
  assert.equal(ring.members('acme', 'tenant', 'acme'), everybody)
  assert.deepEqual(ring.members('acme', 'cohort', 'beta'), [`key:${a.id}`])
  assert.deepEqual(ring.members('acme', 'route', 'default'), [`key:${a.id}`])
  await ring.revokeKey(a.id)
  assert.deepEqual(ring.members('acme', 'tenant', 'acme'), [`key:${b.id}`])
})
