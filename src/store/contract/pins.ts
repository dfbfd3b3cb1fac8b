import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeStore } from './make.ts'

/** What every implementation of `Pins` must do. */
export function pinsContract(make: MakeStore): void {
  const id = { server: 'files', kind: 'tools', name: 'read' }
  const first = { ...id, hash: 'a1', text: '{"a":1}', at: 1000 }

  test('pins: what was seen first stays pinned while another definition waits, and until it is back', async (t) => {
    const { pins } = await make(t)
    await pins.note({ pinned: [{ ...first, by: 'first_use' }], quarantined: [], returned: [], dropped: [] })
    await pins.note({ pinned: [], quarantined: [{ ...id, hash: 'b2', text: '{"b":2}', at: 2000, why: 'changed' }], returned: [], dropped: [] })
    const row = { ...id, pinned: 'a1', since: 1000, by: 'first_use' }
    assert.deepEqual(await pins.all(), [{ ...row, seen: 'b2', at: 2000, why: 'changed' }])
    assert.deepEqual(await pins.texts(id), { pinned: '{"a":1}', seen: '{"b":2}' })
    await pins.note({ pinned: [], quarantined: [], returned: [id], dropped: [] })
    assert.deepEqual(await pins.all(), [row])
    assert.deepEqual(await pins.texts(id), { pinned: '{"a":1}' })
    assert.equal(await pins.texts({ ...id, name: 'other' }), undefined)
    await pins.note({ pinned: [], quarantined: [], returned: [], dropped: [id] })
    assert.deepEqual(await pins.all(), [])
  })

  test('pins: only what was last seen can be endorsed, all of it or nothing', async (t) => {
    const { pins } = await make(t)
    const other = { ...id, name: 'write' }
    await pins.note({ pinned: [], quarantined: [{ ...first, why: 'new' }, { ...first, ...other, why: 'new' }], returned: [], dropped: [] })
    assert.equal(await pins.endorse([{ ...id, hash: 'a1' }, { ...other, hash: 'b2' }], 3000, 'admin:a'), false)
    assert.equal(await pins.endorse([{ ...id, name: 'none', hash: 'a1' }], 3000, 'admin:a'), false)
    assert.ok((await pins.all()).every(({ pinned }) => pinned === undefined))
    assert.equal(await pins.endorse([{ ...id, hash: 'a1' }], 3000, 'admin:a'), true)
    assert.deepEqual(await pins.all(), [{ ...id, pinned: 'a1', since: 3000, by: 'admin:a' }, { ...other, seen: 'a1', at: 1000, why: 'new' }])
    assert.deepEqual(await pins.texts(id), { pinned: '{"a":1}' })
    // Once.
    assert.equal(await pins.endorse([{ ...id, hash: 'a1' }], 4000, 'admin:b'), false)
  })
}
