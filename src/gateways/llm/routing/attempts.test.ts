import assert from 'node:assert/strict'
import test from 'node:test'
import { BodyError } from '../../../contract/arrival.ts'
import { DialError, type Dial } from '../../../contract/dial.ts'
import { costOf } from '../../../contract/exchange.ts'
import { Inexpressible } from '../dialect.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import { anthropicMessages } from '../anthropic/dialect.ts'
import { always, candidate, first, ground, PRICE, read, SHORT, textOf, until, WORDS } from './attempts.fixture.ts'
import type { LlmEvent } from './event.ts'
import type { MirrorRecord } from './mirror.ts'
import type { Prepared } from './source.ts'

const MODEL = 'practice-tokens-60'
const good = (): undefined => undefined

test('accounting after fail-over: every attempt is there, the answer is the last one\'s, its usage and model too', async (t) => {
  const here = await ground(t, { one: always({ kind: 'cut', after: 40 }), two: good })
  const reply = here.send({ restartable: true, dialect: anthropicMessages })
  await read(reply, 1_000)
  const [cut, answered] = reply.attempts()
  assert.deepEqual([cut?.role, cut?.outcome, answered?.role, answered?.outcome], ['primary', 'failed', 'fallback', 'answered'])
  assert.ok((cut?.usage.output ?? 0) >= 40 && (cut?.cost ?? 0) > 0, 'what the first one streamed is charged')
  assert.equal(reply.usage(), answered?.usage)
  assert.equal(answered?.model, MODEL)
  for (const one of reply.attempts()) assert.equal(one.cost, costOf(one.usage, PRICE))
})

test('the dial starts before anybody reads', async (t) => {
  const here = await ground(t, { one: good })
  const reply = here.send()
  assert.ok(await until(() => here.servers['one']?.seen.length === 1))
  assert.equal((await read(reply)).text, WORDS)
})

test('a caller that hangs up ends the upstream at once, and what was used is recorded', async (t) => {
  const here = await ground(t, { one: good })
  const hangUp = new AbortController()
  const reply = here.send({ signal: hangUp.signal, model: 'practice-tokens-60-delay-20' })
  let refusal: unknown
  try {
    for await (const event of reply.events) if (event.kind === 'content') hangUp.abort()
  } catch (error) {
    refusal = error
  }
  assert.equal((refusal as { refusal: { refuse: string } }).refusal.refuse, 'cancelled')
  assert.equal(reply.attempts()[0]?.outcome, 'cancelled')
  assert.ok((reply.attempts()[0]?.usage.output ?? 0) > 0)
  assert.ok(await until(() => here.servers['one']?.seen[0]?.gone === true))
})

test('abort ends everything, also before the first event, and its record is there at once', async (t) => {
  const here = await ground(t, { one: always({ kind: 'silence' }), two: good })
  const reply = here.send({ timeouts: { connect: 1_000, firstToken: 5_000, answer: 5_000, stall: 5_000, total: 5_000 } })
  assert.ok(await until(() => here.servers['one']?.seen.length === 1))
  reply.abort()
  assert.deepEqual(reply.attempts().map((one) => one.outcome), ['cancelled'])
  assert.equal((await read(reply)).events.length, 0)
  assert.ok(await until(() => here.servers['one']?.seen[0]?.gone === true))
  assert.equal(here.servers['two']?.seen.length, 0)
})

test('a caller that is gone before the call costs nothing', async (t) => {
  const here = await ground(t, { one: good })
  const reply = here.send({ signal: AbortSignal.abort() })
  assert.equal((await read(reply)).refusal?.refuse, 'cancelled')
  assert.equal(here.servers['one']?.seen.length, 0)
})

test('a reader that leaves in the middle lets the upstream go', async (t) => {
  const here = await ground(t, { one: good })
  const reply = here.send({ model: 'practice-tokens-60-delay-20' })
  for await (const event of reply.events) if (event.kind === 'content') break
  assert.equal(reply.attempts()[0]?.outcome, 'cancelled')
  assert.ok(await until(() => here.servers['one']?.seen[0]?.gone === true))
})

