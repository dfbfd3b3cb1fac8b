import type { Action, Effect, Exchange, Resource } from './exchange.ts'
import type { Finding } from './finding.ts'
import type { Context, Decision } from './policy.ts'
import type { Principal } from './principal.ts'
import type { Shown } from './shown.ts'
import type { Refusal } from './verdict.ts'

/** What policy holds: asked of people once, whatever it is. */
export interface Held {
  readonly decision: Decision
  /** The target that the decision is about. */
  readonly resource: Resource
  readonly context: Context
}

/** Holds that reviewers set aside for the target that they were shown. */
export interface Approved {
  readonly resource: Resource
  readonly policies: readonly string[]
}

export interface HoldRequest {
  readonly exchange: Exchange
  readonly principal: Principal
  readonly action: Action
  readonly route: string
  readonly effects: readonly Effect[]
  readonly findings: readonly Finding[]
  readonly held: Held
  /** Hash of everything that makes the action this one and no other; two with equal hashes are the same action. */
  readonly fingerprint: string
  show(): Shown
}

export type ReleasedHow = 'once' | 'grant' | 'task' | 'value' | 'rule'

/** A person's consent: `policies` are the holds that it sets aside, and nothing else. */
export interface Released {
  readonly approval: string
  readonly how: ReleasedHow
  /** Reviewers, in the order in which they agreed. */
  readonly by: readonly string[]
  readonly policies: readonly string[]
  /** Of values that stay released: until when, in milliseconds since the Unix epoch. */
  readonly until?: number
  /** Milliseconds that the call waited. */
  readonly waited: number
}

/** A refusal that names its approval. */
export interface Unreleased {
  readonly approval?: string
  readonly by?: readonly string[]
  readonly waited: number
  readonly refusal: Refusal
}

/** Asks people. Never rejects; silence, a full queue and a broken store are refusals. */
export interface Approvals {
  /**
   * Resolves when the action was released, refused, or nobody answered for as long as the call may wait. When `signal`
   * aborts the call stops waiting; the question stays open until its deadline, and a late consent becomes a grant.
   */
  hold(request: HoldRequest, signal: AbortSignal): Promise<Released | Unreleased>
  /** Why nothing of this principal's session goes on any more, or undefined. Costs nothing while no session was ended. */
  ended(principal: Principal): Refusal | undefined
}
