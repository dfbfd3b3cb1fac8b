import assert from 'node:assert/strict'
import test from 'node:test'
import { always, first, ground, read, realClock, WORDS } from './attempts.fixture.ts'
import { BREAKER, makeBreaker, type BreakerState } from './breaker.ts'
import { handClock } from '../../../contract/clock.fixture.ts'
import { makeHealth } from './health.ts'

const settings = { consecutive: 3, ratio: 0.5, volume: 10, windowMs: 10_000, coolMs: 1_000, longestMs: 8_000 }

function made(random = 0.5) {
  const clock = handClock()
  const changes: string[] = []
  const breaker = makeBreaker(clock, () => random, settings, (state, was) => changes.push(`${was} > ${state}`))
  return { clock, breaker, changes }
}

function fail(breaker: ReturnType<typeof makeBreaker>, times: number): void {
  for (let time = 0; time < times; time++) {
    assert.equal(breaker.admit().allowed, true)
    breaker.failed()
  }
}

test('failures in a row open it; after the cool-down a single probe is let through, and its success closes it', () => {
  const { clock, breaker, changes } = made()
  fail(breaker, 3)
  assert.equal(breaker.state(), 'open')
  assert.deepEqual(breaker.admit(), { allowed: false, why: 'breaker_open', wait: 1_000 })
  clock.move(999)
  assert.equal(breaker.admit().allowed, false)
  clock.move(1)
  assert.deepEqual(breaker.admit(), { allowed: true, probe: true })
  assert.equal(breaker.admit().allowed, false, 'only one probe')
  breaker.succeeded()
  assert.equal(breaker.state(), 'closed')
  assert.deepEqual(breaker.admit(), { allowed: true, probe: false })
  assert.deepEqual(changes, ['closed > open', 'open > half-open', 'half-open > closed'])
})

test('a probe that fails opens it again, twice as long, up to the longest', () => {
  const { clock, breaker } = made()
  fail(breaker, 3)
  for (const cool of [1_000, 2_000, 4_000, 8_000, 8_000]) {
    const admission = breaker.admit()
    assert.ok(!admission.allowed && admission.wait === cool)
    clock.move(cool)
    assert.equal(breaker.admit().allowed, true)
    breaker.failed()
  }
})

test('the cool-down is jittered by a fifth either way', () => {
  for (const [random, cool] of [[0, 800], [1, 1_200]] as const) {
    const { breaker } = made(random)
    fail(breaker, 3)
    const admission = breaker.admit()
    assert.ok(!admission.allowed && Math.abs(admission.wait - cool) < 1e-6)
  }
})

test('a probe whose caller went away proves nothing: the next one may try', () => {
  const { clock, breaker } = made()
  fail(breaker, 3)
  clock.move(1_000)
  assert.equal(breaker.admit().allowed, true)
  breaker.neither()
  assert.equal(breaker.state(), 'half-open')
  assert.deepEqual(breaker.admit(), { allowed: true, probe: true })
})

test('a share of failures opens it too, and old results are forgotten', () => {
  const { clock, breaker } = made()
  for (let call = 0; call < 8; call++) call % 2 === 0 ? breaker.failed() : breaker.succeeded()
  assert.equal(breaker.state(), 'closed', 'too few to tell')
  clock.move(20_000)
  breaker.failed()
  breaker.succeeded()
  assert.equal(breaker.state(), 'closed', 'the first eight are too old')
  for (let call = 0; call < 8; call++) call % 2 === 0 ? breaker.succeeded() : breaker.failed()
  assert.equal(breaker.state(), 'open')
})

test('a pause is neither success nor failure, and ends', () => {
  const { clock, breaker } = made()
  breaker.failed()
  breaker.failed()
  breaker.pause(5_000)
  assert.deepEqual(breaker.admit(), { allowed: false, why: 'rate_paused', wait: 5_000 })
  clock.move(5_000)
  assert.deepEqual(breaker.admit(), { allowed: true, probe: false })
  breaker.failed()
  assert.equal(breaker.state(), 'open', 'the row went on through the pause')
})

test('a nonsensical Retry-After cannot switch a target off', () => {
  const { clock, breaker } = made()
  breaker.pause(86_400_000)
  clock.move(300_000)
  assert.equal(breaker.admit().allowed, true)
})

test('a primary that flaps: the breaker opens, probes, closes, and traffic returns', async (t) => {
  const states: BreakerState[] = []
  const health = makeHealth(realClock, { random: () => 0.5, breaker: { ...BREAKER, consecutive: 2, coolMs: 1_500 }, onChange: (_, state) => states.push(state) })
  const here = await ground(t, { one: first({ kind: 'status', status: 503 }, { kind: 'status', status: 503 }), two: () => undefined }, health)
  const call = async (): Promise<string | undefined> => {
    const reply = here.send({ retries: { attempts: 1, base: 1, cap: 1 } })
    assert.equal((await read(reply)).text, WORDS)
    return reply.attempts().find((one) => one.outcome === 'answered')?.candidate.split('/')[0]
  }
  assert.deepEqual([await call(), await call(), await call()], ['two', 'two', 'two'])
  assert.equal(here.servers['one']?.seen.length, 2, 'open: not asked')
  await new Promise((resolve) => setTimeout(resolve, 1_600))
  assert.deepEqual([await call(), await call()], ['one', 'one'])
  assert.deepEqual(states, ['open', 'half-open', 'closed'])
})

test('what callers cause never opens a breaker', async (t) => {
  for (const fault of [{ kind: 'context_length' }, { kind: 'content_policy' }, { kind: 'invalid', message: 'no' }, { kind: 'status', status: 404 }] as const) {
    const health = makeHealth(realClock, { breaker: { ...BREAKER, consecutive: 2 } })
    const here = await ground(t, { one: always(fault) }, health)
    for (let call = 0; call < 4; call++) await read(here.send())
    assert.equal(health.of('one/practice-tokens-60').breaker.state(), 'closed')
    assert.equal(here.servers['one']?.seen.length, 4)
  }
  const health = makeHealth(realClock, { breaker: { ...BREAKER, consecutive: 2 } })
  const here = await ground(t, { one: always({ kind: 'silence' }) }, health)
  for (let call = 0; call < 4; call++) {
    const hangUp = new AbortController()
    const reading = read(here.send({ signal: hangUp.signal }))
    setTimeout(() => hangUp.abort(), 10)
    assert.equal((await reading).refusal?.refuse, 'cancelled')
  }
  assert.equal(health.of('one/practice-tokens-60').breaker.state(), 'closed')
})

test('every breaker open: a clear refusal that says when to come back, nothing is dialled', async (t) => {
  const health = makeHealth(realClock, { breaker: { ...BREAKER, consecutive: 1 } })
  const here = await ground(t, { one: always({ kind: 'status', status: 503 }) }, health)
  await read(here.send({ retries: { attempts: 1, base: 1, cap: 1 } }))
  const reply = here.send()
  const { refusal } = await read(reply)
  assert.equal(refusal?.refuse, 'no_candidate')
  assert.ok((refusal.retryAfterMs ?? 0) > 1_000)
  assert.equal(here.servers['one']?.seen.length, 1)
  assert.deepEqual(reply.attempts().map((one) => one.code), ['breaker_open'])
})
