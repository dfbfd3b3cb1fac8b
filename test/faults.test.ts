import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI from 'openai'
import type { Fault } from './practice.ts'
import { startHouse, type TestHouse } from './house.ts'

/** Two providers on one simulated server, told apart by their path: `/one/…` misbehaves by script, `/two/…` is well. */
async function faulty(script: (index: number) => Fault | undefined, use: (house: TestHouse) => Promise<void>, more: { readonly output?: string; readonly backup?: boolean; readonly larger?: boolean; readonly gapMs?: number } = {}): Promise<void> {
  let ones = 0
  const house: TestHouse = await startHouse({
    gapMs: more.gapMs ?? 0,
    script(index) {
      const path = house?.practice.seen[index]?.path ?? ''
      return path.startsWith('/one/') ? script(ones++) : undefined
    },
    config: ({ practiceUrl }) => `
providers:
  one: { kind: openai-compatible, baseUrl: "${practiceUrl}/one/v1", credential: env:PRACTICE_KEY }
  two: { kind: openai-compatible, baseUrl: "${practiceUrl}/two/v1", credential: env:PRACTICE_KEY }
routes:
  default:
    strategy: priority
    output: ${more.output ?? 'balanced'}
    targets:
      - { provider: one, model: practice-verbose }
${more.backup === false ? '' : '      - { provider: two, model: practice-backup }'}
    fallback: { on: [timeout, rate_limited, server_error, stalled, truncated, malformed]${more.larger === true ? ', context_length: { provider: two, model: practice-large }' : ''} }
    timeouts: { connect: 1s, first_token: 400ms, answer: 600ms, stall: 400ms, total: 8s }
    retries: { attempts: 3, base: 20ms, cap: 1s }
`,
  })
  try {
    await use(house)
  } finally {
    await house.stop()
  }
}

const ones = (house: TestHouse): number => house.practice.seen.filter((one) => one.path.startsWith('/one/')).length
const stream = (house: TestHouse) => new OpenAI({ apiKey: house.key, baseURL: `${house.dataUrl}/v1`, maxRetries: 0 }).chat.completions.create({ model: 'practice-verbose', stream: true, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'go' }] })

async function read(house: TestHouse): Promise<{ text: string; usage: number; model: string; finish: string | null }> {
  let text = ''
  let usage = 0
  let model = ''
  let finish: string | null = null
  for await (const chunk of await stream(house)) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage?.completion_tokens ?? usage
    finish = chunk.choices[0]?.finish_reason ?? finish
    model = chunk.model
  }
  return { text, usage, model, finish }
}

test('429 with a short Retry-After is waited for', () =>
  faulty((index) => (index === 0 ? { status: 429, headers: { 'retry-after': '1' } } : undefined), async (house) => {
    const reply = await house.chat('go')
    assert.equal(reply.status, 200)
    assert.match(((await reply.json()) as { model: string }).model, /verbose/)
    assert.equal(ones(house), 2)
  }))

test('429 with a long Retry-After fails over at once, and the target rests', () =>
  faulty(() => ({ status: 429, headers: { 'retry-after': '120' } }), async (house) => {
    for (let call = 0; call < 3; call++) assert.match(((await (await house.chat('go')).json()) as { model: string }).model, /backup/)
    assert.equal(ones(house), 1)
  }))

test('429 without Retry-After backs off, a bounded number of times, then fails over', () =>
  faulty(() => ({ status: 429 }), async (house) => {
    assert.match(((await (await house.chat('go')).json()) as { model: string }).model, /backup/)
    assert.ok(ones(house) >= 2 && ones(house) <= 3)
  }))

test('500 once is retried', () =>
  faulty((index) => (index === 0 ? { status: 500 } : undefined), async (house) => {
    assert.match(((await (await house.chat('go')).json()) as { model: string }).model, /verbose/)
    assert.equal(ones(house), 2)
  }))

test('503 for ever fails over, and without a fallback is a clear error', () =>
  faulty(() => ({ status: 503 }), async (house) => {
    const reply = await house.chat('go')
    assert.equal(reply.status, 502)
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'upstream_error')
    assert.ok(ones(house) <= 3)
  }, { backup: false }))

test('a reset before the headers is retried, then fails over', () =>
  faulty(() => ({ reset: true }), async (house) => {
    assert.match(((await (await house.chat('go')).json()) as { model: string }).model, /backup/)
    assert.ok(ones(house) >= 2)
  }))

