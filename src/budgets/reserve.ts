import type { Budgets, CounterRow, Reservation } from '../contract/budget.ts'
import type { Asked } from '../contract/exchange.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { raise, type BudgetAlert } from './alert.ts'
import { keptForOthers, move, noteBurn, NOTHING, rowOf, type Amount, type Cell } from './cell.ts'
import { amountOf, estimate, type Estimate } from './estimate.ts'
import { checkFlow, giveRate, giveSlot, type Flow } from './flow.ts'
import type { Held, Ledger } from './ledger.ts'
import { memberKey, rulesOf, scopeKey, valueOf, type Rule } from './scope.ts'
import type { Dimension, Per, SettledBudget } from './settings.ts'
import { waiting } from './words.ts'

export interface BudgetsDeps {
  readonly ledger: Ledger
  /** Told after the settlement that caused it; must not throw. */
  readonly onAlert: (alert: BudgetAlert) => void
  /**
   * Workloads known to share a scope, so that a share is kept for those that have not called yet. The same array as
   * long as nothing changed. Undefined = only those that called in this window are known.
   */
  readonly members?: (tenant: string, per: Per, value: string) => readonly string[] | undefined
}

/** One windowed rule that concerns a call, with its cells. */
interface Claim {
  readonly rule: Rule
  readonly value: string
  readonly cell: Cell
  readonly member: Cell | undefined
}

/**
 * Budgets under one configuration, over the ledger that outlives it. Everything is synchronous and in this process:
 * between the first comparison and the last entry nobody else runs, so all scopes are one atomic step.
 *
 * How much is set aside (per call, the dearest target, mirrors on top):
 * 1. the longest possible answer, where that takes at most a tenth of what is left in every scope;
 * 2. else what is usual on this model and route (95th percentile of recent answers and half as much again);
 * 3. else all that is left, if that is enough to begin an answer. So large `max_tokens` never refuse everybody while
 *    hardly anything is spent.
 * A streamed answer that grows beyond what was set aside takes more through `meter`, and is ended when no more fits:
 * it can never spend what is not there. An answer in one piece cannot be ended in the middle; where a budget is
 * `hard`, such a call must fit at its longest.
 */
