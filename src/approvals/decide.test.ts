import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '../contract/principal.ts'
import { admin, bot, opened, reviewer, shown } from './opened.fixture.ts'

const anna = reviewer('anna', { rights: ['author'] })
const carl = reviewer('carl')
const once = { kind: 'once' } as const
const HOUR = 3_600_000

test('nobody in the requester\'s chain decides: agent, user, minter, by id, name or identity; not even the administrator', async (t) => {
  const { hold, pending, desk, records } = await opened(t)
  hold()
  const { id, hash } = await pending()
  const requesters = [
    reviewer('x', { identity: 'user:bob' }), reviewer('x', { identity: 'USER:Bob' }), reviewer('Helper'), reviewer('x', { id: 'key-7' }), reviewer('x', { id: 'svid-3' }),
    reviewer('x', { id: 'oidc-9' }), reviewer('x', { id: 'jti-1' }), reviewer('x', { identity: bot.workload }), { ...admin, identity: 'user:bob' },
  ]
  for (const one of requesters) {
    for (const kind of ['once', 'deny', 'end'] as const) {
      await assert.rejects(desk.decide(one, id, hash, { kind }), { fault: 'forbidden', message: 'You are among those who ask for this: it needs somebody else.' }, JSON.stringify(one))
    }
    assert.match((await desk.get(one, id)).barred ?? '', /somebody else/)
  }
  assert.equal(records.filter((one) => one.act === 'approval.refused').length, requesters.length * 3)
  assert.equal((await desk.get(carl, id)).barred, undefined)
})

test('a reviewer decides within their groups and tenant, and hears of nothing else', async (t) => {
  const { hold, pending, desk } = await opened(t)
  hold({ decision: { approvers: 'finance' } })
  const { id, hash } = await pending()
  for (const outsider of [carl, reviewer('dora', { tenant: 'other', groups: ['finance'] }), reviewer('eve', { groups: ['security'] })]) {
    await assert.rejects(desk.decide(outsider, id, hash, once), { fault: 'not_found' })
    await assert.rejects(desk.get(outsider, id), { fault: 'not_found' })
    assert.deepEqual([desk.list(outsider), await desk.history(outsider, { limit: 9 })], [[], []])
  }
  const { tenant: _, ...nowhere } = reviewer('fred', { groups: ['finance'] })
  assert.deepEqual([desk.list(nowhere), await desk.history(nowhere, { limit: 9 }), await desk.standing(nowhere)], [[], [], []])
  assert.equal((await desk.decide(reviewer('gina', { groups: ['finance'] }), id, hash, once)).released, 1)
})

test('a decision is about just what was looked at', async (t) => {
  const { hold, pending, desk } = await opened(t)
  hold()
  const { id, hash } = await pending()
  await assert.rejects(desk.decide(anna, id, `${hash.slice(1)}x`, once), { fault: 'conflict', message: /not the action/ })
  await assert.rejects(desk.decide(anna, 'nothing', hash, once), { fault: 'not_found' })
})

test('two different people must agree, to the same; one denial ends it', async (t) => {
  const { hold, pending, desk, events, restart } = await opened(t, { written: { groups: { leads: { reviewers: 2 } } } })
  const lead = { groups: ['leads'] }
  const [ann, ann2, ann3, ben] = [reviewer('ann', { ...lead, identity: 'user:ann' }), reviewer('ANN', { ...lead, id: 'r-2' }), reviewer('other', { ...lead, identity: 'user:ann' }), reviewer('ben', lead)]
  hold({ decision: { approvers: 'leads' } })
  const first = await pending()
  assert.deepEqual(await desk.decide(ann, first.id, first.hash, { kind: 'task', forMs: HOUR }), { id: first.id, result: 'agreed', released: 0, missing: 1 })
  for (const same of [ann, ann2, ann3]) await assert.rejects(desk.decide(same, first.id, first.hash, { kind: 'task', forMs: HOUR }), { fault: 'conflict', message: /another person/ })
  await assert.rejects(desk.decide(ben, first.id, first.hash, once), { fault: 'conflict', message: /ann agreed to something else \(task\)/ })
  await assert.rejects(desk.decide(ben, first.id, first.hash, { kind: 'task', forMs: 2 * HOUR }), { fault: 'conflict' })
  assert.deepEqual(events.map((one) => one.kind), ['created', 'agreed'])
  await restart()
  const again = await pending(0)
  assert.deepEqual(again.agreed.map(({ by, kind }) => [by, kind]), [['ann', 'task']])
})

