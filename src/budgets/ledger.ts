import type { CounterRow, Reservation } from '../contract/budget.ts'
import type { Clock } from '../contract/clock.ts'
import type { Counters, CounterState, OpenReservation } from '../store/interfaces.ts'
import { makeCell, type Amount, type Cell } from './cell.ts'
import { makeLearned, type Learned } from './learned.ts'
import { makeSettler } from './settler.ts'

/** A cell and what a call holds in it. */
export interface Hold {
  readonly cell: Cell
  /** Its own cell where the scope is shared. */
  readonly member: Cell | undefined
}

/** A call in flight: what it set aside, and what must go back when it ends. */
export interface Held {
  readonly reservation: Reservation
  readonly holds: readonly Hold[]
  amount: Amount
  /** Output tokens set aside over all choices, and the most there can be. */
  output: number
  readonly ceiling: number
  /** What so much output costs. */
  readonly amountAt: (output: number) => Amount
  /** Whether so much more fits in every scope that the call counts against. */
  readonly fits: (more: Amount) => boolean
  /** Emptied when they are given back, which happens once. */
  readonly slots: Slot[]
  readonly rates: readonly RateTaken[]
  readonly learn: { readonly key: string; readonly choices: number }
  /** Told after every settlement, to raise alerts. */
  readonly settled: () => void
  readonly since: number
  dialled: boolean
  /** Settled or released: nothing more is taken for it. */
  ended: boolean
}

/** One of the requests at once that a scope may have, and whose it is. */
export interface Slot {
  readonly key: string
  readonly member: string
}

export interface RateTaken {
  readonly key: string
  readonly interval: number
}

/** Everything that is counted. It outlives epochs: a reload changes limits, never what was used. */
export interface Ledger {
  readonly clock: Clock
  readonly learned: Learned
  readonly open: Map<string, Held>
  /** The cell of the window that is running; former windows live on only in the calls that hold them. */
  cell(key: string, length: number, shared?: Cell): Cell
  /** Whether anything was counted under this key, now or before the last start. */
  knows(key: string): boolean
  readonly slots: Map<string, { taken: number; readonly members: Map<string, number> }>
  /** Theoretical arrival times (GCRA), in monotonic milliseconds. */
  readonly rates: Map<string, number>
  /** Hands the final amounts to the store, off the path. */
  persist(id: string, rows: readonly CounterRow[]): void
  /** Forgets windows that are over and rates that have recovered. Called by `reserve`, at most once a minute. */
  sweep(): readonly Held[]
  /** Resolves when everything settled so far is in the store; rejects when the store refuses. */
  flush(): Promise<void>
}

/** After this long a call that nobody ended counts as abandoned. */
const ABANDONED_MS = 2 * 3_600_000
const SWEEP_MS = 60_000

export interface LedgerDeps {
  readonly clock: Clock
  readonly counters: Pick<Counters, 'settle'>
  /** What `counters.load()` gave at start. */
  readonly loaded: { readonly counters: readonly CounterState[]; readonly open: readonly OpenReservation[] }
  /** The store did not take a settlement; it is tried again. */
  readonly onStoreError: (error: unknown) => void
}

/** Reservations that were open when the process ended are charged at their estimate: they may have been dialled. */
export function makeLedger({ clock, counters, loaded, onStoreError }: LedgerDeps): Ledger {
  const restored = new Map<string, CounterState>()
  const add = (row: CounterState): void => {
    const known = restored.get(row.key)
    if (known !== undefined && known.window > row.window) return
    const sum = known?.window === row.window ? known : { requests: 0, tokens: 0, cost: 0 }
    restored.set(row.key, { key: row.key, window: row.window, requests: sum.requests + row.requests, tokens: sum.tokens + row.tokens, cost: sum.cost + row.cost })
  }
  const settler = makeSettler(counters, clock, onStoreError)
  for (const row of loaded.counters) add(row)
  for (const { id, rows } of loaded.open) {
    for (const row of rows) add(row)
    settler.push(id, rows)
  }

  const cells = new Map<string, Cell>()
  const open = new Map<string, Held>()
  const rates = new Map<string, number>()
  let swept = clock.monotonic()
  return {
    clock,
    learned: makeLearned(),
    open,
    slots: new Map(),
    rates,
    cell(key, length, shared) {
      const now = clock.wall()
      const window = Math.floor(now / length) * length
      const known = cells.get(key)
      // A clock that steps back must not open a window anew, so only a later one replaces what runs.
      if (known !== undefined && known.window >= window) return known
      const before = restored.get(key)
      const used = before?.window === window ? before : { requests: 0, tokens: 0, cost: 0 }
      restored.delete(key)
      const cell = makeCell(key, window, length, { requests: used.requests, tokens: used.tokens, cost: used.cost }, shared)
      cells.set(key, cell)
      return cell
    },
    knows: (key) => cells.has(key) || restored.has(key),
    persist: (id, rows) => settler.push(id, rows),
    sweep() {
      const monotonic = clock.monotonic()
      if (monotonic - swept < SWEEP_MS) return []
      swept = monotonic
      const now = clock.wall()
      for (const [key, cell] of cells) if (cell.window + cell.length <= now) cells.delete(key)
      for (const [key, at] of rates) if (at <= monotonic) rates.delete(key)
      return [...open.values()].filter((held) => monotonic - held.since > ABANDONED_MS)
    },
    flush: () => settler.flush(),
  }
}
