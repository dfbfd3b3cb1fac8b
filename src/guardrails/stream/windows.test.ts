import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MOST_LOOKS, Windows } from './windows.ts'
import type { Window } from './windows.ts'

function cut(chunks: readonly string[]): readonly Window[] {
  const windows = new Windows()
  return [...chunks.flatMap((chunk) => windows.push(chunk, false)), ...windows.push('', true)]
}

function chunked(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((one) => one % (text.length + 1)))].sort((a, b) => a - b)
  return [...at, text.length].map((to, i) => text.slice(i === 0 ? 0 : at[i - 1], to))
}

const part = fc.oneof(
  fc.lorem({ maxCount: 3, mode: 'sentences' }),
  fc.constantFrom('. ', '.', '!\n', '。', '\n\n', ' ', '\ud83d\ude00', '\udc00', 'x'.repeat(300), 'wörter und worte ', '这是一个句子。', 'e.g. 3.14 '),
)
const texts = fc.array(part, { maxLength: 80 }).map((parts) => parts.join(''))

test('windows are the same however the text arrives', () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat({ max: 20_000 }), { maxLength: 60 }), (text, cuts) => {
      assert.deepEqual(cut(chunked(text, cuts)), cut([text]))
      assert.deepEqual(cut(text.split('')), cut([text]))
    }),
    { numRuns: 200 },
  )
})

test('windows cover the whole text, overlap, and none is looked at twice', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const windows = cut([text])
      let end = 0
      for (const [i, one] of windows.entries()) {
        assert.equal(text.slice(one.start, one.start + one.text.length), one.text)
        assert.ok(one.start <= end && one.start + one.text.length > end)
        if (i > 0) assert.equal(one.start, windows[i - 1]?.next)
        if (i > 0) assert.ok(end - one.start >= 64 && end - one.start <= 401)
        end = one.start + one.text.length
      }
      assert.equal(text.slice(end).trim(), '')
    }),
    { numRuns: 200 },
  )
})

test('looks stay few and delays bounded, whatever the text', () => {
  for (const text of ['a'.repeat(60_000), 'One two three. '.repeat(4000), '\n'.repeat(60_000), '\udc00'.repeat(60_000)]) {
    const windows = cut([text])
    assert.ok(windows.length <= 48, `${windows.length}`)
    assert.ok(windows.every((one) => one.text.length <= 2 * 2048 + 402))
    assert.ok((windows[0]?.text.length ?? 0) <= 385)
  }
  const large = new Windows()
  let looks = 0
  for (let i = 0; i < 8; i++) looks += large.push('Another sentence. '.repeat(58_000), false).length
  assert.ok(looks < MOST_LOOKS)
})

test('a sentence ends at its mark and not inside a number', () => {
  const first = `${'a'.repeat(190)} costs 3.14 euros.`
  assert.equal(cut([`${first} And ${'b'.repeat(400)}. End`])[0]?.text, first)
})
