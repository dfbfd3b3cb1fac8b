import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Budgets, CounterRow, Reservation } from '../contract/budget.ts'
import { costOf, type Asked, type Candidate, type Usage } from '../contract/exchange.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, type Refusal } from '../contract/verdict.ts'
import type { CounterState, OpenReservation } from '../store/interfaces.ts'
import type { BudgetAlert } from './alert.ts'
import { makeLedger, type Ledger } from './ledger.ts'
import { makeBudgets, type BudgetsDeps } from './reserve.ts'
import { budgetsSettings, settleBudgets, type BudgetsSettings } from './settings.ts'
import { waiting } from './words.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

interface House {
  readonly budgets: Budgets
  readonly ledger: Ledger
  readonly clock: { now: number; fire(): void }
  readonly stored: Map<string, readonly CounterRow[]>
  readonly alerts: BudgetAlert[]
  with(written: unknown): Budgets
}

function house(written: unknown, more: Partial<BudgetsDeps> & { loaded?: { counters: CounterState[]; open: OpenReservation[] }; now?: number; settle?: (id: string, rows: readonly CounterRow[]) => Promise<void> } = {}): House {
  const timers: (() => void)[] = []
  const clock = {
    now: more.now ?? NOON,
    wall: () => clock.now,
    monotonic: () => clock.now,
    timer(_ms: number, run: () => void) {
      timers.push(run)
      return () => undefined
    },
    fire() {
      for (const run of timers.splice(0)) run()
    },
  }
  const stored = new Map<string, readonly CounterRow[]>()
  const alerts: BudgetAlert[] = []
  const settle = more.settle ?? ((id, rows) => Promise.resolve(void stored.set(id, rows)))
  const ledger = makeLedger({ clock, counters: { settle }, loaded: more.loaded ?? { counters: [], open: [] }, onStoreError: () => undefined })
  const make = (of: unknown): Budgets =>
    makeBudgets(settleBudgets(budgetsSettings.parse(of) as BudgetsSettings), { ledger, onAlert: (alert) => alerts.push(alert), ...(more.members && { members: more.members }) })
  return { budgets: make(written), ledger, clock, stored, alerts, with: make }
}

function who(more: Partial<Principal> = {}): Principal {
  return { tenant: 'default', workload: 'key:a', chain: [], roles: [], proof: { kind: 'api_key', id: 'a' }, scope: { rights: [] }, ...more }
}

const PRICE = { input: 1_000_000, output: 2_000_000, cachedInput: 1_000_000, cacheWrite: 1_000_000 }
const model = (more: Partial<Candidate> = {}): Candidate => ({
  id: 'p/m', resource: { type: 'Model', id: 'p/m', attributes: {} }, provider: 'p', model: 'm', role: 'primary', price: PRICE, ...more,
})

let serial = 0
function asked(more: { id?: string; principal?: Principal; route?: string; stream?: boolean; input?: number; output?: number; choices?: number; action?: Asked['reading']['action'] } = {}): Asked {
  const reading = {
    action: more.action ?? 'llm.generate', resource: { type: 'Route', id: 'r', attributes: {} }, route: more.route ?? 'default', direction: 'outbound', effect: 'dial',
    overlapsIntent: true, stream: more.stream ?? false, segments: [], effects: [], parameters: {}, subordinates: [],
    estimate: { input: more.input ?? 10, choices: more.choices ?? 1, ...(more.output !== undefined && { output: more.output }) },
    apply: () => reading, fingerprint: () => '',
  } as Asked['reading']
  return { exchange: { id: more.id ?? `x${(serial += 1)}`, gateway: 'llm', startedAt: 0, epoch: 'e' }, principal: more.principal ?? who(), reading }
}

function reserve(budgets: Budgets, of: Parameters<typeof asked>[0] = {}, candidates: readonly Candidate[] = [model()]): Reservation | Refusal {
  return budgets.reserve(asked(of), candidates[0] as Candidate, candidates)
}

