import type { StoreFault } from '../store/interfaces.ts'

/** What the audit log tells its surroundings: log, metrics and alarms hang on it. */
export type AuditEvent =
  | { readonly kind: 'committed'; readonly records: number }
  /** Nothing can be written: exchanges are refused until `writable`. */
  | { readonly kind: 'unwritable'; readonly fault: StoreFault; readonly message: string }
  | { readonly kind: 'writable'; readonly fault: StoreFault; readonly since: number; readonly refused: number }
  /** The queue was full beyond its reserve: these receipts are not recorded. */
  | { readonly kind: 'lost'; readonly records: number }
  | { readonly kind: 'checkpoint'; readonly size: number }
  /** The second place has the checkpoint of this size. */
  | { readonly kind: 'checkpoint_kept'; readonly size: number }
  /** One delivery to the second place, or the making of a checkpoint, failed. */
  | { readonly kind: 'checkpoint_failed'; readonly message: string }
  /** The second place has lacked the newest checkpoint for longer than allowed. */
  | { readonly kind: 'checkpoint_late'; readonly size: number; readonly sinceMs: number; readonly message: string }
  | { readonly kind: 'interrupted'; readonly exchanges: number }
  | { readonly kind: 'payloads_expired'; readonly dropped: number }
  | { readonly kind: 'rolled_back'; readonly size: number; readonly checkpoint: number }
