import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Candidate } from '../../contract/exchange.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal } from '../../contract/verdict.ts'
import { withinScope } from './scope.ts'

const candidate = (provider: string, model: string, role: Candidate['role'] = 'primary'): Candidate => ({ id: `${provider}/${model}`, provider, model, role, resource: { type: 'Model', id: `${provider}/${model}`, attributes: {} } })
const all = [candidate('a', 'small'), candidate('a', 'smaller', 'fallback'), candidate('b', 'small', 'fallback'), candidate('c', 'small', 'mirror')]

function within(scope: Omit<Principal['scope'], 'rights'>): readonly string[] | string {
  const allowed = withinScope(all, { tenant: 'default', workload: 'w', chain: [], roles: [], proof: { kind: 'task_token', id: 'x' }, scope: { ...scope, rights: [] } })
  return isRefusal(allowed) ? allowed.refuse : allowed.map(({ id }) => id)
}

test('a token for one model, by its name, keeps fail-over within that model', () => {
  assert.deepEqual(within({ models: ['small'] }), ['a/small', 'b/small', 'c/small'])
})

test('a token for one target goes nowhere else', () => {
  assert.deepEqual(within({ models: ['b/small'], audience: 'llm' }), ['b/small'])
})

test('an exact name is not a prefix', () => {
  assert.equal(within({ models: ['sm'] }), 'out_of_scope')
})

test('a token that names no model reaches none', () => {
  assert.equal(within({ models: [], tools: ['search'], audience: 'llm' }), 'out_of_scope')
})

test('a mirror alone is no target', () => {
  assert.equal(within({ models: ['c/small'] }), 'out_of_scope')
})

test('a token for another audience reaches none, whatever it names', () => {
  assert.equal(within({ models: ['small'], audience: 'mcp:files' }), 'out_of_scope')
})
