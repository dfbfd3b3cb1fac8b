import type { Origin } from './segment.ts'

export type Mode = 'off' | 'shadow' | 'enforce'
export type GuardAction = 'deny' | 'redact' | 'rewrite' | 'flag' | 'hold'

/** What one guardrail saw. `score` is a probability in 0–1, or `inconclusive` where nothing could look. */
export interface Finding {
  readonly guardrail: string
  readonly category: string
  readonly score: number | 'inconclusive'
  readonly layer: 'normalise' | 'rules' | 'fast' | 'deep' | 'judge'
  readonly mode: Exclude<Mode, 'off'>
  readonly action: GuardAction
  readonly origin: Origin
  readonly segment: number
  /** UTF-16 offsets in the original segment text. */
  readonly start: number
  readonly end: number
  /** The rule that fired; for the audit record only. */
  readonly rule: string
  /** Masked: enough to recognise, never enough to use. For the audit record only. */
  readonly excerpt: string
}
