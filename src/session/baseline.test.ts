import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '../contract/principal.ts'
import { makeBaseline } from './baseline.ts'

const MINUTE = 60_000
const someone = (workload: string, tenant = 't'): Principal => ({ tenant, workload, chain: [], roles: [], proof: { kind: 'api_key', id: 'k' }, scope: { rights: [] } })
const model = { type: 'Model', id: 'm', attributes: {} }

function stage() {
  const clock = { now: Date.UTC(2026, 0, 5, 9), wall: () => clock.now }
  const baseline = makeBaseline(clock)
  const call = (who = someone('a'), resource = model): number => baseline.score(who, 'llm.generate', resource)
  /** So many minutes with so many calls each; the highest score that came up. */
  const work = (minutes: number, calls: number, who = someone('a')): number => {
    let highest = 0
    for (let minute = 0; minute < minutes; minute++) {
      for (let n = 0; n < calls; n++) highest = Math.max(highest, call(who))
      clock.now += MINUTE
    }
    return highest
  }
  return { clock, call, work }
}

test('nothing is unusual before anything is usual', () => {
  const { work } = stage()
  assert.equal(work(1, 500), 0)
})

test('steady work is usual, a burst is not, and says so while it happens', () => {
  const { work, call } = stage()
  assert.equal(work(120, 5), 0)
  const scores = Array.from({ length: 60 }, () => call())
  assert.equal(Math.max(...scores.slice(0, 8)), 0, 'a few more than usual are nothing')
  assert.equal(scores.at(-1), 100)
  assert.deepEqual(scores.toSorted((a, b) => a - b), scores, 'it only rises')
})

test('what was a burst becomes usual where it stays', () => {
  const { work } = stage()
  work(120, 5)
  assert.equal(work(1, 60), 100)
  work(200, 60)
  assert.equal(work(10, 60), 0)
})

test('silence does not make the next call unusual', () => {
  const { work, call, clock } = stage()
  work(60, 5)
  clock.now += 3 * 24 * 60 * MINUTE
  assert.equal(call(), 0)
})

test('a thing that was never used counts once something is known, and only the first time', () => {
  const { work, call } = stage()
  const other = { type: 'Tool', id: 'drop_table', attributes: {} }
  assert.equal(call(someone('a'), other), 0)
  work(60, 5)
  assert.equal(call(someone('a'), other), 0)
  assert.equal(call(someone('a'), { ...other, id: 'grant_admin' }), 50)
  assert.equal(call(someone('a'), { ...other, id: 'grant_admin' }), 0)
})

test('an hour of the day in which it never worked counts for that hour, and is known the next day', () => {
  const { clock, call } = stage()
  const day = (): number[] => Array.from({ length: 8 }, (_, hour) => ((clock.now += hour === 0 ? 0 : 60 * MINUTE), call()))
  for (let days = 0; days < 12; days++) {
    assert.deepEqual(new Set(day()), new Set([0]))
    clock.now += 17 * 60 * MINUTE
  }
  clock.now += 15 * 60 * MINUTE
  assert.deepEqual([call(), call()], [30, 30])
  clock.now += 24 * 60 * MINUTE
  assert.equal(call(), 0)
})

test('principals and tenants do not share what is usual; a clock that is set back breaks nothing', () => {
  const { work, call, clock } = stage()
  work(60, 5)
  const fresh = { type: 'Tool', id: 'x', attributes: {} }
  assert.equal(call(someone('b'), fresh), 0)
  assert.equal(call(someone('a', 'u'), fresh), 0)
  clock.now -= 10 * MINUTE
  assert.ok(Number.isFinite(call()))
})
