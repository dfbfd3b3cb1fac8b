import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeStore } from './make.ts'

const state = (n: number): Uint8Array => new Uint8Array([n])

/** What every implementation of `Sessions` must do. */
export function sessionsContract(make: MakeStore): void {
  test('sessions: tenants and principals with the same session id read nothing of each other', async (t) => {
    const { sessions } = await make(t)
    await sessions.put('t1', 'p', 's', state(1), 5000)
    await sessions.put('t2', 'p', 's', state(2), 5000)
    await sessions.put('t1', 'q', 's', state(3), 5000)
    await sessions.put('t1', 'p', 's', state(4), 5000)
    assert.deepEqual([...((await sessions.get('t1', 'p', 's')) ?? [])], [4])
    assert.deepEqual([...((await sessions.get('t2', 'p', 's')) ?? [])], [2])
    assert.deepEqual([...((await sessions.get('t1', 'q', 's')) ?? [])], [3])
    assert.equal(await sessions.get('t2', 'q', 's'), undefined)
  })

  test('sessions: everybody\'s under one id, those that live longest first, and none that was dropped', async (t) => {
    const { sessions } = await make(t)
    await sessions.put('t1', 'p', 's', state(1), 2000)
    await sessions.put('t2', 'p', 's', state(2), 4000)
    await sessions.put('t1', 'q', 's', state(3), 3000)
    await sessions.put('t1', 'r', 's', state(4), 1000)
    await sessions.put('t1', 'p', 'other', state(5), 9000)
    const found = async (most: number): Promise<readonly unknown[]> => (await sessions.all('s', 1000, most)).map((row) => [row.tenant, row.principal, ...row.state, row.expires])
    assert.deepEqual(await found(9), [['t2', 'p', 2, 4000], ['t1', 'q', 3, 3000], ['t1', 'p', 1, 2000]])
    assert.deepEqual(await found(1), [['t2', 'p', 2, 4000]])
    await sessions.drop('t2', 'p', 's')
    assert.deepEqual((await found(9)).length, 2)
    assert.notEqual(await sessions.get('t1', 'p', 'other'), undefined)
  })

  test('sessions: sweeping takes what has expired and nothing else', async (t) => {
    const { sessions } = await make(t)
    await sessions.put('t1', 'p', 'old', state(1), 1000)
    await sessions.put('t1', 'p', 'new', state(2), 1001)
    assert.equal(await sessions.sweep(1000), 1)
    assert.equal(await sessions.get('t1', 'p', 'old'), undefined)
    assert.notEqual(await sessions.get('t1', 'p', 'new'), undefined)
  })
}
