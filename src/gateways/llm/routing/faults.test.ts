import assert from 'node:assert/strict'
import test from 'node:test'
import { anthropicMessages } from '../anthropic/dialect.ts'
import { geminiGenerate } from '../gemini/dialect.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import { openaiResponses } from '../openai/responses/dialect.ts'
import { costOf } from '../../../contract/exchange.ts'
import { always, candidate, first, ground, PRICE, read, SHORT, until, WORDS, type Ground } from './attempts.fixture.ts'

const good = (): undefined => undefined
const outcomes = (reply: ReturnType<Ground['send']>): string[] => reply.attempts().map((one) => `${one.candidate.split('/')[0] ?? ''} ${one.outcome}${one.code === undefined ? '' : ` ${one.code}`}`)

for (const dialect of [openaiChat, openaiResponses, anthropicMessages, geminiGenerate]) {
  test(`${dialect.id}: an answer passes, streamed and whole, with usage and cost`, async (t) => {
    const here = await ground(t, { one: good })
    for (const stream of [true, false]) {
      const reply = here.send({ dialect, stream })
      const { text, refusal, events } = await read(reply)
      assert.equal(refusal, undefined)
      assert.equal(text, WORDS)
      assert.equal(events.at(-1)?.kind, 'end')
      const [record] = reply.attempts()
      assert.equal(record?.outcome, 'answered')
      assert.equal(record.model, 'practice-tokens-60')
      assert.equal(record.usage.output, 60)
      assert.ok(record.usage.input > 0)
      assert.equal(record.cost, costOf(record.usage, PRICE))
      assert.ok(record.firstByte !== undefined && record.firstByte <= record.took)
    }
  })

  test(`${dialect.id}: a complete stream without its terminator ends promptly, with usage, whether the connection ends or not`, async (t) => {
    for (const open of [false, true]) {
      const here = await ground(t, { one: always({ kind: 'no_terminator', open }) })
      const reply = here.send({ dialect })
      const { text, refusal } = await read(reply)
      assert.equal(refusal, undefined)
      assert.equal(text, WORDS)
      assert.deepEqual(outcomes(reply), ['one answered'])
      assert.equal(reply.usage().output, 60)
    }
  })

  test(`${dialect.id}: a stream cut after 40 of 60 tokens is never a success`, async (t) => {
    const here = await ground(t, { one: always({ kind: 'cut', after: 40 }) })
    const reply = here.send({ dialect })
    const { text, refusal } = await read(reply)
    assert.equal(refusal?.refuse, 'upstream_cut')
    assert.ok(WORDS.startsWith(text) && text.length < WORDS.length)
    const [record] = reply.attempts()
    assert.ok(record !== undefined && record.usage.output >= 40, 'the upstream died without a word: its text is charged')
    assert.ok(record.usage.input > 0 && (record.cost ?? 0) > 0)
  })

  test(`${dialect.id}: an error inside the stream is the provider's failure`, async (t) => {
    const here = await ground(t, { one: always({ kind: 'error_event', after: 0 }), two: good })
    const reply = here.send({ dialect })
    assert.equal((await read(reply)).text, WORDS)
    assert.deepEqual(outcomes(reply), ['one failed upstream_error', 'one failed upstream_error', 'one failed upstream_error', 'two answered'])
  })

  test(`${dialect.id}: context length, content policy and back-pressure are told apart`, async (t) => {
    const here = await ground(t, { one: first({ kind: 'context_length' }, { kind: 'content_policy' }, { kind: 'status', status: 429, retryAfter: 30 }) })
    for (const code of ['context_length', 'content_policy', 'upstream_rate']) assert.equal((await read(here.send({ dialect, retries: { attempts: 1, base: 1, cap: 10 } }))).refusal?.refuse, code)
  })
}

test('429 with a short Retry-After: waited for, then the same target answers', async (t) => {
  const here = await ground(t, { one: first({ kind: 'status', status: 429, retryAfter: 0.05 }), two: good })
  const reply = here.send()
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_rate', 'one answered'])
  const [failed, answered] = reply.attempts()
  assert.ok((answered?.startedAt ?? 0) - (failed?.startedAt ?? 0) >= 45, 'not before it was asked for')
})

test('429 with a long Retry-After: fails over at once, and the target is left alone until then', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 429, retryAfter: 60 }), two: good })
  const reply = here.send()
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_rate', 'two answered'])
  const next = here.send()
  assert.equal((await read(next)).text, WORDS)
  assert.deepEqual(outcomes(next), ['one skipped rate_paused', 'two answered'])
  assert.equal(here.servers['one']?.seen.length, 1)
})