test('the limit over all ends retries, fail-over and a stream that never ends', async (t) => {
  const here = await ground(t, { one: always({ kind: 'silence' }), two: always({ kind: 'silence' }), three: good })
  const reply = here.send({ timeouts: { connect: 500, firstToken: 120, answer: 120, stall: 100, total: 180 } })
  assert.equal((await read(reply)).refusal?.refuse, 'upstream_timeout')
  assert.equal(here.servers['three']?.seen.length, 0)
  const slow = await ground(t, { one: good })
  const endless = slow.send({ model: 'practice-tokens-600-delay-20', timeouts: { connect: 500, firstToken: 200, answer: 200, stall: 200, total: 150 } })
  const { refusal, text } = await read(endless)
  assert.equal(refusal?.refuse, 'upstream_timeout')
  assert.notEqual(text, '')
})

test('fail-over keeps to what the route lists', async (t) => {
  const here = await ground(t, { one: always({ kind: 'status', status: 503 }), two: good })
  const reply = here.send({ fallbackOn: new Set(['timeout']) })
  assert.equal((await read(reply)).refusal?.refuse, 'upstream_error')
  assert.equal(here.servers['two']?.seen.length, 0)
})

test('a request that one dialect cannot say goes to the next; none that can is a refusal naming the field', async (t) => {
  const here = await ground(t, { one: good, two: good })
  const say = (prepare: (one: string) => boolean) => {
    const usual: Prepared = { url: `${here.servers['two']?.url ?? ''}/v1/chat/completions`, fields: [], body: `{"model":"${MODEL}","messages":[{"role":"user","content":"x"}]}`, dialect: openaiChat, stream: false, dial: inProcess }
    return here.send({
      stream: false,
      prepare(one) {
        if (!prepare(one.provider)) throw new Inexpressible('logit_bias', 'has no place there')
        return usual
      },
    })
  }
  const reply = say((one) => one === 'two')
  assert.equal((await read(reply)).refusal, undefined)
  assert.deepEqual(reply.attempts().map((one) => one.code ?? one.outcome), ['inexpressible', 'answered'])
  const { refusal } = await read(say(() => false))
  assert.equal(refusal?.refuse, 'inexpressible')
  assert.equal(refusal.param, 'logit_bias')
})

const REPLY = '{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"grüße 🙂"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'

/** Answers with fixed bytes, in chunks of this size. */
function fixed(text: string, size: number, type = 'application/json', status = 200): Dial {
  const bytes = Buffer.from(text)
  return () =>
    Promise.resolve({
      status,
      fields: [['content-type', type]],
      abort: () => undefined,
      body: {
        whole: (limit) => (bytes.length > limit ? Promise.reject(new BodyError('too_large')) : Promise.resolve(bytes)),
        async *stream() {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
        },
      },
    })
}

const inProcess = fixed(REPLY, 1_000)

async function asked(t: Parameters<typeof ground>[0], dial: Dial, stream: boolean, limits = { bytes: 10_000, depth: 20, graceMs: 50 }) {
  const here = await ground(t, {})
  return await read(
    here.send({
      candidates: [candidate('one', 'primary')],
      limits,
      prepare: () => ({ url: 'http://x.invalid/', fields: [], body: '', dialect: openaiChat, stream, dial }),
      retries: { attempts: 1, base: 1, cap: 1 },
    }),
  )
}

const chunk = (content: string, finish: string | null = null): string =>
  `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":${JSON.stringify(finish)}}]}\n\n`

test('characters cut by chunk borders come out whole', async (t) => {
  const stream = `${chunk('grüße ')}${chunk('🙂 日本')}${chunk('', 'stop')}data: [DONE]\n\n`
  for (const size of [1, 2, 3, 5, 7]) assert.equal((await asked(t, fixed(stream, size, 'text/event-stream'), true)).text, 'grüße 🙂 日本')
})

