import type { Held } from './approval.ts'
import type { ApprovalFact } from './receipt.ts'
import type { Candidate, Exchange, Reading } from './exchange.ts'
import type { Epoch } from './epoch.ts'
import type { Errand, Guarded, Permit } from './gateway.ts'
import type { Inspection } from './guard.ts'
import type { Context, Decision } from './policy.ts'
import type { Principal } from './principal.ts'
import type { Reply } from './reply.ts'
import type { Reservation } from './budget.ts'
import type { Finding } from './finding.ts'
import type { FlowDecision, FlowSession } from './flow.ts'
import type { Refusal } from './verdict.ts'

/**
 * What is known about an exchange so far. A step returns more facts; it never edits someone else's (law 9).
 * Every step's result is added under the step's own keys, so a later step can rely on an earlier one having run.
 */
export interface Facts {
  readonly exchange: Exchange
  readonly epoch: Epoch
  readonly errand: Errand
  readonly principal?: Principal
  readonly reading?: Reading
  readonly candidates?: readonly Candidate[]
  readonly decisions?: readonly Decision[]
  readonly context?: Context
  readonly permit?: Permit
  /** Set where policy permits this only with a person's consent: what `approve` then asks for. */
  readonly held?: Held | undefined
  /** What people said to it. */
  readonly approval?: ApprovalFact
  /** What flow says of the call. */
  readonly flow?: Flowed
  /** The conversation that this is a part of, once it was looked at. */
  readonly session?: FlowSession
  readonly reservation?: Reservation
  readonly inspection?: Inspection
  /** Settles when the intent is on disk. */
  readonly committed?: Promise<void>
  readonly reply?: Reply
  readonly guarded?: Guarded & ReplyRecord
}

/** What flow says of a tool call, and whether that counts. */
export interface Flowed {
  readonly mode: 'shadow' | 'enforce'
  /** After a matching proposal is taken into account. */
  readonly verdict: FlowDecision['verdict']
  readonly decision: FlowDecision
  /** The exchange whose answer proposed just this call: it was decided there. */
  readonly proposed?: string
}

/** What the guarded reply collected while it was delivered; for the receipt. */
export interface ReplyRecord {
  findings(): readonly Finding[]
  guardMicros(): number
  /** What guards that looked beside the call came to, as far as it is known. */
  late?(): Late
  /** Text that left, per channel, for the sealed payload; bounded. */
  said(): readonly { readonly channel: string; readonly text: string }[]
}

/** What came to light while the upstream was asked: findings, what policy said to them, and why nothing was released. */
export interface Late {
  readonly inspection?: Inspection
  readonly decisions?: readonly Decision[]
  readonly context?: Context
  readonly refusal?: Refusal
}

export type More = Partial<Omit<Facts, 'exchange' | 'epoch' | 'errand'>>

/** A refusal may bring what the step learnt, so that the receipt shows it. */
export type Stepped = More | (Refusal & { readonly known?: More })

/** One station of the path. `signal` aborts when the caller hangs up or the step's time is over. */
export type Step = (facts: Facts, signal: AbortSignal) => Stepped | Promise<Stepped>
