import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Receipt } from './contract/receipt.ts'
import { recordedOf, tally, type Recorded } from './policing.ts'

const receipt = {
  exchange: 'x', tenant: 'acme', workload: 'spiffe://sallyport.internal/coder', chain: ['ann', 'planner'], vouched: ['oidc:idp', 'task_token:t1'], action: 'tool.propose', proof: 'mtls:0a:1b',
  context: { route: 'default', role: 'primary' },
  asked: {
    principal: { roles: ['coder'], agent: 'build', task: 't1', scope: { tools: ['read*'], rights: [] } },
    targets: [{ resource: { type: 'Tool', id: 'pay', attributes: {} }, role: 'fallback', verdict: 'allow' }],
  },
} as unknown as Receipt

test('a receipt gives back the question with everything that policy could read of the principal', () => {
  const [one] = recordedOf(receipt) as readonly Recorded[]
  assert.deepEqual(one?.question, {
    principal: {
      tenant: 'acme', workload: 'spiffe://sallyport.internal/coder', chain: ['ann', 'planner'], vouched: [{ kind: 'oidc', id: 'idp' }, { kind: 'task_token', id: 't1' }],
      roles: ['coder'], agent: 'build', task: 't1', scope: { tools: ['read*'], rights: [] }, proof: { kind: 'mtls', id: '0a:1b' },
    },
    action: 'tool.propose',
    resource: { type: 'Tool', id: 'pay', attributes: {} },
    context: { route: 'default', role: 'fallback' },
  })
  assert.equal(one?.then, 'allow')
})

test('what a person released was held by policy; what nobody released stands as it is', () => {
  const said = (verdict: string, target: string): unknown => (recordedOf({ ...receipt, approval: { id: 'a', verdict, policies: ['h'], waited: 1 }, asked: { ...receipt.asked, targets: [{ ...receipt.asked?.targets[0], verdict: target }] } } as unknown as Receipt) as readonly Recorded[])[0]?.then
  assert.deepEqual([said('released', 'allow'), said('released', 'deny'), said('denied', 'hold'), said('expired', 'hold')], ['hold', 'deny', 'hold', 'hold'])
})

test('where flow held, replay compares with what policies alone had said', () => {
  const said = (target: object, policies?: readonly string[]): unknown => (recordedOf({ ...receipt, ...(policies && { approval: { id: 'a', verdict: 'released', policies, waited: 1 } }), asked: { ...receipt.asked, targets: [{ ...receipt.asked?.targets[0], ...target }] } } as unknown as Receipt) as readonly Recorded[])[0]?.then
  assert.deepEqual([said({ verdict: 'hold', own: 'allow' }), said({ verdict: 'deny', own: 'hold' })], ['allow', 'hold'])
  assert.deepEqual([said({ verdict: 'allow' }, ['builtin.flow.scope']), said({ verdict: 'allow' }, ['p', 'builtin.flow.scope'])], ['allow', 'hold'], 'released')
})

test('what cannot be asked again says why', () => {
  const { asked: _, ...old } = receipt
  assert.equal(recordedOf(old as Receipt), 'not recorded')
  assert.equal(recordedOf({ ...old, context: {} } as Receipt), 'not asked')
  assert.equal(recordedOf({ ...receipt, trimmed: true }), 'shortened')
})

test('changes are grouped, and however many there are memory is bounded', () => {
  const changes = tally()
  const [one] = recordedOf(receipt) as readonly [Recorded]
  const deny = { verdict: 'deny', policies: ['no'], errors: [] } as const
  for (let at = 0; at < 3000; at++) changes.take({ ...one, id: `e${at}` }, 'allow', deny)
  changes.take(one, 'deny', deny)
  changes.take(one, 'allow', { verdict: 'deny', policies: [], errors: ['p: broken'] })
  for (let at = 0; at < 12_000; at++) changes.take({ ...one, question: { ...one.question, resource: { type: 'Tool', id: `t${at}`, attributes: {} } } }, 'hold', { verdict: 'allow', policies: ['yes'], errors: [] })
  const { asked, changed, changes: found, left } = changes.result()
  assert.deepEqual([asked, changed, found.length, left], [15_002, 15_001, 10_000, 2_002])
  assert.deepEqual([found[0]?.count, found[0]?.exchanges.length, found[0]?.policies], [3000, 1000, ['no']])
  assert.deepEqual(found.find((other) => other.policies[0]?.startsWith('error') === true)?.policies, ['error: p: broken'])
})
