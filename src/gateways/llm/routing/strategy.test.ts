import assert from 'node:assert/strict'
import test from 'node:test'
import type { Price } from '../../../contract/exchange.ts'
import { handClock } from '../../../contract/clock.fixture.ts'
import { makeLatency } from './latency.ts'
import { ordered, type Weighed } from './strategy.ts'

const clock = handClock()
const price = (input: number, output: number): Price => ({ input, output, cachedInput: input, cacheWrite: input })

interface Named extends Weighed {
  readonly name: string
}

function target(name: string, more: Partial<Weighed> = {}): Named {
  return { name, quality: 0.5, weight: 1, priority: 0, latency: makeLatency(clock), ...more }
}

const names = (targets: readonly Named[]): string => targets.map(({ name }) => name).join(' ')
const never = (): number => assert.fail('needs no chance')

test('cost: by what this call would cost, so its shape decides; unknown prices last', () => {
  const targets = [target('unknown'), target('dearOut', { price: price(1, 100) }), target('dearIn', { price: price(10, 10) })]
  assert.equal(names(ordered('cost', targets, { input: 1_000_000, output: 10 }, never)), 'dearOut dearIn unknown')
  assert.equal(names(ordered('cost', targets, { input: 10, output: 1_000_000 }, never)), 'dearIn dearOut unknown')
})

test('quality and priority: best and first, equals in the order of the settings', () => {
  const targets = [target('a', { quality: 0.7, priority: 2 }), target('b', { quality: 0.9, priority: 1 }), target('c', { quality: 0.7, priority: 1 })]
  assert.equal(names(ordered('quality', targets, { input: 1, output: 1 }, never)), 'b a c')
  assert.equal(names(ordered('priority', targets, { input: 1, output: 1 }, never)), 'b c a')
})

test('weighted: shares follow the weights, weight 0 comes last', () => {
  const targets = [target('three', { weight: 3 }), target('one', { weight: 1 }), target('none', { weight: 0 })]
  const counts = new Map<string, number>()
  for (let draw = 0; draw < 400; draw++) {
    let used = false
    const order = ordered('weighted', targets, { input: 1, output: 1 }, () => (used ? 0.5 : ((used = true), (draw + 0.5) / 400)))
    assert.equal(order.length, 3)
    assert.equal(order.at(-1)?.name, 'none')
    const name = order[0]?.name ?? ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  assert.deepEqual(Object.fromEntries(counts), { three: 300, one: 100 })
})

test('latency: fastest first; an unknown target is tried by one call at a time', () => {
  const fast = target('fast')
  const slow = target('slow')
  const fresh = target('fresh')
  for (const [one, ms] of [[fast, 100], [slow, 300]] as const) {
    one.latency.begin()
    one.latency.end(ms)
  }
  const order = (): string => names(ordered('latency', [slow, fast, fresh], { input: 1, output: 1 }, never))
  assert.equal(order(), 'fresh fast slow')
  fresh.latency.begin()
  assert.equal(order(), 'fast slow fresh', 'somebody is finding out')
  fresh.latency.end(200)
  assert.equal(order(), 'fast fresh slow')
})

test('latency: a peak counts at once, calls under way count, and what was slow fades', () => {
  const latency = makeLatency(clock)
  latency.begin()
  latency.end(100)
  latency.begin()
  latency.end(1_000)
  assert.equal(latency.score(), 1_000)
  latency.begin()
  assert.equal(latency.score(), 2_000)
  latency.end(undefined)
  clock.move(30_000)
  assert.ok((latency.score() ?? 0) < 400)
  latency.begin()
  latency.end(100)
  assert.ok((latency.score() ?? 0) < 1_000 && (latency.score() ?? 0) >= 100)
})
