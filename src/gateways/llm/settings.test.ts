import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { llmSchema, LlmSettingsError, practiceDefault, settle, type LlmWritten } from './settings.ts'

const openai = { kind: 'openai', credential: 'env:OPENAI_API_KEY' } as const
const written = (more: LlmWritten): LlmWritten => ({ providers: { openai }, routes: { default: { targets: [{ provider: 'openai', model: 'gpt-5-mini' }] } }, ...more })

/** The key at which settings are refused, and the message. */
function refused(more: LlmWritten): { readonly path: string; readonly message: string } {
  try {
    settle(written(more))
  } catch (error) {
    if (error instanceof LlmSettingsError) return { path: error.path.join('.'), message: error.message }
    if (error instanceof z.ZodError) return { path: error.issues[0]?.path.join('.') ?? '', message: error.message }
    throw error
  }
  return assert.fail('was accepted')
}

test('the outline of DESIGN §9 settles', () => {
  const settled = settle({
    providers: {
      openai,
      claude: { kind: 'anthropic', credential: 'env:ANTHROPIC_API_KEY' },
      local: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1/' },
    },
    routes: {
      default: {
        strategy: 'cost',
        targets: [{ provider: 'openai', model: 'gpt-5-mini', quality: 0.7 }, { provider: 'claude', model: 'claude-haiku-4-5', quality: 0.8 }],
        fallback: { on: ['timeout', 'rate_limited'], context_length: 'claude/claude-sonnet-5' },
        mirror: { target: 'local', sample: 0.05 },
        timeouts: { first_token: '1.5s', total: '2m' },
      },
    },
    prices: { 'local/qwen': { input: 0.25, output: 1 } },
  })
  const [route] = settled.routes
  assert.equal(route?.timeouts.firstToken, 1_500)
  assert.equal(route.timeouts.total, 120_000)
  assert.equal(route.timeouts.connect, 5_000)
  assert.deepEqual([...route.fallback.on], ['timeout', 'rate_limited'])
  assert.deepEqual([route.fallback.contextLength?.provider, route.fallback.contextLength?.model], ['claude', 'claude-sonnet-5'])
  assert.deepEqual([route.mirror?.target.provider, route.mirror?.target.model, route.mirror?.sample], ['local', undefined, 0.05])
  assert.deepEqual(route.targets.map((one) => one.priority), [0, 1], 'the order of the list is the priority')
  assert.deepEqual(settled.providers.map((one) => one.baseUrl), ['https://api.openai.com/v1', 'https://api.anthropic.com', 'http://127.0.0.1:11434/v1'])
  assert.deepEqual(settled.providers.map((one) => one.allowPrivate), [false, false, true])
  assert.deepEqual(settled.prices.get('local/qwen'), { input: 250_000, output: 1_000_000, cachedInput: 250_000, cacheWrite: 250_000 })
})

test('what is settled is frozen', () => {
  const settled = settle(written({}))
  const [provider] = settled.providers
  const [route] = settled.routes
  for (const one of [settled, settled.providers, settled.routes, provider, provider?.fields, route, route?.targets, route?.targets[0], route?.timeouts, route?.retries, route?.fallback]) assert.ok(Object.isFrozen(one))
})

test('nothing configured: the practice model serves everything', () => {
  const settled = settle(practiceDefault())
  assert.equal(settled.providers[0]?.kind, 'practice')
  assert.deepEqual([settled.routes[0]?.name, settled.routes[0]?.targets[0]?.model], ['default', undefined])
})

test('a key in place of a reference is refused without being repeated', () => {
  const key = 'sk-proj-0123456789abcdef'
  const { path, message } = refused({ providers: { openai: { kind: 'openai', credential: key } } })
  assert.equal(path, 'providers.openai.credential')
  assert.match(message, /does not belong in this file/)
  assert.doesNotMatch(message, /sk-proj/)
  assert.equal(refused({ providers: { openai: { kind: 'openai' } } }).path, 'providers.openai.credential')
  assert.equal(refused({ providers: { openai: { ...openai, credential: 'file:relative' } } }).path, 'providers.openai.credential')
})

