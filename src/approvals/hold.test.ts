import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { refuse } from '../contract/verdict.ts'
import { StoreError } from '../store/interfaces.ts'
import { admin, bot, opened, requestOf, reviewer, shown } from './opened.fixture.ts'

const anna = reviewer('anna')
const once = { kind: 'once' } as const

test('a held call waits, is released by a person, and a second release fails', async (t) => {
  const { hold, pending, desk, records, clock, events, passes } = await opened(t)
  const call = hold()
  const { id, hash, workload, chain, task, message, policies } = await pending()
  assert.deepEqual([workload, chain, task, message, policies], [bot.workload, ['user:bob'], 'txn-1', 'Payments wait.', ['pay-waits']])
  clock.advance(4000)
  assert.deepEqual(await desk.decide(anna, id, hash, once), { id, result: 'released', released: 1, missing: 0 })
  assert.deepEqual(await call.end, { approval: id, how: 'once', by: ['anna'], policies: ['pay-waits'], waited: 4000 })
  await assert.rejects(desk.decide(anna, id, hash, once), { fault: 'conflict', message: 'anna approved this already: a decision is used once.' })
  assert.deepEqual(records.map(({ act, by, detail }) => [act, by, detail['approval']]), [['approval.approve', 'reviewer:r-anna', id], ['approval.refused', 'reviewer:r-anna', id]])
  assert.deepEqual(events.map((one) => one.kind), ['created', 'decided', 'released'])
  assert.equal(await passes(), 'waits')
})

test('with nobody there it is refused on time, and nothing releases it after its deadline', async (t) => {
  const { hold, pending, desk, clock, passes, records } = await opened(t)
  const call = hold()
  const { id, hash } = await pending()
  clock.advance(60_000)
  const said = await call.end
  assert.ok('refusal' in said)
  assert.deepEqual([said.approval, said.refusal.refuse, said.waited], [id, 'approval_expired', 60_000])
  await assert.rejects(desk.decide(anna, id, hash, once), { fault: 'expired' })
  assert.equal(records.at(-1)?.act, 'approval.refused')
  assert.equal(await passes(), 'waits')
  assert.equal((await desk.history(anna, { limit: 5 })).find((one) => one.id === id)?.state, 'expired')
})

test('a policy says how long; a call waits no longer than settings say, and what is approved later lets it pass once', async (t) => {
  const { hold, pending, desk, clock, passes } = await opened(t, { written: { wait: '30s' } })
  const of = { decision: { holdMs: 3_600_000 } }
  const call = hold(of)
  const { id, hash } = await pending()
  clock.advance(30_000)
  const said = await call.end
  assert.ok('refusal' in said)
  assert.equal(said.refusal.refuse, 'approval_pending')
  assert.ok(said.refusal.say?.includes(id))
  clock.advance(3_000_000)
  const decided = await desk.decide(anna, id, hash, once)
  assert.deepEqual([decided.result, decided.released, decided.stands?.until], ['granted', 0, clock.wall() + 600_000])
  assert.equal(await passes(of), 'grant')
  assert.equal(await passes(of), 'waits')
})

test('a late grant is for the unchanged action alone, of this caller and task, and ends', async (t) => {
  const { hold, pending, desk, clock, passes } = await opened(t)
  const call = hold()
  const { id, hash } = await pending()
  call.abort()
  assert.equal(((await call.end) as { refusal: unknown }).refusal instanceof Object, true)
  await desk.decide(anna, id, hash, once)
  for (const other of [
    { fingerprint: 'f-6-acme-1' }, { resource: 'pay2' }, { principal: { task: 'txn-2' } }, { principal: { chain: ['user:eve'] } }, { principal: { chain: ['user:bob', 'user:eve'] } },
    { principal: { workload: 'spiffe://sallyport.internal/other' } }, { principal: { tenant: 'other' } }, { principal: { agent: 'imposter' } }, { decision: { policies: ['pay-waits', 'more'] } },
  ]) assert.equal(await passes(other), 'waits', JSON.stringify(other))
  clock.advance(599_999)
  assert.equal(await passes(), 'grant')
  const late = hold()
  const again = await pending()
  late.abort()
  await late.end
  await desk.decide(anna, again.id, again.hash, once)
  clock.advance(600_000)
  assert.equal(await passes(), 'waits')
})

