import assert from 'node:assert/strict'
import type { Action } from '../contract/exchange.ts'
import type { Context, Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { loadPolicy, type Policy } from './load.ts'
import type { PolicyProblem } from './read.ts'
import type { Extras } from './schema.ts'

export const PERMIT = '@id("all") permit (principal, action, resource);'

export function load(text: string, extras: Extras = {}): Policy {
  const policy = loadPolicy([{ name: 'test.cedar', text }], extras)
  if ('authorize' in policy) return policy
  throw new Error(JSON.stringify(policy))
}

export function problems(text: string, extras: Extras = {}): readonly PolicyProblem[] {
  const policy = loadPolicy([{ name: 'test.cedar', text }], extras)
  assert.ok(!('authorize' in policy), 'it loads')
  assert.ok(policy.every((one) => one.file === 'test.cedar'))
  return policy
}

export function who(more: Partial<Principal> = {}): Principal {
  return { tenant: 'default', workload: 'key:a', chain: [], roles: [], proof: { kind: 'api_key', id: 'a' }, scope: { rights: [] }, ...more }
}

export function ask(more: { principal?: Principal; action?: Action; resource?: Question['resource']; context?: Partial<Record<string, Context[string]>> } = {}): Question {
  return {
    principal: more.principal ?? who(),
    action: more.action ?? 'llm.generate',
    resource: more.resource ?? { type: 'Model', id: 'openai/gpt', attributes: { provider: 'openai', model: 'gpt' } },
    context: {
      route: 'default', stream: false, direction: 'outbound', role: 'primary', effects: [], findings: [], score: 0,
      labels: { untrusted: false, sensitivity: 0 }, parameters: {}, time: { hour: 12, weekday: 3, unix: 1_800_000_000 },
      ...more.context,
    } as Context,
  }
}
