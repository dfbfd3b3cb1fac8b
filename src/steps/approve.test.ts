import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HoldRequest, Released, Unreleased } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Epoch } from '../contract/epoch.ts'
import type { Candidate } from '../contract/exchange.ts'
import type { Facts, More } from '../contract/facts.ts'
import type { Decision, Question } from '../contract/policy.ts'
import { isRefusal, refuse } from '../contract/verdict.ts'
import { approve } from './approve.ts'
import { noFlow } from './flow.fixture.ts'
import type { House } from './house.ts'

const shown: Shown = { body: '{"amount":5}', values: [], undo: 'no' }

function decision(verdict: Decision['verdict'], policies: readonly string[] = []): Decision {
  return { verdict, policies, shadow: [], errors: [], cached: false }
}

function candidate(id: string, role: Candidate['role'] = 'primary'): Candidate {
  return { id, resource: { type: 'Model', id, attributes: {} }, provider: 'p', model: id, role }
}

/** One held exchange; `release` is what the policies of the moment say, `answer` what people say. */
function stage(answer: (request: HoldRequest, round: number) => Released | Unreleased, release: (question: Question, approved: readonly string[]) => Decision, candidates: readonly Candidate[] = [], unreleased = decision('hold', ['old'])) {
  const asked: HoldRequest[] = []
  const epoch = { flow: noFlow, history: { read: () => undefined, reserve: () => true }, authorize: () => unreleased, release } as unknown as Epoch
  const house = {
    clock: { wall: () => 0, monotonic: () => 0, timer: () => () => undefined },
    approvals: { hold: (request: HoldRequest) => Promise.resolve(answer(request, asked.push(request) - 1)), ended: () => undefined },
    history: { commit: () => undefined, release: () => undefined },
    anomaly: () => 0,
    epoch: () => epoch,
  } as unknown as House
  const facts = {
    exchange: { id: 'x', gateway: 'llm', startedAt: 0, epoch: 'e' },
    epoch: { authorize: () => assert.fail('the epoch it was held under decides nothing any more') },
    principal: { tenant: 't', workload: 'w', chain: [], roles: [], proof: { kind: 'api_key', id: 'k' }, scope: { rights: [] } },
    reading: { action: candidates.length > 0 ? 'llm.generate' : 'tool.propose', resource: { type: 'Tool', id: 'pay', attributes: {} }, route: 'r', direction: 'inbound', effect: candidates.length > 0 ? 'dial' : 'none', segments: [], effects: [], parameters: {}, stream: false, fingerprint: () => 'f', show: () => shown },
    candidates,
    held: { decision: decision('hold', ['pay-needs-finance']), resource: { type: 'Tool', id: 'pay', attributes: {} }, context: {} },
  } as unknown as Facts
  return { run: async (more: Partial<Facts> = {}) => await approve(house)({ ...facts, ...more }, new AbortController().signal), asked }
}

const released = (policies: readonly string[], by = 'alice'): Released => ({ approval: 'a1', how: 'once', by: [by], policies, waited: 5 })

test('what is not held asks nobody', async () => {
  const { run, asked } = stage(() => assert.fail(), () => assert.fail())
  assert.deepEqual(await run({ held: undefined }), {})
  assert.equal(asked.length, 0)
})

test('a release sets aside just the holds that it names, under the policies of the moment', async () => {
  const { run, asked } = stage(() => released(['pay-needs-finance']), (_, approved) => (assert.deepEqual(approved, ['pay-needs-finance']), decision('allow', ['permit'])))
  const more = (await run()) as More
  assert.equal(isRefusal(more), false)
  assert.deepEqual(more.permit, { exchange: 'x', candidates: [] })
  assert.deepEqual(more.approval, { id: 'a1', verdict: 'released', how: 'once', by: ['alice'], policies: ['pay-needs-finance'], waited: 5 })
  assert.deepEqual([asked[0]?.fingerprint, asked[0]?.show()], ['f', shown])
})

