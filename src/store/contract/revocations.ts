import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeStore } from './make.ts'

/** What every implementation of `Revocations` must do. */
export function revocationsContract(make: MakeStore): void {
  test('revocations: kept, replaced, lifted, and dropped when they have ended', async (t) => {
    const { revocations } = await make(t)
    const row = { id: 'https://issuer.test#ada', at: 1000, until: 5000, by: 'admin:a' }
    await revocations.put(row)
    await revocations.put({ ...row, id: 'b', until: 4000 })
    await revocations.put({ ...row, until: 9000 })
    assert.deepEqual(await revocations.all(), [{ ...row, id: 'b', until: 4000 }, { ...row, until: 9000 }])
    assert.equal(await revocations.sweep(4000), 1)
    assert.equal(await revocations.lift('b'), false)
    assert.equal(await revocations.lift(row.id), true)
    assert.deepEqual(await revocations.all(), [])
  })
}