test('identical calls share one approval; one consent releases the oldest that is still there, the others ask anew', async (t) => {
  const { hold, pending, desk } = await opened(t)
  const calls = [hold(), hold(), hold(), hold()]
  const { id, hash } = await pending(4)
  calls[0]?.abort()
  await calls[0]?.end
  await desk.decide(anna, id, hash, once)
  const first = await calls[1]?.end
  assert.ok(first !== undefined && 'how' in first)
  const next = await pending(2)
  assert.notEqual(next.id, id)
  await assert.rejects(desk.decide(anna, next.id, next.hash, { kind: 'once', calls: 2 }), { fault: 'invalid' })
  await desk.get(anna, next.id)
  await assert.rejects(desk.decide(anna, next.id, next.hash, { kind: 'once', calls: 3 }), { message: 'You were shown 2 waiting calls: more cannot be approved at once.' })
  assert.equal((await desk.decide(anna, next.id, next.hash, { kind: 'once', calls: 2 })).released, 2)
  for (const call of calls.slice(2)) assert.equal(((await call.end) as { how: string }).how, 'once')
})

test('consent for more calls than wait leaves grants for the rest', async (t) => {
  const { hold, pending, desk, passes } = await opened(t)
  const calls = [hold(), hold()]
  const { id, hash } = await pending(2)
  await desk.get(anna, id)
  calls[0]?.abort()
  await calls[0]?.end
  assert.equal((await desk.decide(anna, id, hash, { kind: 'once', calls: 2 })).released, 1)
  assert.deepEqual([await passes(), await passes()], ['grant', 'waits'])
})

test('of two who decide at once one wins, and the other hears who', async (t) => {
  const { hold, pending, desk } = await opened(t)
  const call = hold()
  const { id, hash } = await pending()
  const both = await Promise.allSettled([desk.decide(anna, id, hash, once), desk.decide(reviewer('carl'), id, hash, { kind: 'deny' })])
  assert.deepEqual(both.map((one) => one.status), ['fulfilled', 'rejected'])
  assert.match(String((both[1] as PromiseRejectedResult).reason), /anna approved this already/)
  assert.equal(((await call.end) as { how: string }).how, 'once')
})

test('a decision in another process wins as well: nothing is released twice', async (t) => {
  const { hold, pending, desk, store, clock } = await opened(t)
  const call = hold()
  const { id, hash, tenant } = await pending()
  const row = await store.get(tenant, id)
  assert.ok(row)
  await store.decide(tenant, id, row.version, clock.wall(), { state: 'denied', decided: clock.wall(), notes: '{"agreed":[{"name":"zoe"}]}', content: row.content }, [], [])
  await assert.rejects(desk.decide(anna, id, hash, once), { fault: 'conflict', message: /^zoe denied/ })
  clock.advance(60_000)
  assert.ok('refusal' in (await call.end))
})

test('a restart in the middle: what was pending is decided afterwards, as a grant; what was not in time is over', async (t) => {
  const house = await opened(t)
  const call = house.hold()
  const { id, hash } = await house.pending()
  await house.restart()
  assert.equal(((await call.end) as { refusal: { refuse: string } }).refusal.refuse, 'draining')
  const again = house.hold()
  assert.deepEqual([(await house.pending()).id, (await house.pending()).hash], [id, hash])
  again.abort()
  await again.end
  assert.equal((await house.desk.decide(anna, id, hash, once)).result, 'granted')
  await house.restart()
  await assert.rejects(house.desk.decide(anna, id, hash, once), { fault: 'conflict' })
  assert.deepEqual([await house.passes(), await house.passes()], ['grant', 'waits'])
  house.clock.advance(600_000)
  house.hold({ resource: 'other' })
  const lost = await house.pending()
  house.approvals.close()
  house.clock.advance(60_000)
  await house.restart()
  assert.deepEqual(house.desk.list(admin), [])
  await assert.rejects(house.desk.decide(anna, lost.id, lost.hash, once), { fault: 'expired' })
})

test('callers may have so many waiting; identical ones count once', async (t) => {
  const { hold, passes, desk } = await opened(t, { written: { pending: 2 } })
  for (const fingerprint of ['a', 'a', 'b']) hold({ fingerprint })
  while (desk.list(admin).reduce((sum, one) => sum + one.waiting, 0) < 3) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.equal(await passes({ fingerprint: 'c' }), 'approvals_full')
  assert.equal(await passes({ fingerprint: 'c', principal: { task: 'txn-2' } }), 'approvals_full')
  assert.equal(await passes({ fingerprint: 'c', principal: { workload: 'w2' } }), 'waits')
})

