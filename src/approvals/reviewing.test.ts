import assert from 'node:assert/strict'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { DeskEvent } from './desk.ts'
import { admin, bot, opened, reviewer, shown, type Harness } from './opened.fixture.ts'
import { concerns } from './feed.ts'
import { openSealer } from './sealer.ts'
import { approvalsSchema, settleApprovals } from './settings.ts'

const anna = reviewer('anna', { rights: ['author'] })
const carl = reviewer('carl')
const HOUR = 3_600_000

/** So many decisions, each so long after the action was shown. */
async function habitually({ hold, pending, desk, clock }: Harness, count: number, ms: number, kind: 'once' | 'deny' = 'once', by = carl): Promise<void> {
  for (let n = 0; n < count; n++) {
    const call = hold({ fingerprint: `h-${n}-${ms}` })
    const { id, hash } = await pending()
    await desk.get(by, id)
    clock.advance(ms)
    await desk.decide(by, id, hash, { kind })
    await call.end
  }
}

test('what is shown: the exact action, who asks, why it is held, what was decided before, and what a rule would have matched', async (t) => {
  const { decided, hold, pending, desk, clock } = await opened(t)
  await decided({ fingerprint: '1' }, { kind: 'once' })
  clock.advance(1)
  await decided({ fingerprint: '2' }, { kind: 'deny', message: 'No.' })
  await decided({ resource: 'other' }, { kind: 'once' })
  hold()
  const { id } = await pending()
  const view = await desk.get(carl, id)
  assert.deepEqual(view.shown, shown)
  assert.deepEqual([view.agent, view.chain, view.task, view.policies, view.message, view.effects, view.attributes], ['helper', ['user:bob'], 'txn-1', ['pay-waits'], 'Payments wait.', ['money'], { sensitivity: 1 }])
  assert.deepEqual({ ...view.similar, last: view.similar.last.map(({ state, kind, by }) => [state, kind, by]) }, { approved: 1, denied: 1, expired: 0, last: [['denied', 'deny', ['anna']], ['approved', 'once', ['anna']]] })
  assert.equal(view.suggestion?.text, 'permit Tool::pay')
  assert.deepEqual([view.suggestion?.would.looked, view.suggestion?.would.matched], [3, 2])
  const would = await desk.wouldMatch(carl, 'permit *')
  assert.deepEqual([would.matched, would.matches[0]?.workload], [3, bot.workload])
  await assert.rejects(desk.wouldMatch(carl, 'no rule'), { fault: 'invalid' })
  await assert.rejects(desk.wouldMatch(carl, 'permit *', 'other'), { fault: 'forbidden' })
  const past = await desk.history(carl, { limit: 9 })
  assert.deepEqual(past.map((one) => [one.state, one.decision?.kind]), [['approved', 'once'], ['denied', 'deny'], ['approved', 'once']])
  assert.equal((await desk.get(carl, past[1]?.id ?? '')).said, 'No.')
  assert.deepEqual(await desk.history(carl, { limit: 9, before: past[1]?.closed ?? 0 }).then((rows) => rows.map((one) => one.state)), ['approved'])
})

test('an action is shown whatever is wrong with the rule that would be suggested', async (t) => {
  const { hold, pending, desk, epoch, defects } = await opened(t)
  hold()
  const { id } = await pending()
  epoch.id = 'without'
  const view = await desk.get(carl, id)
  assert.deepEqual([view.shown, view.suggestion, defects.length], [shown, undefined, 1])
})

test('a rule looks only at what this reviewer may see', async (t) => {
  const { decided, desk } = await opened(t)
  await decided({ decision: { approvers: 'finance' } }, { kind: 'once' }, admin)
  assert.equal((await desk.wouldMatch(carl, 'permit *')).looked, 0)
  assert.equal((await desk.wouldMatch(admin, 'permit *')).looked, 1)
})

