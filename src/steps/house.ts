import type { Approvals } from '../contract/approval.ts'
import type { Epoch } from '../contract/epoch.ts'
import type { Action, Resource } from '../contract/exchange.ts'
import type { HistoryEnds } from '../contract/history.ts'
import type { Principal } from '../contract/principal.ts'
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
  /** Asks people about what policy holds. */
  readonly approvals: Approvals
  /** Told how what was reserved ended. */
  readonly history: HistoryEnds
  /** How unusual this is for this principal, 0–100. Counts it. */
  readonly anomaly: (principal: Principal, action: Action, resource: Resource) => number
  /** The epoch of this moment: what is released is decided under it, not under the one it was held under. */
  readonly epoch: () => Epoch
  /** For child exchanges: the same path again. */
  readonly pass: Pass
}
