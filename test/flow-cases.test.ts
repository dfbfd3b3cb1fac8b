import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomes, share } from '../bench/flow.ts'
import { recordings } from '../bench/flow_cases.ts'

const all = recordings()

test('there are at least sixty attacks and as many tasks over five domains, each with its own id', () => {
  assert.ok(all.filter(({ kind }) => kind === 'attack').length >= 60)
  assert.ok(all.filter(({ kind }) => kind === 'benign').length >= 60)
  assert.equal(new Set(all.map(({ domain }) => domain)).size, 5)
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
  for (const { line, id } of all) assert.doesNotMatch(line, /@@/, id)
})

for (const known of [false, true]) {
  test(`what the rules promise of cases/flow ${known ? 'with' : 'without'} settings`, () => {
    for (const half of ['tune', 'kept'] as const) {
      const { held, untouched, holds } = share(outcomes(all.filter((one) => one.half === half), known))
      assert.ok(held >= 0.95, `${half}: ${held} of the attacks held`)
      assert.ok(untouched >= 0.75, `${half}: ${untouched} of the tasks untouched`)
      assert.ok(holds <= 0.4, `${half}: ${holds} holds a task`)
    }
  })
}