test('who approves nearly everything in under two seconds is slowed, shown less, and policy authors hear of it, until that is over', async (t) => {
  const house = await opened(t)
  await habitually(house, 19, 1000)
  assert.equal(house.desk.habits(admin)[1]?.tight, false)
  await habitually(house, 1, 1000)
  await setImmediate()
  const alarms = house.events.filter((one) => one.kind === 'alarm')
  assert.deepEqual(alarms.map((one) => one.habit.reviewer), ['carl', undefined])
  assert.deepEqual(house.desk.habits(carl).map(({ reviewer: name, decisions, fast, tight, lastHour, medianMs }) => [name, decisions, fast, tight, lastHour, medianMs]), [['carl', 20, 20, true, 20, 1000]])
  for (const resource of ['a', 'b', 'c', 'd']) {
    house.hold({ resource })
    house.clock.advance(1)
  }
  while (house.desk.list(admin).length < 4) await new Promise((resolve) => setTimeout(resolve, 2))
  const all = house.desk.list(admin)
  const [one, , , fourth] = all
  assert.ok(one !== undefined && fourth !== undefined)
  assert.deepEqual(house.desk.list(carl).map((each) => each.id), all.slice(0, 3).map((each) => each.id))
  await assert.rejects(house.desk.get(carl, fourth.id), { fault: 'slow' })
  await assert.rejects(house.desk.decide(carl, fourth.id, fourth.hash, { kind: 'once' }), { fault: 'slow' })
  await assert.rejects(house.desk.decide(carl, one.id, one.hash, { kind: 'once' }), { fault: 'slow', message: /^Look at the action first/ })
  await house.desk.get(carl, one.id)
  house.clock.advance(4999)
  await assert.rejects(house.desk.decide(carl, one.id, one.hash, { kind: 'once' }), { fault: 'slow', message: /^Take 1 more seconds/ })
  house.clock.advance(1)
  await house.desk.decide(carl, one.id, one.hash, { kind: 'once' })
  assert.equal((await house.desk.decide(anna, fourth.id, fourth.hash, { kind: 'once' })).released, 1)
  house.clock.advance(60_000)
  await house.restart()
  assert.equal(house.desk.habits(admin).find((each) => each.reviewer === 'carl')?.tight, true)
  await habitually(house, 4, 5000)
  assert.equal(house.desk.habits(admin).find((each) => each.reviewer === 'carl')?.tight, false)
})

test('denials and slow approvals raise no alarm, and looking longer ago counts', async (t) => {
  const house = await opened(t)
  await habitually(house, 10, 100, 'deny')
  await habitually(house, 15, 100)
  await setImmediate()
  assert.equal(house.events.filter((one) => one.kind === 'alarm').length, 0)
})

test('a proposal: what is approved unread, with a rule to edit; adopting it takes an author of the group', async (t) => {
  const house = await opened(t)
  await habitually(house, 20, 500)
  while (house.desk.proposals(anna).length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  const [proposal] = house.desk.proposals(anna)
  assert.ok(proposal)
  assert.deepEqual([proposal.kind, proposal.approved, proposal.denied, proposal.text, proposal.resource, proposal.medianMs], ['stop_asking', 20, 0, 'permit Tool::pay', 'Tool::pay', 500])
  assert.throws(() => house.desk.proposals(carl), { fault: 'forbidden' })
  assert.deepEqual(house.desk.proposals(reviewer('dora', { tenant: 'other', rights: ['author'] })), [])
  await assert.rejects(house.desk.adopt(carl, proposal.id, 'permit *', HOUR), { fault: 'forbidden' })
  await assert.rejects(house.desk.adopt(reviewer('x', { identity: 'user:bob', rights: ['author'] }), proposal.id, 'permit *', HOUR), { fault: 'forbidden' })
  await assert.rejects(house.desk.adopt(anna, proposal.id, 'nothing', HOUR), { fault: 'invalid' })
  const rule = await house.desk.adopt(anna, proposal.id, 'permit Tool::pay', HOUR)
  assert.deepEqual([rule.kind, rule.by, rule.until, rule.policies], ['rule', ['anna'], house.clock.wall() + HOUR, ['pay-waits']])
  assert.equal(await house.passes({ fingerprint: 'new' }), 'rule')
  assert.deepEqual(house.desk.proposals(anna), [])
  assert.deepEqual(house.records.slice(-4).map((one) => one.act), ['approval.refused', 'approval.refused', 'approval.refused', 'approval.rule'])
})

test('where some are denied the proposal is to narrow the hold; what takes two people is no one\'s rule', async (t) => {
  const house = await opened(t)
  const of = { decision: { reviewers: 2 } }
  for (let n = 0; n < 21; n++) {
    const call = house.hold({ ...of, fingerprint: `n${n}` })
    const { id, hash } = await house.pending()
    if (n > 0) await house.desk.decide(anna, id, hash, { kind: 'once' })
    await house.desk.decide(carl, id, hash, { kind: n === 0 ? 'deny' : 'once' })
    await call.end
  }
  while (house.desk.proposals(anna).length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  const [proposal] = house.desk.proposals(anna)
  assert.equal(proposal?.kind, 'narrow')
  await assert.rejects(house.desk.adopt(anna, proposal?.id ?? '', 'permit *', HOUR), { fault: 'forbidden', message: /Several people/ })
  await house.desk.dismiss(anna, proposal?.id ?? '')
  await assert.rejects(house.desk.dismiss(anna, proposal?.id ?? ''), { fault: 'not_found' })
})

test('watchers hear what they may see, in order; who reads too slowly hears that it missed something', async (t) => {
  const { desk, decided } = await opened(t)
  const stop = new AbortController()
  const mine = desk.watch(carl, stop.signal)[Symbol.asyncIterator]()
  const other = desk.watch(reviewer('dora', { tenant: 'other' }), stop.signal)[Symbol.asyncIterator]()
  const slow = desk.watch(admin, stop.signal)[Symbol.asyncIterator]()
  await decided({}, { kind: 'once' })
  const heard: DeskEvent['kind'][] = []
  for (let n = 0; n < 3; n++) heard.push(((await mine.next()).value as DeskEvent).kind)
  assert.deepEqual(heard, ['created', 'decided', 'released'])
  for (let n = 0; n < 90; n++) await decided({ fingerprint: `w${n}` }, { kind: 'deny' }, n % 2 === 0 ? anna : carl)
  assert.equal(((await slow.next()).value as DeskEvent).kind, 'created')
  for (let n = 0; n < 90; n++) await decided({ fingerprint: `x${n}` }, { kind: 'deny' })
  assert.deepEqual(((await slow.next()).value as DeskEvent).kind, 'missed')
  stop.abort()
  assert.deepEqual(await other.next(), { value: undefined, done: true })
  // The harness watches as well.
  const more = Array.from({ length: 63 }, () => new AbortController())
  for (const { signal } of more) desk.watch(carl, signal)
  assert.throws(() => desk.watch(carl, new AbortController().signal), { fault: 'unavailable' })
  for (const one of more) one.abort()
  desk.watch(carl, AbortSignal.abort())
})

test('what was decided is kept as long as settings say', async (t) => {
  const house = await opened(t, { written: { keep: '1d' } })
  await house.decided({}, { kind: 'once' })
  house.clock.advance(23 * HOUR)
  await house.approvals.sweep()
  assert.equal((await house.desk.history(carl, { limit: 9 })).length, 1)
  house.clock.advance(2 * HOUR)
  await house.approvals.sweep()
  assert.equal((await house.desk.history(carl, { limit: 9 })).length, 0)
})

test('the seal: bound to tenant and approval, under a named key that only its owner reads', async (t) => {
  const { folder } = await opened(t)
  const path = join(folder, 'approvals-key')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const sealer = openSealer(folder)
  const text = Buffer.from('content')
  const bytes = Buffer.from(sealer.seal('t', 'a', text))
  assert.equal(Buffer.from(openSealer(folder).open('t', 'a', bytes)).toString(), 'content')
  assert.notDeepEqual(Buffer.from(sealer.seal('t', 'a', text)), bytes)
  for (const [tenant, id] of [['t', 'b'], ['u', 'a']] as const) assert.throws(() => sealer.open(tenant, id, bytes))
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 1
    assert.throws(() => sealer.open('t', 'a', changed), `byte ${at}`)
  }
  for (const cut of [0, 1, 20, bytes.length - 1]) assert.throws(() => sealer.open('t', 'a', bytes.subarray(0, cut)))
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, `sallyport-approvals 00000000 ${'A'.repeat(43)}\n${before}`)
  const rotated = openSealer(folder)
  assert.equal(Buffer.from(rotated.open('t', 'a', bytes)).toString(), 'content')
  assert.throws(() => sealer.open('t', 'a', rotated.seal('t', 'a', text)), /00000000, which is not at hand/)
  assert.notEqual(rotated.mark('x'), sealer.mark('x'))
  writeFileSync(path, 'nonsense')
  assert.throws(() => openSealer(folder), /is not a key file/)
  chmodSync(path, 0o644)
  assert.throws(() => openSealer(folder), /can be read by others/)
})

