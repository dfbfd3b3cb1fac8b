import type { Flow } from './flow.ts'
import type { Authorize, Release } from './policy.ts'
import type { HistoryFacts } from './history.ts'
import type { ToolFacts } from './tool.ts'
import type { Guard, OutputMode } from './guard.ts'
import type { Budgets } from './budget.ts'

export type Posture = 'observe' | 'guard' | 'strict'

/**
 * One immutable bundle of everything that decides, pinned by each exchange at identify, so that a reload never
 * mixes two configurations inside one call. Revocation and counters are always current, so they are not in it.
 */
export interface Epoch {
  /** Content hash of configuration, policies, pins and prices. */
  readonly id: string
  readonly serial: number
  readonly posture: Posture
  readonly authorize: Authorize
  readonly release: Release
  readonly history: HistoryFacts
  /** What configuration says of a tool; the empty facts where it says nothing. */
  tool(name: string, server?: string): ToolFacts
  readonly flow: Flow
  readonly guard: Guard
  readonly budgets: Budgets
  route(name: string): RouteGuarding
}

/** How a route guards its replies. */
export interface RouteGuarding {
  readonly output: OutputMode
  readonly onDeniedCall: 'fail' | 'drop'
}
