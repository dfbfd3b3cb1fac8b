import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ToolClass } from '../contract/tool_class.ts'
import { loadPolicy } from './load.ts'
import { policySettings, settlePolicy } from './settings.ts'
import { toolFactsOf } from './tools.ts'
import { settleTools, toolsSettings, type ToolsSettings } from './tools/settings.ts'

function wrong(written: unknown): string {
  const parsed = toolsSettings.safeParse(written)
  assert.ok(!parsed.success, 'it is accepted')
  const [first] = parsed.error.issues
  return `${first?.path.join('.')}: ${first?.message}`
}

test('the most specific name counts, and an unknown tool has no facts', () => {
  const facts = toolFactsOf(settleTools(toolsSettings.parse({ 'pay*': { class: 'money' }, pay_in: { class: 'internal_write' }, 'pay_o*': { class: 'destructive' }, 'files*': { class: 'read' } })))
  assert.deepEqual(['pay', 'pay_in', 'pay_in2', 'pay_out', 'mail'].map((name) => facts(name).class), ['money', 'internal_write', 'money', 'destructive', undefined])
  assert.equal(facts('files*').class, 'read', 'by its prefix')
  assert.deepEqual(facts('mail'), { effects: [], attributes: {}, parameters: {}, control: [] })
  assert.equal(toolFactsOf(settleTools(toolsSettings.parse({ '*': { class: 'read' } })))('anything').class, 'read')
})

test('a class brings its effects, and configuration adds to them', () => {
  const of = (kind: ToolClass, effects?: ToolsSettings[string]['effects']): readonly string[] => toolFactsOf(settleTools({ x: { class: kind, ...(effects && { effects }) } }))('x').effects
  assert.deepEqual(
    (['read', 'internal_write', 'external_send', 'money', 'destructive', 'privilege', 'code_execution'] as const).map((kind) => of(kind).join()),
    ['read', 'internal_write', 'external_write', 'external_write,money', 'destructive', 'privilege', 'code_execution'],
  )
  assert.deepEqual(of('money', ['read', 'money']), ['external_write', 'money', 'read'])
})

test('what is said of a tool stands in its attributes', () => {
  const { attributes, control } = toolFactsOf(settleTools(toolsSettings.parse({ pay: { class: 'money', environment: 'production', sensitivity: 2, tags: ['eu'], control: ['to', 'items.0.sku'] } })))('pay')
  assert.deepEqual(attributes, { class: 'money', environment: 'production', sensitivity: 2, tags: ['eu'] })
  assert.deepEqual(control, ['to', 'items.0.sku'])
})

test('each mistake is named at its place', () => {
  assert.match(wrong({ 'a*b': {} }), /^a\*b: /)
  assert.match(wrong({ a: { class: 'writes' } }), /^a\.class: /)
  assert.match(wrong({ a: { sensitivity: 4 } }), /^a\.sensitivity: /)
  assert.match(wrong({ a: { parameters: { 'to.name': 'String' } } }), /^a\.parameters\.to\.name: /)
  assert.match(wrong({ a: { control: ['a..b'] } }), /^a\.control\.0: /)
  assert.match(wrong({ a: { parameters: { argumentBytes: 'Long' } } }), /Sallyport itself/)
  assert.match(wrong({ a: { parameters: { amount: 'Long' } }, b: { parameters: { amount: 'String' } } }), /^b\.parameters\.amount: the tool "b" says that "amount" is a String, the tool "a" that it is a Long/)
})

test('parameters of all tools are what policies may read of proposed and of called tools, and nowhere else', () => {
  const tools = settleTools({ pay: { parameters: { amount: 'Long' } }, mail: { parameters: { to: 'String' } } })
  const { extras } = settlePolicy(policySettings.parse({ declare: { parameters: { 'tool.propose': { mine: 'Boolean' } } } }), [], tools)
  const load = (action: string, type: string, parameter: string): boolean =>
    'authorize' in loadPolicy([{ name: 'x', text: `@id("x") forbid (principal, action == Action::"${action}", resource is ${type}) when { context.parameters has ${parameter} };` }], extras)
  for (const action of ['tool.propose', 'mcp.call']) for (const name of ['amount', 'to']) assert.equal(load(action, 'Tool', name), true)
  assert.equal(load('tool.propose', 'Tool', 'mine'), true)
  assert.equal(load('mcp.call', 'Tool', 'mine'), false)
  assert.equal(load('llm.generate', 'Model', 'amount'), false)
  assert.throws(
    () => settlePolicy(policySettings.parse({ declare: { parameters: { '*': { amount: 'String' } } } }), [], tools),
    (error: Error & { path?: unknown }) => JSON.stringify(error.path) === '["policy","declare","parameters","*","amount"]' && /Long where a tool/.test(error.message),
  )
})

test('facts of history are settled, and those that say nothing sensible are refused', () => {
  const { history, extras } = settlePolicy(policySettings.parse({
    history: { transfers_1h: { kind: 'count', of: ['mcp.call'], resource: { type: 'Tool', id: 'pay*', class: 'money' }, within: '1h', per: 'task' }, paid: { kind: 'sum', of: ['mcp.call'], parameter: 'amount', within: '7d', verdict: 'any' }, secret: { kind: 'once', of: ['mcp.call'], within: '1d' } },
  }))
  assert.deepEqual(history[0], { name: 'transfers_1h', kind: 'count', of: ['mcp.call'], resource: { type: 'Tool', id: 'pay*', attributes: { class: 'money' } }, verdict: 'allowed', within: 3_600_000, per: 'task' })
  assert.deepEqual(extras.history, { transfers_1h: 'Long', paid: 'Long', secret: 'Boolean' })
  const text = '@id("x") forbid (principal, action == Action::"mcp.call", resource) when { context.history.transfers_1h >= 3 && !context.history.secret };'
  assert.ok('authorize' in loadPolicy([{ name: 'x', text }], extras))
  for (const fact of [{ kind: 'sum', of: ['mcp.call'], within: '1h' }, { kind: 'count', of: ['mcp.call'], within: '1h', parameter: 'x' }, { kind: 'count', of: [], within: '1h' }, { kind: 'count', of: ['mcp.call'], within: '31d' }, { kind: 'count', of: ['mcp.call'], within: '10ms' }, { kind: 'count', of: ['mcp.call'], within: '1h', resource: { id: 5 } }]) {
    assert.equal(policySettings.safeParse({ history: { x: fact } }).success, false, JSON.stringify(fact))
  }
})
