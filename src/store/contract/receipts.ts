import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { EMPTY_ROOT, frontierOf, leafHash, TILE } from '../../formats/merkle.ts'
import { StoreError, type AppendEntry } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

function entry(id: string, kind: AppendEntry['kind'], more: Partial<AppendEntry> = {}): AppendEntry {
  return { id, tenant: 'default', kind, record: Buffer.from(`{"id":"${id}","kind":"${kind}"}`), ...more }
}

function sealed(subject: string, size: number, at = 1000, tenant = 'default') {
  return { payload: { subject, tenant, bytes: new Uint8Array(size).fill(7), at } }
}

const ids = (entries: readonly { readonly id: string }[]): string[] => entries.map((one) => one.id)

/** What every implementation of `Receipts` must do, `write` apart: that needs audit's scribe and is tested there. */
export function receiptsContract(make: MakeStore): void {
  test('receipts: the head is the RFC 6962 root over the records in order', async (t) => {
    const store = await make(t)
    assert.deepEqual({ ...(await store.receipts.head()) }, { size: 0, root: new Uint8Array(EMPTY_ROOT) })
    const tree = frontierOf(0, new Uint8Array())
    const tiles: Uint8Array[] = []
    for (let from = 0; from < TILE + 44; from += 100) {
      const entries = Array.from({ length: 100 }, (_, n) => entry(`e${from + n}`, 'act'))
      for (const one of entries) {
        const tile = tree.push(leafHash(one.record))
        if (tile !== undefined) tiles.push(new Uint8Array(tile))
      }
      const head = await store.receipts.append(entries)
      assert.equal(head.size, from + 100)
      assert.deepEqual(new Uint8Array(head.root), new Uint8Array(tree.root()))
    }
    assert.deepEqual((await store.receipts.tiles(0, 10)).map((one) => new Uint8Array(one)), tiles)
    assert.deepEqual(await store.receipts.tiles(1, 10), [])
  })

  test('receipts: what was read is what was appended, in order', async (t) => {
    const store = await make(t)
    await store.receipts.append([entry('a', 'intent'), entry('b', 'intent', { parent: 'a', tenant: 't2' }), entry('a', 'receipt')])
    const [first, second, third] = await store.receipts.read(0, 10)
    assert.deepEqual({ ...first, record: undefined }, { index: 0, id: 'a', tenant: 'default', kind: 'intent', record: undefined })
    assert.deepEqual({ ...second, record: undefined }, { index: 1, id: 'b', parent: 'a', tenant: 't2', kind: 'intent', record: undefined })
    assert.equal(Buffer.from(third?.record ?? []).toString(), '{"id":"a","kind":"receipt"}')
    assert.deepEqual(ids(await store.receipts.read(1, 1)), ['b'])
  })

  test('receipts: an exchange is found with its children, in one tenant when asked', async (t) => {
    const store = await make(t)
    await store.receipts.append([entry('a', 'intent'), entry('b', 'receipt', { parent: 'a' }), entry('c', 'receipt'), entry('a', 'receipt')])
    await store.receipts.append([entry('a', 'receipt', { tenant: 't2' })])
    assert.deepEqual(ids(await store.receipts.find('a')), ['a', 'b', 'a', 'a'])
    assert.deepEqual(ids(await store.receipts.find('a', 'default')), ['a', 'b', 'a'])
    assert.deepEqual((await store.receipts.find('a', 't2')).map((one) => one.index), [4])
    assert.deepEqual(await store.receipts.find('nobody'), [])
  })

  test('receipts: the tail is newest first, by tenant, and can be paged', async (t) => {
    const store = await make(t)
    await store.receipts.append([0, 1, 2, 3, 4, 5].map((n) => entry(`e${n}`, 'act', { tenant: n % 2 === 0 ? 'default' : 't2' })))
    assert.deepEqual(ids(await store.receipts.tail({ limit: 3 })), ['e5', 'e4', 'e3'])
    assert.deepEqual(ids(await store.receipts.tail({ limit: 3, before: 3 })), ['e2', 'e1', 'e0'])
    assert.deepEqual(ids(await store.receipts.tail({ limit: 2, tenant: 't2' })), ['e5', 'e3'])
    assert.deepEqual(ids(await store.receipts.tail({ limit: 9, tenant: 'default', before: 4 })), ['e2', 'e0'])
  })

  test('receipts: an intent is interrupted until its own tenant receipts it', async (t) => {
    const store = await make(t)
    await store.receipts.append([entry('a', 'intent'), entry('b', 'intent'), entry('a', 'intent', { tenant: 't2' })])
    await store.receipts.append([entry('a', 'receipt'), entry('b', 'act')])
    assert.deepEqual((await store.receipts.interrupted()).map((one) => [one.tenant, one.id]), [['default', 'b'], ['t2', 'a']])
  })

  test('receipts: payloads are counted per tenant and dropped per subject', async (t) => {
    const store = await make(t)
    await store.receipts.append([
      entry('a', 'receipt', sealed('default/x', 100)),
      entry('b', 'receipt', sealed('default/y', 30)),
      entry('c', 'receipt', { tenant: 't2', ...sealed('t2/x', 7, 1000, 't2') }),
    ])
    assert.equal(await store.receipts.payloadBytes('default'), 130)
    assert.equal(await store.receipts.payloadBytes('t2'), 7)
    assert.equal((await store.receipts.payload('a', 'default'))?.bytes.length, 100)
    const hashes = await store.receipts.payloadHashes(1, 3)
    const digest = (size: number): string => hash('sha256', new Uint8Array(size).fill(7), 'hex')
    assert.deepEqual(hashes.map((one) => [one.index, Buffer.from(one.hash).toString('hex')]), [[1, digest(30)], [2, digest(7)]])
    assert.equal(await store.receipts.payload('a', 't2'), undefined)
    assert.equal(await store.receipts.dropPayloads('default/x'), 1)
    assert.equal(await store.receipts.payload('a'), undefined)
    assert.equal(await store.receipts.payloadBytes('default'), 30)
    assert.equal((await store.receipts.head()).size, 3)
  })

  test('receipts: payloads expire by their own time, except under a legal hold', async (t) => {
    const store = await make(t)
    await store.receipts.append([
      entry('a', 'receipt', sealed('default/x', 10, 1000)),
      entry('b', 'receipt', sealed('default/x', 10, 3000)),
      entry('c', 'receipt', sealed('default/y', 10, 1000)),
    ])
    await store.subjects.hold('default/y', undefined, 'a case')
    assert.equal(await store.receipts.expirePayloads(2000, 9000), 1)
    assert.equal(await store.receipts.payload('a'), undefined)
    assert.notEqual(await store.receipts.payload('b'), undefined)
    assert.notEqual(await store.receipts.payload('c'), undefined)
    assert.equal(await store.receipts.payloadBytes('default'), 20)
  })

  test('receipts: erasing takes key and payloads and leaves its act; a hold forbids all of it', async (t) => {
    const store = await make(t)
    await store.subjects.put('default/x', new Uint8Array([1]), 'kek')
    await store.receipts.append([entry('a', 'receipt', sealed('default/x', 10))])
    await store.subjects.hold('default/x', 5000, 'a case')
    await assert.rejects(store.receipts.erase('default/x', 4999, entry('e', 'act')), (error) => {
      assert.ok(error instanceof StoreError)
      assert.equal(error.fault, 'held')
      assert.match(error.message, /a case/)
      return true
    })
    assert.notEqual(await store.subjects.get('default/x'), undefined)
    assert.equal((await store.receipts.head()).size, 1)
    assert.equal(await store.receipts.erase('default/x', 5000, entry('e', 'act')), 1)
    assert.equal(await store.subjects.get('default/x'), undefined)
    assert.equal(await store.receipts.payload('a'), undefined)
    assert.deepEqual(ids(await store.receipts.read(0, 9)), ['a', 'e'])
  })

  test('receipts: checkpoints are kept by size', async (t) => {
    const store = await make(t)
    assert.equal(await store.receipts.lastCheckpoint(), undefined)
    for (const size of [3, 7, 12]) await store.receipts.saveCheckpoint(`note ${size}`, { size, root: new Uint8Array(32).fill(size) })
    assert.equal((await store.receipts.lastCheckpoint())?.note, 'note 12')
    assert.deepEqual((await store.receipts.checkpoints(3, 5)).map((one) => [one.note, one.head.size, one.head.root[0]]), [['note 7', 7, 7], ['note 12', 12, 12]])
  })

  test('receipts: appends at the same time all arrive, each once', async (t) => {
    const store = await make(t)
    await Promise.all(Array.from({ length: 200 }, (_, n) => store.receipts.append([entry(`e${n}`, 'act'), entry(`f${n}`, 'act')])))
    const all = await store.receipts.read(0, 1000)
    assert.equal(new Set(ids(all)).size, 400)
    assert.deepEqual(all.map((one) => one.index), all.map((_, n) => n))
    for (const one of all) if (one.id.startsWith('e')) assert.equal(all[one.index + 1]?.id, `f${one.id.slice(1)}`)
  })
}
