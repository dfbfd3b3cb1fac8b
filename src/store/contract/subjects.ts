import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeStore } from './make.ts'

/** What every implementation of `SubjectKeys` must do. */
export function subjectsContract(make: MakeStore): void {
  test('subjects: a key is kept, replaced and destroyed', async (t) => {
    const { subjects } = await make(t)
    assert.equal(await subjects.get('t1/x'), undefined)
    await subjects.put('t1/x', new Uint8Array([1]), 'kek-1')
    await subjects.put('t2/x', new Uint8Array([2]), 'kek-1')
    await subjects.put('t1/x', new Uint8Array([3]), 'kek-2')
    const found = await subjects.get('t1/x')
    assert.deepEqual([...(found?.wrapped ?? []), found?.under], [3, 'kek-2'])
    assert.equal(await subjects.destroy('t1/x'), true)
    assert.equal(await subjects.destroy('t1/x'), false)
    assert.equal(await subjects.get('t1/x'), undefined)
    assert.notEqual(await subjects.get('t2/x'), undefined)
  })

  test('subjects: a hold is kept with its reason and replaced by a later one', async (t) => {
    const { subjects } = await make(t)
    assert.equal(await subjects.held('t1/x'), undefined)
    await subjects.hold('t1/x', undefined, 'case 1')
    assert.deepEqual({ ...(await subjects.held('t1/x')) }, { reason: 'case 1' })
    await subjects.hold('t1/x', 5000, 'case 2')
    assert.deepEqual({ ...(await subjects.held('t1/x')) }, { reason: 'case 2', until: 5000 })
    assert.equal(await subjects.held('t2/x'), undefined)
  })
}