function sure(result: Reservation | Refusal): Reservation {
  assert.ok(!isRefusal(result), JSON.stringify(result))
  return result
}

function code(result: Reservation | Refusal): string {
  return isRefusal(result) ? result.refuse : 'in'
}

const use = (input: number, output: number): Usage => ({ input, output, cachedInput: 0, cacheWrite: 0, reasoning: 0 })

function spend(budgets: Budgets, of: Parameters<typeof asked>[0], usage: Usage, cost: number | undefined = costOf(usage, PRICE)): string {
  const result = reserve(budgets, of)
  if (isRefusal(result)) return result.refuse
  budgets.dialled(result)
  budgets.settle(result, usage, cost)
  return 'in'
}

test('200 at once against 10 requests: at most 10 come in', () => {
  const { budgets } = house([{ per: 'key', window: '1d', requests: 10 }])
  const results = Array.from({ length: 200 }, () => code(reserve(budgets)))
  assert.equal(results.filter((one) => one === 'in').length, 10)
  assert.equal(results.filter((one) => one === 'budget_spent').length, 190)
})

test('200 at once against 10 dollars: what they spend is at most 10 dollars', () => {
  const { budgets } = house([{ per: 'tenant', window: '1d', cost: '10 USD' }])
  const usage = use(1000, 400)
  const inside = Array.from({ length: 200 }, () => reserve(budgets, { input: 1000, output: 500_000 })).filter((one) => !isRefusal(one)) as Reservation[]
  assert.ok(inside.length > 0)
  let total = 0
  for (const one of inside) {
    budgets.settle(one, usage, costOf(usage, PRICE))
    total += costOf(usage, PRICE)
  }
  assert.ok(total <= 10_000_000)
})

test('refusals say how long the wait is, and windows begin at UTC boundaries', () => {
  const { budgets, clock } = house([{ per: 'key', window: '1d', requests: 1 }])
  assert.equal(spend(budgets, {}, use(1, 1)), 'in')
  const refusal = reserve(budgets) as Refusal
  assert.deepEqual([refusal.refuse, refusal.retryAfterMs, refusal.say], ['budget_spent', 12 * 3_600_000, 'The budget for this window is spent. The next one begins in 12 hours.'])
  clock.now = NOON + 12 * 3_600_000 - 1
  assert.equal(code(reserve(budgets)), 'budget_spent')
  clock.now += 1
  assert.equal(code(reserve(budgets)), 'in')
})

test('what is only set aside for others in flight is a short wait', () => {
  const { budgets } = house([{ per: 'key', window: '1d', tokens: 500, hard: true }])
  const first = sure(reserve(budgets, { output: 480 }))
  const refusal = reserve(budgets, { output: 480 }) as Refusal
  assert.deepEqual([refusal.refuse, refusal.retryAfterMs], ['budget_spent', 1000])
  budgets.settle(first, use(10, 2), 0)
  assert.equal(code(reserve(budgets, { output: 400 })), 'in')
})

test('a request larger than any window says that waiting does not help', () => {
  const { budgets } = house([{ per: 'key', window: '1h', tokens: 100 }])
  const refusal = reserve(budgets, { input: 5000 }) as Refusal
  assert.equal(refusal.refuse, 'budget_spent')
  assert.equal(refusal.retryAfterMs, undefined)
  assert.match(refusal.say ?? '', /alone/)
})

test('all scopes or none: a refusal leaves nothing behind in any of them', () => {
  const { budgets, ledger } = house([
    { per: 'tenant', window: '1d', requests: 100 },
    { per: 'tenant', rate: '100/1m', concurrency: 100 },
    { per: 'key', window: '1d', requests: 1 },
  ])
  assert.equal(code(reserve(budgets)), 'in')
  const tenant = ledger.cell('default|tenant=default|1d', 86_400_000)
  const before = JSON.stringify([tenant.used, [...ledger.rates], [...ledger.slots].map(([key, slot]) => [key, slot.taken])])
  assert.equal(code(reserve(budgets)), 'budget_spent')
  assert.equal(JSON.stringify([tenant.used, [...ledger.rates], [...ledger.slots].map(([key, slot]) => [key, slot.taken])]), before)
})

