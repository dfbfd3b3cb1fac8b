import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { valuesIn, valuesOf } from './values.ts'
import { finish } from './work.ts'

const pieces = ['ann@own.example', 'mailto:', 'käte@größe.example', 'https://a.example/x?y=1', 'intranet://wiki/page', 'www.else.example', 'DE89 3704 0044 0532 0130 00', 'GB29NWBK60161331926819', '+49 (170) 123-4567', '2026-01-02', '0x' + 'ab'.repeat(20), '"', '<', '>', '{', '}', '|', '\n', ' ', '.', ',', "'", '@', '-', 'x', '1', 'é', '日本', '＠', '\\', '(', ')']
const texts = fc.oneof(fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((all) => all.join('')), fc.string({ unit: 'binary', maxLength: 60 }))

test('a text cut in windows gives the values of the whole', () => {
  fc.assert(fc.property(texts, fc.integer({ min: 0, max: 40 }), (text, window) => {
    assert.deepEqual(finish(valuesOf(text, window)), finish(valuesOf(text, Infinity)))
  }), { numRuns: 4000 })
})

test('a long text is put aside now and then, and every value found where it stands', () => {
  const text = Array.from({ length: 5000 }, (_, i) => `{"from":"p${i}@else.example","at":"https://a.example/${i}"}`).join('\n')
  let pauses = 0
  for (const work = valuesOf(text); work.next().done !== true; ) pauses++
  assert.ok(pauses > 20)
  const found = valuesIn(text)
  assert.equal(found.length, 10_000)
  for (const { text: written, start } of found) assert.equal(text.slice(start, start + written.length), written)
})
