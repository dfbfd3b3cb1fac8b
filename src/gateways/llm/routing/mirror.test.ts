import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Inexpressible } from '../dialect.ts'
import { candidate, realClock, SHORT } from './attempts.fixture.ts'
import { makeHealth } from './health.ts'
import { runMirror } from './mirror.ts'
import { REPLY_LIMITS } from './received.ts'

test('a request that a mirror cannot be asked takes no place among the mirrors, however often it comes', async () => {
  const health = makeHealth(realClock)
  const mirror = candidate('shadow', 'mirror', 'm')
  const prepare = (): never => {
    throw new Inexpressible('n', 'cannot be said')
  }
  for (let left = 200; left > 0; left--) {
    const { attempt } = await runMirror({ options: { prepare, timeouts: SHORT, health, clock: realClock, estimatedInput: 1 }, limits: REPLY_LIMITS, candidate: mirror, beside: mirror })
    assert.deepEqual([attempt.outcome, attempt.code], ['skipped', 'inexpressible'])
  }
  assert.ok(health.mirrors.enter())
})
