import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Question } from '../contract/policy.ts'
import { loadPolicy } from './load.ts'
import { readPolicyFolders } from './folder.ts'
import { ask, load, PERMIT, problems, who } from './policy.fixture.ts'
import type { Extras } from './schema.ts'

const untrusted = { labels: { untrusted: true, sensitivity: 2 } }

test('nothing is permitted that no policy permits', () => {
  assert.equal(load('').authorize(ask()).verdict, 'deny')
  assert.deepEqual(load(PERMIT).authorize(ask()), { verdict: 'allow', policies: ['all'], shadow: [], errors: [], cached: false })
})

test('a plain forbid denies with its message', () => {
  const policy = load(`${PERMIT} @id("no") @message("Not here.") forbid (principal, action, resource is Model) when { resource.provider == "openai" };`)
  const decision = policy.authorize(ask())
  assert.equal(decision.verdict, 'deny')
  assert.deepEqual(decision.policies, ['no'])
  assert.equal(decision.message, 'Not here.')
  assert.equal(policy.authorize(ask({ resource: { type: 'Model', id: 'x', attributes: { provider: 'local', model: 'x' } } })).verdict, 'allow')
})

const HOLD = '@id("ask") @verdict("hold") @approvers("leads") @message("A lead decides.") forbid (principal, action, resource) when { context.labels.untrusted };'

test('a hold asks a reviewer, and says which and why', () => {
  const policy = load(PERMIT + HOLD)
  assert.equal(policy.authorize(ask()).verdict, 'allow')
  const held = policy.authorize(ask({ context: untrusted }))
  assert.deepEqual(held, { verdict: 'hold', policies: ['ask'], message: 'A lead decides.', approvers: 'leads', shadow: [], errors: [], cached: false })
})

test('deny beats hold', () => {
  const policy = load(`${PERMIT}${HOLD} @id("no") forbid (principal, action, resource) when { context.labels.sensitivity > 1 };`)
  assert.equal(policy.authorize(ask({ context: untrusted })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ context: { labels: { untrusted: true, sensitivity: 1 } } })).verdict, 'hold')
})

test('nothing is held that is not otherwise permitted: a hold without a permit denies', () => {
  const decision = load(HOLD).authorize(ask({ context: untrusted }))
  assert.equal(decision.verdict, 'deny')
  assert.deepEqual(decision.policies, [])
})

test('shadow decides nothing and is asked only where the enforced set permits', () => {
  const shadow = '@id("would-deny") @mode("shadow") forbid (principal, action, resource); @id("would-hold") @mode("shadow") @verdict("hold") forbid (principal, action, resource);'
  const decision = load(PERMIT + shadow).authorize(ask())
  assert.equal(decision.verdict, 'allow')
  assert.deepEqual(decision.shadow, [{ policy: 'would-deny', verdict: 'deny' }, { policy: 'would-hold', verdict: 'hold' }])
  assert.deepEqual(load(shadow).authorize(ask()).shadow, [])
})

test('a shadow permit permits nothing', () => {
  assert.equal(load('@id("s") @mode("shadow") permit (principal, action, resource);').authorize(ask()).verdict, 'deny')
})

test('a release evaluates everything again with just the approved hold set aside', () => {
  const other = '@id("ask-too") @verdict("hold") @approvers("security") forbid (principal, action, resource) when { context.labels.sensitivity >= 2 };'
  const policy = load(`${PERMIT}${HOLD}${other} @id("no") forbid (principal, action, resource) when { context.score >= 90 };`)
  const question = ask({ context: untrusted })
  assert.deepEqual(policy.authorize(question).policies, ['ask'], 'one group of reviewers at a time')
  const next = policy.release(question, ['ask'])
  assert.deepEqual([next.verdict, next.approvers, next.policies], ['hold', 'security', ['ask-too']])
  assert.equal(policy.release(question, ['ask', 'ask-too']).verdict, 'allow')
  assert.equal(policy.release(question, ['all', 'something']).verdict, 'hold', 'only the hold that was approved')
  assert.equal(policy.release(ask({ context: { ...untrusted, score: 95 } }), ['ask', 'ask-too']).verdict, 'deny')
  assert.equal(policy.release(ask({ context: { ...untrusted, score: 95 } }), ['ask', 'ask-too', 'no']).verdict, 'deny', 'a forbid cannot be released')
  assert.equal(policy.authorize(question).verdict, 'hold', 'a release is not remembered')
})