test('a provider that accepts and never answers fails over and is not asked again', () =>
  faulty(() => ({ silent: true }), async (house) => {
    assert.match((await read(house)).model, /backup/)
    assert.equal(ones(house), 1)
  }))

test('a first token that comes too late fails over', () =>
  faulty(() => ({ firstTokenAfter: 3000 }), async (house) => {
    assert.match((await read(house)).model, /backup/)
  }))

test('a stream cut in the middle is an error, never a truncated success', () =>
  faulty(() => ({ cutAfter: 40 }), async (house) => {
    await assert.rejects(read(house))
    const receipt = (await house.receipts()).at(-1) as unknown as { code: string; outcome: string }
    assert.equal(receipt.code, 'upstream_cut')
  }, { gapMs: 5 }))

test('a stream cut in the middle fails over whole where nothing was released yet', () =>
  faulty(() => ({ cutAfter: 40 }), async (house) => {
    const { text, model, finish } = await read(house)
    assert.match(model, /backup/)
    assert.equal(finish, 'stop')
    assert.doesNotMatch(text, /word1/)
  }, { output: 'strict', gapMs: 5 }))

test('a stream that stalls ends in an error', () =>
  faulty(() => ({ stallAfter: 20 }), async (house) => {
    await assert.rejects(read(house))
    const receipt = (await house.receipts()).at(-1) as unknown as { code: string }
    assert.equal(receipt.code, 'upstream_timeout')
  }))

test('a malformed event fails cleanly or is survived, and the house stays healthy', () =>
  faulty((index) => (index === 0 ? { malformedAfter: 20 } : undefined), async (house) => {
    await read(house).then(
      ({ text }) => assert.match(text, /word59/),
      (error: unknown) => assert.ok(error instanceof Error),
    )
    assert.match((await read(house)).text, /word59/)
  }))

for (const end of ['close', 'open'] as const) {
  test(`a complete stream without its terminator (connection ${end}) ends promptly, with usage`, () =>
    faulty(() => ({ noTerminator: end }), async (house) => {
      const { text, usage, finish } = await read(house)
      assert.match(text, /word59/)
      assert.equal(finish, 'stop')
      assert.ok(usage > 0)
    }))
}

test('context length exceeded: no retry on the same model', () =>
  faulty(() => ({ status: 400, body: { error: { message: "This model's maximum context length is 8 tokens.", type: 'invalid_request_error', code: 'context_length_exceeded' } } }), async (house) => {
    const reply = await house.chat('go')
    assert.equal(reply.status, 400)
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'context_length')
    assert.equal(ones(house), 1)
  }))

test('context length exceeded: a larger model where one is configured', () =>
  faulty(
    () => ({ status: 400, body: { error: { message: "This model's maximum context length is 8 tokens.", type: 'invalid_request_error', code: 'context_length_exceeded' } } }),
    async (house) => assert.match(((await (await house.chat('go')).json()) as { model: string }).model, /large/),
    { larger: true },
  ))

test("content policy: no retry, and the provider's reason reaches the caller", () =>
  faulty(() => ({ status: 400, body: { error: { message: 'Your request was rejected as a result of our safety system.', type: 'invalid_request_error', code: 'content_policy_violation' } } }), async (house) => {
    const reply = await house.chat('go')
    assert.equal(reply.status, 400)
    assert.match(JSON.stringify(await reply.json()), /safety system/)
    assert.equal(ones(house), 1)
  }))

test('a primary that flaps: the breaker opens, and traffic returns when it is well', () =>
  faulty((index) => (index < 30 ? { status: 500 } : undefined), async (house) => {
    for (let call = 0; call < 12; call++) await (await house.chat(`go ${call}`)).json()
    const asked = ones(house)
    assert.ok(asked < 12 * 3, 'the breaker keeps calls away')
  }))

test('accounting after fail-over: the answer names who answered, and the receipt shows each attempt', () =>
  faulty(() => ({ status: 500 }), async (house) => {
    const reply = (await (await house.chat('go')).json()) as { model: string; usage: { total_tokens: number } }
    assert.match(reply.model, /backup/)
    const receipt = (await house.receipts()).at(-1) as unknown as { attempts: { candidate: string; outcome: string }[]; model: string; usage: { output: number } }
    assert.ok(receipt.attempts.length >= 2)
    assert.equal(receipt.attempts.at(-1)?.outcome, 'answered')
    assert.ok(receipt.usage.output > 0)
  }))
