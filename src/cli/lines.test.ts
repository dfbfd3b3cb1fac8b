import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, type Line } from './lines.ts'

async function cut(chunks: readonly (string | Uint8Array)[], limit = 100): Promise<readonly Line[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const one of chunks) yield typeof one === 'string' ? Buffer.from(one) : one
  }
  const all: Line[] = []
  for await (const lines of linesOf(source(), limit)) all.push(...lines)
  return all
}

const text = (...lines: readonly string[]): readonly Line[] => lines.map((one) => ({ text: one }))

test('lines are the same wherever the bytes are cut', async () => {
  const bytes = Buffer.from('one\ntwö\r\n\nthree')
  for (let at = 0; at <= bytes.length; at++) {
    for (let to = at; to <= bytes.length; to++) {
      assert.deepEqual(await cut([bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]), text('one', 'twö', '', 'three'))
    }
  }
})

test('an overlong line is told and not kept, and the next one is read', async () => {
  assert.deepEqual(await cut(['aaaa', 'aaaa', 'aaaa\nb\n'], 10), [{ tooLong: true }, { text: 'b' }])
  assert.deepEqual(await cut(['a'.repeat(10), '\n', 'a'.repeat(11)], 10), [{ text: 'a'.repeat(10) }, { tooLong: true }])
})

test('no input is no line', async () => {
  assert.deepEqual(await cut([]), [])
  assert.deepEqual(await cut(['\n']), text(''))
})