test('an evaluation error denies, in permits, forbids and holds alike', () => {
  const overflow = 'context.labels.sensitivity * 9223372036854775807 > 0'
  const big = ask({ context: untrusted })
  for (const text of [
    `${PERMIT} @id("bad") permit (principal, action, resource) when { ${overflow} };`,
    `${PERMIT} @id("bad") forbid (principal, action, resource) when { ${overflow} };`,
    `${PERMIT} @id("bad") @verdict("hold") forbid (principal, action, resource) when { ${overflow} };`,
  ]) {
    const decision = load(text).authorize(big)
    assert.equal(decision.verdict, 'deny', text)
    assert.match(decision.errors[0] ?? '', /^bad: /)
  }
})

test('an error in a shadow policy is reported and refuses nothing', () => {
  const decision = load(`${PERMIT} @id("bad") @mode("shadow") forbid (principal, action, resource) when { context.labels.sensitivity * 9223372036854775807 > 0 };`).authorize(ask({ context: untrusted }))
  assert.equal(decision.verdict, 'allow')
  assert.match(decision.errors[0] ?? '', /^bad: /)
})

test('a value of the wrong type, or a missing one, denies instead of skipping the forbid that reads it', () => {
  const policy = load(`${PERMIT} @id("no") forbid (principal, action, resource) when { context.score > 50 };`)
  for (const score of [12.5, '90', true, Number.NaN]) assert.equal(policy.authorize(ask({ context: { score } })).verdict, 'deny', String(score))
  const { score: _, ...without } = ask().context
  assert.equal(policy.authorize({ ...ask(), context: without }).verdict, 'deny')
  assert.equal(load(PERMIT).authorize(ask({ context: { score: 12.5 } })).verdict, 'allow', 'what no policy reads disturbs nobody')
})

test('a question that the schema does not know is denied', () => {
  const odd = load(PERMIT).authorize(ask({ resource: { type: 'Spaceship', id: 'x', attributes: {} } }))
  assert.equal(odd.verdict, 'deny')
  assert.equal(odd.errors.length, 1)
})

test('the same question is answered from memory as long as nothing that policies read changes', () => {
  const policy = load(`${PERMIT} @id("no") forbid (principal, action, resource) when { context.findings.contains("pii") };`)
  assert.equal(policy.authorize(ask()).cached, false)
  const again = policy.authorize(ask({ context: { score: 40, effects: ['external_write'], route: 'other' }, principal: who({ workload: 'key:b' }) }))
  assert.deepEqual([again.verdict, again.cached], ['allow', true])
  const found = policy.authorize(ask({ context: { findings: ['pii'] } }))
  assert.deepEqual([found.verdict, found.cached], ['deny', false])
  assert.equal(policy.authorize(ask({ context: { findings: ['pii'] } })).cached, true)
})

test('scores and hours are remembered in the intervals that policies tell apart', () => {
  const policy = load(`${PERMIT} @id("score") forbid (principal, action, resource) when { context.score >= 90 || 20 == context.score }; @id("night") forbid (principal, action, resource) when { context.time.hour < 6 };`)
  const at = (score: number, hour = 12): string => {
    const { verdict, cached } = policy.authorize(ask({ context: { score, time: { hour, weekday: 1, unix: 1 } } }))
    return `${verdict}${cached ? ' again' : ''}`
  }
  assert.deepEqual([at(0), at(19), at(20), at(21), at(89), at(90), at(100)], ['allow', 'allow again', 'deny', 'allow', 'allow again', 'deny', 'deny again'])
  assert.deepEqual([at(0, 23), at(0, 6), at(0, 5), at(0, 0)], ['allow again', 'allow again', 'deny', 'deny again'])
})

test('temporal conditions are never answered from memory', () => {
  const extras: Extras = { history: { calls: 'Long' } }
  const temporal = load(`${PERMIT} @id("often") forbid (principal, action, resource) when { context has history && context.history has calls && context.history.calls > 3 };`, extras)
  const asked = (calls: number): unknown => temporal.authorize(ask({ context: { history: { calls } } }))
  for (const calls of [1, 1, 4, 1]) assert.deepEqual(asked(calls), { ...(asked(calls) as object), cached: false })
  assert.equal(temporal.authorize(ask({ context: { history: { calls: 4 } } })).verdict, 'deny')
  const clock = load(`${PERMIT} @id("odd") forbid (principal, action, resource) when { context.time.unix * 2 == 8 };`)
  assert.equal(clock.authorize(ask({ context: { time: { hour: 0, weekday: 0, unix: 3 } } })).verdict, 'allow')
  assert.equal(clock.authorize(ask({ context: { time: { hour: 0, weekday: 0, unix: 3 } } })).cached, false)
  assert.equal(clock.authorize(ask({ context: { time: { hour: 0, weekday: 0, unix: 4 } } })).verdict, 'deny')
})

