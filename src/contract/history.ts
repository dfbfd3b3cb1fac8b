import type { Action, Resource } from './exchange.ts'
import type { Question } from './policy.ts'
import type { Principal } from './principal.ts'

/**
 * One thing that is remembered of what was done, for policies to read as `context.history.<name>`: how often (`count`),
 * whether at all (`once`), or how much together (`sum` of a parameter).
 */
export interface HistoryFact {
  readonly name: string
  readonly kind: 'count' | 'once' | 'sum'
  readonly of: readonly Action[]
  /** Only what acts on such a resource; a trailing `*` of `id` matches a prefix, a set matches what it contains. */
  readonly resource?: { readonly type?: string; readonly id?: string; readonly attributes: Resource['attributes'] }
  /** Of a `sum`: the parameter that is added up. */
  readonly parameter?: string
  /** `allowed`: what was done · `any`: also what was refused or failed. */
  readonly verdict: 'allowed' | 'any'
  /** Milliseconds. */
  readonly within: number
  /** Whose doings count together; always within a tenant. A principal without a task is one of its own. */
  readonly per: 'task' | 'principal' | 'tenant'
}

/** What was done, as one epoch's policies ask about it. */
export interface HistoryFacts {
  /**
   * The value of every fact for this principal, for `context.history`; what `exchange` itself reserved is left out,
   * so that it can be decided again. Undefined where no facts are configured.
   */
  read(principal: Principal, exchange: string): Readonly<Record<string, number | boolean>> | undefined
  /**
   * Counts the action as under way, in the same turn as it was decided: nothing may come between. Again for the same
   * exchange replaces what it reserved. False = there is no room to remember it, so it must not happen.
   */
  reserve(question: Question, exchange: string): boolean
}

/** Ends what an exchange reserved. */
export interface HistoryEnds {
  /** What the exchange reserved was done. */
  commit(exchange: string): void
  /** It was refused or failed: only facts of `any` verdict keep it. */
  release(exchange: string): void
}
