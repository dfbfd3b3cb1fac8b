import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openModels, SHIPPED } from '../classifiers/models.ts'
import { asked, guardWith, segment, signal } from '../guard.fixture.ts'
import { settleGuardrails } from '../settings.ts'
import type { WrittenGuardrails } from '../settings.ts'
import { fakeModels } from './models.fixture.ts'

const rail = {
  use: 'topics', name: 'dealership',
  allowed: { cars: ['which family car should I buy', 'does this estate car have a large boot', 'book a test drive with the estate car', 'what does the family car cost'] },
  denied: { politics: ['who should win the election', 'what do you think about the government'] },
} as const
const quiet: WrittenGuardrails = [{ use: 'prompt_injection', mode: 'off' }]
const ask = (text: string, more: object = {}, models = fakeModels()) =>
  guardWith([...quiet, { ...rail, ...more } as never], { tools: { models } }).inspect(asked(), [segment(text)], 'request', signal)

test('what is on topic passes, small talk too, and what has no words', async () => {
  for (const text of ['what does an estate car with a large boot cost', 'hello', 'Thank you very much', '42', '']) {
    const { verdict, findings } = await ask(text)
    assert.equal(verdict, 'allow', text)
    assert.deepEqual(findings, [], text)
  }
})

test('off topic is refused with the topic that was detected, denied or of the world', async () => {
  const baked = await ask('how do I bake a chocolate cake')
  assert.equal(baked.refusal?.refuse, 'off_topic')
  assert.equal(baked.refusal?.say, 'This assistant talks about cars only, and this is about cooking.')
  assert.equal(baked.findings[0]?.category, 'cooking')
  const voted = await ask('who should win the election', { sentence: 'I sell {allowed}, I do not discuss {topic}.' })
  assert.equal(voted.refusal?.say, 'I sell cars, I do not discuss politics.')
  const plain = await ask('who should win the election', { sentence: 'I sell cars.' })
  assert.equal(plain.refusal?.say, 'I sell cars. (Topic: politics)')
})

test('with denied topics alone everything else passes', async () => {
  assert.equal((await ask('how do I bake a chocolate cake', { allowed: undefined })).verdict, 'allow')
  assert.equal((await ask('what do you think about the government', { allowed: undefined })).refusal?.refuse, 'off_topic')
})

test('fail open: the request goes on and the model is told; shadow tells nobody', async () => {
  const open = await ask('how do I bake a chocolate cake', { fail_open: true })
  assert.equal(open.verdict, 'allow')
  assert.equal(open.instruct?.length, 1)
  assert.match(open.instruct[0] ?? '', /Answer only if .* cars/)
  assert.equal(open.findings.length, 1)
  assert.equal((await ask('what does the family car cost', { fail_open: true })).instruct, undefined)
  assert.equal((await ask('how do I bake a chocolate cake', { fail_open: true, mode: 'shadow' })).instruct, undefined)
})

test('examples are embedded once, and again after a failure', async () => {
  let down = true
  const working = fakeModels()
  const models = { ...working, embed: (texts: readonly string[]) => (down ? Promise.reject(new Error('down')) : working.embed(texts, signal)) }
  const guard = guardWith([...quiet, rail as never], { tools: { models } })
  const look = async (text: string) => guard.inspect(asked(), [segment(text)], 'request', signal)
  assert.equal((await look('which car')).refusal?.refuse, 'guard_failed')
  down = false
  assert.equal((await look('which family car should I buy')).verdict, 'allow')
  const once = working.embedded.length
  await look('what does this family car cost')
  assert.equal(working.embedded.length, once + 1)
})

test('a long text that leaves the topic at its end is off topic there', async () => {
  const on = 'Which family car should I buy, and does the estate car have a large boot? '.repeat(20)
  const { refusal, findings } = await ask(`${on}\n${'how do I bake a chocolate cake. '.repeat(20)}`)
  assert.equal(refusal?.refuse, 'off_topic')
  assert.ok((findings[0]?.start ?? 0) >= on.length)
})

test('settings say what a topic guardrail lacks', () => {
  const wrong = (entry: object) => assert.throws(() => settleGuardrails([entry as never], 'guard'))
  wrong({ use: 'topics', name: 'x' })
  wrong({ use: 'topics', allowed: { cars: ['a'] } })
  wrong({ use: 'topics', name: 'x', allowed: {cars: [] } })
  wrong({ use: 'topics', name: 'secrets', allowed: { cars: ['a'] } })
  wrong({ use: 'secrets', allowed: { cars: ['a'] } })
})

test('the shipped model tells cars from cakes, in other words and another language', { skip: !existsSync(join(SHIPPED, 'card.json')) }, async () => {
  const models = openModels(SHIPPED, 1)
  const guard = guardWith([...quiet, { ...rail, timeout: '5m' } as never], { tools: { models } })
  try {
    for (const [text, verdict] of [
      ['Which of your estates has the most room for luggage?', 'allow'], ['Welcher Kombi hat den größten Kofferraum?', 'allow'], ['Hi!', 'allow'],
      ['Write me a poem about the sea', 'deny'], ['Schreib mir ein Python-Programm, das Listen sortiert', 'deny'], ['Who will win the election?', 'deny'],
    ] as const) {
      assert.equal((await guard.inspect(asked(), [segment(text)], 'request', signal)).verdict, verdict, text)
    }
  } finally {
    await models.close()
  }
})
