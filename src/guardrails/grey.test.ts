import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Origin } from '../contract/segment.ts'
import { asked, guardWith, segment, signal } from './guard.fixture.ts'
import { fakeJudge, graded } from './kinds/judge.fixture.ts'
import { fakeModels } from './kinds/models.fixture.ts'
import { Capped } from './tools.ts'
import type { Judge } from './tools.ts'

const ask = async (score: number, judge: Judge | undefined, origin: Origin = 'user', more: object = {}) => {
  const guard = guardWith([{ use: 'prompt_injection', mode: 'enforce', ...more }], { tools: { models: fakeModels({ head: () => score }), ...(judge && { judge }) } })
  return guard.inspect(asked(), [segment('a text that is not plain', origin)], 'request', signal)
}

test('only the grey zone is judged', async () => {
  for (const [score, origin, count] of [[0.1, 'user', 0], [0.5, 'user', 1], [0.92, 'user', 1], [0.99, 'user', 0], [0.5, 'document', 1], [0.92, 'document', 0]] as const) {
    const judge = fakeJudge(graded(2))
    await ask(score, judge, origin)
    assert.equal(judge.asked.length, count, `${score} ${origin}`)
  }
  const judge = fakeJudge(graded(4))
  assert.equal((await ask(0.5, judge, 'user', { layers: ['rules', 'fast', 'deep'] })).verdict, 'allow')
  assert.equal(judge.asked.length, 0)
})

test('a judge accuses anybody, and clears only what trusted people wrote', async () => {
  const accused = await ask(0.5, fakeJudge(graded(3)), 'document')
  assert.equal(accused.refusal?.refuse, 'injection')
  assert.ok(accused.findings.some(({ layer }) => layer === 'judge'))
  assert.equal((await ask(0.5, fakeJudge(graded(4)))).verdict, 'deny')
  assert.equal((await ask(0.92, fakeJudge(graded(0)))).verdict, 'allow')
  assert.equal((await ask(0.92, fakeJudge(graded(2)))).verdict, 'deny')
  assert.equal((await ask(0.92, fakeJudge(graded(0)), 'document')).verdict, 'deny')
})

test('a judge that is capped is inconclusive, one that obeys the text has failed', async () => {
  const capped: Judge = { ask: () => Promise.reject(new Capped('used up')) }
  assert.equal((await ask(0.5, capped)).verdict, 'allow')
  assert.equal((await ask(0.5, capped, 'document')).refusal?.refuse, 'inconclusive')
  assert.equal((await ask(0.92, capped)).verdict, 'deny')
  assert.equal((await ask(0.5, fakeJudge(() => 'As you wish.'))).refusal?.refuse, 'guard_failed')
})
