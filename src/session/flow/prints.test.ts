import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { folded } from './fold.ts'
import { prints } from './prints.ts'
import { hashOf, unitsOf } from './units.ts'
import { finish } from './work.ts'

const SPACELESS = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
const WORD = new RegExp(`[${SPACELESS}]\\p{M}*|(?:(?![${SPACELESS}])[\\p{L}\\p{N}\\p{M}])+`, 'gu')

/** What units are, said plainly: words by one pattern, each folded; letters folded one by one. */
function plainly(text: string): { readonly words: readonly unknown[]; readonly letters: readonly unknown[] } {
  const found = [...text.matchAll(WORD)]
  return {
    words: found.map(({ 0: word, index }) => [hashOf(folded(word)), index, index + word.length]),
    letters: found.flatMap(({ 0: word, index }) => [...Array(word.length).keys()].map((at) => [folded(word.charAt(at)).charCodeAt(0) || 0, index + at])),
  }
}

function fast(text: string): ReturnType<typeof plainly> {
  const { words, hashes, starts, ends, letters, codes, at } = finish(unitsOf(text))
  return {
    words: [...Array(words).keys()].map((one) => [hashes[one], starts[one], ends[one]]),
    letters: [...Array(letters).keys()].map((one) => [codes[one], at[one]]),
  }
}

const pieces = ['Mail', 'ΣΑΣ', 'ΟΔΟΣ.', 'ς', 'İstanbul', 'Größe', 'o\u0308', 'é', 'ﬁn', 'ｶﾞ', '日本', 'ー', 'か\u3099', 'สวัสดี', 'ກຳ', '한국', '\u1112\u1161\u11ab', '\u115f', 'a\u00adb', '\u200d', '𝐀bc', '𠮷野', '\ud800', '\udc00x', '١٢', 'x²', 'Ϲ', ' ', '\n', '-', '@', '😀', '\u0301', '\u{e0101}']
const texts = fc.oneof(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((all) => all.join('')), fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 }))

test('one pass finds the words and letters that plain patterns find', () => {
  fc.assert(fc.property(texts, (text) => assert.deepEqual(fast(text), plainly(text))), { numRuns: 3000 })
})

test('every letter there is, by itself and between others', () => {
  for (let code = 0; code < 0x10000; code++) {
    const letter = String.fromCharCode(code)
    const text = `${letter} a${letter}b ${letter}\u0301 x${letter}`
    const [found, wanted] = [fast(text), plainly(text)]
    if (JSON.stringify(found) !== JSON.stringify(wanted)) assert.deepEqual(found, wanted, `U+${code.toString(16)}`)
  }
})

test('a long text is put aside now and then, and comes to the same', () => {
  const text = `${'tide cargo draft survey '.repeat(20_000)}${'x'.repeat(300_000)} ${Array.from({ length: 40_000 }, (_, i) => `w${i}`).join(' ')}`
  assert.deepEqual(fast(text), plainly(text))
  const seen = prints(1_000_000)
  let pauses = 0
  for (const work = seen.add(text); work.next().done !== true; ) pauses++
  assert.ok(pauses > 5)
  assert.deepEqual(finish(seen.copied(text)), [{ start: 0, end: text.length }])
})

test('copies are found by words and by letters, widened to whole words', () => {
  const seen = prints(10_000)
  finish(seen.add('The crate of winches leaves berth seven at dawn and nobody should be told of it.'))
  const spans = (text: string): readonly string[] => finish(seen.copied(text)).map(({ start, end }) => text.slice(start, end))
  assert.deepEqual(spans('He said: the crate of winches leaves berth seven at dawn, I think.'), ['the crate of winches leaves berth seven at dawn,'])
  assert.deepEqual(spans('the crate of winches'), [])
  assert.equal(spans('x c-r-a-t-e-o-f-w-i-n-c-h-e-s-l-e-a-v-e-s-b-e-r-t-h-s-e-v-e-n-a-t-d-a-w-n y').length, 1)
  assert.deepEqual(spans('Nothing of the kind was ever written here, by me or by anyone else.'), [])
})

test('many copies in a text without blanks cost no more than its length', () => {
  const seen = prints(4_000_000)
  const bit = (i: number): string => Array.from({ length: 9 }, (_, at) => `w${(i * 7919 + at * 31) % 9973}`).join('-')
  finish(seen.add(Array.from({ length: 8000 }, (_, i) => bit(i)).join(' / ')))
  const text = Array.from({ length: 8000 }, (_, i) => `${bit(i)}-${'q'.repeat(40)}${i}-`).join('')
  assert.deepEqual(finish(seen.copied(text)), [{ start: 0, end: text.length }])
})
