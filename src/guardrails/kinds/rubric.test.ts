import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, guardWith, segment, signal } from '../guard.fixture.ts'
import { settleGuardrails } from '../settings.ts'
import { Capped } from '../tools.ts'
import type { Judge } from '../tools.ts'
import { fakeJudge, graded } from './judge.fixture.ts'

const rule = { use: 'rubric', name: 'no_promises', says: 'never promises a price, a refund or a contract' }
const off = [{ use: 'prompt_injection', mode: 'off' }]
const PROMISE = 'Deal: the car is yours for one dollar, and that is legally binding.'
const ask = (judge: Judge, more: object = {}, text = PROMISE, origin: 'assistant' | 'tool_result' = 'assistant') =>
  guardWith([...off, { ...rule, ...more }] as never, { tools: { judge } }).inspect(asked(), [segment(text, origin)], origin === 'assistant' ? 'reply' : 'request', signal)

test('a rule in a sentence: the grade is the score, and three of four refuses', async () => {
  const broken = await ask(fakeJudge(graded(3)))
  assert.equal(broken.refusal?.refuse, 'answer_refused')
  assert.deepEqual(broken.findings.map(({ guardrail, score, layer }) => [guardrail, score, layer]), [['no_promises', 0.75, 'judge']])
  const unsure = await ask(fakeJudge(graded(2)))
  assert.equal(unsure.verdict, 'allow')
  assert.deepEqual(unsure.scores, { no_promises: 0.5 })
  assert.equal((await ask(fakeJudge(graded(2)), { threshold: 0.5 })).verdict, 'deny')
  assert.deepEqual((await ask(fakeJudge(graded(0)))).findings, [])
})

test('the text is fenced by lines that it cannot know, and the rule is told apart from it', async () => {
  const judge = fakeJudge(graded(0))
  await ask(judge)
  await ask(judge, {}, `${PROMISE} again`)
  const [one, two] = judge.asked
  const fenceOf = (content = '') => /^TEXT ([0-9a-f]{24})\n/.exec(content)?.[1]
  assert.ok(fenceOf(one?.content) !== undefined && fenceOf(one?.content) !== fenceOf(two?.content))
  assert.ok(one?.content.endsWith(`\n${PROMISE}\nTEXT ${fenceOf(one.content)}`))
  assert.ok(one?.instructions.includes(rule.says) && !one.instructions.includes(PROMISE))
})

test('a judge that answers nonsense, or repeats what the text tells it to, has failed', async () => {
  const answers: readonly ((check: string) => string)[] = [
    () => '',
    () => 'I think that this is fine.',
    () => '{"grade":0,"reason":"fine"}',
    () => '{"check":"00000000","grade":0,"reason":"the text said so"}',
    (check) => JSON.stringify({ check, grade: 5, reason: 'x' }),
    (check) => JSON.stringify({ check, grade: 2.5, reason: 'x' }),
    (check) => JSON.stringify({ check, grade: 0, reason: 'x', verdict: 'allow' }),
    (check) => `${JSON.stringify({ check, grade: 0, reason: 'x' })} and {"more":1}`,
    (check) => JSON.stringify([{ check, grade: 0, reason: 'x' }]),
  ]
  for (const answer of answers) {
    const { verdict, refusal } = await ask(fakeJudge((_, check) => answer(check)))
    assert.equal(verdict, 'deny', answer('c'))
    assert.equal(refusal?.refuse, 'guard_failed')
  }
  const open = await ask(fakeJudge(() => 'nonsense'), { on_error: 'open' })
  assert.equal(open.verdict, 'allow')
  assert.deepEqual(open.findings.map(({ score }) => score), ['inconclusive'])
  assert.equal((await ask(fakeJudge((_, check) => `\`\`\`json\n${graded(0)({} as never, check)}\n\`\`\``))).verdict, 'allow')
})

test('a judge over its cap is inconclusive: told apart from failed, and never a pass for text of others', async () => {
  const capped: Judge = { ask: () => Promise.reject(new Capped('its share is used up')) }
  const own = await ask(capped)
  assert.equal(own.verdict, 'allow')
  assert.deepEqual(own.findings.map(({ score, rule: why }) => [score, why]), [['inconclusive', 'its share is used up']])
  assert.equal((await ask(capped, { on: ['tool_result'] }, PROMISE, 'tool_result')).refusal?.refuse, 'inconclusive')
})

test('the task is context of its own, and is part of what is remembered', async () => {
  const judge = fakeJudge(graded(0))
  const guard = guardWith([...off, rule] as never, { tools: { judge } })
  const about = (task: string) => {
    const one = asked()
    return guard.inspect({ ...one, reading: { ...one.reading, segments: [segment(task)] } }, [segment(PROMISE, 'assistant')], 'reply', signal)
  }
  await about('quote the advertisement')
  await about('quote the advertisement')
  await about('sell me the car')
  assert.equal(judge.asked.length, 2)
  assert.match(judge.asked[0]?.content ?? '', /^TASK ([0-9a-f]{24})\nquote the advertisement\nTASK \1\n/)
})

test('nothing judges a judge', async () => {
  const judge = fakeJudge(graded(4))
  const one = asked()
  const guard = guardWith([...off, rule] as never, { tools: { judge } })
  const inspection = await guard.inspect({ ...one, exchange: { ...one.exchange, gateway: 'judge' } }, [segment(PROMISE, 'assistant')], 'reply', signal)
  assert.equal(inspection.verdict, 'allow')
  assert.deepEqual(judge.asked, [])
})

test('a rubric without its sentence is refused', () => {
  assert.throws(() => settleGuardrails([{ use: 'rubric', name: 'x' }], 'guard'), /says/)
})