test('the same exchange reserves once, settles once, and cannot be given back afterwards', () => {
  const { budgets, ledger } = house([{ per: 'key', window: '1d', requests: 10, tokens: 100_000 }])
  const first = sure(reserve(budgets, { id: 'same' }))
  assert.equal(reserve(budgets, { id: 'same' }), first)
  const cell = ledger.cell('default|key=key:a|1d', 86_400_000)
  assert.equal(cell.used.requests, 1)
  budgets.settle(first, use(10, 20), 50)
  budgets.settle(first, use(10, 20), 50)
  budgets.release(first)
  assert.deepEqual(cell.used, { requests: 1, tokens: 30, cost: 50 })
  assert.deepEqual(cell.aside, { requests: 0, tokens: 0, cost: 0 })
})

test('never dialled: everything goes back, the rate too', () => {
  const { budgets, ledger } = house([{ per: 'key', window: '1d', requests: 1 }, { per: 'key', rate: '1/1h', concurrency: 1 }])
  for (let round = 0; round < 3; round += 1) budgets.release(sure(reserve(budgets)))
  assert.deepEqual(ledger.cell('default|key=key:a|1d', 86_400_000).used, { requests: 0, tokens: 0, cost: 0 })
  const dialled = sure(reserve(budgets))
  budgets.dialled(dialled)
  budgets.release(dialled)
  assert.deepEqual(ledger.cell('default|key=key:a|1d', 86_400_000).used, { requests: 1, tokens: 0, cost: 0 })
})

test('abandoned after dialling: charged at its estimate; abandoned before: given back', () => {
  const { budgets, ledger, clock } = house([{ per: 'key', window: '30d', tokens: 1_000_000 }, { per: 'key', concurrency: 2 }])
  const lost = sure(reserve(budgets, { output: 100 }))
  budgets.dialled(lost)
  sure(reserve(budgets, { output: 100 }))
  assert.equal(code(reserve(budgets)), 'concurrency')
  clock.now += 3 * 3_600_000
  sure(reserve(budgets, { output: 7 }))
  const cell = ledger.cell('default|key=key:a|30d', 2_592_000_000)
  assert.equal(cell.used.tokens - cell.aside.tokens, lost.tokens)
  assert.equal(cell.used.requests, 2)
})

test('after a restart counters go on, and what was open is charged at its estimate, once', async () => {
  const before = house([{ per: 'key', window: '1d', tokens: 1000 }])
  assert.equal(spend(before.budgets, {}, use(100, 100)), 'in')
  const open = sure(reserve(before.budgets, { output: 300 }))
  await before.ledger.flush()
  const counters = [...before.stored.values()].flat()
  const after = house([{ per: 'key', window: '1d', tokens: 1000 }], { loaded: { counters, open: [{ id: open.id, rows: open.rows }] } })
  await after.ledger.flush()
  assert.deepEqual(after.stored.get(open.id), open.rows)
  assert.equal(after.ledger.cell('default|key=key:a|1d', 86_400_000).used.tokens, 200 + open.tokens)
  const next = house([{ per: 'key', window: '1d', tokens: 1000 }], { loaded: { counters, open: [] }, now: NOON + 86_400_000 })
  assert.equal(next.ledger.cell('default|key=key:a|1d', 86_400_000).used.tokens, 0, 'another day')
})

