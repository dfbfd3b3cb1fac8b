import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApprovalChange, ApprovalRow, ConsentRow } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

const bytes = new Uint8Array([9])

function asked(tenant: string, id: string, more: Partial<ApprovalRow> = {}): ApprovalRow {
  return { id, tenant, state: 'pending', version: 0, subject: `${tenant}/s`, bound: 'b', alike: 'a', created: 1000, expires: 9000, notes: '{}', content: bytes, ...more }
}

function consent(tenant: string, id: string, more: Partial<ConsentRow> = {}): ConsentRow {
  return { id, tenant, kind: 'grant', subject: `${tenant}/s`, key: 'k', created: 1000, until: 5000, content: bytes, ...more }
}

const approved: ApprovalChange = { state: 'approved', decided: 2000, notes: '{"by":["anna"]}', content: bytes }

/** What every implementation of `Approvals` must do. */
export function approvalsContract(make: MakeStore): void {
  test('approvals: of many who decide at once, one wins, and only its consents stand', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(asked('t1', 'a'))
    const won = await Promise.all(Array.from({ length: 20 }, (_, n) =>
      approvals.decide('t1', 'a', 0, 2000, n % 2 === 0 ? approved : { ...approved, state: 'denied' }, [consent('t1', `c${n}`)], [])))
    assert.equal(won.filter((one) => one).length, 1)
    assert.equal((await approvals.standing(2000, 't1')).length, 1)
    assert.equal((await approvals.get('t1', 'a'))?.version, 1)
  })

  test('approvals: a decision needs the version it was made from, and the time before its end', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(asked('t1', 'a'))
    assert.equal(await approvals.decide('t1', 'a', 0, 2000, { state: 'pending', notes: '{"agreed":1}', content: bytes }, [], []), true)
    assert.equal(await approvals.decide('t1', 'a', 0, 2000, approved, [], []), false)
    assert.equal(await approvals.decide('t1', 'a', 1, 9000, approved, [], []), false)
    assert.equal(await approvals.decide('t1', 'a', 1, 9000, { ...approved, state: 'expired' }, [], []), true)
    assert.equal(await approvals.decide('t1', 'a', 2, 2000, approved, [], []), false)
  })

  test('approvals: another tenant sees and changes nothing, also under the same id', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(asked('t1', 'a'))
    await approvals.consent(consent('t1', 'c', { uses: 1 }))
    assert.equal(await approvals.get('t2', 'a'), undefined)
    assert.equal(await approvals.decide('t2', 'a', 0, 2000, approved, [], []), false)
    assert.deepEqual(await approvals.found('t2', ['k'], 2000), [])
    assert.equal(await approvals.use('t2', 'c', 2000), false)
    assert.equal(await approvals.withdraw('t2', 'c'), false)
    await approvals.insert(asked('t2', 'a'))
    await assert.rejects(approvals.insert(asked('t2', 'a')), { fault: 'conflict' })
    await assert.rejects(approvals.consent(consent('t1', 'c')), { fault: 'conflict' })
  })

  test('approvals: what waits comes oldest first, and no longer once it is decided', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(asked('t1', 'late', { created: 3000 }))
    await approvals.insert(asked('t2', 'early'))
    await approvals.insert(asked('t1', 'gone', { created: 2000 }))
    await approvals.decide('t1', 'gone', 0, 2000, approved, [], [])
    assert.deepEqual((await approvals.pending()).map((row) => row.id), ['early', 'late'])
    assert.deepEqual((await approvals.decided({ tenant: 't1', alike: 'a', limit: 5 })).map((row) => row.id), ['gone'])
    assert.deepEqual(await approvals.decided({ tenant: 't1', before: 2000, limit: 5 }), [])
    assert.deepEqual(await approvals.tally('t1', 'a'), { approved: 1, denied: 0, expired: 0 })
  })

  test('approvals: the last use of a consent has one taker, and none after its end', async (t) => {
    const { approvals } = await make(t)
    await approvals.consent(consent('t1', 'c', { uses: 2 }))
    const takers = await Promise.all(Array.from({ length: 10 }, () => approvals.use('t1', 'c', 2000)))
    assert.equal(takers.filter((one) => one).length, 2)
    assert.deepEqual(await approvals.found('t1', ['k'], 2000), [])
    await approvals.consent(consent('t1', 'd', { uses: 1 }))
    assert.equal(await approvals.use('t1', 'd', 5000), false)
    assert.deepEqual((await approvals.found('t1', ['x', 'k'], 4999)).map((row) => row.id), ['d'])
  })

  test('approvals: a decision takes consents back with it, or not at all', async (t) => {
    const { approvals } = await make(t)
    await approvals.insert(asked('t1', 'a'))
    await approvals.consent(consent('t1', 'old'))
    assert.equal(await approvals.decide('t1', 'a', 7, 2000, approved, [], ['old']), false)
    assert.equal((await approvals.standing(2000)).length, 1)
    assert.equal(await approvals.decide('t1', 'a', 0, 2000, approved, [consent('t1', 'new')], ['old']), true)
    assert.deepEqual((await approvals.standing(2000)).map((row) => row.id), ['new'])
  })

  test('approvals: a subject is forgotten whole, except under a legal hold; ends of sessions stay', async (t) => {
    const { approvals, subjects } = await make(t)
    await approvals.insert(asked('t1', 'a'))
    await approvals.insert(asked('t1', 'b', { subject: 't1/other' }))
    await approvals.consent(consent('t1', 'c'))
    await approvals.consent(consent('t1', 'e', { kind: 'end' }))
    await subjects.hold('t1/s', undefined, 'case 17')
    await assert.rejects(approvals.forget('t1/s', 2000), { fault: 'held', message: 'case 17' })
    await subjects.hold('t1/s', 1, 'over')
    assert.deepEqual(await approvals.forget('t1/s', 2000), ['a'])
    assert.deepEqual((await approvals.standing(2000)).map((row) => row.id), ['e'])
    assert.equal((await approvals.pending()).length, 1)
  })

  test('approvals: sweeping expires what is late and drops what is old, used up or too much', async (t) => {
    const { approvals, subjects } = await make(t)
    await approvals.insert(asked('t1', 'late', { expires: 1500 }))
    await approvals.insert(asked('t1', 'open'))
    for (const [id, decided] of [['old', 100], ['x', 3000], ['y', 3001], ['z', 3002]] as const) await approvals.insert(asked('t1', id, { state: 'denied', decided }))
    await approvals.insert(asked('t1', 'evidence', { state: 'denied', decided: 100, subject: 't1/kept' }))
    await subjects.hold('t1/kept', undefined, 'case 17')
    await approvals.consent(consent('t1', 'used', { uses: 0 }))
    await approvals.consent(consent('t1', 'over', { until: 4000 }))
    await approvals.consent(consent('t1', 'stands', { kind: 'rule' }))
    assert.equal(await approvals.sweep(4000, 1000, 2), 5)
    assert.deepEqual((await approvals.decided({ tenant: 't1', limit: 9 })).map((row) => row.id), ['z', 'y', 'evidence'])
    assert.deepEqual((await approvals.pending()).map((row) => row.id), ['open'])
    assert.deepEqual((await approvals.standing(0)).map((row) => row.id), ['stands'])
  })
}
