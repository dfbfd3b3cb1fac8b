import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, type Refusal } from '../contract/verdict.ts'
import type { KeyRow } from '../store/interfaces.ts'
import { makeAdminDoor } from './admin.ts'
import { makeDoor } from './door.ts'
import { keyId, newKey } from './key.ts'
import { memoryKeys } from './keys.fixture.ts'
import { openKeyring } from './keyring.ts'
import { openReviewers } from './reviewers.ts'
import { hashUnder, type NamedSecret } from './secret.ts'
import { settleIdentity } from './settings.ts'

const secret: NamedSecret = { id: 'test', bytes: Buffer.alloc(32, 7) }
const peer = { address: '127.0.0.1', port: 1 }

const clock = { now: 1_000, wall: () => clock.now, monotonic: () => clock.now, timer: () => () => undefined }

async function open() {
  clock.now = 1_000
  const keys = memoryKeys()
  const admin = newKey('spa').key
  const reviewers = await openReviewers({ keys, secret, clock })
  const ring = await openKeyring({ keys, secret, clock })
  const door = makeAdminDoor(admin, secret, reviewers)
  const data = makeDoor({ keyring: ring })
  return {
    keys, admin, reviewers, ring, data,
    knock: (key: string) => door({ fields: [['authorization', `Bearer ${key}`]], target: '/' }),
    call: (key: string) => data({ fields: [['authorization', `Bearer ${key}`]], target: '/', peer } as never, settleIdentity()) as Principal | Refusal,
  }
}

const codeOf = (result: Principal | Refusal): string => (isRefusal(result) ? result.refuse : 'in')

test('a reviewer opens the admin port as who it is, and is kept as a keyed hash only', async () => {
  const { reviewers, keys, knock } = await open()
  const { key, facts } = await reviewers.createReviewer({ name: 'Alice Ähm', identity: 'alice@example.com', groups: ['finance'], rights: ['author'], tenant: 'acme', expires: 9_000 })
  assert.match(key, /^spr_/)
  assert.deepEqual(knock(key), {
    tenant: 'acme', workload: `reviewer:${facts.id}`, chain: ['alice@example.com'], vouched: [{ kind: 'reviewer', id: facts.id }], roles: ['finance'],
    proof: { kind: 'reviewer', id: facts.id }, scope: { rights: ['review', 'author'] }, expires: 9_000,
  })
  assert.deepEqual(reviewers.active(knock(key) as Principal), facts)
  assert.ok(!JSON.stringify([keys.rows, reviewers.listReviewers(), facts]).includes(key.slice(-49)))
  assert.deepEqual(keys.rows[0]?.hash, hashUnder(secret, key))
})

test('neither kind of key opens the other port', async () => {
  const { reviewers, ring, admin, knock, call } = await open()
  const { key: alice } = await reviewers.createReviewer({ name: 'Alice' })
  const { key: agent } = await ring.createKey({ name: 'bot' })
  await ring.reload()
  await reviewers.reload()
  assert.deepEqual([knock(alice), knock(admin), knock(agent)].map(codeOf), ['in', 'in', 'unauthenticated'])
  assert.deepEqual([call(alice), call(admin), call(agent)].map(codeOf), ['unauthenticated', 'unauthenticated', 'in'])
  // A secret of one kind under the other's name: the checksum is right, the hash is not.
  for (const other of [newKey('spr').key, `spr_${agent.slice(3)}`, `spr_${alice.slice(4, -1)}`]) assert.equal(codeOf(knock(other)), 'unauthenticated')
})

test('a caller without a key cannot make a guest of itself with a reviewer key', async () => {
  const { reviewers, data } = await open()
  const { key } = await reviewers.createReviewer({ name: 'Alice' })
  assert.equal(codeOf(data({ fields: [['x-api-key', key]], target: '/', peer } as never, settleIdentity({ anonymous: {} })) as Principal | Refusal), 'unauthenticated')
})

