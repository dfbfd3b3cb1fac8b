import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPolicy } from './load.ts'
import { ask, load, PERMIT, problems, who } from './policy.fixture.ts'
import { prepareSet } from './prepare.ts'
import type { Extras } from './schema.ts'

const hold = (id: string, more = '', when = ''): string => `@id("${id}") @verdict("hold") ${more} forbid (principal, action, resource) ${when};`
const OVERFLOW = 'context.score * 9223372036854775807 > 0'

test('verdicts are three-valued by annotation on a forbid, and by nothing else', () => {
  const policy = load(`${PERMIT} ${hold('held', '', 'when { context.score == 1 }')} @id("denied") forbid (principal, action, resource) when { context.score == 2 };`)
  const verdict = (score: number): string => policy.authorize(ask({ context: { score } })).verdict
  assert.deepEqual([verdict(0), verdict(1), verdict(2)], ['allow', 'hold', 'deny'])
  for (const text of ['@verdict("allow") permit', '@verdict("deny") forbid', '@verdict("hold") permit', '@mode("enforce") forbid']) assert.ok(problems(`@id("a") ${text} (principal, action, resource);`).length > 0, text)
})

test('a hold-forbid without a permit denies', () => {
  const { verdict, policies, errors } = load(hold('ask')).authorize(ask())
  assert.deepEqual([verdict, policies, errors], ['deny', [], []])
})

test('a shadow permit permits nothing, not even what only a hold keeps back', () => {
  const policy = load(`@id("s") @mode("shadow") permit (principal, action, resource); ${hold('ask')}`)
  assert.equal(policy.authorize(ask()).verdict, 'deny')
  assert.equal(policy.release(ask(), ['ask']).verdict, 'deny')
})

test('contradictory policies: forbid wins, whatever the order, and whoever is released', () => {
  const [permit, forbid] = ['@id("yes") permit (principal == Workload::"key:a", action == Action::"llm.generate", resource == Model::"openai/gpt");', '@id("no") forbid (principal, action, resource);']
  for (const text of [permit + forbid, forbid + permit]) {
    const policy = load(text)
    assert.deepEqual(policy.authorize(ask()).policies, ['no'])
    assert.equal(policy.release(ask(), ['no']).verdict, 'deny')
  }
  assert.equal(load(`${PERMIT} ${hold('ask')} ${forbid}`).authorize(ask()).verdict, 'deny', 'deny beats hold')
})

test('a release suppresses only what was approved', () => {
  const policy = load(`${PERMIT} ${hold('one')} ${hold('two', '', 'when { context.score > 10 }')}`)
  const question = ask({ context: { score: 11 } })
  assert.deepEqual(policy.authorize(question).policies, ['one', 'two'])
  const left = policy.release(question, ['one'])
  assert.deepEqual([left.verdict, left.policies], ['hold', ['two']])
  assert.equal(policy.release(question, ['one', 'two']).verdict, 'allow')
  assert.equal(policy.release(ask(), ['two']).verdict, 'hold')
  assert.equal(policy.release(question, ['one', 'two']).cached, false)
  assert.deepEqual(policy.authorize(question).policies, ['one', 'two'], 'a release is not remembered')
})

test('an erroring forbid denies, also where another permit or hold would decide', () => {
  const bad = (annotation = ''): string => `@id("bad") ${annotation} forbid (principal, action, resource) when { ${OVERFLOW} };`
  const question = ask({ context: { score: 2 } })
  for (const text of [PERMIT + bad(), PERMIT + hold('ask') + bad(), PERMIT + bad('@verdict("hold")'), PERMIT + hold('ask') + bad('@verdict("hold")')]) {
    const decision = load(text).authorize(question)
    assert.equal(decision.verdict, 'deny', text)
    assert.match(decision.errors.join(), /^bad: .*overflow/)
    assert.equal(load(text).release(question, ['ask', 'bad']).verdict, 'deny', 'nobody can release an error')
  }
  const policy = load(PERMIT + bad())
  assert.equal(policy.authorize(question).cached, false)
  assert.equal(policy.authorize(question).cached, false, 'an error is not remembered')
})

