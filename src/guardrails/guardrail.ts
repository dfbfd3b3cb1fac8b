import type { Posture } from '../contract/epoch.ts'
import type { Finding, GuardAction, Mode } from '../contract/finding.ts'
import type { Code } from '../contract/reasons.ts'
import type { Origin } from '../contract/segment.ts'
import type { Matcher, Span } from './rules/matcher.ts'

export type Phase = 'request' | 'reply'

/**
 * One guardrail: what it looks for and what applies where nobody wrote anything else. Members are listed in list.ts.
 * A guardrail either brings matchers, which run together with all others in one pass over the text, or `look`, for
 * layers that take time (classifiers, a judge).
 */
export interface Guardrail {
  readonly id: string
  readonly about: string
  readonly layer: Finding['layer']
  readonly categories: readonly string[]
  readonly on: readonly Origin[]
  readonly phase: Phase | 'both'
  readonly action: GuardAction
  /** Findings below it are recorded and decide nothing. */
  readonly threshold: number
  readonly postures: Readonly<Record<Posture, Mode>>
  readonly refusal: Readonly<Record<Phase, Code>>
  readonly matchers?: readonly Matcher[]
  /**
   * Looks at one whole text. Must heed the signal: it aborts at the entry's timeout, or when the caller has gone.
   * A rejection or a timeout counts as failed (`on_error`).
   */
  look?(text: string, origin: Origin, signal: AbortSignal): Promise<readonly Span[]>
  /** What stands in place of a match under `redact`. Never matches any rule itself. */
  marker(category: string): string
  /** What stands there under `rewrite`; absent = nothing. */
  rewritten?(category: string, text: string): string
  /** Enough of a match to recognise it, never enough to use it: for the record. */
  mask(category: string, text: string): string
}

/** Placeholder for redacted text, e.g. `[REDACTED_EMAIL]`. */
export function marker(category: string): string {
  return `[REDACTED_${category.toUpperCase()}]`
}