test('a reload changes limits and never what was used', () => {
  const home = house([{ per: 'key', window: '1d', requests: 2 }])
  const running = sure(reserve(home.budgets))
  const stricter = home.with([{ per: 'key', window: '1d', requests: 1 }])
  assert.equal(code(reserve(stricter)), 'budget_spent')
  home.budgets.settle(running, use(1, 1), 1)
  stricter.settle(running, use(1, 1), 1)
  assert.equal(home.ledger.cell('default|key=key:a|1d', 86_400_000).used.tokens, 2)
  assert.equal(code(reserve(home.with([{ per: 'key', window: '1d', requests: 3 }]))), 'in')
})

test('two tenants with the same key, route, agent and cohort names share no counter', () => {
  const { budgets, ledger } = house((['key', 'route', 'agent', 'cohort', 'tenant'] as const).flatMap((per) => [{ per, window: '1d', requests: 1 }, { per, rate: '1/1h', concurrency: 1 }]))
  const at = (tenant: string): string => code(reserve(budgets, { principal: who({ tenant, agent: 'bot', cohort: 'beta' }) }))
  assert.deepEqual([at('acme'), at('beta'), at('acme'), at('beta')].map((one) => one === 'in'), [true, true, false, false])
  assert.equal(ledger.slots.size, 10)
  const tricky = house([{ per: 'route', window: '1d', requests: 1 }])
  const route = (tenant: string, name: string): string => code(reserve(tricky.budgets, { principal: who({ tenant }), route: name }))
  assert.deepEqual([route('a', 'b|route=c'), route('a|route=b', 'c'), route('a', 'b%7croute=c'), route('a', 'b~c?d')], ['in', 'in', 'in', 'in'])
})

test('a budget concerns only the calls that it matches', () => {
  const { budgets } = house([{ per: 'key', match: { model: 'big*', role: ['intern'], route: 'default' }, window: '1d', requests: 1 }, { per: 'agent', window: '1d', requests: 1 }])
  const intern = who({ roles: ['intern'] })
  const big = [model({ model: 'big-1' })]
  assert.equal(code(reserve(budgets, { principal: intern }, big)), 'in')
  assert.equal(code(reserve(budgets, { principal: intern }, big)), 'budget_spent')
  assert.equal(code(reserve(budgets, { principal: intern })), 'in')
  assert.equal(code(reserve(budgets, { principal: intern, route: 'other' }, big)), 'in')
  assert.equal(code(reserve(budgets, {}, big)), 'in')
  assert.equal(code(reserve(budgets, { principal: intern }, [model(), model({ model: 'big-1', role: 'fallback' })])), 'budget_spent')
})

test('the rate lets a burst through, then one each interval', () => {
  const { budgets, clock } = house([{ per: 'key', rate: '60/1m', burst: 3 }])
  const go = (): string => spend(budgets, {}, use(1, 1))
  assert.deepEqual([go(), go(), go(), go()], ['in', 'in', 'in', 'rate_limited'])
  const refusal = reserve(budgets) as Refusal
  assert.deepEqual([refusal.retryAfterMs, refusal.say], [1000, 'Too many requests. Try again in 1 second.'])
  clock.now += 999
  assert.equal(go(), 'rate_limited')
  clock.now += 1
  assert.deepEqual([go(), go()], ['in', 'rate_limited'])
  clock.now += 60_000
  assert.deepEqual([go(), go(), go(), go()], ['in', 'in', 'in', 'rate_limited'])
})

test('slots are given back by settling and by releasing', () => {
  const { budgets, ledger } = house([{ per: 'key', concurrency: 2 }])
  const [a, b] = [sure(reserve(budgets)), sure(reserve(budgets))]
  assert.equal(code(reserve(budgets)), 'concurrency')
  budgets.settle(a, use(1, 1), 1)
  budgets.settle(a, use(1, 1), 1)
  const c = sure(reserve(budgets))
  assert.equal(code(reserve(budgets)), 'concurrency')
  budgets.release(b)
  budgets.release(c)
  assert.equal(ledger.slots.size, 0)
})

