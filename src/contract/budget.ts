import type { Asked, Candidate, Usage } from './exchange.ts'
import type { Refusal } from './verdict.ts'

/** What a call has set aside in every scope it counts against. */
export interface Reservation {
  readonly id: string
  /** Cost in micro-USD and tokens set aside; the reply is ended when either is exhausted. */
  readonly cost: number
  readonly tokens: number
  /** True when some scope is limited in tokens or cost, so that a stream must be watched. */
  readonly bounded: boolean
  /** Rows for `store.begin`, which commits them together with the intent. */
  readonly rows: readonly CounterRow[]
}

/** One scope's movement: `key` is `tenant|scope|window`, integers only. */
export interface CounterRow {
  readonly key: string
  readonly window: number
  readonly requests: number
  readonly tokens: number
  readonly cost: number
}

export interface Budgets {
  /** All scopes in one atomic step; idempotent by exchange id. `dearest` is the costliest permitted candidate. */
  reserve(asked: Asked, dearest: Candidate, candidates: readonly Candidate[]): Reservation | Refusal
  /** The upstream was dialled: from now on an abandoned reservation is charged at its estimate. */
  dialled(reservation: Reservation): void
  /** Applies what it really cost, exactly once. `cost` undefined = unknown price: the estimate stands. */
  settle(reservation: Reservation, usage: Usage, cost: number | undefined): void
  /** Gives false once `outputTokens` so far exceed what was set aside: the spine then ends the reply. */
  meter(reservation: Reservation): (outputTokens: number) => boolean
  /** The caller has its answer: whatever only counts while a call runs (concurrency) goes back, before it is settled. */
  answered(reservation: Reservation): void
  /** Never dialled: everything goes back. */
  release(reservation: Reservation): void
}