test('settings: defaults, units and bounds', () => {
  assert.deepEqual({ ...settleApprovals(undefined), reviewers: [], webhooks: [] }, { timeoutMs: 60_000, waitMs: 120_000, pending: 8, grantMs: 600_000, taskMaxMs: 8 * HOUR, endedMs: HOUR, keepMs: 720 * HOUR, slowMs: 5000, reviewers: [], webhooks: [] })
  assert.deepEqual([...settleApprovals({ groups: { a: { reviewers: 2 }, b: {} } }).reviewers], [['a', 2], ['b', 1]])
  for (const bad of [{ timeout: '0s' }, { timeout: '8d' }, { wait: '2h' }, { pending: 0 }, { groups: { 'a b': {} } }, { groups: { a: { reviewers: 3 } } }, { unknown: 1 }, { grant: 'soon' }]) {
    assert.equal(approvalsSchema.safeParse(bad).success, false, JSON.stringify(bad))
  }
})

test('a reviewer of the same name in another tenant hears of nobody else\'s habits', () => {
  const habit = { reviewer: 'carl', decisions: 20, approved: 20, fast: 20, medianMs: 1, lastHour: 20, tight: true }
  const alarm: DeskEvent = { kind: 'alarm', at: 1, tenant: 'default', habit }
  assert.equal(concerns(carl, alarm), true)
  assert.equal(concerns({ ...carl, tenant: 'other' }, alarm), false)
})

test('a second key makes nobody careful: habits are a person\'s', async (t) => {
  const house = await opened(t)
  await habitually(house, 20, 1000)
  const again = { ...carl, id: 'r-carl-2', name: 'Carl' }
  house.hold({ fingerprint: 'unseen' })
  const { id, hash } = await house.pending()
  await assert.rejects(house.desk.decide(again, id, hash, { kind: 'once' }), { fault: 'slow' })
})