test('replies that are no reply: a clear error each, never half an answer', async (t) => {
  const cases: readonly (readonly [string, Dial, boolean, string])[] = [
    ['html', fixed('<html>', 10), false, 'upstream_malformed'],
    ['half a body', fixed(REPLY.slice(0, 60), 10), false, 'upstream_cut'],
    ['nothing', fixed('', 10), false, 'upstream_cut'],
    ['an array', fixed('[]', 10), false, 'upstream_malformed'],
    ['too large', fixed(REPLY + ' '.repeat(20_000), 1_000), false, 'upstream_too_large'],
    ['too deep', fixed(`{"a":${'['.repeat(60)}${']'.repeat(60)}}`, 1_000), false, 'upstream_malformed'],
    ['a redirect', fixed('', 10, 'text/html', 302), false, 'upstream_malformed'],
    ['an error with status 200', fixed('{"error":{"message":"busy","type":"server_error","code":"server_error"}}', 100), false, 'upstream_error'],
    ['a stream that was never one', fixed(REPLY, 100), true, 'upstream_malformed'],
    ['an error instead of a stream', fixed('{"error":{"message":"busy","type":"server_error","code":"server_error"}}', 100), true, 'upstream_error'],
    ['an empty stream', fixed('', 10, 'text/event-stream'), true, 'upstream_cut'],
    ['bytes that are no text', fixed('', 10, 'text/event-stream'), true, 'upstream_cut'],
    ['an endless line', fixed(`data: ${'x'.repeat(30_000)}`, 1_000, 'text/event-stream'), true, 'upstream_too_large'],
    ['two keys alike', fixed('data: {"a":1,"a":2}\n\n', 100, 'text/event-stream'), true, 'upstream_malformed'],
  ]
  for (const [name, dial, stream, code] of cases) assert.equal((await asked(t, dial, stream)).refusal?.refuse, code, name)
})

test('a defect in a dial is thrown as it is, not blamed on the provider', async (t) => {
  await assert.rejects(asked(t, () => Promise.reject(new TypeError('our own')), false), TypeError)
  assert.equal((await asked(t, () => Promise.reject(new DialError('forbidden', 'not there')), false)).refusal?.refuse, 'upstream_error')
})

test('a mirror gets its copy behind the caller\'s first byte; its trouble and its slowness stay its own', async (t) => {
  const kept: MirrorRecord[] = []
  const here = await ground(t, { one: good, shadow: first(undefined as never, { kind: 'status', status: 500 }) })
  const candidates = [candidate('one', 'primary', MODEL), candidate('shadow', 'mirror', MODEL)]
  for (const outcome of ['answered', 'failed']) {
    const reply = here.send({ candidates, keep: (record) => kept.push(record) })
    assert.equal((await read(reply)).text, WORDS)
    assert.equal(reply.attempts()[0]?.role, 'primary')
    reply.abort()
    await reply.finished()
    const record = reply.attempts().find((one) => one.role === 'mirror')
    assert.equal(record?.outcome, outcome)
    assert.equal(record.cost, outcome === 'answered' ? costOf(record.usage, PRICE) : 0)
    assert.ok(outcome === 'failed' || record.usage.output === 60)
  }
  assert.deepEqual(kept.map((one) => [one.candidate, one.beside, one.outcome]), [[`shadow/${MODEL}`, `one/${MODEL}`, 'answered'], [`shadow/${MODEL}`, `one/${MODEL}`, 'failed']])
  assert.equal(kept[0]?.said.map((one) => one.text).join(''), WORDS)
})

test('a mirror that hangs does not hold the answer', async (t) => {
  const here = await ground(t, { one: good, shadow: always({ kind: 'silence' }) })
  const reply = here.send({ timeouts: SHORT, candidates: [candidate('one', 'primary', MODEL), candidate('shadow', 'mirror', MODEL)] })
  assert.equal((await read(reply)).text, WORDS)
  assert.deepEqual(reply.attempts().map((one) => one.role), ['primary'])
  await reply.finished()
  assert.deepEqual(reply.attempts().map((one) => one.code), [undefined, 'upstream_timeout'])
})

test('an event with other texts carries them in its frame, and the original is untouched', async (t) => {
  const here = await ground(t, { one: good })
  const { events } = await read(here.send())
  const event = events.find((one) => one.leaves.length > 0) as LlmEvent
  const before = JSON.stringify([...(event.frame?.data as Map<string, unknown>).keys()])
  const changed = event.rewrite(['[REDACTED]']) as LlmEvent
  assert.equal(textOf([changed]), '[REDACTED]')
  assert.match(JSON.stringify(openaiChat.viewer()(changed.frame as NonNullable<LlmEvent['frame']>)), /REDACTED/)
  assert.doesNotMatch(JSON.stringify(openaiChat.viewer()(event.frame as NonNullable<LlmEvent['frame']>)), /REDACTED/)
  assert.equal(JSON.stringify([...(event.frame?.data as Map<string, unknown>).keys()]), before)
  assert.equal(event.rewrite(event.leaves.map((leaf) => leaf.text)), event)
  assert.throws(() => event.rewrite([]), RangeError)
})
