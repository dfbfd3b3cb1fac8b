import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { start, type Started } from '../src/main.ts'
import { startHouse, type HouseOptions, type TestHouse } from './house.ts'
import { framesOf, sealOf, seals, until } from './probe.ts'

/** Budgets end to end: what is spent at a provider on a socket is never more than what was granted. */

const config =
  (budgets: string, targets = '', route = '') =>
  ({ practiceUrl }: { readonly practiceUrl: string }): string => `
providers:
  one: { kind: openai-compatible, baseUrl: "${practiceUrl}/one/v1", credential: env:PRACTICE_KEY }
  two: { kind: openai-compatible, baseUrl: "${practiceUrl}/two/v1", credential: env:PRACTICE_KEY }
routes:
  default:
    targets: [{ provider: one, model: same }${targets}]
    ${route}
    retries: { attempts: 1 }
    timeouts: { first_token: 500ms, answer: 500ms, stall: 500ms }
prices: { "one/practice": { input: 10, output: 40 }, "one/practice-verbose": { input: 10, output: 40 }, "two/practice": { input: 10, output: 40 } }
budgets: [${budgets}]
`

async function housed(options: HouseOptions, use: (house: TestHouse) => Promise<void>): Promise<void> {
  const house = await startHouse(options)
  try {
    await use(house)
  } finally {
    await house.stop()
  }
}

const statuses = async (calls: readonly Promise<Response>[]): Promise<number[]> =>
  Promise.all(
    calls.map(async (call) => {
      const reply = await call
      await reply.text()
      return reply.status
    }),
  )
const count = (all: readonly number[], wanted: number): number => all.filter((one) => one === wanted).length
const post = (house: TestHouse, path: string, body: unknown): Promise<Response> =>
  fetch(`${house.dataUrl}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` }, body: JSON.stringify(body) })

test('200 requests at once against a budget of 10 reach the provider 10 times', () =>
  housed({ config: config('{ per: key, window: 1d, requests: 10 }') }, async (house) => {
    const all = await statuses(Array.from({ length: 200 }, (_, index) => house.chat(`call ${index}`)))
    assert.equal(count(all, 200), 10)
    assert.equal(count(all, 429), 190)
    assert.equal(house.practice.seen.length, 10)
    const written = await until('a receipt for each', async () => {
      const found = await seals(house)
      return found.length >= 200 ? found : undefined
    })
    assert.equal(written.filter((one) => one.code === 'budget_spent').length, 190)
  }))

for (const stream of [false, true]) {
  test(`200 requests at once never spend more than a cost budget (${stream ? 'streamed' : 'whole'})`, () =>
    housed({ config: config('{ per: key, window: 1d, cost: "0.02 USD", hard: true }') }, async (house) => {
      const all = await statuses(Array.from({ length: 200 }, (_, index) => house.chat(`call ${index}`, { stream, max_tokens: 30 })))
      assert.ok(count(all, 200) > 0)
      assert.equal(count(all, 200) + count(all, 429), 200)
      const written = await until('a receipt for each', async () => {
        const found = await seals(house)
        return found.length >= 200 ? found : undefined
      })
      const spent = written.reduce((sum, one) => sum + (one.cost ?? 0), 0)
      assert.ok(spent > 0 && spent <= 20_000, `spent ${spent} of 20000`)
    }))
}

test('a budget shared by two keys holds for both together', () =>
  housed({ config: config('{ per: tenant, window: 1d, requests: 10 }') }, async (house) => {
    const other = await house.newKey({ name: 'other' })
    const all = await statuses(Array.from({ length: 60 }, (_, index) => house.chat('go', {}, index % 2 === 0 ? house.key : other)))
    assert.equal(count(all, 200), 10)
    assert.equal(house.practice.seen.length, 10)
  }))

test('one key cannot drain what it shares: another one that never called still has its share', () =>
  housed({ config: config('{ per: tenant, window: 1d, requests: 20 }') }, async (house) => {
    const other = await house.newKey({ name: 'other' })
    const greedy = await statuses(Array.from({ length: 40 }, () => house.chat('go')))
    assert.ok(count(greedy, 200) < 20)
    assert.equal((await house.chat('go', {}, other)).status, 200)
  }))