test('a base URL is https, or http to an address that is private as written', () => {
  const settledAt = (baseUrl: string) => settle(written({ providers: { openai: { ...openai, baseUrl } } })).providers[0]
  for (const url of ['http://127.0.0.1:1', 'http://localhost:8000/v1', 'http://[::1]:1', 'http://10.1.2.3', 'http://192.168.0.9', 'http://172.31.0.1', 'http://[fd00::1]']) assert.equal(settledAt(url)?.allowPrivate, true, url)
  assert.equal(settledAt('https://models.example.com/v1/')?.allowPrivate, false)
  for (const url of ['http://models.example.com', 'http://172.32.0.1', 'http://169.254.169.254', 'http://localhost.example.com', 'ftp://127.0.0.1', 'https://me:pw@example.com', 'https://example.com/?key=1', 'https://example.com/#x', 'nonsense']) {
    assert.equal(refused({ providers: { openai: { ...openai, baseUrl: url } } }).path, 'providers.openai.baseUrl', url)
  }
})

test('fixed headers carry neither credentials nor what the gateway itself sets', () => {
  for (const name of ['Authorization', 'x-api-key', 'Cookie', 'Host', 'content-length', 'Transfer-Encoding', 'bad name']) {
    assert.equal(refused({ providers: { openai: { ...openai, headers: { [name]: 'x' } } } }).path, `providers.openai.headers.${name}`)
  }
  assert.equal(refused({ providers: { openai: { ...openai, headers: { 'x-a': 'b\r\nx-c: d' } } } }).path, 'providers.openai.headers.x-a')
  assert.deepEqual(settle(written({ providers: { openai: { ...openai, headers: { 'OpenAI-Organization': 'org' } } } })).providers[0]?.fields, [['openai-organization', 'org']])
})

test('names that lead nowhere are refused at their key', () => {
  assert.equal(refused({ routes: { default: { targets: [{ provider: 'nobody', model: 'x' }] } } }).path, 'routes.default.targets.0.provider')
  assert.equal(refused({ routes: { default: { targets: [{ provider: 'openai', model: 'x' }], mirror: { target: 'nobody/x', sample: 1 } } } }).path, 'routes.default.mirror.target')
  assert.equal(refused({ routes: { default: { targets: [{ provider: 'openai', model: 'x' }], fallback: { context_length: 'nobody' } } } }).path, 'routes.default.fallback.context_length')
  assert.equal(refused({ routes: { fast: { targets: [{ provider: 'openai', model: 'x' }] } } }).path, 'routes.fast.match')
  assert.equal(refused({ routes: { default: { match: { models: ['x'] }, targets: [{ provider: 'openai', model: 'x' }] } } }).path, 'routes.default.match')
  assert.equal(refused({ prices: { 'nobody/x': { input: 1, output: 1 } } }).path, 'prices.nobody/x')
  assert.equal(refused({ providers: { p: { kind: 'practice', baseUrl: 'http://127.0.0.1' } } }).path, 'providers.p.baseUrl')
  assert.equal(refused({ providers: { a: { kind: 'anthropic', credential: 'env:A', preset: 'azure' } } }).path, 'providers.a.preset')
  assert.equal(refused({ providers: { a: { kind: 'openai-compatible', preset: 'azure', credential: 'env:A' } } }).path, 'providers.a.baseUrl')
  assert.equal(refused({ providers: { openai: { kind: 'practice' } }, routes: { default: { targets: [{ provider: 'openai', model: 'x' }] } }, prices: { 'openai/x': { input: -1, output: 1 } } }).path, 'prices.openai/x.input')
})

test('unknown keys and durations that are none are refused', () => {
  assert.match(refused({ routes: { default: { targets: [{ provider: 'openai', model: 'x' }], timeouts: { firstToken: '1s' } as never } } }).message, /firstToken/)
  assert.equal(refused({ routes: { default: { targets: [{ provider: 'openai', model: 'x' }], timeouts: { stall: '10 minutes' } } } }).path, 'routes.default.timeouts.stall')
})

test('every key says what it is for', () => {
  const missing: string[] = []
  const walk = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    const { properties, items, anyOf, additionalProperties } = schema as { properties?: Record<string, { description?: string }>; items?: unknown; anyOf?: unknown[]; additionalProperties?: unknown }
    for (const [key, value] of Object.entries(properties ?? {})) {
      if (value.description === undefined) missing.push(`${path}.${key}`)
      walk(value, `${path}.${key}`)
    }
    walk(items, `${path}[]`)
    walk(additionalProperties, `${path}.*`)
    for (const one of anyOf ?? []) walk(one, path)
  }
  walk(z.toJSONSchema(llmSchema, { io: 'input' }), '')
  // The parts of a price say their unit; every other key a sentence.
  assert.deepEqual(missing, [])
})
