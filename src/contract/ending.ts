import type { Delivery } from './gateway.ts'
import type { Refusal } from './verdict.ts'

/** How an exchange ended, for settling and for the receipt. */
export interface Ending {
  readonly refusal?: Refusal
  /** The step that refused, threw or hung; `deliver` for what happened while the answer was written. */
  readonly step?: string
  readonly delivery?: Delivery
}
