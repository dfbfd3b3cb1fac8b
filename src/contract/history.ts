import type { Action, Resource } from './exchange.ts'

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
