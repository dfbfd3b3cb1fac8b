import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, sizeBytes } from './units.ts'

test('durations come out in milliseconds', () => {
  assert.deepEqual(['500ms', '10 s', '5m', '1.5h', '7d', '0s'].map(durationMs), [500, 10_000, 300_000, 5_400_000, 604_800_000, 0])
})

test('sizes come out in bytes', () => {
  assert.deepEqual(['17B', '64 KB', '1.5MB', '1 GB'].map(sizeBytes), [17, 65_536, 1_572_864, 1_073_741_824])
})

test('anything else throws', () => {
  for (const text of ['', '10', '10 min', '-1s', '1e3s', '10  s', '1.2345s', '99999999999s', '10mb']) {
    assert.throws(() => durationMs(text), RangeError)
    assert.throws(() => sizeBytes(text), RangeError)
  }
})
