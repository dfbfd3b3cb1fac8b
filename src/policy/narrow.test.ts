import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Context, Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { askTogether } from './ask.ts'
import { conditionsOf } from './conditions.ts'
import { makeSlice, type Slice } from './decide.ts'
import { makeNarrow } from './narrow.ts'
import { readerOf } from './question.ts'
import { readPolicies, type ReadPolicy } from './read.ts'
import { makeSchema, type Schema } from './schema.ts'
import type { Reads } from './telling.ts'

const schema = makeSchema({ parameters: { 'tool.propose': { amount: 'Long', to: 'String' } }, attributes: { Tool: { flagged: 'Boolean' } }, dimensions: { zone: 'String' } })

function read(text: string, of: Schema = schema): readonly ReadPolicy[] {
  const policies = readPolicies([{ name: 'test.cedar', text }], of)
  if ('problems' in policies) throw new Error(JSON.stringify(policies.problems))
  return policies
}

/** The same slice with every set asked whole. */
function whole(policies: readonly ReadPolicy[]): Slice {
  const slice = makeSlice('tool.propose', 'Tool', policies, schema)
  const all = (members: readonly ReadPolicy[]): Slice['enforced'] => askTogether('tool.propose', 'Tool', members, schema)
  return {
    ...slice,
    enforced: all(policies.filter((one) => one.set === 'enforced')),
    holds: all(policies.filter((one) => one.set === 'holds')),
    shadow: all(policies.filter((one) => one.set === 'shadow' && one.verdict !== 'allow')),
  }
}

