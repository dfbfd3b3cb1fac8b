import type { Audit, Receipt } from '../contract/receipt.ts'
import type { Clock } from '../contract/clock.ts'
import type { Pass } from '../contract/gateway.ts'
import type { RefusalMemory } from './memory.ts'

/** What the steps are given once, at start. Everything that changes with configuration comes from the epoch. */
export interface House {
  readonly clock: Clock
  readonly audit: Audit
  readonly refusals: RefusalMemory
  /** Most bytes of reply text kept for the sealed payload of one exchange; 0 keeps none. */
  readonly keepReplyBytes: number
  readonly keepPayload: 'full' | 'none'
  /** Told of every receipt: metrics and logs. */
  readonly observe: (receipt: Receipt) => void
  /** For child exchanges: the same path again. */
  readonly pass: Pass
}