test('two tenants never share a decision, nor a policy that names one of them', () => {
  const policy = load('@id("acme") permit (principal in Tenant::"acme", action, resource); @id("role") permit (principal, action, resource) when { principal.tenant == "beta" && principal.roles.contains("admin") };')
  const by = (tenant: string, roles: readonly string[] = []): string => policy.authorize(ask({ principal: who({ tenant, roles }) })).verdict
  assert.deepEqual([by('acme'), by('beta'), by('acme'), by('beta', ['admin']), by('acme2', ['admin'])], ['allow', 'deny', 'allow', 'allow', 'deny'])
  const any = load(PERMIT)
  assert.equal(any.authorize(ask({ principal: who({ tenant: 'acme' }) })).cached, false)
  assert.equal(any.authorize(ask({ principal: who({ tenant: 'beta' }) })).cached, false)
  assert.equal(any.authorize(ask({ principal: who({ tenant: 'beta' }) })).cached, true)
})

test('keys of decisions cannot run together', () => {
  const policy = load(`@id("p") permit (principal, action, resource) when { principal has agent && principal.agent == "a" && principal has task && principal.task == "1:b" };`)
  assert.equal(policy.authorize(ask({ principal: who({ agent: 'a', task: '1:b' }) })).verdict, 'allow')
  assert.equal(policy.authorize(ask({ principal: who({ agent: 'a3:1', task: 'b' }) })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ principal: who({ task: 'a3:1:b' }) })).verdict, 'deny')
})

test('principal and resource are told apart as entities, and attributes written inside records are seen', () => {
  const policy = load(`@id("p") permit (principal == Workload::"key:a", action, resource == Model::"m") when { {Value: context.score}.Value < 10 && (if principal has user then principal.user == User::"ann" else true) };`)
  const model = (id: string): Question['resource'] => ({ type: 'Model', id, attributes: { provider: 'p', model: id } })
  assert.equal(policy.authorize(ask({ resource: model('m') })).verdict, 'allow')
  assert.equal(policy.authorize(ask({ resource: model('n') })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ resource: model('m'), principal: who({ workload: 'key:b' }) })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ resource: model('m'), context: { score: 10 } })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ resource: model('m'), principal: who({ chain: ['bob'] }) })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ resource: model('m'), principal: who({ chain: ['ann'] }) })).verdict, 'allow')
})

test('a credential works only within its scope, whatever a policy permits', () => {
  const policy = load(PERMIT)
  const scoped = who({ scope: { rights: [], routes: ['def*'], models: ['openai/*', 'tiny'] } })
  const model = (id: string, name: string): Question['resource'] => ({ type: 'Model', id, attributes: { provider: 'x', model: name } })
  assert.equal(policy.authorize(ask({ principal: scoped })).verdict, 'allow')
  assert.equal(policy.authorize(ask({ principal: scoped, resource: model('local/tiny', 'tiny') })).verdict, 'allow')
  const outside = policy.authorize(ask({ principal: scoped, resource: model('local/big', 'big') }))
  assert.deepEqual([outside.verdict, outside.policies], ['deny', ['builtin.scope']])
  assert.equal(policy.authorize(ask({ principal: scoped, context: { route: 'other' } })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ principal: scoped, context: { route: 'other' }, action: 'llm.list' })).verdict, 'allow')
  assert.match(problems('@id("builtin.scope") permit (principal, action, resource);')[0]?.message ?? '', /reserved/)
})

test('declared parameters can be read, undeclared ones cannot', () => {
  const text = `${PERMIT} @id("no") forbid (principal, action == Action::"tool.propose", resource) when { context.parameters has amount && context.parameters.amount > 100 };`
  assert.match(problems(text)[0]?.message ?? '', /amount/)
  const policy = load(text, { parameters: { 'tool.propose': { amount: 'Long' } } })
  const pay = (amount?: number): string => policy.authorize(ask({ action: 'tool.propose', resource: { type: 'Tool', id: 'pay', attributes: {} }, context: { parameters: amount === undefined ? {} : { amount } } })).verdict
  const { parameters: _, ...without } = ask().context
  assert.equal(policy.authorize({ ...ask({ action: 'tool.propose', resource: { type: 'Tool', id: 'pay', attributes: {} } }), context: without }).verdict, 'deny')
  assert.deepEqual([pay(), pay(100), pay(101), pay(99.5)], ['allow', 'allow', 'deny', 'deny'])
  assert.equal(policy.authorize({ ...ask({ action: 'tool.propose', resource: { type: 'Tool', id: 'pay', attributes: {} } }), context: without }).verdict, 'deny')
})

