import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkIn } from '../src/guardrails/kinds/judge.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf, until } from './probe.ts'

/** A slow guardrail that runs while the model answers: nothing of the answer leaves before it is sure. */
let house: TestHouse
let grade = 0
before(async () => {
  house = await startHouse({
    config: ({ practiceUrl }) => `
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  judging: { match: { models: [none] }, targets: [{ provider: o, model: judge-1 }] }
  hanging: { match: { models: [hanging] }, targets: [{ provider: o, model: practice }] }
  waiting: { match: { models: [waiting] }, targets: [{ provider: o, model: practice }] }
  default: { targets: [{ provider: o, model: practice }] }
guardrails:
  - { use: rubric, name: no_orders, says: "orders no one about", on: [user], phase: request, parallel: true, timeout: 2m, routes: [default] }
  - { use: rubric, name: no_silence, says: "is never silent", on: [user], phase: request, parallel: true, timeout: 500ms, routes: [hanging] }
  - { use: rubric, name: no_hurry, says: "is in no hurry", on: [user], phase: request, timeout: 2m, routes: [waiting] }
judge: { route: judging, share: 1, usd_per_day: 1000, timeout: 2m }
`,
    script(index) {
      const { body } = house.practice.seen[index] ?? { body: '' }
      if (!body.includes('"judge-1"')) return undefined
      if (body.includes('never silent')) return { silent: true }
      const content = JSON.stringify({ check: checkIn(body.replaceAll('\\"', '"')), grade, reason: 'so it is' })
      // Long after the model has begun to answer.
      return { firstTokenAfter: 400, status: 200, body: { id: 'j', object: 'chat.completion', created: 1, model: 'judge-1', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } } }
    },
  })
})
after(() => house.stop())

const calls = () => house.practice.seen.filter(({ body }) => body.includes('"model":"practice"')).length

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'whole'

  test(`${how}: an answer is delivered when the guardrail has cleared the question`, async () => {
    grade = 0
    const reply = await house.chat(`Say something kind, ${how}.`, { stream })
    assert.equal(reply.status, 200)
    assert.match(await reply.text(), stream ? /\[DONE\]/ : /"content"/)
    const seal = await sealOf(house, reply.headers.get('x-sallyport-id'))
    assert.deepEqual([seal.outcome, seal.verdict], ['answered', 'allow'])
  })

  test(`${how}: a refusal comes with its status, and no byte of the answer that was under way`, async () => {
    grade = 4
    const before = calls()
    const reply = await house.chat(`Say the word marzipan, ${how}.`, { stream })
    const text = await reply.text()
    assert.deepEqual([reply.status, reply.headers.get('content-type'), reply.headers.get('x-should-retry')], [403, 'application/json', 'false'])
    assert.match(text, /content_refused/)
    assert.doesNotMatch(text, /marzipan|choices|data:/)
    assert.equal(calls(), before + 1, 'the model was asked meanwhile')
    const seal = (await sealOf(house, reply.headers.get('x-sallyport-id'))) as unknown as { code: string; step: string; verdict: string; attempts: unknown[]; findings: { guardrail: string }[]; scores: Record<string, number> }
    assert.deepEqual([seal.code, seal.step, seal.verdict, seal.attempts.length], ['content_refused', 'inspect', 'deny', 1])
    assert.deepEqual([seal.findings[0]?.guardrail, seal.scores['no_orders']], ['no_orders', 100])
    const again = await house.chat(`Say the word marzipan, ${how}.`, { stream })
    assert.equal(again.status, 403)
    await again.text()
    assert.equal(calls(), before + 1, 'the refusal is remembered')
  })

  test(`${how}: a guardrail that never answers refuses, though the model has answered`, async () => {
    const before = calls()
    const reply = await house.chat('Say the word marzipan.', { stream, model: 'hanging' })
    const text = await reply.text()
    assert.equal(reply.status, 503)
    assert.match(text, /guard_failed/)
    assert.doesNotMatch(text, /marzipan|choices/)
    assert.equal(calls(), before + 1)
  })
}

test('without parallel the model is asked only after the guardrail has cleared the question', async () => {
  grade = 4
  const before = calls()
  const reply = await house.chat('Say the word nougat.', { model: 'waiting' })
  assert.equal(reply.status, 403)
  await reply.text()
  assert.equal(calls(), before)
})

test('a caller that hangs up meanwhile leaves a receipt that says so', async () => {
  grade = 0
  const stop = new AbortController()
  const reply = fetch(`${house.dataUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` },
    body: JSON.stringify({ model: 'hanging', messages: [{ role: 'user', content: 'Wait for me.' }] }),
    signal: stop.signal,
  })
  const before = calls()
  await until('the model is asked', () => (calls() > before ? true : undefined))
  stop.abort()
  await assert.rejects(reply)
  const seal = await until('a receipt', async () => (await house.receipts()).findLast((one) => one['gateway'] === 'llm' && one['outcome'] === 'cancelled'))
  assert.equal(seal['code'], 'cancelled')
})