export function makeBudgets(settings: readonly SettledBudget[], { ledger, onAlert, members }: BudgetsDeps): Budgets {
  const rules = rulesOf(settings)

  const claimOf = (rule: Rule, window: NonNullable<Rule['window']>, scope: string, value: string, { principal }: Asked): Claim => {
    const cell = ledger.cell(`${scope}|${window.name}`, window.ms)
    if (rule.share === 0) return { rule, value, cell, member: undefined }
    const workload = principal.workload
    const list = members?.(principal.tenant, rule.per, value)
    if (list !== cell.list) share(cell, scope, window, list)
    let member = cell.members.get(workload)
    if (member === undefined) {
      member = join(cell, scope, window, workload)
      if (list === undefined || !list.includes(workload)) cell.population += 1
    }
    return { rule, value, cell, member }
  }

  const join = (cell: Cell, scope: string, window: NonNullable<Rule['window']>, workload: string): Cell => {
    const member = ledger.cell(`${memberKey(scope, workload)}|${window.name}`, window.ms, cell)
    cell.members.set(workload, member)
    cell.kept.clear()
    return member
  }

  /** Another list: who is no longer on it has nothing to be kept for; who called before the last start is back. */
  const share = (cell: Cell, scope: string, window: NonNullable<Rule['window']>, list: readonly string[] | undefined): void => {
    const listed = new Set(list)
    for (const workload of cell.members.keys()) if (!listed.has(workload)) cell.members.delete(workload)
    for (const workload of listed) if (ledger.knows(`${memberKey(scope, workload)}|${window.name}`)) join(cell, scope, window, workload)
    cell.list = list
    cell.population = listed.size
    cell.kept.clear()
  }

  const giveSlots = (held: Held): void => {
    for (const slot of held.slots.splice(0)) giveSlot(ledger, slot)
  }

  const finish = (held: Held, final: Amount): void => {
    held.ended = true
    ledger.open.delete(held.reservation.id)
    const change = minus(final, held.amount)
    const back = minus(NOTHING, held.amount)
    const now = ledger.clock.wall()
    const rows: CounterRow[] = []
    for (const { cell, member } of held.holds) {
      move(cell, change, back)
      noteBurn(cell, final, now)
      rows.push(rowOf(cell, final))
      if (member !== undefined) {
        move(member, change, back)
        rows.push(rowOf(member, final))
      }
    }
    giveSlots(held)
    if (rows.length > 0) ledger.persist(held.reservation.id, rows)
    held.settled()
  }

  return {
    reserve(asked, dearest, candidates) {
      const { exchange, principal, reading } = asked
      const known = ledger.open.get(exchange.id)
      if (known !== undefined) return known.reservation
      for (const abandoned of ledger.sweep()) finish(abandoned, abandoned.dialled ? abandoned.amount : NOTHING)

      const cost = estimate(asked, dearest, candidates, ledger.learned)
      const claims: Claim[] = []
      const flows: Flow[] = []
      let refusal: Refusal | undefined
      for (const rule of rules) {
        const value = valueOf(rule, asked, candidates)
        if (value === undefined) continue
        const scope = scopeKey(rule, principal.tenant, value)
        if (rule.window === undefined) {
          const flow = checkFlow(ledger, rule, scope, principal.workload, members?.(principal.tenant, rule.per, value))
          refusal = later(refusal, flow.refusal)
          flows.push(flow)
        } else {
          if (rule.limits.cost !== undefined && !cost.priced) return refuse('price_unknown', { detail: `${scope}: ${candidates.filter((one) => one.price === undefined).map((one) => one.id).join(', ')}` })
          claims.push(claimOf(rule, rule.window, scope, value, asked))
        }
      }
      const chosen = choose(claims, cost, reading.stream, ledger.clock.wall())
      if (typeof chosen !== 'number') refusal = later(refusal, chosen)
      if (refusal !== undefined) return refusal

      const output = chosen as number
      const amount = amountOf(cost, output)
      const taken = flows.map((flow) => flow.take())
      const rows: CounterRow[] = []
      for (const { cell, member } of claims) {
        move(cell, amount, amount)
        rows.push(rowOf(cell, amount))
        if (member === undefined) continue
        move(member, amount, amount)
        rows.push(rowOf(member, amount))
      }
      const reservation: Reservation = {
        id: exchange.id,
        cost: amount.cost,
        tokens: amount.tokens,
        bounded: claims.some(({ rule }) => rule.limits.tokens !== undefined || rule.limits.cost !== undefined),
        rows,
      }
      ledger.open.set(exchange.id, {
        reservation,
        holds: claims,
        amount,
        output,
        ceiling: cost.longest ?? Number.POSITIVE_INFINITY,
        amountAt: (tokens) => amountOf(cost, tokens),
        fits: (more) => claims.every((claim) => fits(claim, more)),
        slots: taken.flatMap(({ slot }) => slot ?? []),
        rates: taken.flatMap(({ rates }) => rates),
        learn: cost.learn,
        settled: () => {
          const now = ledger.clock.wall()
          for (const { rule, cell, value } of claims) raise(rule, cell, { tenant: principal.tenant, value }, now, onAlert)
        },
        since: ledger.clock.monotonic(),
        dialled: false,
        ended: false,
      })
      return reservation
    },

    answered({ id }) {
      const held = ledger.open.get(id)
      if (held !== undefined) giveSlots(held)
    },
    dialled(reservation) {
      const held = ledger.open.get(reservation.id)
      if (held !== undefined) held.dialled = true
    },

    meter(reservation) {
      const held = ledger.open.get(reservation.id)
      return held === undefined ? () => false : (outputTokens) => !held.ended && (outputTokens <= held.output || grow(held, outputTokens))
    },

    settle(reservation, usage, cost) {
      const held = ledger.open.get(reservation.id)
      if (held === undefined) return
      const tokens = usage.input + usage.output
      // Numbers that make no sense, and silence about what was used, leave the estimate standing.
      const counted = Number.isSafeInteger(tokens) && usage.input >= 0 && usage.output >= 0 && (tokens > 0 || cost !== undefined)
      const billed = cost !== undefined && Number.isSafeInteger(cost) && cost >= 0
      if (counted && usage.output > 0) ledger.learned.learn(held.learn.key, Math.ceil(usage.output / held.learn.choices))
      finish(held, { requests: 1, tokens: counted ? tokens : held.amount.tokens, cost: billed ? cost : held.amount.cost })
    },

    release(reservation) {
      const held = ledger.open.get(reservation.id)
      if (held === undefined) return
      // A request that went out was a request, even when nobody charges for what became of it.
      if (!held.dialled) for (const rate of held.rates) giveRate(ledger, rate)
      finish(held, held.dialled ? { ...NOTHING, requests: 1 } : NOTHING)
    },
  }
}