test('each mistake is named with its place', () => {
  const at = (text: string): string => {
    const [first] = problems(text)
    return `${first?.line}:${first?.column} ${first?.message}`
  }
  assert.equal(at('// é\n@id("x")\npermit (principal, action resource);'), '3:27 unexpected token `resource`')
  assert.match(problems('permit (principal, action resource);')[0]?.expected ?? '', /`,`/)
  assert.equal(at('\n  permit (principal, action, resource);'), '2:3 the policy has no @id')
  assert.equal(at('@id("a") permit (principal, action, resource);\n@id("a") permit (principal, action, resource);'), '2:1 the id "a" is taken by test.cedar:1')
  assert.equal(at('@id("a")\n@verdict("hold")\npermit (principal, action, resource);'), '2:1 @verdict stands on a permit')
  assert.equal(at('@id("a") @verdict("maybe") forbid (principal, action, resource);'), '1:10 "maybe" is not a verdict')
  assert.equal(at('@id("a") @mode("shadwo") forbid (principal, action, resource);'), '1:10 "shadwo" is not a mode')
  assert.equal(at('@id("a") @verdit("hold") forbid (principal, action, resource);'), '1:10 unknown annotation @verdit')
  assert.match(at('@id("a") @approvers("x") forbid (principal, action, resource);'), /does not hold/)
  assert.match(at('@id("a") permit (principal == ?principal, action, resource);'), /templates/)
  assert.match(at('@id("ok") permit (principal, action, resource);\n\n@id("a") permit (principal, action, resource)\nwhen { context.nonsense };'), /^4:8 a: .*nonsense/)
  assert.match(at('@id("a") @mode("shadow") forbid (principal, action, resource) when { context.score == "x" };'), /a: /)
})

test('the shipped policies let an honest application work and nothing happen behind our back', async () => {
  const policy = loadPolicy(await readPolicyFolders([new URL('../../policy', import.meta.url).pathname]))
  assert.ok('authorize' in policy)
  for (const tenant of ['default', 'acme']) {
    const principal = who({ tenant })
    for (const action of ['llm.generate', 'llm.embed', 'llm.count', 'llm.list'] as const) assert.equal(policy.authorize(ask({ principal, action })).verdict, 'allow', action)
    assert.equal(policy.authorize(ask({ principal, action: 'tool.propose', resource: { type: 'Tool', id: 't', attributes: {} } })).verdict, 'allow')
    assert.equal(policy.authorize(ask({ principal, action: 'guard.evaluate', resource: { type: 'Endpoint', id: '/guard', attributes: {} } })).verdict, 'allow')
    for (const [action, type] of [['llm.provider_tool', 'Tool'], ['llm.fetch_url', 'Host'], ['llm.provider_state', 'State'], ['llm.passthrough', 'Route'], ['egress.request', 'Host'], ['admin.change', 'Setting']] as const) {
      const { verdict, errors } = policy.authorize(ask({ principal, action, resource: { type, id: 'x', attributes: {} } }))
      assert.deepEqual([verdict, errors], ['deny', []], action)
    }
  }
  const anonymous = who({ workload: 'anonymous', proof: { kind: 'none', id: '' } })
  assert.deepEqual(policy.authorize(ask({ principal: anonymous })).policies, ['base.anonymous'])
})

test('the commented examples of the shipped folder load too', async () => {
  const files = await readPolicyFolders([new URL('../../policy', import.meta.url).pathname])
  let examples = 0
  for (const file of files) {
    const text = [...file.text.matchAll(/^\/\/ {3}(.*)$/gm)].map((match) => match[1]).join('\n')
    if (!text.includes('@id(')) continue
    const loaded = loadPolicy([{ name: file.name, text: text.slice(text.indexOf('@id(')) }])
    assert.ok('authorize' in loaded, JSON.stringify(loaded))
    examples += loaded.policies.length
  }
  assert.ok(examples >= 8)
})

