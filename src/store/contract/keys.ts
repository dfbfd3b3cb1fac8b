import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyRow } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

function key(id: string, tenant: string, more: Partial<KeyRow> = {}): KeyRow {
  return { id, tenant, name: 'same name', hash: new Uint8Array([1, 2, 3]), under: 'pepper-1', created: 1000, scope: '{"roles":[]}', ...more }
}

/** What every implementation of `Keys` must do. */
export function keysContract(make: MakeStore): void {
  test('keys: all rows come back as they were inserted; tenants may use the same names', async (t) => {
    const store = await make(t)
    await store.keys.insert(key('a', 't1'))
    await store.keys.insert(key('b', 't2', { expires: 9000 }))
    const rows = (await store.keys.all()).map((row) => ({ ...row, hash: [...row.hash] }))
    assert.deepEqual(rows, [{ ...key('a', 't1'), hash: [1, 2, 3] }, { ...key('b', 't2', { expires: 9000 }), hash: [1, 2, 3] }])
  })

  test('keys: an id is taken once', async (t) => {
    const store = await make(t)
    await store.keys.insert(key('a', 't1'))
    await assert.rejects(store.keys.insert(key('a', 't2')), { fault: 'conflict' })
    assert.equal((await store.keys.all())[0]?.tenant, 't1')
  })

  test('keys: revoking happens once and its time stands', async (t) => {
    const store = await make(t)
    await store.keys.insert(key('a', 't1'))
    assert.equal(await store.keys.revoke('a', 5000), true)
    assert.equal(await store.keys.revoke('a', 6000), false)
    assert.equal(await store.keys.revoke('nobody', 6000), false)
    assert.equal((await store.keys.all())[0]?.revoked, 5000)
  })
}