/** Sets more aside for a stream: half as much again if there is room, else just what it needs. */
function grow(held: Held, needed: number): boolean {
  if (held.output >= held.ceiling) return true
  for (const output of [Math.ceil(Math.max(needed, held.output * 1.5 + 256)), needed]) {
    const wanted = Math.min(output, held.ceiling)
    const amount = held.amountAt(wanted)
    const more = minus(amount, held.amount)
    if (!held.fits(more)) continue
    for (const { cell, member } of held.holds) {
      move(cell, more, more)
      if (member !== undefined) move(member, more, more)
    }
    held.amount = amount
    held.output = wanted
    return true
  }
  return false
}

/** Output tokens to set aside, or why even the least does not fit. */
function choose(claims: readonly Claim[], cost: Estimate, stream: boolean, now: number): number | Refusal {
  let room = Number.POSITIVE_INFINITY
  let tightest: { readonly claim: Claim; readonly dimension: Dimension } | undefined
  let hard = false
  for (const claim of claims) {
    hard ||= claim.rule.hard
    for (const name in claim.rule.limits) {
      const dimension = name as Dimension
      const left = leftIn(claim, dimension)
      const here = dimension === 'requests' ? (left >= 1 ? Number.POSITIVE_INFINITY : -1) : dimension === 'tokens' ? outputFor(left - cost.tokens, cost.perToken) : outputFor(left * 1_000_000 - cost.money, cost.perMoney)
      if (here >= room) continue
      room = here
      tightest = { claim, dimension }
    }
  }
  const { longest, likely, least } = cost
  if (tightest === undefined) return likely
  if (longest !== undefined && longest * 10 <= room) return longest
  if (hard && !stream && longest !== undefined) return longest <= room ? longest : spent(tightest.claim, tightest.dimension, amountOf(cost, longest), now)
  if (likely <= room) return likely
  return least <= room ? Math.floor(room) : spent(tightest.claim, tightest.dimension, amountOf(cost, least), now)
}

/** Negative where not even the input fits. */
function outputFor(left: number, per: number): number {
  return left < 0 ? -1 : per === 0 ? Number.POSITIVE_INFINITY : Math.floor(left / per)
}

function leftIn({ rule, cell, member }: Claim, dimension: Dimension): number {
  const limit = rule.limits[dimension] as number
  return limit - cell.used[dimension] - (member === undefined ? 0 : keptForOthers(cell, dimension, limit, rule.share, member))
}

function fits(claim: Claim, more: Amount): boolean {
  for (const name in claim.rule.limits) {
    const dimension = name as Dimension
    if (more[dimension] > 0 && more[dimension] > leftIn(claim, dimension)) return false
  }
  return true
}

/** How long it takes until there is room: until calls in flight end, until the next window, or for ever. */
function spent({ rule, cell }: Claim, dimension: Dimension, need: Amount, now: number): Refusal {
  const limit = rule.limits[dimension] as number
  const detail = `${cell.key}: ${cell.used[dimension]} of ${limit} ${dimension} used, ${cell.aside[dimension]} of it set aside, ${need[dimension]} needed`
  if (need[dimension] > limit) return refuse('budget_spent', { say: 'This request alone is larger than the budget for a whole window.', detail })
  const inFlight = cell.used[dimension] - cell.aside[dimension] + need[dimension] <= limit && cell.aside[dimension] > 0
  if (inFlight) return refuse('budget_spent', { retryAfterMs: 1000, say: `The rest of this budget is set aside for requests in flight. Try again in ${waiting(1000)}.`, detail })
  const wait = Math.max(1, cell.window + cell.length - now)
  return refuse('budget_spent', { retryAfterMs: wait, say: `The budget for this window is spent. The next one begins in ${waiting(wait)}.`, detail })
}

/** Of two refusals the one that lasts longer: who comes back sooner would only be refused again. */
function later(a: Refusal | undefined, b: Refusal | undefined): Refusal | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return (b.retryAfterMs ?? Number.POSITIVE_INFINITY) > (a.retryAfterMs ?? Number.POSITIVE_INFINITY) ? b : a
}

function minus(a: Amount, b: Amount): Amount {
  return { requests: a.requests - b.requests, tokens: a.tokens - b.tokens, cost: a.cost - b.cost }
}
