import assert from 'node:assert/strict'
import test from 'node:test'
import { uuid7Maker } from './ids.ts'

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('carries the time, the version and the variant', () => {
  const id = uuid7Maker(() => 0x017f22e279b0)()
  assert.match(id, SHAPE)
  assert.ok(id.startsWith('017f22e2-79b0-7'))
})

test('sorts by creation: in one millisecond, over many, and while the clock steps back', () => {
  let now = 1_700_000_000_000
  const next = uuid7Maker(() => now)
  const made: string[] = []
  for (let step = 0; step < 60; step++) {
    for (let count = 0; count < 500; count++) made.push(next())
    now += step % 3 === 0 ? -40 : step % 5
  }
  assert.deepEqual(made.toSorted(), made)
  assert.equal(new Set(made).size, made.length)
  for (const id of made) assert.match(id, SHAPE)
})

test('two generators at the same moment do not meet', () => {
  const one = uuid7Maker(() => 5)
  const other = uuid7Maker(() => 5)
  const made = new Set(Array.from({ length: 2_000 }, () => [one(), other()]).flat())
  assert.equal(made.size, 4_000)
})