test('both names stand on what two people released, also when they agree at the same moment', async (t) => {
  const { hold, pending, desk, records } = await opened(t)
  const call = hold({ decision: { reviewers: 2 } })
  const { id, hash } = await pending()
  const both = await Promise.all([desk.decide(anna, id, hash, once), desk.decide(carl, id, hash, once)])
  assert.deepEqual(both.map((one) => one.result), ['agreed', 'released'])
  const said = await call.end
  assert.deepEqual('how' in said && said.by, ['anna', 'carl'])
  assert.deepEqual(records.map((one) => one.act), ['approval.agree', 'approval.approve'])
})

test('one denial ends what needs two', async (t) => {
  const { hold, pending, desk } = await opened(t)
  const call = hold({ decision: { reviewers: 2 } })
  const { id, hash } = await pending()
  await desk.decide(anna, id, hash, once)
  assert.equal((await desk.decide(carl, id, hash, { kind: 'deny' })).result, 'denied')
  assert.ok('refusal' in (await call.end))
})

test('for the task: the same action and resource whatever its arguments, until it ends, and for nothing else', async (t) => {
  const { decided, passes, clock } = await opened(t)
  const { decided: made, end } = await decided({}, { kind: 'task', forMs: HOUR })
  assert.ok('how' in end && end.how === 'task')
  assert.equal(made.stands?.until, clock.wall() + HOUR)
  assert.equal(await passes({ fingerprint: 'other', shown: { ...shown, body: '{}' } }), 'task')
  for (const other of [{ principal: { task: 'txn-2' } }, { principal: { chain: [] } }, { resource: 'pay2' }, { decision: { policies: ['pay-waits', 'also'] } }, { sensitivity: 2 }]) {
    assert.equal(await passes({ fingerprint: 'g', ...other }), 'waits', JSON.stringify(other))
  }
  clock.advance(HOUR)
  assert.equal(await passes(), 'waits')
})

test('a caller without a task: the reviewer is told, or binds it to the caller', async (t) => {
  const { hold, pending, desk, decided, passes, approvals } = await opened(t)
  const { task: _, ...rest } = bot
  const taskless = { principal: { ...rest, task: undefined } as unknown as Partial<Principal> }
  hold(taskless)
  const { id, hash } = await pending()
  await assert.rejects(desk.decide(anna, id, hash, { kind: 'task' }), { fault: 'invalid', message: /no task/ })
  await assert.rejects(desk.decide(anna, id, hash, { kind: 'task', anyTask: true, forMs: 9 * HOUR }), { fault: 'invalid', message: 'An approval for a task lasts at most 8 hours.' })
  await desk.decide(anna, id, hash, { kind: 'task', anyTask: true })
  assert.equal(await passes(taskless), 'task')
  assert.equal(await passes({ principal: { task: 'txn-9' } }), 'task')
  assert.equal(approvals.desk.list(admin).length, 0)
  await assert.rejects(decided({ resource: 'b' }, { kind: 'task', forMs: 5 }), { fault: 'invalid' })
})

