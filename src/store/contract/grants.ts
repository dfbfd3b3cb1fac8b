import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GrantRow } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

/** What every implementation of `Grants` must do. */
export function grantsContract(make: MakeStore): void {
  test('grants: one for each owner and server, replaced, listed by subject, and gone for good', async (t) => {
    const { grants } = await make(t)
    const row: GrantRow = { tenant: 't', owner: 'ada', server: 'files', subject: 't/ada', issuer: 'https://as.example', scope: 'a b', at: 1000, content: Buffer.from([1, 2, 3]) }
    await grants.put(row)
    await grants.put({ ...row, server: 'mail', at: 2000 })
    await grants.put({ ...row, tenant: 'u', subject: 'u/ada', at: 3000 })
    await grants.put({ ...row, scope: 'c', content: Buffer.from([4]) })
    const found = await grants.get('t', 'ada', 'files')
    assert.deepEqual({ ...found, content: [...(found?.content ?? [])] }, { ...row, scope: 'c', content: [4] })
    assert.equal(await grants.get('t', 'bob', 'files'), undefined)
    assert.deepEqual((await grants.list('t/ada')).map(({ server }) => server), ['files', 'mail'])
    assert.equal((await grants.list()).length, 3)
    assert.equal(await grants.drop('t', 'ada', 'files'), true)
    assert.equal(await grants.drop('t', 'ada', 'files'), false)
    assert.equal(await grants.get('u', 'ada', 'files').then((one) => one?.at), 3000)
  })
}
