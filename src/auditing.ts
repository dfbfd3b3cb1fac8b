import type { AuditEvent } from './audit/events.ts'
import type { Clock } from './contract/clock.ts'
import type { Log } from './telemetry/log.ts'

/** What operators watch of the audit log: how far it is behind, and whether its checkpoints arrive. */
export interface AuditState {
  tell(event: AuditEvent, log: Log): void
  /** Seconds for which nothing could be written; 0 while it can. */
  readonly lagSeconds: () => number
  readonly checkpointAgeSeconds: () => number
}

export function auditState(clock: Clock): AuditState {
  let stuckSince: number | undefined
  let keptAt = clock.monotonic()
  let newest = 0
  let kept = 0
  const since = (at: number): number => (clock.monotonic() - at) / 1000
  return {
    lagSeconds: () => (stuckSince === undefined ? 0 : since(stuckSince)),
    // Nothing new to keep is not lateness.
    checkpointAgeSeconds: () => (kept >= newest ? 0 : since(keptAt)),
    tell(event, log) {
      switch (event.kind) {
        case 'unwritable':
          stuckSince ??= clock.monotonic()
          return log('audit_stuck', { error: new Error(`${event.fault}: ${event.message}`) })
        case 'writable':
          stuckSince = undefined
          return log('audit_recovered', { took: clock.wall() - event.since })
        case 'lost':
          return log('audit_stuck', { error: new Error(`${event.records} receipts could not be recorded`) })
        case 'checkpoint':
          newest = event.size
          return
        case 'checkpoint_kept':
          kept = event.size
          keptAt = clock.monotonic()
          return
        case 'checkpoint_late':
          return log('audit_late', { place: event.message, late: event.sinceMs })
        case 'checkpoint_failed':
          return log('audit_late', { place: event.message, late: 0 })
        case 'interrupted':
          return log('interrupted', { count: event.exchanges })
        case 'rolled_back':
          return log('audit_stuck', { error: new Error(`the log has ${event.size} entries, and a checkpoint says ${event.checkpoint}`) })
        case 'committed':
        case 'payloads_expired':
          return
      }
    },
  }
}