test('a spent budget is told in each dialect with a status of 429, how long to wait, and a sentence', () =>
  housed({ config: config('{ per: key, window: 1d, requests: 1 }') }, async (house) => {
    assert.equal((await house.chat('the only one')).status, 200)
    const user = [{ role: 'user', content: 'go' }]
    const calls: readonly (readonly [string, unknown, (body: unknown) => unknown])[] = [
      ['/v1/chat/completions', { model: 'practice', messages: user }, (body) => (body as { error: { type: string } }).error.type],
      ['/v1/responses', { model: 'practice', input: 'go' }, (body) => (body as { error: { type: string } }).error.type],
      ['/anthropic/v1/messages', { model: 'practice', max_tokens: 10, messages: user }, (body) => (body as { type: string; error: { type: string } }).error.type],
      ['/gemini/v1beta/models/practice:generateContent', { contents: [{ role: 'user', parts: [{ text: 'go' }] }] }, (body) => (body as { error: { status: string } }).error.status],
    ]
    const types: unknown[] = []
    for (const [path, body, typeOf] of calls) {
      const reply = await post(house, path, body)
      assert.equal(reply.status, 429, path)
      const wait = Number(reply.headers.get('retry-after'))
      assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 86_400, path)
      assert.equal(reply.headers.get('x-should-retry'), 'false')
      const said: unknown = await reply.json()
      assert.match((said as { error: { message: string } }).error.message, /budget for this window is spent.*next one begins in/i)
      assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).code, 'budget_spent')
      types.push(typeOf(said))
    }
    assert.deepEqual(types, ['rate_limit_error', 'rate_limit_error', 'rate_limit_error', 'RESOURCE_EXHAUSTED'])
    assert.equal(house.practice.seen.length, 1)
  }))

test('a rate says how long to wait, and the wait is no decision about the request', () =>
  housed({ config: config('{ per: key, rate: "2/1h", burst: 2 }') }, async (house) => {
    const all = await statuses([house.chat('go'), house.chat('go'), house.chat('go')])
    assert.deepEqual([count(all, 200), count(all, 429)], [2, 1])
    const reply = await house.chat('go')
    assert.ok(Number(reply.headers.get('retry-after')) > 1000)
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'rate_limited')
  }))

test('a model of unknown price is refused under a cost budget, and passes without one', async () => {
  await housed({ config: config('{ per: key, window: 1d, cost: "1 USD" }') }, async (house) => {
    const reply = await house.chat('go', { model: 'practice-unpriced' })
    assert.equal(reply.status, 403)
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'price_unknown')
    assert.equal(house.practice.seen.length, 0)
  })
  await housed({ config: config('{ per: key, window: 1d, requests: 5 }') }, async (house) => {
    assert.equal((await house.chat('go', { model: 'practice-unpriced' })).status, 200)
  })
})

test('an unknown price of a fallback does not hide behind the known price of the first target', () =>
  housed({ config: config('{ per: key, window: 1d, cost: "1 USD" }', ', { provider: two, model: practice-unpriced }') }, async (house) => {
    const reply = await house.chat('go')
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'price_unknown')
    assert.equal(house.practice.seen.length, 0)
  }))