test('under a cost budget an unknown price is a refusal, also of a mirror; elsewhere it is none', () => {
  const { price: _, ...free } = model()
  const { budgets } = house([{ per: 'key', window: '1d', cost: '1 USD' }])
  assert.equal(code(reserve(budgets, {}, [free])), 'price_unknown')
  assert.equal(code(reserve(budgets, {}, [model(), { ...free, role: 'mirror' }])), 'price_unknown')
  assert.equal(code(reserve(budgets, { action: 'llm.count' }, [free])), 'in')
  assert.equal(code(reserve(house([{ per: 'key', window: '1d', tokens: 10_000 }]).budgets, {}, [free])), 'in')
})

test('a large max_tokens refuses nobody while hardly anything is spent', () => {
  const { budgets } = house([{ per: 'key', window: '1d', cost: '1 USD' }])
  const inside = Array.from({ length: 50 }, () => code(reserve(budgets, { input: 10, output: 200_000 }))).filter((one) => one === 'in')
  assert.ok(inside.length >= 50)
})

test('a hard budget takes a call in one piece only at its longest', () => {
  const { budgets } = house([{ per: 'key', window: '1d', tokens: 1000, hard: true }])
  assert.equal(code(reserve(budgets, { output: 5000 })), 'budget_spent')
  assert.equal(code(reserve(budgets, { output: 5000, stream: true })), 'in')
  const other = house([{ per: 'key', window: '1d', tokens: 1000, hard: true }])
  const fitting = sure(reserve(other.budgets, { output: 900 }))
  assert.equal(fitting.tokens, 910)
  assert.equal(code(reserve(other.budgets, { output: 900 })), 'budget_spent')
})

test('the estimate learns how long answers are', () => {
  const { budgets } = house([{ per: 'key', window: '1d', tokens: 100_000 }])
  for (let round = 0; round < 30; round += 1) spend(budgets, {}, use(10, 100))
  assert.equal(sure(reserve(budgets, { output: 50_000 })).tokens, 10 + 150)
  assert.equal(sure(reserve(budgets, { output: 50_000, choices: 3 })).tokens, 10 + 450)
  assert.equal(sure(reserve(budgets, { route: 'other' })).tokens, 10 + 4096, 'nothing learned there yet')
})

test('mirrors and dearer fallbacks are in the estimate', () => {
  const { budgets } = house([{ per: 'key', window: '1d', cost: '1000 USD' }])
  const dear = { input: 2_000_000, output: 4_000_000, cachedInput: 0, cacheWrite: 3_000_000 }
  const one = sure(reserve(budgets, { input: 100, output: 10 }, [model(), model({ role: 'fallback', price: dear }), model({ role: 'mirror' })]))
  assert.equal(one.cost, 100 * 3 + 10 * 4 + 100 * 1 + 10 * 2)
  assert.equal(one.tokens, 220)
})

test('a stream takes more as it grows, and is ended when nothing is left', () => {
  const { budgets, ledger } = house([{ per: 'key', window: '1d', tokens: 10_000 }])
  for (let round = 0; round < 20; round += 1) spend(budgets, {}, use(0, 10))
  const one = sure(reserve(budgets, { input: 0, stream: true }))
  assert.equal(one.bounded, true)
  assert.equal(one.tokens, 15)
  const meter = budgets.meter(one)
  assert.equal(meter(15), true)
  assert.equal(meter(5000), true)
  const cell = ledger.cell('default|key=key:a|1d', 86_400_000)
  assert.ok(cell.used.tokens >= 5200 && cell.used.tokens <= 10_000)
  assert.equal(meter(9800), true)
  assert.equal(meter(9801), false)
  assert.equal(cell.used.tokens, 10_000)
  budgets.settle(one, use(0, 9800), 1)
  assert.equal(meter(1), false, 'nothing may follow the end')
})

test('what is left bounds a stream whose estimate does not fit', () => {
  const { budgets } = house([{ per: 'key', window: '1d', tokens: 1000 }])
  const one = sure(reserve(budgets, { input: 100, stream: true }))
  assert.equal(one.tokens, 1000)
  assert.equal(budgets.meter(one)(901), false)
  budgets.settle(one, use(100, 850), 1)
  assert.equal(code(reserve(budgets, { input: 10, stream: true })), 'budget_spent')
})

