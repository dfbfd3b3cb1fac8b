import type { Code } from './reasons.ts'

export type VerdictKind = 'allow' | 'redact' | 'rewrite' | 'hold' | 'deny'

/**
 * A refusal on its way to the caller. `say` overrides the catalogue's sentence only where the catalogue allows
 * it (a policy's message, the field that is unknown); `detail` is for the audit record and the log.
 */
export interface Refusal {
  readonly refuse: Code
  readonly say?: string
  /** Which parameter of the request is at fault, in the caller's spelling. */
  readonly param?: string
  readonly retryAfterMs?: number
  readonly detail?: string
  /** Where a person can remove the reason; it names nobody, and opens nothing by itself. */
  readonly url?: string
  /** Status and body of the upstream whose answer this is, when the provider itself refused. */
  readonly upstream?: { readonly status: number; readonly code?: string; readonly message: string }
}

export function refuse(code: Code, more: Omit<Refusal, 'refuse'> = {}): Refusal {
  return { refuse: code, ...more }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && typeof (value as Refusal).refuse === 'string'
}

/** Why a signal aborted: the refusal of whoever stopped the call, else the caller's own hanging up. */
export function endedBy(signal: AbortSignal): Refusal {
  return isRefusal(signal.reason) ? signal.reason : refuse('cancelled')
}

/** Carries a refusal out of code that reads or dials deep inside a step. */
export class Refused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.detail ?? refusal.refuse)
    this.refusal = refusal
  }
}
