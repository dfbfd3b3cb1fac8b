import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Facts } from '../contract/facts.ts'
import type { Receipt } from '../contract/receipt.ts'
import { refuse } from '../contract/verdict.ts'
import { close } from './close.ts'
import type { House } from './house.ts'

test('a log that breaks does not cost the receipt', async () => {
  const written: Receipt[] = []
  const house = {
    clock: { wall: () => 1, monotonic: () => 1, timer: () => () => undefined },
    history: { commit: () => undefined, release: () => undefined },
    audit: { receipt: (one: Receipt) => Promise.resolve(void written.push(one)) },
    keepPayload: 'none',
    observe() {
      throw new Error('nobody reads the log')
    },
  } as unknown as House
  const facts = { exchange: { id: 'x', gateway: 'llm', startedAt: 0, epoch: 'e' }, errand: { gateway: 'llm' } } as unknown as Facts
  await assert.rejects(close(house)(facts, { refusal: refuse('unknown_path') }), /nobody reads/)
  assert.deepEqual(written.map((one) => [one.exchange, one.code]), [['x', 'unknown_path']])
})