test('an unknown cost leaves the estimate standing, and so do numbers that make no sense', () => {
  const { budgets, ledger } = house([{ per: 'key', window: '1d', cost: '10 USD', tokens: 1_000_000 }])
  const cell = ledger.cell('default|key=key:a|1d', 86_400_000)
  const first = sure(reserve(budgets, { output: 100 }))
  budgets.settle(first, use(5, 5), undefined)
  assert.deepEqual(cell.used, { requests: 1, tokens: 10, cost: first.cost })
  const second = sure(reserve(budgets, { output: 100 }))
  budgets.settle(second, use(Number.NaN, -5), -3)
  assert.deepEqual(cell.used, { requests: 2, tokens: 10 + second.tokens, cost: first.cost + second.cost })
})

test('in a shared scope one key cannot take what is kept for another', () => {
  const list = ['key:a', 'key:b']
  const { budgets } = house([{ per: 'tenant', window: '1d', requests: 10, share: 0.2 }], { members: () => list })
  const by = (workload: string): string => spend(budgets, { principal: who({ workload }) }, use(1, 1))
  const first = Array.from({ length: 20 }, () => by('key:a')).filter((one) => one === 'in').length
  assert.equal(first, 8)
  assert.deepEqual([by('key:b'), by('key:b'), by('key:b'), by('key:a')], ['in', 'in', 'budget_spent', 'budget_spent'])
  const alone = house([{ per: 'tenant', window: '1d', requests: 10, share: 0.2 }], { members: () => ['key:a'] })
  assert.equal(Array.from({ length: 20 }, () => spend(alone.budgets, {}, use(1, 1))).filter((one) => one === 'in').length, 10)
})

test('shares survive a restart, and follow the list of keys', async () => {
  let list = ['key:a', 'key:b']
  const written = [{ per: 'tenant', window: '1d', requests: 10, share: 0.2 }]
  const before = house(written, { members: () => list })
  for (let round = 0; round < 2; round += 1) spend(before.budgets, { principal: who({ workload: 'key:b' }) }, use(1, 1))
  await before.ledger.flush()
  const after = house(written, { members: () => list, loaded: { counters: [...before.stored.values()].flat(), open: [] } })
  const by = (workload: string): boolean => spend(after.budgets, { principal: who({ workload }) }, use(1, 1)) === 'in'
  assert.equal(Array.from({ length: 7 }, () => by('key:a')).filter(Boolean).length, 7, 'the other has used its share already')
  list = ['key:a', 'key:b', 'key:c']
  assert.deepEqual([by('key:a'), by('key:c'), by('key:b')], [false, true, false])
})

test('slots and rates of a shared scope keep a share too', () => {
  const list = ['key:a', 'key:b']
  const { budgets } = house([{ per: 'tenant', concurrency: 10, rate: '10/1h', share: 0.2 }], { members: () => list })
  const by = (workload: string): string => code(reserve(budgets, { principal: who({ workload }) }))
  assert.equal(Array.from({ length: 10 }, () => by('key:a')).filter((one) => one === 'in').length, 8)
  assert.deepEqual([by('key:b'), by('key:b'), by('key:b')], ['in', 'in', 'rate_limited'])
})