test('a broken store refuses: at once, and without leaving anything that could be decided', async (t) => {
  const down = { find: false, insert: false, decide: false }
  const fault = (): Promise<never> => Promise.reject(new StoreError('io', 'disk error'))
  const { hold, pending, passes, desk, clock } = await opened(t, {
    store: (real) => ({ ...real, found: (...of) => (down.find ? fault() : real.found(...of)), insert: (...of) => (down.insert ? fault() : real.insert(...of)), decide: (...of) => (down.decide ? fault() : real.decide(...of)) }),
  })
  down.find = true
  assert.equal(await passes(), 'approval_unavailable')
  Object.assign(down, { find: false, insert: true })
  const unstored = await hold().end
  assert.ok('refusal' in unstored && unstored.refusal.refuse === 'approval_unavailable')
  assert.deepEqual(desk.list(admin), [])
  Object.assign(down, { insert: false, decide: true })
  const call = hold()
  const { id, hash } = await pending()
  await assert.rejects(desk.decide(anna, id, hash, once), { fault: 'unavailable' })
  down.decide = false
  assert.equal((await desk.decide(anna, id, hash, once)).released, 1)
  assert.ok('how' in (await call.end))
  down.decide = true
  const late = hold()
  await pending()
  clock.advance(60_000)
  assert.equal(((await late.end) as { refusal: { refuse: string } }).refusal.refuse, 'approval_expired')
})

test('a store that hangs refuses in time', async (t) => {
  let hangs = false
  const { hold, clock } = await opened(t, { store: (real) => ({ ...real, found: (...of) => (hangs ? new Promise(() => undefined) : real.found(...of)) }) })
  hangs = true
  const call = hold()
  clock.advance(5000)
  assert.equal(((await call.end) as { refusal: { refuse: string } }).refusal.refuse, 'approval_unavailable')
})

test('what cannot be recorded is not decided', async (t) => {
  const { hold, pending, desk, recording } = await opened(t)
  const call = hold()
  const { id, hash } = await pending()
  recording.fails = true
  await assert.rejects(desk.decide(anna, id, hash, once), { fault: 'unavailable' })
  assert.equal((await pending()).id, id)
  recording.fails = false
  await desk.decide(anna, id, hash, once)
  assert.ok('how' in (await call.end))
})

test('what cannot be shown whole, or at all, is not held', async (t) => {
  const { passes } = await opened(t)
  assert.equal(await passes({ shown: { ...shown, body: JSON.stringify('x'.repeat(70_000)) } }), 'approval_unavailable')
  assert.equal(await passes({ show: () => { throw new Error('unreadable') } }), 'approval_unavailable')
  assert.equal(await passes({ decision: { policies: [] } }), 'approval_unavailable')
})

test('a call that is stopped says why it was; the question stays open', async (t) => {
  const { hold, pending, approvals } = await opened(t)
  const call = hold()
  await pending()
  call.abort(refuse('revoked'))
  assert.equal(((await call.end) as { refusal: { refuse: string } }).refusal.refuse, 'revoked')
  await pending(0)
  const gone = await approvals.hold(requestOf(), AbortSignal.abort())
  assert.equal((gone as { refusal: { refuse: string } }).refusal.refuse, 'cancelled')
})

test('a denial ends it with its message, and binds nobody later', async (t) => {
  const { decided, passes } = await opened(t)
  const { end } = await decided({}, { kind: 'deny', message: 'Wrong account: ask Bob.' })
  assert.ok('refusal' in end)
  assert.deepEqual([end.refusal.refuse, end.refusal.say, end.by], ['approval_denied', 'Wrong account: ask Bob.', ['anna']])
  assert.equal(await passes(), 'waits')
})

test('no content stands readable in the state folder; erasing a subject takes it, and what waits for it', async (t) => {
  const house = await opened(t)
  const body = '{"secret":"THE-SECRET-ACTION"}'
  await house.decided({ shown: { ...shown, body } }, { kind: 'task' })
  const call = house.hold({ fingerprint: 'other', resource: 'elsewhere', shown: { ...shown, body } })
  const { id } = await house.pending()
  for (const file of ['state.db', 'state.db-wal']) assert.ok(!readFileSync(join(house.folder, file)).includes('SECRET-ACTION'), file)
  await house.subjects.hold('default/user:bob', undefined, 'case 17')
  await assert.rejects(house.approvals.forget('default/user:bob'), { fault: 'held' })
  await house.subjects.hold('default/user:bob', 1, 'over')
  assert.equal(await house.approvals.forget('default/user:bob'), 2)
  assert.equal(((await call.end) as { refusal: { refuse: string } }).refusal.refuse, 'approval_unavailable')
  await assert.rejects(house.desk.get(admin, id), { fault: 'not_found' })
  assert.deepEqual([await house.desk.standing(admin), await house.desk.history(admin, { limit: 9 })], [[], []])
  assert.equal(await house.passes(), 'waits')
})

test('what another key sealed is never decided: it runs out', async (t) => {
  const house = await opened(t)
  const call = house.hold()
  const { id, tenant } = await house.pending()
  const row = await house.store.get(tenant, id)
  await house.store.decide(tenant, id, 0, 0, { state: 'pending', notes: row?.notes ?? '', content: new Uint8Array(99) }, [], [])
  await house.restart()
  await call.end
  assert.deepEqual(house.desk.list(admin), [])
  assert.equal((await house.store.get(tenant, id))?.state, 'expired')
  assert.equal(house.defects.length, 1)
})
