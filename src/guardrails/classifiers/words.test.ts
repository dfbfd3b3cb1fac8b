import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runsOf, wordsWith } from './words.ts'
import { tokenizerOf } from './tokenizer.ts'

// A vocabulary of single letters: every token is one unit, or unknown.
const vocab: readonly (readonly [string, number])[] = [['<s>', 0], ['<pad>', 0], ['</s>', 0], ['<unk>', 0], ['▁', -2], ...Array.from('abcdefghijklmnopqrstuvwxyz', (letter) => [letter, -3] as const)]
const tokenizer = tokenizerOf({
  version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: { type: 'NFKC' },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  post_processor: null, decoder: null, model: { type: 'Unigram', unk_id: 3, vocab, byte_fallback: false },
}, {})
const words = wordsWith(tokenizer)

test('words know their place; what nobody sees is no part of them', () => {
  const found = words('ab  c\u200bd\n')
  assert.deepEqual(found.map(({ start, end }) => [start, end]), [[0, 2], [4, 7]])
  assert.deepEqual(found[1]?.ids, words('cd')[0]?.ids)
})

test('a run without spaces is cut, in order and without a gap', () => {
  const found = words(`x ${'y'.repeat(100)}`)
  assert.equal(found.length, 1 + 4)
  assert.equal(found[1]?.start, 2)
  assert.equal(found.at(-1)?.end, 102)
  for (let i = 2; i < found.length; i++) assert.equal(found[i]?.start, found[i - 1]?.end)
})

test('runs hold every word, stay within the room, and end', () => {
  fc.assert(fc.property(fc.string({ maxLength: 600, unit: 'binary' }), fc.integer({ min: 4, max: 40 }), (text, room) => {
    const all = words(text)
    const runs = runsOf(all, room, Math.floor(room / 4))
    const seen = new Set(runs.flatMap(({ first, last }) => Array.from({ length: last - first }, (_, i) => first + i)))
    assert.equal(seen.size, all.length)
    for (const { ids } of runs) assert.ok(ids.length <= room)
    assert.ok(runs.length <= all.length)
  }))
})