test('a threshold and a fast burn are told once a window', () => {
  const { budgets, alerts, clock } = house([{ per: 'key', window: '1d', requests: 1000, alert: 0.5, burn: 4 }])
  for (let round = 0; round < 150; round += 1) spend(budgets, {}, use(1, 1))
  assert.deepEqual(alerts, [])
  for (let round = 0; round < 400; round += 1) spend(budgets, {}, use(1, 1))
  assert.deepEqual(alerts.map(({ kind, dimension, value, tenant }) => [kind, dimension, value, tenant]), [
    ['burn', 'requests', 'key:a', 'default'],
    ['threshold', 'requests', 'key:a', 'default'],
  ])
  clock.now += 86_400_000
  for (let round = 0; round < 600; round += 1) spend(budgets, {}, use(1, 1))
  assert.equal(alerts.length, 4)
  const even = house([{ per: 'key', window: '1h', requests: 1000, alert: 1, burn: 2 }])
  for (let minute = 0; minute < 59; minute += 1) {
    for (let round = 0; round < 16; round += 1) spend(even.budgets, {}, use(1, 1))
    even.clock.now += 60_000
  }
  assert.deepEqual(even.alerts, [])
})

test('a store that fails is tried again, and the order of settlements does not matter to it', async () => {
  let broken = true
  const got: string[] = []
  const { budgets, ledger, clock } = house([{ per: 'key', window: '1d', requests: 10 }], {
    settle: (id) => (broken ? Promise.reject(new Error('full')) : Promise.resolve(void got.push(id))),
  })
  const one = sure(reserve(budgets, { id: 'one' }))
  budgets.settle(one, use(1, 1), 1)
  await assert.rejects(ledger.flush())
  broken = false
  clock.fire()
  await ledger.flush()
  assert.deepEqual(got, ['one'])
})

test('the reservation carries a row for each scope, for the intent', () => {
  const { budgets } = house([{ per: 'key', window: '1d', tokens: 100_000 }, { per: 'key', window: '1d', cost: '1 USD' }, { per: 'tenant', window: '1h', requests: 5 }, { per: 'key', concurrency: 1 }])
  const { rows, tokens, cost } = sure(reserve(budgets, { output: 20 }))
  assert.deepEqual(rows.map((row) => row.key), ['default|key=key:a|1d', 'default|tenant=default|1h', 'default|tenant=default~key:a|1h'])
  assert.ok(rows.every((row) => row.requests === 1 && row.tokens === tokens && row.cost === cost && Number.isInteger(row.cost)))
  const none = sure(reserve(house([]).budgets))
  assert.deepEqual([none.bounded, none.rows], [false, []])
})

test('settings that mean nothing do not load', () => {
  const wrong = [
    { per: 'key' }, { per: 'key', requests: 1 }, { per: 'key', window: '1d' }, { per: 'key', window: '2d', requests: 1 }, { per: 'key', window: '1d', cost: '20' },
    { per: 'key', window: '1d', cost: '20 EUR' }, { per: 'key', rate: 'fast' }, { per: 'key', rate: '60/0m' }, { per: 'key', concurrency: 1, burst: 2 },
    { per: 'key', concurrency: 1, share: 0.1 }, { per: 'nobody', concurrency: 1 }, { per: 'key', concurrency: 1, extra: 1 }, { per: 'key', concurrency: 1.5 },
  ]
  for (const one of wrong) assert.equal(budgetsSettings.safeParse([one]).success, false, JSON.stringify(one))
  const [settled] = settleBudgets(budgetsSettings.parse([{ per: 'key', window: '1d', cost: '0.000001 USD', rate: '60/1m' }]))
  assert.deepEqual([settled?.limits.cost, settled?.rate], [1, { interval: 1000, burst: 60 }])
  assert.equal(settleBudgets(budgetsSettings.parse([{ per: 'key', window: '1d', cost: '20.10 USD' }]))[0]?.limits.cost, 20_100_000)
})

test('waits are put in words', () => {
  assert.deepEqual([1, 1000, 61_000, 600_000, 3_600_000, 5_400_001, 86_400_000, 90_000_000].map(waiting), ['1 second', '1 second', '1 minute 1 second', '10 minutes', '1 hour', '1 hour 31 minutes', '1 day', '1 day 1 hour'])
})