test('a stream that uses up what was set aside ends with an error event, in each dialect', () =>
  housed({ config: config('{ per: key, window: 1d, tokens: 150 }') }, async (house) => {
    const user = [{ role: 'user', content: 'go' }]
    const keys = await Promise.all(['a', 'b', 'c'].map((name) => house.newKey({ name })))
    const ask = (path: string, body: unknown, key: string | undefined): Promise<string> =>
      fetch(`${house.dataUrl}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify(body) }).then((reply) => {
        assert.equal(reply.status, 200)
        return reply.text()
      })
    const chat = framesOf(await ask('/v1/chat/completions', { model: 'practice-tokens-400', stream: true, messages: user }, keys[0]))
    const last = JSON.parse(chat.at(-1)?.data ?? '{}') as { error?: { code: string } }
    assert.equal(last.error?.code, 'reservation_exhausted')
    assert.ok(!chat.some(({ data }) => data === '[DONE]' || data.includes('"finish_reason":"stop"')))

    const anthropic = framesOf(await ask('/anthropic/v1/messages', { model: 'practice-tokens-400', max_tokens: 5000, stream: true, messages: user }, keys[1]))
    assert.equal(anthropic.at(-1)?.event, 'error')
    assert.ok(!anthropic.some(({ event }) => event === 'message_stop'))

    const gemini = await ask('/gemini/v1beta/models/practice-tokens-400:streamGenerateContent', { contents: [{ role: 'user', parts: [{ text: 'go' }] }] }, keys[2])
    const elements = JSON.parse(gemini) as { error?: { code: number } }[]
    assert.equal(elements.at(-1)?.error?.code, 429)

    const cut = await until('three receipts', async () => {
      const found = (await seals(house)).filter((one) => one.code === 'reservation_exhausted')
      return found.length === 3 ? found : undefined
    })
    for (const one of cut) assert.ok(one.usage.output > 0, 'what was said until then is charged')
    assert.equal((await house.chat('go', {}, keys[0])).status, 429)
  }))

test('a caller that hangs up ends the upstream at once and is still charged', () =>
  housed({ config: config('{ per: key, window: 1d, tokens: 1000000 }, { per: key, concurrency: 1 }'), gapMs: 20 }, async (house) => {
    const leave = new AbortController()
    const reply = await fetch(`${house.dataUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: leave.signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` },
      body: JSON.stringify({ model: 'practice-verbose', stream: true, messages: [{ role: 'user', content: 'go' }] }),
    })
    await reply.body?.getReader().read()
    leave.abort()
    await until('the upstream learns it', () => (house.practice.hungUp() === 1 ? true : undefined))
    const seal = await sealOf(house, reply.headers.get('x-sallyport-id'))
    assert.equal(seal.outcome, 'cancelled')
    assert.ok(seal.usage.input > 0)
    assert.equal((await house.chat('next')).status, 200, 'its place is free again')
  }))

test('hanging up before the answer begins is no way to ask for nothing: the estimate stands', () =>
  housed({ config: config('{ per: key, window: 1d, tokens: 600 }'), script: () => ({ silent: true }) }, async (house) => {
    for (const [path, action] of [['chat/completions', 'llm.generate'], ['embeddings', 'llm.embed']] as const) {
      const key = await house.newKey({ name: action })
      const leave = new AbortController()
      const asked = house.practice.seen.length
      const text = 'word '.repeat(280)
      const reply = fetch(`${house.dataUrl}/v1/${path}`, {
        method: 'POST',
        signal: leave.signal,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: 'practice', ...(path === 'embeddings' ? { input: text } : { messages: [{ role: 'user', content: text }] }) }),
      }).catch(() => undefined)
      await until('the provider has it', () => (house.practice.seen.length > asked ? true : undefined))
      leave.abort()
      await reply
      const seal = await until('its receipt', async () => (await seals(house)).find((one) => one.action === action && one.outcome === 'cancelled'))
      assert.equal(seal.cost, undefined, 'nobody knows what it cost')
      assert.equal((await house.chat(text, {}, key)).status, 429)
    }
  }))

test('after fail-over the receipt has both attempts, the answer names who gave it, and each is paid for', () =>
  housed({ config: config('{ per: key, window: 1d, cost: "1 USD" }', ', { provider: two, model: practice }', 'output: strict') }, async (house) => {
    house.practice.script = (index) => (house.practice.seen[index]?.path.startsWith('/one/') === true ? { cutAfter: 20 } : undefined)
    const reply = await house.chat('go', { model: 'practice-verbose', stream: true })
    const chunks = framesOf(await reply.text()).filter(({ data }) => data !== '[DONE]')
    const models = new Set(chunks.map(({ data }) => (JSON.parse(data) as { model: string }).model))
    const seal = await sealOf(house, reply.headers.get('x-sallyport-id'))
    assert.deepEqual(seal.attempts.map((one) => one.outcome), ['failed', 'answered'])
    assert.deepEqual([...models], ['practice'])
    assert.equal(seal.model, 'practice')
    for (const one of seal.attempts) assert.ok((one.cost ?? 0) > 0, 'what was cut off is paid for too')
    assert.equal(seal.cost, seal.attempts.reduce((sum, one) => sum + (one.cost ?? 0), 0))
  }))

test('a request that was refused before it was sent costs nothing', () =>
  housed({ config: config('{ per: key, window: 1d, requests: 1 }') }, async (house) => {
    for (let call = 0; call < 5; call++) assert.equal((await house.chat('go', { tools: [{ type: 'nonsense' }] })).status, 400)
    assert.equal((await house.chat('go')).status, 200)
  }))

test('what was spent stays spent when the firewall starts again on the same state folder', () =>
  housed({ config: config('{ per: key, window: 30d, requests: 3 }') }, async (house) => {
    const env = { SALLYPORT_HOME: join(house.folder, 'second'), PRACTICE_KEY: 'practice-credential' }
    const begin = (): Promise<Started> => start({ config: join(house.folder, 'sallyport.yaml'), env, log: () => undefined, terminal: false })
    const ask = ({ dataUrl }: Started, key: string): Promise<Response> =>
      fetch(`${dataUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'go' }] }),
      })
    const first = await begin()
    let key = ''
    try {
      const made = await fetch(`${first.adminUrl}/api/keys`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${readFileSync(join(first.state, 'admin.key'), 'utf8').trim()}` },
        body: JSON.stringify({ name: 'lasting' }),
      })
      key = ((await made.json()) as { key: string }).key
      assert.deepEqual(await statuses([ask(first, key), ask(first, key)]), [200, 200])
    } finally {
      await first.stop('test')
    }
    const again = await begin()
    try {
      const all = await statuses([ask(again, key), ask(again, key), ask(again, key)])
      assert.deepEqual([count(all, 200), count(all, 429)], [1, 2])
    } finally {
      await again.stop('test')
    }
  }))