const names = ['a', 'b', 'ab', '\u{fffd}']
const name = fc.constantFrom(...names)
const quoted = name.map((one) => JSON.stringify(one))
const number = fc.constantFrom('-1', '0', '1', '2', '9007199254740993', '9223372036854775807')
const operator = fc.constantFrom('<', '<=', '>', '>=', '==', '!=')
const texts = fc.array(quoted, { minLength: 1, maxLength: 3 }).map((all) => `[${all.join(', ')}]`)
const textPath = fc.constantFrom('resource.id', 'principal.id', 'principal.tenant', 'context.route', 'context.gateway', 'principal.proof')
const setPath = fc.constantFrom('principal.roles', 'context.effects', 'context.findings', 'principal.chain')
const longPath = fc.constantFrom('context.score', 'context.labels.sensitivity', 'context.anomaly')
const guarded = fc.oneof(
  fc.tuple(fc.constantFrom(['resource', 'server'], ['resource', 'environment'], ['principal', 'cohort'], ['principal', 'agent'], ['context.parameters', 'to']), quoted).map(([[base, attr], value]) => `${base} has ${attr} && ${base}.${attr} == ${value}`),
  fc.tuple(operator, number).map(([sign, value]) => `context.parameters has amount && context.parameters.amount ${sign} ${value}`),
  quoted.map((value) => `resource has tags && resource.tags.contains(${value})`),
  quoted.map((value) => `principal has user && principal.user == User::${value}`),
  quoted.map((value) => `context has dimensions.zone && context.dimensions.zone == ${value}`),
  quoted.map((value) => `(if resource has kind then resource.kind != ${value} else false)`),
  quoted.map((value) => `(!(resource has kind) || resource.kind == ${value})`),
  fc.constant('resource has flagged && resource.flagged'),
  fc.constant('(!(resource has flagged) || !resource.flagged)'),
)
/** Each of these is an error for some questions. */
const failing = fc.constantFrom('context.score * 9223372036854775807 > 0', 'context.labels.sensitivity + 9223372036854775807 > 0', 'ip(context.route).isLoopback()', 'decimal(resource.id).lessThan(decimal("1.0"))')
const leaf = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(textPath, fc.constantFrom('==', '!='), quoted).map(([path, sign, value]) => `${path} ${sign} ${value}`) },
  { weight: 1, arbitrary: fc.tuple(textPath, quoted).map(([path, value]) => `${value} == ${path}`) },
  { weight: 3, arbitrary: fc.tuple(setPath, quoted).map(([path, value]) => `${path}.contains(${value})`) },
  { weight: 3, arbitrary: fc.tuple(setPath, fc.constantFrom('containsAny', 'containsAll'), texts).map(([path, method, all]) => `${path}.${method}(${all})`) },
  { weight: 1, arbitrary: fc.tuple(texts, textPath).map(([all, path]) => `${all}.contains(${path})`) },
  { weight: 2, arbitrary: fc.tuple(longPath, operator, number).map(([path, sign, value]) => `${path} ${sign} ${value}`) },
  { weight: 1, arbitrary: fc.tuple(number, operator, longPath).map(([value, sign, path]) => `${value} ${sign} ${path}`) },
  { weight: 1, arbitrary: fc.tuple(textPath, fc.constantFrom('a*', '*', 'a', '*b', 'a*b', '\\\\*')).map(([path, pattern]) => `${path} like "${pattern.replace('\\\\', '\\')}"`) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('principal in Role', 'principal in Tenant', 'principal == Workload', 'principal in Workload', 'principal is Workload in Role', 'resource == Tool', 'resource in Tool'), quoted).map(([head, id]) => `${head}::${id}`) },
  { weight: 1, arbitrary: fc.tuple(quoted, quoted).map(([a, b]) => `principal in [Role::${a}, Role::${b}]`) },
  { weight: 1, arbitrary: fc.constantFrom('context.labels.untrusted', 'context.stream', 'context.in_scope', 'principal is Workload', 'resource is Tool', 'action == Action::"tool.propose"', 'context.effects.isEmpty()', 'true', 'context.labels == {untrusted: true, sensitivity: 1}', 'principal.id == resource.id') },
  { weight: 3, arbitrary: guarded.map((one) => `(${one})`) },
  { weight: 1, arbitrary: failing },
)
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    leaf,
    fc.tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression')).map(([left, sign, right]) => `(${left} ${sign} ${right})`),
    tie('expression').map((one) => `!(${one})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([when, yes, no]) => `(if ${when} then ${yes} else ${no})`),
  ),
}))
const principalScope = fc.oneof(
  { weight: 2, arbitrary: fc.constant('principal') },
  fc.constant('principal is Workload'),
  fc.tuple(fc.constantFrom('principal == Workload', 'principal in Role', 'principal in Tenant', 'principal is Workload in Role', 'principal is Workload in Tenant', 'principal in Workload'), quoted).map(([head, id]) => `${head}::${id}`),
)
const resourceScope = fc.oneof({ weight: 2, arbitrary: fc.constant('resource') }, fc.constant('resource is Tool'), fc.tuple(fc.constantFrom('resource == Tool', 'resource in Tool'), quoted).map(([head, id]) => `${head}::${id}`))
// Single conditions often, because those are what policies wait under.
const conjuncts = fc.oneof({ weight: 2, arbitrary: leaf.map((one) => [one]) }, { weight: 1, arbitrary: fc.array(expression, { minLength: 1, maxLength: 3 }) })
const clause = fc.tuple(fc.constantFrom('when', 'when', 'unless'), conjuncts).map(([kind, all]) => `${kind} { ${all.join(' && ')} }`)
const policy = fc
  .tuple(fc.constantFrom('permit', 'permit', 'forbid', 'forbid', 'hold', 'shadow'), principalScope, resourceScope, fc.oneof(fc.array(clause, { maxLength: 1 }), fc.array(clause, { maxLength: 2 })))
  .map(([kind, principal, resource, clauses]) => `${kind === 'permit' ? 'permit' : `${kind === 'hold' ? '@verdict("hold") ' : kind === 'shadow' ? '@mode("shadow") ' : ''}forbid`} (${principal}, action == Action::"tool.propose", ${resource}) ${clauses.join(' ')};`)
  // Cedar refuses what can never apply; whatever else it accepts is asked about.
  .filter((text) => !('problems' in readPolicies([{ name: 'one', text: `@id("one") ${text}` }], schema)))

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const present = (all: Record<string, unknown>): Record<string, never> => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, never>
const some = fc.uniqueArray(name, { maxLength: 3 })
const question: fc.Arbitrary<Question> = fc
  .record({
    workload: name, tenant: name, roles: some, chain: some, cohort: optional(name), agent: optional(name), id: name, server: optional(name), environment: optional(name), kind: optional(name), tags: optional(some), flagged: optional(fc.boolean()),
    route: fc.constantFrom('a', 'b', '127.0.0.1'), gateway: optional(name), effects: some, findings: some, score: fc.constantFrom(0, 1, 2), untrusted: fc.boolean(), sensitivity: fc.nat(2), stream: fc.boolean(),
    amount: optional(fc.constantFrom(-1, 0, 1, 2)), to: optional(name), zone: optional(name), spoil: optional(fc.constantFrom('score', 'labels', 'route', 'parameters', 'type', 'half')),
  })
  .map((one) => {
    const principal: Principal = { tenant: one.tenant, workload: one.workload, chain: one.chain, roles: one.spoil === 'half' ? ['\ud800'] : one.roles, proof: { kind: 'none', id: '' }, scope: { rights: [] }, ...present({ cohort: one.cohort, agent: one.agent }) }
    const context: Record<string, unknown> = {
      route: one.route, effects: one.effects, findings: one.findings, score: one.spoil === 'type' ? '1' : one.score, labels: { untrusted: one.untrusted, sensitivity: one.sensitivity }, stream: one.stream, direction: 'inbound', role: 'primary',
      parameters: present({ amount: one.amount, to: one.to }), ...present({ gateway: one.gateway, dimensions: one.zone === undefined ? undefined : { zone: one.zone } }), time: { hour: 0, weekday: 0, unix: 0 },
    }
    if (one.spoil !== undefined) delete context[one.spoil]
    return { principal, action: 'tool.propose', resource: { type: 'Tool', id: one.id, attributes: present({ server: one.server, environment: one.environment, kind: one.kind, tags: one.tags, flagged: one.flagged }) }, context: context as Context }
  })

test('whatever the policies: the answer of those that a question may concern is the answer of all of them, errors too', () => {
  let narrowed = 0
  let failed = 0
  fc.assert(
    fc.property(fc.array(policy, { minLength: 1, maxLength: 12 }), fc.array(question, { minLength: 1, maxLength: 20 }), fc.boolean(), (texts, questions, open) => {
      const policies = read(texts.map((text, index) => `@id("p${index}") ${text}`).join('\n') + (open ? '@id("open") permit (principal, action, resource is Tool);' : ''))
      const slice = makeSlice('tool.propose', 'Tool', policies, schema)
      const all = whole(policies)
      const reads: Reads = (path) => readerOf(path, schema.scores)
      const narrow = makeNarrow(policies.map(({ json }) => conditionsOf(json, 'tool.propose', 'Tool', reads)), reads)
      for (const one of questions) {
        for (const set of ['enforced', 'holds', 'shadow'] as const) {
          if (slice.reader.problem(one) === undefined) assert.deepEqual(slice[set](one), all[set](one), set)
        }
        const decision = slice.authorize(one)
        if (decision.errors.length > 0) failed += 1
        if (slice.reader.problem(one) === undefined && narrow(one).policies.length < policies.length) narrowed += 1
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 300) },
  )
  assert.ok(narrowed > 0 && failed > 0, 'the generator leaves policies out, and meets errors')
})

function which(text: string, one: Question): readonly string[] {
  const policies = read(text)
  const reads: Reads = (path) => readerOf(path, schema.scores)
  return makeNarrow(policies.map(({ json }) => conditionsOf(json, 'tool.propose', 'Tool', reads)), reads)(one).policies.map((number) => (policies[number] as ReadPolicy).id)
}

function pay(more: Partial<Question> & { roles?: readonly string[] } = {}): Question {
  return {
    principal: { tenant: 't', workload: 'w', chain: [], roles: more.roles ?? ['r'], proof: { kind: 'none', id: '' }, scope: { rights: [] } },
    action: 'tool.propose',
    resource: { type: 'Tool', id: 'pay', attributes: {} },
    context: { route: 'x', stream: false, direction: 'inbound', role: 'primary', effects: [], findings: [], score: 0, labels: { untrusted: false, sensitivity: 0 }, parameters: {}, time: { hour: 0, weekday: 0, unix: 0 } },
    ...more,
  }
}

test('a policy behind a condition that can fail is asked, whatever stands after it', () => {
  const late = (before: string): string => `@id("no") forbid (principal, action, resource is Tool) when { ${before} && resource.id == "other" };`
  assert.deepEqual(which(late('context.score >= 0'), pay()), [])
  assert.deepEqual(which(late('context.score + 1 >= 0'), pay()), ['no'])
  assert.deepEqual(which(late('(false || ip("127.0.0.1").isLoopback())'), pay()), ['no'])
  assert.deepEqual(which('@id("no") forbid (principal, action, resource is Tool) when { resource.id == "other" && context.score + 1 >= 0 };', pay()), [])
})

test('scopes, equalities, members and alternatives each lead to their policies', () => {
  const text = `
    @id("role") permit (principal in Role::"r", action, resource is Tool);
    @id("other-role") permit (principal in Role::"s", action, resource is Tool);
    @id("tool") permit (principal, action, resource == Tool::"pay");
    @id("other-tool") permit (principal, action, resource == Tool::"read");
    @id("one-of") forbid (principal, action, resource is Tool) when { resource.id == "read" || resource.id == "pay" };
    @id("none-of") forbid (principal, action, resource is Tool) when { ["read", "write"].contains(resource.id) };
    @id("member") forbid (principal, action, resource is Tool) when { principal.roles.contains("s") };
    @id("missing") forbid (principal, action, resource is Tool) when { resource has server && resource.server == "x" };
    @id("unless") forbid (principal, action, resource is Tool) unless { principal.tenant == "t" || context.stream };
    @id("any") forbid (principal, action, resource is Tool) when { context.effects.containsAny(["money"]) || context.score > 5 };`
  assert.deepEqual(which(text, pay()), ['role', 'tool', 'one-of'])
  assert.deepEqual(which(text, pay({ roles: ['s', 'r'] })), ['role', 'other-role', 'tool', 'one-of', 'member'])
  assert.deepEqual(which(text, pay({ context: { ...pay().context, score: 6 } })), ['role', 'tool', 'one-of', 'any'])
})

test('many policies that share a condition are asked together, and say what all of them say', () => {
  const many = Array.from({ length: 120 }, (_, index) => `@id("many${index}") forbid (principal in Role::"r", action, resource is Tool) when { context.score == ${index} || context.score * 2 == ${index} };`).join('\n')
  const rest = Array.from({ length: 300 }, (_, index) => `@id("tool${index}") permit (principal, action, resource == Tool::"t${index}") when { context.stream };`).join('\n')
  const policies = read(`${many}\n${rest}\n@id("pay") permit (principal, action, resource == Tool::"pay");`)
  const slice = makeSlice('tool.propose', 'Tool', policies, schema)
  const all = whole(policies)
  for (const score of [0, 8, 119, 500]) {
    for (const roles of [['r'], ['s']]) {
      const one = pay({ roles, context: { ...pay().context, score } })
      assert.deepEqual(slice.enforced(one), all.enforced(one))
    }
  }
})