test('keys and reviewers are listed, revoked and shared apart', async () => {
  const { reviewers, ring } = await open()
  const { facts: alice } = await reviewers.createReviewer({ name: 'Alice' })
  const { facts: bot } = await ring.createKey({ name: 'bot' })
  await ring.reload()
  await reviewers.reload()
  assert.deepEqual(ring.listKeys().map((one) => one.id), [bot.id])
  assert.deepEqual(reviewers.listReviewers().map((one) => one.id), [alice.id])
  assert.deepEqual(ring.members('default', 'tenant', 'default'), [`key:${bot.id}`])
  assert.equal(await ring.revokeKey(alice.id), false)
  assert.equal(await reviewers.revokeReviewer(bot.id), false)
  assert.deepEqual([ring.listKeys()[0]?.state, reviewers.listReviewers()[0]?.state], ['active', 'active'])
})

test('revocation counts from this call on, is told, and comes in from another process with a reload', async () => {
  const { reviewers, keys, knock } = await open()
  let told = 0
  const stop = reviewers.onRevoked(() => told++)
  const [one, two] = await Promise.all(['Alice', 'Bob'].map((name) => reviewers.createReviewer({ name })))
  assert.ok(one !== undefined && two !== undefined)
  const principal = knock(one.key) as Principal
  const done = reviewers.revokeReviewer(one.facts.id)
  assert.deepEqual([codeOf(knock(one.key)), reviewers.active(principal), told], ['key_revoked', undefined, 1])
  assert.deepEqual([await done, await reviewers.revokeReviewer(one.facts.id), await reviewers.revokeReviewer('nobody')], [true, false, false])
  const elsewhere = await openReviewers({ keys, secret, clock })
  await elsewhere.revokeReviewer(two.facts.id)
  const before = told
  await reviewers.reload()
  assert.deepEqual([codeOf(knock(two.key)), told - before], ['key_revoked', 1])
  stop()
})

test('a reviewer ends when it expires', async () => {
  const { reviewers, knock } = await open()
  const { key } = await reviewers.createReviewer({ name: 'Alice', expires: 2_000 })
  const principal = knock(key) as Principal
  clock.now = 2_000
  assert.deepEqual([codeOf(knock(key)), reviewers.active(principal), reviewers.listReviewers()[0]?.state], ['key_expired', undefined, 'expired'])
})

test('a row under another secret, or with a scope that cannot be read, lets nobody in', async () => {
  const { reviewers, keys } = await open()
  const { key } = await reviewers.createReviewer({ name: 'Alice' })
  for (const change of [{ under: 'old' }, { scope: '{"kind":"reviewer","rights":["root"]}' }, { scope: '{"kind":"reviewer","extra":1}' }, { hash: new Uint8Array(3) }]) {
    const broken = memoryKeys()
    broken.rows.push({ ...(keys.rows[0] as KeyRow), ...change })
    const other = await openReviewers({ keys: broken, secret, clock })
    assert.deepEqual([codeOf(other.verify(key)), other.listReviewers()[0]?.state], ['unauthenticated', 'unusable'], JSON.stringify(change))
  }
})

test('an unsound specification makes no reviewer', async () => {
  const { reviewers, keys } = await open()
  const wrong = [{}, { name: '' }, { name: 'a\u202eb' }, { name: 'a', identity: 'a b' }, { name: 'a', identity: 'alice\u200b@example.com' }, { name: 'a', rights: ['root'] }, { name: 'a', groups: ['a b'] }, { name: 'a', kind: 'reviewer' }, { name: 'a', tenant: 'a|b' }]
  for (const spec of wrong) await assert.rejects(reviewers.createReviewer(spec as never), JSON.stringify(spec))
  assert.equal(keys.rows.length, 0)
})

test('an id stands in the key', () => {
  const { id, key } = newKey('spr')
  assert.deepEqual([keyId(key, 'spr'), keyId(key, 'sp'), keyId(key, 'spa')], [id, undefined, undefined])
})