test('an endorsed value: later actions of the class whose control values are all endorsed', async (t) => {
  const { hold, pending, desk, passes, clock } = await opened(t)
  const call = hold()
  const { id, hash } = await pending()
  const value = (paths: string[]) => desk.decide(anna, id, hash, { kind: 'value', paths, forMs: HOUR })
  await assert.rejects(value([]), { fault: 'invalid', message: 'The action also acts on `to.0`: endorse that too, or approve it once.' })
  await assert.rejects(value(['amount', 'to.0']), { fault: 'invalid' })
  await value(['to.0'])
  assert.ok('how' in (await call.end))
  const to = (path: string, value: string | number, control = true) => ({ path, value, control, sources: [] })
  const of = (values: readonly ReturnType<typeof to>[], more: object = {}) => ({ fingerprint: 'v', resource: 'wire', shown: { ...shown, values }, ...more })
  assert.equal(await passes(of([to('to.3', 'acme-1'), to('amount', 900, false)])), 'value')
  for (const other of [
    of([to('to.0', 'acme-1'), to('to.1', 'evil')]), of([to('cc', 'acme-1')]), of([]), of([to('to.0', 'acme-1', false)]),
    of([to('to.0', 'acme-1')], { principal: { task: 'txn-2' } }), of([to('to.0', 'acme-1')], { sensitivity: 2 }), of([to('to.0', 'acme-1')], { decision: { policies: ['x'] } }),
    { ...of([]), shown: { ...shown, class: 'external_send' as const, values: [to('to.0', 'acme-1')] } },
  ]) assert.equal(await passes(other), 'waits', JSON.stringify(other))
  clock.advance(HOUR)
  assert.equal(await passes(of([to('to.0', 'acme-1')])), 'waits')
})

test('two endorsements together cover an action; without a class or control values there is none', async (t) => {
  const { decided, passes } = await opened(t)
  const to = (path: string, value: string) => ({ path, value, control: true, sources: [] })
  await decided({ shown: { ...shown, values: [to('to', 'a')] }, fingerprint: '1' }, { kind: 'value', paths: ['to'] })
  await decided({ shown: { ...shown, values: [to('to', 'b')] }, fingerprint: '2' }, { kind: 'value', paths: ['to'] }, carl)
  assert.equal(await passes({ shown: { ...shown, values: [to('to.0', 'a'), to('to.1', 'b')] }, fingerprint: '3' }), 'value')
  const { class: _, ...unknown } = shown
  await assert.rejects(decided({ shown: unknown, fingerprint: '4' }, { kind: 'value', paths: [] }), { message: /no class/ })
})

test('a rule takes an author, an end and a text that stands and covers the action; it sets aside just what was held', async (t) => {
  const house = await opened(t)
  const call = house.hold()
  const { id, hash } = await house.pending()
  const rule = (text: string, forMs: number, by = anna) => house.desk.decide(by, id, hash, { kind: 'rule', text, forMs })
  await assert.rejects(rule('permit Tool::pay', HOUR, carl), { fault: 'forbidden', message: /author/ })
  await assert.rejects(rule('forbid all', HOUR), { fault: 'invalid', message: 'The rule does not stand: a rule is a permit' })
  await assert.rejects(rule('permit Tool::other', HOUR), { fault: 'invalid', message: /does not cover/ })
  await assert.rejects(rule(`permit ${'x'.repeat(20_000)}`, HOUR), { fault: 'invalid' })
  for (const forMs of [0, Number.NaN, Infinity, 366 * 24 * HOUR]) await assert.rejects(rule('permit *', forMs), { fault: 'invalid' })
  await rule('permit Tool::pay', HOUR)
  const said = await call.end
  assert.ok('how' in said && said.how === 'rule')
  assert.deepEqual(said.policies, ['pay-waits'])
  const other = { fingerprint: 'z', principal: { workload: 'w9', task: 'txn-5' } }
  assert.equal(await house.passes(other), 'rule')
  assert.equal(await house.passes({ ...other, decision: { policies: ['pay-waits', 'new-hold'] } }), 'waits')
  assert.equal(await house.passes({ ...other, principal: { tenant: 'other' } }), 'waits')
  await house.restart()
  assert.equal(await house.passes({ ...other, fingerprint: 'y' }), 'rule')
  // The next epoch's schema knows no such rule: it covers nothing, until one does again.
  house.epoch.id = 'without'
  assert.equal(await house.passes({ ...other, fingerprint: 'x' }), 'waits')
  house.epoch.id = 'e3'
  assert.equal(await house.passes({ ...other, fingerprint: 'v' }), 'rule')
  const [standing] = await house.desk.standing(carl)
  assert.deepEqual([standing?.kind, standing?.text, standing?.by, standing?.approval], ['rule', 'permit Tool::pay', ['anna'], id])
  await house.desk.withdraw(carl, standing?.id ?? '')
  assert.equal(await house.passes({ ...other, fingerprint: 'w' }), 'waits')
  await assert.rejects(house.desk.withdraw(carl, standing?.id ?? ''), { fault: 'not_found' })
})

