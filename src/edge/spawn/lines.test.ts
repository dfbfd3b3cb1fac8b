import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineReader } from './lines.ts'

function reading(limit: number) {
  const said: string[] = []
  const reader = lineReader(limit, {
    line: (bytes) => void said.push(Buffer.from(bytes).toString('latin1')),
    oversized: (head, tail) => void said.push(`too long: ${head.length} ${tail.length}`),
  })
  return { said, reader }
}

test('however a stream is cut into chunks, its lines are the same', () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n'), maxLength: 12 })).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(40)), (all, cuts) => {
      const whole = reading(8)
      whole.reader(Buffer.from(all))
      const pieces = reading(8)
      const places = [...new Set([0, ...cuts.filter((one) => one < all.length), all.length])].sort((a, b) => a - b)
      for (const [index, from] of places.entries()) pieces.reader(Buffer.from(all.slice(from, places[index + 1] ?? from)))
      assert.deepEqual(pieces.said, whole.said)
    }),
  )
})

test('a line at the limit comes whole, one beyond it is told and thrown away, and the next comes', () => {
  const { said, reader } = reading(4)
  for (const piece of ['abcd\nab', 'cde', 'f\r', '\n\n', 'ok\r\n']) reader(Buffer.from(piece))
  assert.deepEqual(said, ['abcd', 'too long: 7 7', 'ok'])
})

test('a line that never ends is not kept, and is told again and again', () => {
  const { said, reader } = reading(1024)
  const chunk = Buffer.alloc(65_536, 120)
  for (let count = 0; count < 1_000; count++) reader(chunk)
  reader(Buffer.from('"id":7}\nok\n'))
  assert.deepEqual(said, [...Array.from({ length: 4 }, () => 'too long: 256 256'), 'ok'])
})

test('empty lines say nothing until there are too many', () => {
  const { said, reader } = reading(8)
  reader(Buffer.from('\r\n\n'.repeat(4_000)))
  assert.deepEqual(said, [])
  reader(Buffer.from('\n'.repeat(25_000)))
  assert.deepEqual(said, ['', '', ''])
})

test('a line that comes byte by byte takes no more room than it is long', () => {
  const { said, reader } = reading(8_192)
  const byte = Buffer.from('x')
  for (let count = 0; count < 8_192; count++) reader(byte)
  reader(Buffer.from('\n'))
  assert.deepEqual(said.map(({ length }) => length), [8_192])
})
