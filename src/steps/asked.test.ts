import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Facts } from '../contract/facts.ts'
import type { Decision } from '../contract/policy.ts'
import { askedFact } from './asked.ts'

const principal = { tenant: 'acme', workload: 'key:a', chain: [], roles: ['coder'], agent: 'build', proof: { kind: 'api_key', id: 'a' }, scope: { rights: [], models: ['small*'] } }
const candidate = (id: string, role = 'fallback'): object => ({ id, role, resource: { type: 'Model', id, attributes: { model: id } } })
const said = (verdict: Decision['verdict']): Decision => ({ verdict, policies: [], shadow: [], errors: [], cached: false })
const [a, b, c] = [candidate('a', 'primary'), candidate('b'), candidate('c', 'mirror')]

function verdicts(more: object): unknown {
  return askedFact({ principal, reading: { effect: 'dial' }, candidates: [a, b, c], ...more } as unknown as Facts)?.targets.map(({ resource, role, verdict }) => `${resource.id} ${role} ${verdict}`)
}

test('nobody, and what policy was never asked about, leaves nothing', () => {
  assert.equal(askedFact({} as unknown as Facts), undefined)
  assert.equal(askedFact({ principal, reading: { effect: 'dial' } } as unknown as Facts), undefined)
  assert.equal(askedFact({ principal, reading: { effect: 'dial' }, decisions: [] } as unknown as Facts), undefined)
})

test("the principal's attributes are its own objects, and what it lacks is absent", () => {
  const resource = { type: 'Tool', id: 'pay', attributes: {} }
  const fact = askedFact({ principal, reading: { effect: 'none', resource }, decisions: [said('hold')] } as unknown as Facts)
  assert.deepEqual(fact, { principal: { roles: ['coder'], agent: 'build', scope: principal.scope }, targets: [{ resource, role: 'primary', verdict: 'hold' }] })
  assert.equal(fact?.principal.scope, principal.scope)
})

test('what policies alone had said stands beside what flow made of it', () => {
  const resource = { type: 'Tool', id: 'pay', attributes: {} }
  const held = { ...said('hold'), own: 'allow' }
  assert.deepEqual(askedFact({ principal, reading: { effect: 'none', resource }, decisions: [held] } as unknown as Facts)?.targets, [{ resource, role: 'primary', verdict: 'hold', own: 'allow' }])
  assert.equal(askedFact({ principal, reading: { effect: 'dial' }, candidates: [a], decisions: [held] } as unknown as Facts)?.targets[0]?.own, 'allow')
})

test('every candidate stands with its role and the last that policy said to it', () => {
  assert.deepEqual(verdicts({ decisions: [said('allow'), said('deny'), said('hold')] }), ['a primary allow', 'b fallback deny', 'c mirror hold'], 'asked once')
  assert.deepEqual(verdicts({ decisions: [said('deny'), said('deny')], permit: { candidates: [a, c] } }), ['a primary deny', 'b fallback deny', 'c mirror deny'], 'refused when the guards had looked')
  assert.deepEqual(verdicts({ decisions: [said('allow'), said('deny')], permit: { candidates: [a] } }), ['a primary allow', 'b fallback deny', 'c mirror deny'], 'fewer permitted then')
  assert.deepEqual(verdicts({ decisions: [said('hold'), said('allow')], permit: { candidates: [b] } }), ['a primary hold', 'b fallback allow', 'c mirror hold'])
  assert.deepEqual(verdicts({ decisions: [said('deny'), said('hold')], permit: { candidates: [b] }, held: {} }), ['a primary deny', 'b fallback hold', 'c mirror deny'], 'nobody released it')
})

test('what came to light beside the call counts', () => {
  const late = { guarded: { late: () => ({ decisions: [said('deny'), said('allow'), said('allow')] }) } }
  assert.deepEqual(verdicts({ decisions: [said('allow'), said('allow'), said('allow')], permit: { candidates: [a, b, c] }, ...late }), ['a primary deny', 'b fallback allow', 'c mirror allow'])
})