test('ending a session refuses everything of it until it is lifted or over, stops what runs, and takes its consents', async (t) => {
  const house = await opened(t)
  const { decided, hold, pending, desk, approvals, ends, passes, clock } = house
  await decided({ resource: 'a' }, { kind: 'task' })
  const other = hold({ resource: 'b' })
  await pending()
  const elsewhere = hold({ resource: 'c', principal: { task: 'txn-2' } })
  const held = hold()
  const mine = await (async () => {
    for (;;) {
      const found = desk.list(admin).find((one) => one.resource === 'Tool::pay' && one.waiting === 1)
      if (found !== undefined) return found
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })()
  const decision = await desk.decide(anna, mine.id, mine.hash, { kind: 'end', message: 'Stop: this is not Bob.' })
  assert.equal(decision.result, 'ended')
  for (const call of [held, other]) {
    const said = await call.end
    assert.ok('refusal' in said)
    assert.deepEqual([said.refusal.refuse, said.refusal.say], ['session_ended', 'Stop: this is not Bob.'])
  }
  assert.deepEqual(ends.map(({ tenant, workload, chain, task }) => ({ tenant, workload, chain, task })), [{ tenant: bot.tenant, workload: bot.workload, chain: bot.chain, task: bot.task }])
  assert.equal(approvals.ended(bot)?.refuse, 'session_ended')
  assert.equal(approvals.ended({ ...bot, agent: 'another name' })?.refuse, 'session_ended')
  for (const free of [{ ...bot, task: 'txn-2' }, { ...bot, chain: [] }, { ...bot, tenant: 'other' }]) assert.equal(approvals.ended(free), undefined)
  assert.equal(await passes({ resource: 'a' }), 'session_ended')
  elsewhere.abort()
  await elsewhere.end
  await house.restart()
  assert.equal(house.approvals.ended(bot)?.say, 'Stop: this is not Bob.')
  const [end] = await house.desk.standing(anna)
  assert.deepEqual([end?.kind, end?.id], ['end', decision.stands?.id])
  await assert.rejects(house.desk.withdraw(reviewer('x', { identity: 'user:bob' }), end?.id ?? ''), { fault: 'forbidden' })
  await house.desk.withdraw(carl, end?.id ?? '')
  assert.equal(house.approvals.ended(bot), undefined)
  assert.equal(await house.passes({ resource: 'a' }), 'waits')
  await house.decided({ resource: 'd' }, { kind: 'end' })
  clock.advance(HOUR - 1)
  assert.ok(house.approvals.ended(bot))
  clock.advance(1)
  assert.equal(house.approvals.ended(bot), undefined)
})

test('messages to callers are one short line', async (t) => {
  const { hold, pending, desk } = await opened(t)
  hold()
  const { id, hash } = await pending()
  for (const message of ['x'.repeat(501), 'two\nlines', '\u001b[2J', 'evil\u202etxt']) await assert.rejects(desk.decide(anna, id, hash, { kind: 'deny', message }), { fault: 'invalid' })
})

test('an endorsement covers no action that leaves out a value that was endorsed with it', async (t) => {
  const value = (path: string, of: string) => ({ path, value: of, control: true, sources: [] })
  const both = { ...shown, values: [value('to', 'acme-1'), value('path', '/tmp')] }
  const { decided, passes } = await opened(t)
  await decided({ shown: both }, { kind: 'value', paths: ['to', 'path'] })
  assert.equal(await passes({ shown: both, fingerprint: 'again' }), 'value')
  assert.equal(await passes({ shown: { ...shown, values: [value('to', 'acme-1')] }, fingerprint: 'without a path' }), 'waits')
})

test('what stands from one person, or from another group, releases nothing once the policies ask for more', async (t) => {
  const { decided, passes } = await opened(t)
  await decided({}, { kind: 'task' })
  assert.equal(await passes({ fingerprint: 'later' }), 'task')
  assert.equal(await passes({ fingerprint: 'two', decision: { reviewers: 2 } }), 'waits')
  assert.equal(await passes({ fingerprint: 'finance', decision: { approvers: 'finance' } }), 'waits')
})
