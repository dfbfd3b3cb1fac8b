import type { Principal } from './principal.ts'
import type { Action, Resource } from './exchange.ts'

/** Values that travel as Cedar context. Scores and time are integers (Cedar has no floats): percent and seconds. */
export type ContextValue = string | number | boolean | readonly string[] | { readonly [key: string]: ContextValue }
export type Context = Readonly<Record<string, ContextValue>>

export interface Question {
  readonly principal: Principal
  readonly action: Action
  readonly resource: Resource
  readonly context: Context
}

export interface Decision {
  readonly verdict: 'allow' | 'hold' | 'deny'
  /** What policies alone had said, where flow held or denied it. */
  readonly own?: 'allow' | 'hold'
  /** Ids of the policies that decided. */
  readonly policies: readonly string[]
  /** The policy's own public message, when it has one. */
  readonly message?: string
  /** Approver group named by the hold. */
  readonly approvers?: string
  /** How many different reviewers must agree; absent = one. */
  readonly reviewers?: number
  /** How long the hold waits for them, in milliseconds; absent = as configured for all. */
  readonly holdMs?: number
  /** Shadow policies that would have decided otherwise. */
  readonly shadow: readonly { readonly policy: string; readonly verdict: 'hold' | 'deny' }[]
  readonly errors: readonly string[]
  /** Same question, same projection: the caller may reuse the decision. */
  readonly cached: boolean
}

export type Authorize = (question: Question) => Decision
/** Decides anew, from no memory, with just the named holds set aside: what a reviewer's release comes to. */
export type Release = (question: Question, approved: readonly string[]) => Decision