test('a policy that came meanwhile and denies wins over the consent', async () => {
  const { run } = stage(() => released(['pay-needs-finance']), () => decision('deny', ['new-forbid']))
  const said = await run()
  assert.ok(isRefusal(said))
  assert.deepEqual([said.refuse, said.detail, said.known?.approval?.verdict], ['denied', 'new-forbid', 'released'])
})

test('what another group holds is asked of that group, and both are recorded', async () => {
  const { run, asked } = stage(
    (_, round) => (round === 0 ? released(['pay-needs-finance']) : released(['pay-needs-legal'], 'bob')),
    (_, approved) => (approved.includes('pay-needs-legal') ? decision('allow') : decision('hold', ['pay-needs-legal'])),
  )
  const more = (await run()) as More
  assert.deepEqual(more.approval?.by, ['alice', 'bob'])
  assert.deepEqual(more.approval?.policies, ['pay-needs-finance', 'pay-needs-legal'])
  assert.deepEqual(asked.map((one) => one.held.decision.policies), [['pay-needs-finance'], ['pay-needs-legal']])
})

test('a credential that ended while its call was held is not released', async () => {
  const { run } = stage(() => released(['pay-needs-finance']), () => assert.fail('nothing is decided any more'))
  const principal = { tenant: 't', workload: 'w', chain: [], roles: [], proof: { kind: 'task_token', id: 'j' }, scope: { rights: [] }, expires: 0 } as const
  const said = await run({ principal })
  assert.ok(isRefusal(said) && said.refuse === 'key_expired')
})

test('policies that ask for another group or for more people since are obeyed: they are asked, and the first consent counts for nothing', async () => {
  for (const more of [{ approvers: 'finance' }, { reviewers: 2 }]) {
    const now: Decision = { ...decision('hold', ['pay-needs-finance']), ...more }
    const { run, asked } = stage((_, round) => released(['pay-needs-finance'], round === 0 ? 'alice' : 'bob'), () => decision('allow'), [], now)
    const facts = (await run()) as More
    assert.equal(facts.permit?.exchange, 'x')
    assert.deepEqual(asked.map(({ held }) => [held.decision.approvers, held.decision.reviewers]), [[undefined, undefined], [now.approvers, now.reviewers]])
  }
})

test('policies that always hold something else come to an end', async () => {
  let round = 0
  const { run } = stage(() => released([`p${round}`]), () => decision('hold', [`p${++round}`]))
  const said = await run()
  assert.ok(isRefusal(said) && said.refuse === 'approval_unavailable')
})

for (const [code, verdict] of [['approval_denied', 'denied'], ['approval_expired', 'expired'], ['approval_pending', 'pending'], ['approvals_full', 'denied']] as const) {
  test(`${code} refuses, and the receipt says ${verdict}`, async () => {
    const { run } = stage(() => ({ approval: 'a1', waited: 7, refusal: refuse(code) }), () => assert.fail())
    const said = await run()
    assert.ok(isRefusal(said))
    assert.deepEqual([said.refuse, said.known?.approval?.verdict, said.known?.approval?.waited], [code, verdict, 7])
  })
}

test('of several held targets only the one that was shown is released: no fall-back, and no mirror', async () => {
  const asked: (readonly string[])[] = []
  const held = { decision: decision('hold', ['h']), resource: { type: 'Model', id: 'a', attributes: {} }, context: {} } as const
  const { run } = stage(() => released(['h']), (_, approved) => (asked.push(approved), decision('allow')), [candidate('a'), candidate('b', 'fallback'), candidate('a', 'mirror')])
  const more = (await run({ held })) as More
  assert.deepEqual(more.permit?.candidates.map(({ id, role }) => [id, role]), [['a', 'primary']])
  assert.deepEqual(asked, [['h']], 'the others are decided without the consent')
})

test('what cannot be shown to a reviewer is not held', async () => {
  const { run, asked } = stage(() => assert.fail(), () => assert.fail())
  const said = await run({ reading: { action: 'egress.request' } as never })
  assert.ok(isRefusal(said) && said.refuse === 'approval_unavailable')
  assert.equal(asked.length, 0)
})
