import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inScope, type Aim, type Principal } from './principal.ts'

const chat: Aim = { route: 'default', gateway: 'llm', resourceType: 'Model', resourceId: 'openai/gpt-5-mini', model: 'gpt-5-mini' }
const search: Aim = { route: 'default', gateway: 'llm', resourceType: 'Tool', resourceId: 'search' }
const evaluate: Aim = { route: 'guard', gateway: 'guard', resourceType: 'Endpoint', resourceId: 'guard' }

const rows: readonly [what: string, scope: Omit<Principal['scope'], 'rights'>, aim: Aim, inside: boolean][] = [
  ['no scope', {}, chat, true],
  ['no scope', {}, search, true],
  ['its route', { routes: ['default'] }, chat, true],
  ['another route', { routes: ['batch'] }, chat, false],
  ['a prefix of the route', { routes: ['def*'] }, chat, true],
  ['no route at all', { routes: [] }, chat, false],
  ['its model, as the provider calls it', { models: ['gpt-5-mini'] }, chat, true],
  ['its model, as the target is called', { models: ['openai/gpt-5-mini'] }, chat, true],
  ['another model', { models: ['gpt-5'] }, chat, false],
  ['no model at all', { models: [] }, chat, false],
  ['models say nothing about tools', { models: [] }, search, true],
  ['its tool', { tools: ['search'] }, search, true],
  ['tools say nothing about models', { tools: ['search'] }, chat, true],
  ['another tool', { tools: ['sea'] }, search, false],
  ['no tool at all', { tools: [] }, search, false],
  ['its audience', { audience: 'llm' }, chat, true],
  ['another audience', { audience: 'guard' }, chat, false],
  ['an audience that is only a prefix', { audience: 'll' }, chat, false],
  ['one server of several', { audience: 'mcp:files' }, { ...search, gateway: 'mcp:files' }, true],
  ['all servers at one place', { audience: 'mcp' }, { ...search, gateway: 'mcp:files' }, true],
  ['all servers, and a model', { audience: 'mcp' }, chat, false],
  ['one server, and all of them', { audience: 'mcp:files' }, { ...search, gateway: 'mcp' }, false],
  ['the other server', { audience: 'mcp:files' }, { ...search, gateway: 'mcp:mail' }, false],
  ['the guard', { audience: 'guard', routes: ['guard'] }, evaluate, true],
  ['what the house asks for the call', { audience: 'llm' }, { ...evaluate, route: 'default', gateway: 'classifier' }, true],
  ['what the house asks, beyond the route', { audience: 'llm', routes: ['batch'] }, { ...evaluate, route: 'default', gateway: 'judge' }, false],
  ['renewing what one has', { routes: ['batch'] }, { route: 'identity', gateway: 'identity', resourceType: 'Endpoint', resourceId: 'renew' }, true],
  ['renewing with a token for something else', { audience: 'llm' }, { route: 'identity', gateway: 'identity', resourceType: 'Endpoint', resourceId: 'renew' }, false],
  ['giving less of itself away', { audience: 'llm', routes: [], models: [], tools: [] }, { route: 'token', gateway: 'token', resourceType: 'Endpoint', resourceId: 'token' }, true],
]

for (const [what, scope, aim, inside] of rows) {
  test(`${what}: ${aim.gateway} ${aim.resourceType} ${inside ? 'inside' : 'outside'} ${JSON.stringify(scope)}`, () => {
    const principal: Principal = { tenant: 'default', workload: 'w', chain: [], roles: [], proof: { kind: 'task_token', id: 'x' }, scope: { ...scope, rights: [] } }
    assert.equal(inScope(principal, aim), inside)
  })
}
