import type { Candidate, Effect } from '../../contract/exchange.ts'
import type { Reply } from '../../contract/reply.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Dialect } from './dialect.ts'
import type { LlmReading } from './reading.ts'
import type { Upstream } from './targets.ts'

/** A route as calls need it: settled, with its targets known. */
export interface PlannedRoute {
  readonly name: string
  readonly allowFields: readonly string[]
  readonly allow: ReadonlySet<Effect>
  readonly heartbeatAfterMs: number
  readonly passThrough: readonly { readonly path: string; readonly methods: readonly string[] }[]
}

export interface Sending {
  readonly route: PlannedRoute
  readonly reading: LlmReading
  /** Dialect of the reading's tree. */
  readonly caller: Dialect
  readonly fromPath: { readonly model: string; readonly stream: boolean } | undefined
  readonly candidates: readonly Candidate[]
  readonly signal: AbortSignal
  /** Value of the caller's `anthropic-beta` header, relayed only where the route allows it. */
  readonly betas: string | undefined
}

/** Routes, targets and how to reach them: one immutable plan per epoch. */
export interface Plan {
  routeFor(model: string): PlannedRoute | undefined
  routeNamed(name: string): PlannedRoute | undefined
  /** Targets in the strategy's order, then mirrors. */
  order(route: PlannedRoute, reading: LlmReading): readonly Candidate[]
  send(sending: Sending): Reply | Refusal
  /** The route that declares a path below a provider prefix as a pass-through, if any. */
  passThrough(path: string, method: string): PlannedRoute | undefined
  /** Where a pass-through of the route goes: its first target. */
  passTargets(route: PlannedRoute): readonly Candidate[]
  upstreamOf(candidate: Candidate): Upstream
  onceLimits(route: PlannedRoute): { readonly connectMs: number; readonly answerMs: number; readonly replyBytes: number }
  /** Everything a caller could ask for by name, for the model lists. */
  models(): readonly { readonly name: string; readonly candidate: Candidate; readonly route: string }[]
}
