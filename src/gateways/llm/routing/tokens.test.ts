import assert from 'node:assert/strict'
import test from 'node:test'
import { estimateInput, estimateTokens } from './tokens.ts'

test('estimates are on the high side of what tokenizers count', () => {
  // Second: tokens by OpenAI's o200k vocabulary, as published in its examples and counted by hand for the short ones.
  const cases = [
    ['', 0],
    ['hello world', 2],
    ['The quick brown fox jumps over the lazy dog.', 10],
    ['お誕生日おめでとう', 7],
    ['const x = items.map((one) => one.id)', 12],
    ['🙂🙂🙂', 3],
  ] as const
  for (const [text, tokens] of cases) {
    assert.ok(estimateTokens(text) >= tokens, text)
    assert.ok(estimateTokens(text) <= 2 * tokens + 2, `${text}: not absurdly high`)
  }
})

test('a request counts its frames and its media', () => {
  assert.equal(estimateInput([], 0), 0)
  assert.ok(estimateInput([{ text: 'a' }, { text: 'b' }], 0) >= 8)
  assert.equal(estimateInput([], 10), 1_600)
  assert.equal(estimateInput([], 5_000_000), 10_000)
})
