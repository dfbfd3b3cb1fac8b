import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApprovalRow } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

function held(tenant: string, id: string, created = 1000): ApprovalRow {
  return { id, tenant, state: 'pending', action: new Uint8Array([9]), created, expires: 9000 }
}

/** What every implementation of `Approvals` must do. */
export function approvalsContract(make: MakeStore): void {
  test('approvals: of many who move a row at once, one wins', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(held('t1', 'a'))
    const moves = await Promise.all(Array.from({ length: 20 }, (_, n) => approvals.move('t1', 'a', 'pending', n % 2 === 0 ? 'approved' : 'denied')))
    assert.equal(moves.filter((won) => won).length, 1)
    assert.equal(await approvals.move('t1', 'a', 'approved', 'used'), true)
    assert.equal(await approvals.move('t1', 'a', 'approved', 'used'), false)
    assert.equal((await approvals.get('t1', 'a'))?.state, 'used')
  })

  test('approvals: another tenant sees and moves nothing, also under the same id', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(held('t1', 'a'))
    assert.equal(await approvals.get('t2', 'a'), undefined)
    assert.equal(await approvals.move('t2', 'a', 'pending', 'approved'), false)
    await approvals.insert(held('t2', 'a'))
    await assert.rejects(approvals.insert(held('t2', 'a')), { fault: 'conflict' })
    assert.deepEqual((await approvals.pending('t2')).map((row) => row.tenant), ['t2'])
  })

  test('approvals: what waits comes oldest first, and no longer once it moved', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(held('t1', 'late', 3000))
    await approvals.insert(held('t1', 'early', 1000))
    await approvals.insert(held('t1', 'gone', 2000))
    await approvals.move('t1', 'gone', 'pending', 'expired')
    assert.deepEqual((await approvals.pending('t1')).map((row) => row.id), ['early', 'late'])
  })
}
