export interface FlowLimits {
  /** Tasks whose conversations are kept, and letters that they have together. */
  readonly owners: number
  readonly letters: number
  /** Conversations of one task. */
  readonly sessions: number
  /** Labels of tasks whose conversations are not kept any more. */
  readonly labels: number
  /** Milliseconds after which a task that does nothing is over. */
  readonly ends: number
}

export const USUAL: FlowLimits = { owners: 10_000, letters: 128 * 1024 * 1024, sessions: 32, labels: 200_000, ends: 24 * 3_600_000 }
