import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CounterState, Store } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

const row = (key: string, window: number, requests: number, tokens = 0, cost = 0): CounterState => ({ key, window, requests, tokens, cost })

async function counted(store: Store): Promise<CounterState[]> {
  const { counters } = await store.counters.load()
  return counters.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.window - b.window))
}

function opening(id: string, rows: readonly CounterState[]) {
  return { id, tenant: 'default', kind: 'intent', record: Buffer.from(`{"id":"${id}"}`), reservation: { id, rows } } as const
}

/** What every implementation of `Counters` must do. */
export function countersContract(make: MakeStore): void {
  test('counters: settling adds its deltas and closes the reservation, once', async (t) => {
    const store = await make(t)
    await store.receipts.append([opening('a', [row('t1|key|k', 1000, 1, 500, 90)])])
    assert.deepEqual(await store.counters.load(), { counters: [], open: [{ id: 'a', rows: [row('t1|key|k', 1000, 1, 500, 90)] }] })
    await store.counters.settle('a', [row('t1|key|k', 1000, 1, 120, 30), row('t1|route|r', 0, 1, 120, 30)])
    await store.counters.settle('a', [row('t1|key|k', 1000, 1, 120, 30)])
    assert.deepEqual((await store.counters.load()).open, [])
    assert.deepEqual(await counted(store), [row('t1|key|k', 1000, 1, 120, 30), row('t1|route|r', 0, 1, 120, 30)])
  })

  test('counters: tenants and windows are counted apart', async (t) => {
    const store = await make(t)
    await store.counters.settle('a', [row('t1|key|k', 1000, 1), row('t2|key|k', 1000, 5)])
    await store.counters.settle('b', [row('t1|key|k', 2000, 2), row('t1|key|k', 1000, 3)])
    assert.deepEqual(await counted(store), [row('t1|key|k', 1000, 4), row('t1|key|k', 2000, 2), row('t2|key|k', 1000, 5)])
  })

  test('counters: an id settled before its reservation arrives stays settled', async (t) => {
    const store = await make(t)
    await store.counters.settle('a', [row('k', 0, 1)])
    await store.receipts.append([opening('a', [row('k', 0, 1)])])
    assert.deepEqual((await store.counters.load()).open, [])
  })

  test('counters: settles at the same time lose nothing', async (t) => {
    const store = await make(t)
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.counters.settle(`x${n}`, [row('k', 0, 1, n, -1)])))
    assert.deepEqual(await counted(store), [row('k', 0, 100, 4950, -100)])
  })

  test('counters: sweeping drops old windows and keeps what has none', async (t) => {
    const store = await make(t)
    await store.counters.settle('a', [row('k', 0, 1), row('k', 1000, 1), row('k', 2000, 1)])
    await store.counters.sweep(2000)
    assert.deepEqual(await counted(store), [row('k', 0, 1), row('k', 2000, 1)])
  })
}
