import type { Action, Effect, Exchange, Resource } from './exchange.ts'
import type { Finding } from './finding.ts'
import type { Context, Decision } from './policy.ts'
import type { Principal } from './principal.ts'
import type { Origin } from './segment.ts'
import type { ToolClass } from './tool.ts'
import type { Refusal } from './verdict.ts'

/** Where a piece of an action was said before: which text of the conversation holds it. */
export interface Source {
  readonly origin: Origin
  /** Position of the text in the conversation, from 0. */
  readonly segment: number
  /** The value with some of what stands around it; at most 160 characters. */
  readonly excerpt: string
}

/** One value of an action, as a reviewer sees it. */
export interface ShownValue {
  /** Dotted path of an argument, such as `to` or `items.0.sku`. */
  readonly path: string
  readonly value: string | number | boolean | null
  /** Says whom or what the action acts on. */
  readonly control: boolean
  /** Texts that hold the value, oldest first, at most a few; empty = the model made it up. */
  readonly sources: readonly Source[]
}

/** What a reviewer is shown of an action: parsed, never as the agent would like it to look. */
export interface Shown {
  /** The exact arguments or body, as strict JSON text; what the hash binds. */
  readonly body: string
  readonly values: readonly ShownValue[]
  readonly class?: ToolClass
  /** Whether it can be undone, as far as the tool's class tells. */
  readonly undo: 'nothing to undo' | 'perhaps' | 'no' | 'unknown'
  /** What the user asked for last, for comparison; at most 500 characters. */
  readonly task?: string
}

/** What policy holds: asked of people once, whatever it is. */
export interface Held {
  readonly decision: Decision
  /** The target that the decision is about. */
  readonly resource: Resource
  readonly context: Context
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
