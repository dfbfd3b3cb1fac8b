import type { CounterRow } from '../contract/budget.ts'
import type { Dimension } from './settings.ts'

/** An amount in every dimension; cost in micro-USD. All whole numbers. */
export type Amount = Readonly<Record<Dimension, number>>

export const NOTHING: Amount = { requests: 0, tokens: 0, cost: 0 }

/**
 * What one scope has used in one window. `used` includes what is set aside for calls in flight, so that checking and
 * setting aside are one comparison; `aside` says how much of it that is.
 */
export interface Cell {
  readonly key: string
  /** Milliseconds since the Unix epoch, and the window's length. */
  readonly window: number
  readonly length: number
  readonly used: Record<Dimension, number>
  readonly aside: Record<Dimension, number>
  /** Keys that called in this window, and what each of them used. Only where a share is kept for each. */
  readonly members: Map<string, Cell>
  /** The list of all keys that may share it when it was last looked at: another list is another array. */
  list: readonly string[] | undefined
  /** How many a share is kept for: those on the list, and callers that are not on it. */
  population: number
  /** What is kept back in all, by dimension: the sum over members of what their share still lacks. */
  readonly kept: Map<Dimension, { share: number; count: number; sum: number }>
  /** The shared cell whose `kept` depends on this member. */
  readonly shared: Cell | undefined
  /** Alerts already raised in this window. */
  readonly raised: Set<string>
  /** Settled amounts of the running and the former twentieth of the window, to see how fast it burns. */
  readonly recent: { slot: number; now: Record<Dimension, number>; before: Record<Dimension, number> }
}

export function makeCell(key: string, window: number, length: number, used: Amount, shared?: Cell): Cell {
  return {
    key,
    window,
    length,
    used: { ...used },
    aside: { ...NOTHING },
    members: new Map(),
    list: undefined,
    population: 0,
    kept: new Map(),
    shared,
    raised: new Set(),
    recent: { slot: -1, now: { ...NOTHING }, before: { ...NOTHING } },
  }
}

/** Changes what is used, and how much of that is only set aside. */
export function move(cell: Cell, used: Amount, aside: Amount): void {
  for (const dimension of ['requests', 'tokens', 'cost'] as const) {
    const change = used[dimension]
    if (change !== 0) {
      const kept = cell.shared?.kept.get(dimension)
      if (kept !== undefined) kept.sum += Math.max(0, kept.share - cell.used[dimension] - change) - Math.max(0, kept.share - cell.used[dimension])
      cell.used[dimension] += change
    }
    cell.aside[dimension] += aside[dimension]
  }
}

/**
 * How much of a shared limit is kept for the other members: each has `share` of it to itself until it has used that
 * much. In all at most half is kept, so that a few busy keys among many idle ones still have the other half.
 */
export function keptForOthers(cell: Cell, dimension: Dimension, limit: number, share: number, me: Cell): number {
  const count = cell.population
  if (count < 2) return 0
  const each = Math.floor(limit * Math.min(share, 0.5 / count))
  let kept = cell.kept.get(dimension)
  if (kept === undefined || kept.share !== each || kept.count !== count) {
    let sum = each * (count - cell.members.size)
    for (const member of cell.members.values()) sum += Math.max(0, each - member.used[dimension])
    kept = { share: each, count, sum }
    cell.kept.set(dimension, kept)
  }
  return kept.sum - Math.max(0, each - me.used[dimension])
}

export function rowOf(cell: Cell, { requests, tokens, cost }: Amount): CounterRow {
  return { key: cell.key, window: cell.window, requests, tokens, cost }
}

const SLOTS = 20

/** Notes what was settled. */
export function noteBurn(cell: Cell, amount: Amount, now: number): void {
  const slot = turn(cell, now)
  if (slot < 0) return
  for (const dimension of ['requests', 'tokens', 'cost'] as const) cell.recent.now[dimension] += amount[dimension]
}

/**
 * How many times faster the last twentieth of the window was than the average before it, and than an even use of
 * the whole limit: the smaller of the two, so that the first call after a quiet night is no alarm.
 */
export function burnOf(cell: Cell, dimension: Dimension, limit: number, now: number): number {
  const slot = turn(cell, now)
  if (slot < 0) return 0
  const { recent } = cell
  const span = cell.length / SLOTS
  const part = (now - cell.window - slot * span) / span
  const last = recent.now[dimension] + recent.before[dimension] * (1 - part)
  const earlier = Math.max(0, cell.used[dimension] - cell.aside[dimension] - last)
  const spans = Math.max(1, (now - cell.window) / span - 1)
  return last / Math.max(earlier / spans, limit / SLOTS)
}

/** Moves `recent` on to the slot of `now`; -1 once the window is over. */
function turn({ window, length, recent }: Cell, now: number): number {
  const slot = Math.floor(((now - window) * SLOTS) / length)
  if (slot < 0 || slot >= SLOTS) return -1
  if (slot !== recent.slot) {
    const adjacent = slot === recent.slot + 1
    for (const dimension of ['requests', 'tokens', 'cost'] as const) {
      recent.before[dimension] = adjacent ? recent.now[dimension] : 0
      recent.now[dimension] = 0
    }
    recent.slot = slot
  }
  return slot
}
