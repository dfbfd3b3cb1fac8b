import type { Clock } from '../contract/clock.ts'
import { reasons } from '../contract/reasons.ts'
import type { Refusal } from '../contract/verdict.ts'

/**
 * A short memory of refusals, so that a client which retries a decision costs nothing and changes nothing
 * (DESIGN §10). Keyed by tenant, principal, epoch and the request's fingerprint; bounded in entries.
 */
export interface RefusalMemory {
  /** True while anything is remembered for this caller: only then is a fingerprint worth computing. */
  knows(caller: string): boolean
  recall(caller: string, fingerprint: string): Refusal | undefined
  remember(caller: string, fingerprint: string, refusal: Refusal): void
}

/** Decisions about content, which asking again cannot change; never a state of the world (a budget, an upstream). */
const lasting = new Set<Refusal['refuse']>([
  'injection',
  'content_refused',
  'secret_found',
  'personal_data',
  'inconclusive',
  'denied',
  'provider_tool_denied',
  'url_fetch_denied',
  'provider_state_denied',
])

export function makeRefusalMemory(clock: Clock, keepMs = 10_000, perCaller = 64, callers = 1024): RefusalMemory {
  const known = new Map<string, Map<string, { readonly refusal: Refusal; readonly until: number }>>()
  return {
    knows: (caller) => known.has(caller),
    recall(caller, fingerprint) {
      const mine = known.get(caller)
      const hit = mine?.get(fingerprint)
      if (mine === undefined || hit === undefined) return undefined
      if (hit.until > clock.monotonic()) return hit.refusal
      mine.delete(fingerprint)
      if (mine.size === 0) known.delete(caller)
      return undefined
    },
    remember(caller, fingerprint, refusal) {
      if (!lasting.has(refusal.refuse) || 'retry' in reasons[refusal.refuse]) return
      let mine = known.get(caller)
      if (mine === undefined) {
        if (known.size >= callers) known.delete(known.keys().next().value as string)
        known.set(caller, (mine = new Map()))
      }
      if (mine.size >= perCaller) mine.delete(mine.keys().next().value as string)
      mine.set(fingerprint, { refusal, until: clock.monotonic() + keepMs })
    },
  }
}