test('an erroring permit denies too: what it would have said is not known', () => {
  assert.equal(load(`${PERMIT} @id("bad") permit (principal, action, resource) when { ${OVERFLOW} };`).authorize(ask({ context: { score: 2 } })).verdict, 'deny')
})

test('the cache key is the context projected to what policies read', () => {
  const policy = load(`${PERMIT} @id("no") forbid (principal, action == Action::"llm.generate", resource) when { context.score >= 50 && principal.roles.contains("x") };`)
  const cached = (question = ask()): boolean => policy.authorize(question).cached
  assert.equal(cached(), false)
  assert.equal(cached(ask({ context: { route: 'other', findings: ['pii'], anomaly: 7, time: { hour: 1, weekday: 1, unix: 2 } }, principal: who({ workload: 'key:z', chain: ['ann'] }) })), true, 'nothing of it is read')
  assert.equal(cached(ask({ context: { score: 49 } })), true, 'the same side of the bound')
  assert.equal(cached(ask({ context: { score: 50 } })), false)
  assert.equal(cached(ask({ principal: who({ roles: ['x'] }) })), false)
  assert.equal(cached(ask({ principal: who({ tenant: 'acme' }) })), false)
  assert.equal(cached(ask({ action: 'llm.embed' })), false, 'another slice')
  assert.equal(cached(ask({ action: 'llm.embed', context: { score: 99 } })), true, 'where no policy reads the score')
})

test('decisions that read history or the second are never cached', () => {
  const extras: Extras = { history: { transfers: 'Long', secrets: 'Boolean' } }
  for (const when of ['context.history.transfers >= 3', 'context.history.secrets', 'context has history && context.history.transfers > 1', 'context.time.unix * 2 > 3']) {
    const policy = load(`${PERMIT} @id("no") forbid (principal, action, resource) when { ${when} };`, extras)
    const at = (transfers: number, secrets: boolean, unix: number): unknown[] => {
      const { verdict, cached } = policy.authorize(ask({ context: { history: { transfers, secrets }, time: { hour: 0, weekday: 0, unix } } }))
      return [verdict, cached]
    }
    assert.deepEqual([at(0, false, 1), at(0, false, 1), at(3, true, 2), at(0, false, 1)], [['allow', false], ['allow', false], ['deny', false], ['allow', false]], when)
  }
})

test('lost counters open nothing: a question without its history is denied', () => {
  const policy = load(`${PERMIT} @id("no") forbid (principal, action, resource) when { context.history.transfers >= 3 };`, { history: { transfers: 'Long' } })
  const lost = policy.authorize(ask())
  assert.deepEqual([lost.verdict, lost.errors], ['deny', ['context.history.transfers is missing']])
})

test('an epoch swap changes answers at once, and what began under the old one is answered by it', () => {
  const before = load(PERMIT)
  for (let n = 0; n < 3; n++) assert.equal(before.authorize(ask()).verdict, 'allow')
  const after = load(`${PERMIT} @id("no") forbid (principal, action, resource);`)
  assert.equal(after.authorize(ask()).verdict, 'deny')
  assert.equal(before.authorize(ask()).verdict, 'allow')
  assert.notEqual(before.id, after.id)
  assert.equal(load(PERMIT).id, before.id)
  assert.notEqual(load(PERMIT, { dimensions: { zone: 'String' } }).id, before.id, 'the schema is part of the epoch')
})

test('a hold says how long it waits and how many must agree: of several, the strictest', () => {
  const asking = (...holds: string[]): unknown => {
    const { holdMs, reviewers, policies } = load(PERMIT + holds.join('\n')).authorize(ask())
    return [policies.length, holdMs, reviewers]
  }
  assert.deepEqual(asking(hold('a')), [1, undefined, undefined])
  assert.deepEqual(asking(hold('a', '@timeout("5m") @reviewers("2")')), [1, 300_000, 2])
  assert.deepEqual(asking(hold('a', '@timeout("5m")'), hold('b', '@timeout("30s") @reviewers("3")'), hold('c', '@reviewers("1")')), [3, 30_000, 3])
  assert.deepEqual(asking(hold('a', '@approvers("x") @timeout("24h")'), hold('b', '@approvers("y") @timeout("1s") @reviewers("5")')), [1, 86_400_000, undefined], 'the other group is asked later')
  const wrong = (annotation: string): string => problems(`@id("a") ${annotation} forbid (principal, action, resource);`)[0]?.message ?? ''
  for (const value of ['', '5', '500ms', '25h', '-1m', '1m ']) assert.match(wrong(`@verdict("hold") @timeout("${value}")`), /no time to wait/, value)
  for (const value of ['', '0', '6', '1.5', 'two', '02']) assert.match(wrong(`@verdict("hold") @reviewers("${value}")`), /no number of reviewers/, value)
  assert.match(wrong('@timeout("5m")'), /does not hold/)
  assert.match(wrong('@reviewers("2")'), /does not hold/)
  assert.match(wrong('@verdict("hold") @timout("5m")'), /unknown annotation @timout/)
  load(`@id("a") @description("Why it is here.") permit (principal, action, resource);`)
})

