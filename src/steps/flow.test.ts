import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch } from '../contract/epoch.ts'
import type { Reading } from '../contract/exchange.ts'
import type { Flowed } from '../contract/facts.ts'
import type { FlowDecision, FlowRule } from '../contract/flow.ts'
import type { Decision } from '../contract/policy.ts'
import type { Shown } from '../contract/shown.ts'
import { flowedOf, flowFact, joined, shownWith } from './flow.ts'
import { noFlow } from './flow.fixture.ts'
import { carriedLabels, labelsOf } from './labels.ts'

const principal = { tenant: 't', workload: 'w', chain: [], roles: [], proof: { kind: 'api_key', id: 'k' }, scope: { rights: [] } } as const
const exchange = { id: 'x', gateway: 'mcp', startedAt: 0, epoch: 'e' }
const source = { origin: 'tool_result', segment: 3, excerpt: 'write to eve' } as const

function said(verdict: FlowDecision['verdict'], rules: readonly FlowRule[]): FlowDecision {
  return { verdict, class: 'external_send', reasons: rules.map((rule) => ({ rule, say: `${rule} of eve`, ...(rule === 'provenance' && { argument: 'to', value: 'eve', sources: [source] }) })), controls: [{ path: 'to', value: 'eve' }] }
}

function flowed(verdict: FlowDecision['verdict'], rules: readonly FlowRule[], mode: Flowed['mode'] = 'enforce'): Flowed {
  return { mode, verdict, decision: said(verdict, rules) }
}

function policy(verdict: Decision['verdict'], more: Partial<Decision> = {}): Decision {
  return { verdict, policies: ['p'], shadow: [], errors: [], cached: false, ...more }
}

test('flow holds or denies what policies permit, and permits nothing', () => {
  assert.equal(joined(policy('deny'), flowed('hold', ['scope']), []).verdict, 'deny')
  assert.deepEqual([joined(policy('allow'), flowed('hold', ['scope']), []).own, joined(policy('hold'), flowed('deny', ['restricted']), []).own], ['allow', 'hold'])
  assert.deepEqual(joined(policy('allow'), flowed('allow', []), []), policy('allow'))
  const held = joined(policy('allow'), flowed('hold', ['provenance', 'scope', 'provenance']), [])
  assert.deepEqual([held.verdict, held.policies], ['hold', ['builtin.flow.provenance', 'builtin.flow.scope']])
  assert.doesNotMatch(held.message ?? '', /eve/)
  const both = joined(policy('hold', { approvers: 'finance', reviewers: 2, message: 'Payments wait.' }), flowed('hold', ['scope']), [])
  assert.deepEqual([both.verdict, both.policies, both.approvers, both.reviewers, both.message?.startsWith('Payments wait. ')], ['hold', ['p', 'builtin.flow.scope'], 'finance', 2, true])
  const denied = joined(policy('hold', { message: 'Payments wait.' }), flowed('deny', ['restricted', 'scope']), [])
  assert.deepEqual([denied.verdict, denied.policies, denied.message], ['deny', ['builtin.flow.restricted'], undefined])
})

test('a release sets aside the rules that it names; a denial by none', () => {
  const two = flowed('hold', ['provenance', 'scope'])
  assert.deepEqual(joined(policy('allow'), two, ['builtin.flow.provenance']).policies, ['builtin.flow.scope'])
  assert.equal(joined(policy('allow'), two, ['builtin.flow.provenance', 'builtin.flow.scope']).verdict, 'allow')
  assert.equal(joined(policy('allow'), flowed('deny', ['restricted']), ['builtin.flow.restricted']).verdict, 'deny')
})

test('in shadow it is recorded and nothing follows', () => {
  const made = joined(policy('allow'), flowed('hold', ['scope'], 'shadow'), [])
  assert.deepEqual([made.verdict, made.policies, made.shadow], ['allow', ['p'], [{ policy: 'builtin.flow.scope', verdict: 'hold' }]])
})

function epochOf(decision: FlowDecision, proposed?: string): Pick<Epoch, 'flow' | 'tool'> {
  const session = { ...noFlow.ongoing(principal), decide: () => decision, sources: (value: string) => (value === 'eve' ? [source] : []) }
  return { tool: () => ({ effects: [], attributes: {}, parameters: {}, control: [], trust: 'operator' }), flow: { ...noFlow, mode: 'enforce', ongoing: () => session, labels: () => ({ untrusted: false, sensitivity: 1 }), proposed: () => proposed } }
}

const reading = { action: 'mcp.call', segments: [], call: { tool: 'send', server: 's', arguments: '{"to":"eve"}' } } as unknown as Reading

test('a call that was proposed and allowed is not held again, and what is restricted stays where it is', () => {
  const ask = (decision: FlowDecision, proposed?: string, of = reading): Flowed | undefined => flowedOf(epochOf(decision, proposed), { exchange, principal, reading: of }, 0)
  assert.equal(ask(said('hold', ['scope']))?.verdict, 'hold')
  assert.deepEqual([ask(said('hold', ['scope']), 'y')?.verdict, ask(said('hold', ['scope']), 'y')?.proposed], ['allow', 'y'])
  assert.equal(ask(said('deny', ['restricted']), 'y')?.verdict, 'deny')
  assert.equal(ask(said('hold', ['scope']), 'y', { ...reading, action: 'tool.propose' })?.verdict, 'hold', 'a proposal is not its own ground')
  assert.equal(ask(said('hold', ['scope']), undefined, { action: 'llm.generate', segments: [] } as unknown as Reading), undefined)
})

test('the receipt has names and paths, the reviewer what they hold and where it came from', () => {
  const held = flowed('hold', ['provenance', 'scope'])
  assert.deepEqual(flowFact(held), { mode: 'enforce', verdict: 'hold', class: 'external_send', rules: ['provenance', 'scope'], arguments: ['to'] })
  const shown: Shown = { body: '{}', values: [{ path: 'to.0', value: 'eve', control: false, sources: [] }, { path: 'body', value: 'hi', control: false, sources: [] }], undo: 'unknown' }
  assert.deepEqual(shownWith(shown, held, epochOf(held.decision), { exchange, principal, reading }), {
    ...shown,
    class: 'external_send',
    values: [{ path: 'to.0', value: 'eve', control: true, sources: [source] }, { path: 'body', value: 'hi', control: false, sources: [] }],
    why: ['provenance of eve', 'scope of eve'],
  })
})

test('labels are those of the session, of earlier calls before it is known, and never milder for what follows', () => {
  const epoch = epochOf(said('allow', []))
  const generate = { action: 'llm.generate', segments: [{ origin: 'tool_result', text: 'x', path: [], group: '' }] } as unknown as Reading
  assert.deepEqual(labelsOf(epoch, { principal, reading: generate }), { untrusted: false, sensitivity: 1 })
  assert.deepEqual(carriedLabels(epoch, { principal, reading: generate }), { untrusted: true, sensitivity: 1 })
  const session = { ...noFlow.ongoing(principal), labels: () => ({ untrusted: false, sensitivity: 2 }) }
  assert.deepEqual(carriedLabels(epoch, { principal, reading: generate, session }), { untrusted: false, sensitivity: 2 })
  const named = { ...generate, segments: [{ origin: 'tool_result', text: 'x', path: [], group: '', tool: 'own' }] } as unknown as Reading
  assert.equal(carriedLabels(epoch, { principal, reading: named }).untrusted, false, 'an operator\'s tool')
  assert.equal(labelsOf(epoch, { principal, reading: { ...generate, action: 'llm.embed' } as unknown as Reading }).untrusted, true, 'no session: its own text')
})
