import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { UNKNOWN_TOOL, type ToolFacts } from '../contract/tool.ts'
import { loadPolicy, type Policy } from './load.ts'
import type { Rule } from './rule.ts'

const pay: ToolFacts = { ...UNKNOWN_TOOL, class: 'money', parameters: { to: 'String', amount: 'Long', tags: 'StringSet', note: 'String' }, control: ['to', 'tags', 'deep.path'] }

function load(): Policy {
  const policy = loadPolicy([{ name: 'x', text: '@id("all") permit (principal, action, resource); @id("money") @verdict("hold") forbid (principal, action == Action::"tool.propose", resource);' }], { parameters: { 'tool.propose': pay.parameters } })
  assert.ok('authorize' in policy)
  return policy
}
const policy = load()

function rule(text: string): Rule {
  const made = policy.rule(text)
  assert.ok('matches' in made, JSON.stringify(made))
  return made
}

function wrong(text: string): string {
  const made = policy.rule(text)
  assert.ok(!('matches' in made), 'it is accepted')
  const [first] = made
  return `${first?.file}:${first?.line}:${first?.column} ${first?.message}`
}

function ask(parameters: Record<string, unknown> = { to: 'bob', amount: 5 }, principal: Partial<Principal> = {}, id = 'pay'): Question {
  return {
    principal: { tenant: 'default', workload: 'spiffe://sallyport.internal/a', chain: [], roles: ['clerk'], proof: { kind: 'mtls', id: 'x' }, scope: { rights: [] }, ...principal },
    action: 'tool.propose',
    resource: { type: 'Tool', id, attributes: {} },
    context: { route: 'default', stream: false, direction: 'inbound', role: 'primary', effects: [], findings: [], score: 0, labels: { untrusted: false, sensitivity: 0 }, parameters: parameters as never, time: { hour: 1, weekday: 1, unix: 1 } },
  }
}

test('a rule matches what it says, and is not even asked about other actions', () => {
  const clerks = rule('permit (principal in Role::"clerk", action == Action::"tool.propose", resource == Tool::"pay") when { context.parameters has amount && context.parameters.amount < 10 };')
  assert.equal(clerks.matches(ask()), true)
  assert.equal(clerks.matches(ask({ amount: 10 })), false)
  assert.equal(clerks.matches(ask({ amount: 5 }, { roles: [] })), false)
  assert.equal(clerks.concerns(ask()), true)
  assert.equal(clerks.concerns({ ...ask(), action: 'mcp.call' }), false)
  assert.equal(rule('@id("mine") permit (principal, action, resource);').matches({ ...ask(), resource: { type: 'Spaceship', id: 'x', attributes: {} } }), false)
})

test('what cannot be evaluated is not covered', () => {
  const overflow = rule('permit (principal, action == Action::"tool.propose", resource) when { context.score + 1 > 0 };')
  assert.equal(overflow.matches(ask()), true)
  assert.equal(overflow.matches({ ...ask(), context: { ...ask().context, score: '1' } }), false)
  const { score: _, ...without } = ask().context
  assert.equal(overflow.matches({ ...ask(), context: without }), false)
  const error = rule('permit (principal, action == Action::"tool.propose", resource) when { (context.score + 1) * 9223372036854775807 >= 0 };')
  assert.equal(error.matches({ ...ask(), context: { ...ask().context, score: 9 } }), false)
})

test('a rule is one valid permit and nothing else', () => {
  assert.match(wrong(''), /exactly one permit/)
  assert.match(wrong('permit (principal, action, resource); permit (principal, action, resource);'), /exactly one permit/)
  assert.match(wrong('permit (principal == ?principal, action, resource);'), /exactly one permit/)
  assert.match(wrong('forbid (principal, action, resource);'), /cannot forbid/)
  assert.match(wrong('@verdict("hold") permit (principal, action, resource);'), /@verdict means nothing/)
  assert.match(wrong('@mode("shadow") permit (principal, action, resource);'), /@mode means nothing/)
  assert.match(wrong('@id("builtin.x") permit (principal, action, resource);'), /reserved/)
  assert.match(wrong(`permit (principal, action, resource) when { context.route == "${'x'.repeat(4096)}" };`), /longer than 4096/)
  assert.match(wrong('permit (principal, action,\n  resource'), /^rule:2:/)
  assert.match(wrong('permit (principal, action == Action::"tool.propose", resource)\nwhen { context.nonsense };'), /^rule:2:8 .*nonsense/)
  assert.match(wrong('permit (principal, action == Action::"tool.propose", resource)\nwhen { context.parameters has amuont };'), /amuont/)
})

test('the suggested rule covers the call that it was made of and no other that differs in what counts', () => {
  const asked = ask({ to: 'bob', amount: 5, note: 'for lunch' }, { chain: ['ann'] })
  const text = policy.suggest(asked, pay)
  assert.equal(text, `permit (
  principal == Workload::"spiffe://sallyport.internal/a",
  action == Action::"tool.propose",
  resource == Tool::"pay"
)
when {
  principal has user && principal.user == User::"ann" &&
  context.parameters has to && context.parameters.to == "bob" &&
  context.parameters has amount && context.parameters.amount <= 5 &&
  !(context.parameters has tags)
};
`)
  const suggested = rule(text)
  assert.equal(suggested.matches(asked), true)
  assert.equal(suggested.matches(ask({ to: 'bob', amount: 3, note: 'other' }, { chain: ['ann', 'svc'] })), true)
  for (const other of [ask({ to: 'eve', amount: 5 }, { chain: ['ann'] }), ask({ to: 'bob', amount: 6 }, { chain: ['ann'] }), ask({ amount: 5 }, { chain: ['ann'] }), ask({ to: 'bob', amount: 5, tags: [] }, { chain: ['ann'] }), ask(), ask({ to: 'bob', amount: 5 }, { chain: ['ann'] }, 'pay2'), ask({ to: 'bob', amount: 5 }, { chain: ['ann'], workload: 'w' })]) {
    assert.equal(suggested.matches(other), false)
  }
  assert.equal(policy.suggest(ask({}), UNKNOWN_TOOL)?.includes('when'), false)
})

test('whatever the values: a suggested rule covers its own question and shows every character', () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\u202e', '\u0000', '{', '*', '\u{1f600}', '\u2028'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })), maxLength: 20 })
  fc.assert(
    fc.property(text, text, text, fc.array(text, { maxLength: 3 }), fc.maxSafeInteger(), (id, workload, to, tags, amount) => {
      const asked = ask({ to, tags, amount }, { workload }, id)
      const suggested = policy.suggest(asked, pay)
      assert.ok(suggested !== undefined)
      assert.ok(!/[^\n\P{C}]/u.test(suggested))
      assert.equal(rule(suggested).matches({ ...asked, resource: { ...asked.resource, id: `${id}x` } }), false)
    }),
    { numRuns: 100 },
  )
})

test('a released hold is what a rule comes to: no forbid gives way to it', () => {
  const asked = ask()
  assert.equal(policy.authorize(asked).verdict, 'hold')
  assert.equal(rule(policy.suggest(asked, pay) ?? '').matches(asked), true)
  assert.equal(policy.authorize(asked).verdict, 'hold', 'a rule is no policy')
  assert.equal(policy.release(asked, policy.authorize(asked).policies).verdict, 'allow')
})