test('429 with a long Retry-After and nobody else: the wait reaches the caller, without asking again', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 429, retryAfter: 60 }) })
  const { refusal } = await read(here.send())
  assert.equal(refusal?.refuse, 'upstream_rate')
  assert.equal(refusal.retryAfterMs, 60_000)
  const again = (await read(here.send())).refusal
  assert.equal(again?.refuse, 'upstream_rate')
  assert.ok((again.retryAfterMs ?? 0) > 50_000)
  assert.equal(here.servers['one']?.seen.length, 1)
})

test('429 without Retry-After: a bounded number of tries, then fail over; the breaker does not count them', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 429 }), two: good })
  for (let call = 0; call < 4; call++) {
    const reply = here.send()
    assert.equal((await read(reply)).text, WORDS)
    assert.deepEqual(outcomes(reply), ['one failed upstream_rate', 'one failed upstream_rate', 'one failed upstream_rate', 'two answered'])
  }
  assert.equal(here.health.of('one/practice-tokens-60').breaker.state(), 'closed')
})

test('500 once: the retry answers', async (t) => {
  const here = await ground(t, { one: first({ kind: 'status', status: 500 }), two: good })
  const reply = here.send()
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_error', 'one answered'])
  assert.equal(reply.attempts()[0]?.status, 500)
})

test('503 for ever: bounded tries, fail over, and a clear error where there is nobody else', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 503 }), two: good })
  const reply = here.send()
  assert.equal((await read(reply)).text, WORDS)
  assert.equal(here.servers['one']?.seen.length, 3)
  const alone = here.send({ candidates: [candidate('one', 'primary', 'practice-tokens-60')], retries: { attempts: 2, base: 5, cap: 10 } })
  const { refusal } = await read(alone)
  assert.equal(refusal?.refuse, 'upstream_error')
  assert.equal(here.servers['one'].seen.length, 5)
})

test('reset before headers: retried once, then fail over', async (t) => {
  const here = await ground(t, { one: always({ kind: 'reset' }), two: good })
  const reply = here.send()
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_error', 'one failed upstream_error', 'two answered'])
  assert.ok(reply.attempts().slice(0, 2).every((one) => one.cost === 0), 'nothing was taken, nothing is charged')
})

test('accepts and never answers: fails over after the first timeout and does not ask the silent route again', async (t) => {
  for (const stream of [true, false]) {
    const here = await ground(t, { one: always({ kind: 'silence' }), two: good })
    const reply = here.send({ stream, timeouts: SHORT })
    assert.equal((await read(reply)).text, WORDS)
    assert.deepEqual(outcomes(reply), ['one failed upstream_timeout', 'two answered'])
    assert.equal(here.servers['one']?.seen.length, 1)
  }
})

test('the first token comes too late: fails over, and the preamble of the late one is gone', async (t) => {
  const here = await ground(t, { one: always({ kind: 'late', ms: 20_000 }), two: good })
  const reply = here.send({ dialect: openaiResponses, timeouts: SHORT })
  const { text, restarts, events } = await read(reply)
  assert.equal(text, WORDS)
  assert.equal(restarts, 0)
  assert.ok(events.every((event) => event.candidate.provider === 'two'))
  assert.deepEqual(outcomes(reply), ['one failed upstream_timeout', 'two answered'])
  assert.ok(await until(() => here.servers['one']?.seen[0]?.gone === true), 'the late one was hung up on')
})

test('a stream cut before anything was released: another target gives the whole answer', async (t) => {
  const here = await ground(t, { one: always({ kind: 'cut', after: 40 }), two: good })
  const reply = here.send({ restartable: true })
  const { text, restarts, events } = await read(reply, 1_000)
  assert.equal(text, WORDS)
  assert.equal(restarts, 1)
  assert.equal(events[0]?.restarts, true)
  assert.deepEqual(outcomes(reply), ['one failed upstream_cut', 'two answered'])
})

test('a stream cut after content was released: a clear error, no second answer', async (t) => {
  for (const restartable of [true, false]) {
    const here = await ground(t, { one: always({ kind: 'cut', after: 40 }), two: good })
    const reply = here.send({ restartable })
    assert.equal((await read(reply)).refusal?.refuse, 'upstream_cut')
    assert.deepEqual(outcomes(reply), ['one failed upstream_cut'])
    assert.equal(here.servers['two']?.seen.length, 0)
  }
})

test('a whole reply that breaks off: fails over', async (t) => {
  const here = await ground(t, { one: always({ kind: 'cut', after: 1 }), two: good })
  const reply = here.send({ stream: false })
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_cut', 'two answered'])
})