const conditions = [
  'context.score >= 50', 'context.score == 20', '30 > context.score', 'context.score * 2 > 60', 'context.labels.untrusted', 'context.labels == {untrusted: true, sensitivity: 1}',
  'context.effects.contains("read")', 'context.effects.containsAny(["external_write"])', 'context.findings.isEmpty()', 'context.route like "a*"', 'context.time.hour < 6',
  'principal.roles.contains("r")', 'principal in Tenant::"t"', 'principal in Role::"r"', 'principal == Workload::"w"', 'principal has cohort', 'principal has cohort && principal.cohort == "c"',
  'principal has user && principal.user == User::"u"', 'principal.chain.contains("u")', 'resource == Model::"m"', 'resource is Model', 'resource.id like "m*"', 'resource has sensitivity && resource.sensitivity > 1',
  'context.parameters has tools && context.parameters.tools >= 2', 'if context.stream then context.score > 10 else {Value: context.labels.sensitivity}.Value == 1', '[context.score, 5].contains(5)',
]

test('whatever policies read: the answer from memory is the answer', () => {
  const policy = fc.record({ kind: fc.constantFrom('permit', 'forbid', 'hold', 'shadow'), when: fc.uniqueArray(fc.constantFrom(...conditions), { maxLength: 3 }) })
  const question = fc.record({
    score: fc.constantFrom(5, 19, 20, 21, 29, 30, 31, 49, 50), untrusted: fc.boolean(), sensitivity: fc.nat(2), effects: fc.subarray(['read', 'external_write']), findings: fc.subarray(['pii']),
    route: fc.constantFrom('a1', 'b'), hour: fc.constantFrom(5, 6), roles: fc.subarray(['r', 's']), tenant: fc.constantFrom('t', 'u'), workload: fc.constantFrom('w', 'v'),
    cohort: fc.constantFrom(undefined, 'c', 'd'), chain: fc.subarray(['u', 'v']), model: fc.constantFrom('m', 'n'), level: fc.constantFrom(undefined, 1, 2), tools: fc.constantFrom(undefined, 1, 2), stream: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(policy, { minLength: 1, maxLength: 5 }), fc.array(question, { minLength: 2, maxLength: 25 }), (policies, questions) => {
      const text = policies.map(({ kind, when }, index) => {
        const head = kind === 'permit' ? 'permit' : `${kind === 'hold' ? '@verdict("hold") ' : kind === 'shadow' ? '@mode("shadow") ' : ''}forbid`
        return `@id("p${index}") ${head} (principal, action, resource) ${when.map((one) => `when { ${one} }`).join(' ')};`
      })
      const loaded = load(`${PERMIT.replace('(principal, action, resource)', '(principal, action, resource is Model)')}${text.join('\n')}`)
      for (const one of questions) {
        const asked = ask({
          principal: who({ tenant: one.tenant, workload: one.workload, roles: one.roles, chain: one.chain, ...(one.cohort !== undefined && { cohort: one.cohort }) }),
          resource: { type: 'Model', id: one.model, attributes: { provider: 'p', model: one.model, ...(one.level !== undefined && { sensitivity: one.level }) } },
          context: {
            score: one.score, labels: { untrusted: one.untrusted, sensitivity: one.sensitivity }, effects: one.effects, findings: one.findings, route: one.route, stream: one.stream,
            time: { hour: one.hour, weekday: 1, unix: 1 }, parameters: one.tools === undefined ? {} : { tools: one.tools },
          },
        })
        assert.deepEqual({ ...loaded.authorize(asked), cached: false }, loaded.release(asked, []))
      }
    }),
    { numRuns: 60 },
  )
})

test('scores are whole percents by guardrail, 0 where nothing was seen, and only of guardrails that there are', () => {
  const extras = { scores: ['jailbreak', 'prompt_injection'] }
  const policy = load(`${PERMIT} @id("sure") forbid (principal, action == Action::"llm.generate", resource) when { context.scores.prompt_injection >= 80 };`, extras)
  assert.equal(policy.authorize(ask()).verdict, 'allow')
  assert.equal(policy.authorize(ask({ context: { scores: { prompt_injection: 79, jailbreak: 100 } } })).verdict, 'allow')
  assert.deepEqual(policy.authorize(ask({ context: { scores: { prompt_injection: 80 } } })).policies, ['sure'])
  const whole = load(`${PERMIT} @id("same") forbid (principal, action, resource) when { context.scores == { jailbreak: 0, prompt_injection: 7 } };`, extras)
  assert.equal(whole.authorize(ask({ context: { scores: { prompt_injection: 7 } } })).verdict, 'deny')
  assert.equal(whole.authorize(ask()).verdict, 'allow')
  assert.match(problems('@id("a") permit (principal, action, resource) when { context.scores.nothing > 1 };', extras)[0]?.message ?? '', /nothing/)
})