type Step =
  | { readonly do: 'reserve'; readonly tenant: number; readonly key: number; readonly stream: boolean; readonly input: number; readonly output: number }
  | { readonly do: 'settle' | 'release' | 'dial'; readonly which: number; readonly part: number }
  | { readonly do: 'stream'; readonly which: number; readonly to: number }
  | { readonly do: 'wait'; readonly ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('reserve' as const), tenant: fc.nat(1), key: fc.nat(2), stream: fc.boolean(), input: fc.nat(300), output: fc.nat(900) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('settle' as const, 'release' as const, 'dial' as const), which: fc.nat(20), part: fc.nat(100) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('stream' as const), which: fc.nat(20), to: fc.nat(2000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(90_000) }) },
  ),
  { maxLength: 150 },
)

test('however calls interleave, no limit is ever exceeded, nothing leaks, and tenants do not meet', () => {
  const limits = { requests: 12, tokens: 4000, cost: 6000 }
  fc.assert(
    fc.property(steps, (run) => {
      const list = ['key:0', 'key:1', 'key:2']
      const { budgets, ledger, clock } = house(
        [
          { per: 'tenant', window: '1m', requests: limits.requests, tokens: limits.tokens, cost: '0.006 USD', hard: true, share: 0.1 },
          { per: 'key', window: '1h', tokens: 2500, hard: true },
          { per: 'tenant', concurrency: 4 },
        ],
        { members: () => list },
      )
      const open: { readonly of: Reservation; readonly tenant: string; readonly input: number; out: number; readonly most: number; readonly stream: boolean }[] = []
      const cells = new Set<ReturnType<Ledger['cell']>>()
      const check = (): void => {
        for (const tenant of ['t0', 't1']) {
          cells.add(ledger.cell(`${tenant}|tenant=${tenant}|1m`, 60_000))
          assert.ok((ledger.slots.get(`${tenant}|tenant=${tenant}`)?.taken ?? 0) <= 4)
          for (const key of list) cells.add(ledger.cell(`${tenant}|key=${key}|1h`, 3_600_000))
        }
        for (const cell of cells) {
          const within = cell.length === 60_000 ? limits : { requests: Infinity, tokens: 2500, cost: Infinity }
          for (const dimension of ['requests', 'tokens', 'cost'] as const) {
            assert.ok(cell.used[dimension] <= within[dimension], `${cell.key} ${dimension} ${cell.used[dimension]}`)
            assert.ok(cell.aside[dimension] >= 0 && cell.used[dimension] >= cell.aside[dimension])
          }
        }
      }
      for (const step of run) {
        if (step.do === 'reserve') {
          const principal = who({ tenant: `t${step.tenant}`, workload: `key:${step.key}` })
          const result = reserve(budgets, { principal, stream: step.stream, input: step.input, output: step.output })
          if (!isRefusal(result)) open.push({ of: result, tenant: principal.tenant, input: step.input, out: 0, most: step.output, stream: step.stream })
        } else if (step.do === 'wait') clock.now += step.ms
        else {
          const index = open.length === 0 ? -1 : step.which % open.length
          const one = open[index]
          if (one === undefined) continue
          if (step.do === 'stream') {
            if (one.stream && step.to <= one.most && budgets.meter(one.of)(step.to)) one.out = Math.max(one.out, step.to)
          } else if (step.do === 'dial') budgets.dialled(one.of)
          else {
            open.splice(index, 1)
            const usage = use(one.input, one.stream ? one.out : Math.floor((one.most * step.part) / 100))
            if (step.do === 'settle') budgets.settle(one.of, usage, costOf(usage, PRICE))
            else budgets.release(one.of)
            if (step.part % 2 === 0) budgets.settle(one.of, usage, 1)
          }
        }
        check()
      }
      for (const one of open) budgets.release(one.of)
      check()
      for (const cell of cells) assert.deepEqual(cell.aside, { requests: 0, tokens: 0, cost: 0 })
      assert.equal(ledger.slots.size, 0)
      assert.equal(ledger.open.size, 0)
    }),
    { numRuns: 300 },
  )
})
