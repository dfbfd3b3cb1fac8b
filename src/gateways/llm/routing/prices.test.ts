import assert from 'node:assert/strict'
import test from 'node:test'
import { calcPrice } from '@pydantic/genai-prices'
import { costOf } from '../../../contract/exchange.ts'
import { presets } from '../providers/presets.ts'
import { bundledPrice, PRACTICE_PRICE } from './prices.ts'

const known = [
  ['openai', 'openai', 'gpt-5-mini'],
  ['openai', 'openai', 'gpt-4o'],
  ['openai', 'openai', 'text-embedding-3-small'],
  ['anthropic', 'anthropic', 'claude-haiku-4-5'],
  ['anthropic', 'anthropic', 'claude-sonnet-4-5'],
  ['gemini', 'google', 'gemini-2.5-pro'],
  ['gemini', 'google', 'gemini-2.5-flash'],
  ['openai-compatible', 'mistral', 'mistral-large-latest'],
  ['openai-compatible', 'groq', 'llama-3.3-70b-versatile'],
  ['openai-compatible', 'deepseek', 'deepseek-chat'],
  ['openai-compatible', 'x-ai', 'grok-4'],
] as const

test('prices that were looked up make sense', () => {
  for (const [kind, table, model] of known) {
    const price = bundledPrice(kind, table, model)
    assert.ok(price !== undefined, model)
    assert.ok(price.input > 0 && price.input < 100_000_000, `${model}: between nothing and 100 USD`)
    if (!model.includes('embedding')) assert.ok(price.input <= price.output, `${model}: output is dearer`)
    assert.ok(price.cachedInput <= price.input, `${model}: a cache saves money`)
    for (const rate of Object.values(price)) assert.ok(Number.isInteger(rate), 'whole micro-USD')
  }
})

test('a cost agrees with what the library itself computes', () => {
  for (const [kind, table, model] of known) {
    if (table === 'deepseek') continue
    const theirs = calcPrice({ input_tokens: 12_345, output_tokens: 678 }, model, { providerId: table })?.total_price ?? Number.NaN
    const price = bundledPrice(kind, table, model, 12_345)
    assert.ok(price !== undefined)
    const ours = costOf({ input: 12_345, output: 678, cachedInput: 0, cacheWrite: 0, reasoning: 0 }, price) / 1_000_000
    assert.ok(Math.abs(ours - theirs) < 0.000_01, `${model}: ${ours} and ${theirs}`)
  }
})

test('long inputs take the dearer step, and of prices by time of day the dearest counts', () => {
  assert.equal(bundledPrice('gemini', 'google', 'gemini-2.5-pro')?.input, 1_250_000)
  assert.equal(bundledPrice('gemini', 'google', 'gemini-2.5-pro', 250_000)?.input, 2_500_000)
  assert.ok((bundledPrice('openai-compatible', 'deepseek', 'deepseek-chat')?.output ?? 0) >= 1_100_000)
})

test('what nobody knows has no price, and the practice model has a fixed one', () => {
  assert.equal(bundledPrice('openai', 'openai', 'no-such-model'), undefined)
  assert.equal(bundledPrice('openai-compatible', undefined, 'gpt-4o'), undefined, 'a local server named after a paid model costs what its owner says')
  assert.equal(bundledPrice('practice', undefined, 'practice-leaky'), PRACTICE_PRICE)
})

test('every preset that names a table names one that exists', () => {
  for (const { name, pricedAs } of presets) {
    if (pricedAs !== undefined) assert.doesNotThrow(() => calcPrice({ input_tokens: 1 }, 'x', { providerId: pricedAs }), name)
  }
})
