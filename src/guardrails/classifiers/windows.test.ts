import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WINDOW, windowsOf } from './windows.ts'

const texts = fc.oneof(
  fc.string({ maxLength: 4000, unit: 'binary' }),
  fc.array(fc.constantFrom('word', 'a', 'longerword', '😀', 'x'.repeat(70)), { maxLength: 600 }).map((words) => words.join(' ')),
)

test('windows lie inside the text, are bounded, and leave nothing out', () => {
  fc.assert(fc.property(texts, (text) => {
    const windows = windowsOf(text)
    assert.equal(windows[0]?.start, 0)
    assert.equal(windows.at(-1)?.end, text.length)
    for (const [i, { start, end }] of windows.entries()) {
      assert.ok(start >= 0 && end <= text.length && start <= end)
      assert.ok(end - start <= WINDOW + 40)
      if (i > 0) assert.ok(start <= (windows[i - 1]?.end ?? 0))
    }
  }))
})

test('whatever is at most 100 units long stands whole in a window', () => {
  fc.assert(fc.property(texts, fc.nat(), fc.integer({ min: 1, max: 100 }), (text, place, length) => {
    if (text.length < length) return
    const at = place % (text.length - length + 1)
    assert.ok(windowsOf(text).some(({ start, end }) => start <= at && end >= at + length))
  }))
})

test('the number of windows grows with the text and no faster', () => {
  assert.equal(windowsOf('x'.repeat(10_000_000)).length, Math.ceil((10_000_000 - WINDOW) / 340) + 1)
})