test('a stream that stalls: a clear error after the limit, and the upstream is let go', async (t) => {
  const here = await ground(t, { one: always({ kind: 'stall', after: 10 }) })
  const reply = here.send({ timeouts: SHORT })
  const { refusal, text } = await read(reply)
  assert.equal(refusal?.refuse, 'upstream_timeout')
  assert.ok(WORDS.startsWith(text) && text !== '')
  assert.ok(await until(() => here.servers['one']?.seen[0]?.gone === true))
})

test('a caller that reads slowly is no stall of the upstream', async (t) => {
  const here = await ground(t, { one: good })
  const reply = here.send({ model: 'practice-tokens-6-delay-20', timeouts: SHORT })
  let count = 0
  for await (const event of reply.events) {
    if (event.kind === 'content' && count++ === 1) await new Promise((resolve) => setTimeout(resolve, 1_100))
  }
  assert.equal(reply.attempts()[0]?.outcome, 'answered')
})

test('a malformed event: a half of an answer fails cleanly, noise is passed over, and the next call is well', async (t) => {
  const here = await ground(t, { one: first({ kind: 'malformed', after: 5 }, { kind: 'malformed', after: 5, text: 'ping' }) })
  assert.equal((await read(here.send())).refusal?.refuse, 'upstream_malformed')
  for (let call = 0; call < 2; call++) {
    const { refusal, text } = await read(here.send())
    assert.equal(refusal, undefined)
    assert.equal(text, WORDS)
  }
})

test('a malformed event before anything was released: another target answers', async (t) => {
  const here = await ground(t, { one: always({ kind: 'malformed', after: 0 }), two: good })
  const reply = here.send({ restartable: true })
  assert.equal((await read(reply, 1_000)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed upstream_malformed', 'two answered'])
})

test('context length exceeded: not asked again, and not of the ordinary fallbacks', async (t) => {
  const here = await ground(t, { one: always({ kind: 'context_length' }), two: good })
  const reply = here.send()
  const { refusal } = await read(reply)
  assert.equal(refusal?.refuse, 'context_length')
  assert.match(refusal.upstream?.message ?? '', /too long/)
  assert.deepEqual(outcomes(reply), ['one failed context_length'])
})

test('context length exceeded: a larger model answers where one is configured', async (t) => {
  const here = await ground(t, { one: always({ kind: 'context_length' }), two: good, large: good })
  const reply = here.send({ larger: 'large/practice-tokens-60' })
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(outcomes(reply), ['one failed context_length', 'large answered'])
  assert.equal(here.servers['two']?.seen.length, 0)
  assert.equal(here.health.of('one/practice-tokens-60').breaker.state(), 'closed')
})

test('a content-policy rejection: no retry, nobody else is asked, and the reason reaches the caller', async (t) => {
  const here = await ground(t, { one: always({ kind: 'content_policy' }), two: good })
  const reply = here.send()
  const { refusal } = await read(reply)
  assert.equal(refusal?.refuse, 'content_policy')
  assert.match(refusal.upstream?.message ?? '', /filtering policy/)
  assert.deepEqual(outcomes(reply), ['one failed content_policy'])
})

test('a fallback that rejects a prefill does not mask the first error, and the next fallback is still asked', async (t) => {
  const reject = always({ kind: 'invalid', message: 'this model does not support assistant message prefill' })
  const here = await ground(t, { one: always({ kind: 'status', status: 503 }), two: reject })
  const { refusal } = await read(here.send())
  assert.equal(refusal?.refuse, 'upstream_error')
  assert.equal(refusal.upstream, undefined)
  assert.match(refusal.detail ?? '', /prefill/, 'for the audit record')
  const more = await ground(t, { one: always({ kind: 'status', status: 503 }), two: reject, three: good })
  assert.equal((await read(more.send())).text, WORDS)
})

test('an invalid request is the caller\'s: no retry, no fail-over, the reason reaches it', async (t) => {
  const here = await ground(t, { one: always({ kind: 'invalid', message: 'messages: bad' }), two: good })
  const reply = here.send()
  const { refusal } = await read(reply)
  assert.equal(refusal?.refuse, 'upstream_refused')
  assert.equal(refusal.upstream?.message, 'messages: bad')
  assert.equal(here.servers['two']?.seen.length, 0)
})

test('a credential that the provider refuses: another provider answers, and its words do not reach the caller', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 401 }), two: good })
  assert.equal((await read(here.send())).text, WORDS)
  const alone = await read(here.send({ candidates: [candidate('one', 'primary', 'practice-tokens-60')] }))
  assert.equal(alone.refusal?.refuse, 'upstream_auth')
  assert.equal(alone.refusal.upstream, undefined)
})