test('policies that do not parse or validate name file, line and what was expected, and all at once', () => {
  const loaded = loadPolicy([
    { name: 'a.cedar', text: '@id("fine") permit (principal, action, resource);' },
    { name: 'b.cedar', text: '\n\n@id("x") permit (principal, action resource);' },
    { name: 'c.cedar', text: '\n@id("fine") @verdict("hold") permit (principal, action, resource);' },
  ])
  assert.ok(!('authorize' in loaded))
  assert.deepEqual(loaded.map(({ file, line }) => `${file}:${line}`), ['b.cedar:3', 'c.cedar:2'])
  assert.ok(loaded.every(({ expected }) => expected !== undefined))
  const invalid = loadPolicy([{ name: 'a.cedar', text: PERMIT }, { name: 'b.cedar', text: '@id("x")\nforbid (principal, action, resource)\nwhen { context.score == "high" };' }])
  assert.ok(!('authorize' in invalid))
  assert.deepEqual(invalid.map(({ file, line }) => [file, line]), [['b.cedar', 3]])
})

test('what nobody has said comes to nothing: gateway and anomaly need not be there', () => {
  const policy = load(`${PERMIT} @id("odd") forbid (principal, action, resource) when { context.anomaly > 80 || context.gateway == "mcp" };`)
  assert.equal(policy.authorize(ask()).verdict, 'allow')
  for (const context of [{ anomaly: 81 }, { gateway: 'mcp' }]) assert.equal(policy.authorize(ask({ context })).verdict, 'deny', JSON.stringify(context))
  assert.equal(policy.authorize(ask({ context: { anomaly: '81' } })).verdict, 'deny', 'a value of the wrong type is no value')
})

test('half a character is no other character: such ids and values are denied', () => {
  const policy = load(`@id("tool") permit (principal, action, resource == Tool::"\u{fffd}"); @id("route") permit (principal, action == Action::"llm.generate", resource) when { context.route == "\u{fffd}" };`)
  const tool = (id: string) => policy.authorize(ask({ action: 'tool.propose', resource: { type: 'Tool', id, attributes: {} } }))
  assert.equal(tool('\u{fffd}').verdict, 'allow')
  assert.deepEqual([tool('\ud800').verdict, tool('\ud800').errors.length], ['deny', 1])
  assert.equal(policy.authorize(ask({ context: { route: '\udc00' } })).verdict, 'deny')
  assert.equal(policy.authorize(ask({ context: { route: '\u{fffd}' } })).verdict, 'allow')
})

test('sets that were pushed out of memory are parsed again and answer the same', () => {
  const call = { principal: { type: 'Workload', id: 'w' }, action: { type: 'Action', id: 'llm.list' }, resource: { type: 'Model', id: 'm' }, context: {}, entities: [] }
  const long = 'x'.repeat(500_000)
  const sets = Array.from({ length: 12 }, (_, index) => prepareSet([{ id: `p${index}`, text: `permit (principal == Workload::"w", action, resource) unless { principal == Workload::"${index}${long}" };` }]))
  for (let round = 0; round < 2; round++) {
    for (const [index, set] of sets.entries()) assert.deepEqual(set.evaluate(call), { permitted: true, reasons: [`p${index}`], errors: [], broken: false })
  }
  const broken = prepareSet([{ id: 'x', text: 'permit (' }])
  assert.deepEqual([broken.evaluate(call).broken, broken.evaluate(call).permitted], [true, false])
})
