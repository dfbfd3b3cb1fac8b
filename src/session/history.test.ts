import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HistoryFact } from '../contract/history.ts'
import type { Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { openEmbedded } from '../store/embedded/open.ts'
import type { Sessions } from '../store/interfaces.ts'
import { openHistory } from './history.ts'
import { add, total, widthOf } from './history_window.ts'

const HOUR = 3_600_000
const count: HistoryFact = { name: 'transfers', kind: 'count', of: ['mcp.call'], verdict: 'allowed', within: HOUR, per: 'principal' }

function pay(more: Partial<Principal> = {}, parameters: Record<string, unknown> = {}, id = 'pay', attributes: Question['resource']['attributes'] = {}): Question {
  return {
    principal: { tenant: 't', workload: 'w', chain: [], roles: [], proof: { kind: 'api_key', id: 'k' }, scope: { rights: [] }, ...more },
    action: 'mcp.call',
    resource: { type: 'Tool', id, attributes },
    context: { parameters: parameters as never },
  }
}

async function stage(facts: readonly HistoryFact[], sessions?: Sessions) {
  const time = { now: Date.UTC(2026, 0, 5, 9) }
  const timers: (() => void)[] = []
  const clock = { wall: () => time.now, monotonic: () => time.now, timer: (_: number, fire: () => void) => (timers.push(fire), () => undefined) }
  const errors: unknown[] = []
  const history = await openHistory({ clock, ...(sessions && { sessions }), onStoreError: (error) => errors.push(error) })
  const { read, reserve } = history.under(facts)
  let serial = 0
  const done = (question = pay()): void => {
    const id = `x${(serial += 1)}`
    assert.equal(reserve(question, id), true)
    history.commit(id)
  }
  const value = (question = pay(), exchange = ''): unknown => read(question.principal, exchange)?.['transfers']
  return { time, timers, errors, history, read, reserve, done, value }
}

test('without facts nothing is remembered and nothing is read', async () => {
  const { read, reserve } = await stage([])
  assert.equal(reserve(pay(), 'a'), true)
  assert.equal(read(pay().principal, 'a'), undefined)
})

test('what was done counts for as long as the window, and never for less', async () => {
  const { time, done, value } = await stage([count])
  done()
  time.now += HOUR / 2
  done()
  assert.equal(value(), 2)
  time.now += HOUR / 2
  assert.equal(value(), 2, 'the first is an hour old')
  time.now += HOUR / 60 + 1
  assert.equal(value(), 1)
  time.now += HOUR
  assert.equal(value(), 0)
})

test('of ten that begin at once under a limit of three, three pass', async () => {
  const { reserve, value, history } = await stage([count])
  let passed = 0
  for (let n = 0; n < 10; n++) {
    if ((value(pay(), `x${n}`) as number) >= 3) continue
    reserve(pay(), `x${n}`)
    passed += 1
  }
  assert.equal(passed, 3)
  history.release('x0')
  assert.equal(value(), 2, 'one that failed makes room')
  history.commit('x1')
  history.commit('x1')
  history.release('x1')
  assert.equal(value(), 2, 'an end counts once')
})

test('an exchange does not count against itself, and reserving again replaces', async () => {
  const { reserve, value, history } = await stage([{ ...count, kind: 'sum', parameter: 'amount' }])
  reserve(pay({}, { amount: 5 }), 'a')
  assert.deepEqual([value(pay(), 'a'), value(pay(), 'b')], [0, 5])
  reserve(pay({}, { amount: 7 }), 'a')
  assert.deepEqual([value(pay(), 'a'), value(pay(), 'b')], [0, 7])
  history.commit('a')
  assert.equal(value(), 7)
})

test('what was refused counts only for facts of any verdict', async () => {
  const { reserve, read, history } = await stage([count, { ...count, name: 'tries', verdict: 'any' }])
  reserve(pay(), 'a')
  history.release('a')
  assert.deepEqual(read(pay().principal, ''), { transfers: 0, tries: 1 })
})

test('sums: less than nothing takes nothing off, and what cannot be read is more than any limit', async () => {
  const sum: HistoryFact = { ...count, kind: 'sum', parameter: 'amount' }
  const after = async (...amounts: unknown[]): Promise<unknown> => {
    const { done, value } = await stage([sum])
    for (const amount of amounts) done(pay({}, { amount }))
    return value()
  }
  assert.equal(await after(10, -10, 2.2), 13)
  assert.equal(await after('10'), Number.MAX_SAFE_INTEGER)
  assert.equal(await after(Number.NaN), Number.MAX_SAFE_INTEGER)
  assert.equal(await after(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
  const { reserve, value, history } = await stage([sum])
  reserve(pay({}, { amount: 'much' }), 'a')
  reserve(pay({}, { amount: 5 }), 'b')
  assert.equal(value(), Number.MAX_SAFE_INTEGER)
  history.release('a')
  assert.equal(value(), 5, 'nothing is rounded away')
})

test('tenants, principals and tasks each have their own, and once is yes or no', async () => {
  const by = async (per: HistoryFact['per'], kind: HistoryFact['kind'] = 'count') => {
    const { done, value } = await stage([{ ...count, per, kind }])
    done(pay({ task: 'one' }))
    return [{ task: 'one' }, { task: 'two' }, {}, { task: 'one', workload: 'v' }, { workload: 'v' }, { tenant: 'u', task: 'one' }].map((who) => value(pay(who)))
  }
  assert.deepEqual(await by('task'), [1, 0, 0, 1, 0, 0])
  assert.deepEqual(await by('principal'), [1, 1, 1, 0, 0, 0])
  assert.deepEqual(await by('tenant'), [1, 1, 1, 1, 1, 0])
  assert.deepEqual(await by('task', 'once'), [true, false, false, true, false, false])
})

test('only the actions and resources that a fact names count', async () => {
  const { done, value } = await stage([{ ...count, resource: { type: 'Tool', id: 'pay*', attributes: { class: 'money', tags: 'eu' } } }])
  const fits = { class: 'money', tags: ['eu', 'us'] }
  done(pay({}, {}, 'pay_out', fits))
  assert.equal(value(), 1)
  done({ ...pay({}, {}, 'pay_out', fits), action: 'tool.propose' })
  done(pay({}, {}, 'refund', fits))
  done(pay({}, {}, 'pay_out', { ...fits, class: 'read' }))
  done(pay({}, {}, 'pay_out', { class: 'money' }))
  assert.equal(value(), 1)
})

test('a fact whose definition stays keeps its counters over configurations; another one starts afresh', async () => {
  const { done, history } = await stage([count])
  done()
  assert.deepEqual(history.under([{ ...count }]).read(pay().principal, ''), { transfers: 1 })
  assert.deepEqual(history.under([{ ...count, within: 2 * HOUR }]).read(pay().principal, ''), { transfers: 0 })
})

test('one tenant cannot take the memory of all: beyond its share nothing is allowed that would not be remembered', async () => {
  const { time, reserve, history } = await stage([count])
  let taken = 0
  while (taken < 30_000 && reserve(pay({ workload: `w${taken}` }), `x${taken}`)) {
    history.commit(`x${taken}`)
    taken += 1
  }
  assert.equal(taken, 20_000)
  assert.equal(reserve(pay({ workload: 'w5' }), 'known'), true, 'whoever is counted already is')
  assert.equal(reserve(pay({ tenant: 'u' }), 'other'), true)
  time.now += 2 * HOUR
  assert.equal(reserve(pay({ workload: 'new' }), 'later'), true)
})

test('counters survive a restart, and a store that fails disturbs nobody', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'history-'))
  t.after(() => rm(folder, { recursive: true }))
  const store = await openEmbedded({ folder })
  t.after(() => store.close())
  const first = await stage([count], store.sessions)
  first.done()
  first.reserve(pay(), 'under way')
  assert.equal(first.timers.length, 1)
  await first.history.save()
  const second = await stage([count], store.sessions)
  assert.equal(second.value(), 1, 'what was under way did not happen')
  assert.equal(second.value(pay({ tenant: 'u' })), 0)
  const broken: Sessions = { ...store.sessions, put: () => Promise.reject(new Error('full')) }
  const third = await stage([count], broken)
  third.done()
  await third.history.save()
  assert.equal(third.errors.length, 1)
  assert.equal(third.value(), 2)
})

test('a window never forgets early, and forgets a part later at the latest', () => {
  const step = fc.record({ after: fc.nat(5000), amount: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 20_000 }), (steps, within) => {
      const width = widthOf(within)
      const window = { parts: [], amounts: [] }
      const all: { at: number; amount: number }[] = []
      let now = 1_000_000
      for (const { after, amount } of steps) {
        now += after
        add(window, now, width, amount)
        all.push({ at: now, amount })
        const since = (age: number): number => all.filter(({ at }) => now - at <= age).reduce((sum, one) => sum + one.amount, 0)
        const found = total(window, now, width)
        assert.ok(found >= since(within) && found <= since(61 * width))
      }
      assert.ok(window.parts.length <= 61)
    }),
  )
})
