import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import { refuse, type Refusal } from '../../contract/verdict.ts'
import type { SettledEvaluate } from './settings.ts'

/**
 * Who asks about text after text that comes out just below a threshold is looking for the wording that passes. Bounded:
 * so many callers, and for each so many moments; who has been quiet longest is forgotten first.
 */
export interface Probes {
  /** Why this caller gets no evaluation now, or undefined. */
  refusal(principal: Principal): Refusal | undefined
  /** Takes in how close an evaluation that passed came to a threshold, as a share of it. */
  note(principal: Principal, near: number, settings: SettledEvaluate): void
}

interface Caller {
  /** When it missed, oldest first. */
  readonly missed: number[]
  until: number
}

export function makeProbes(clock: Clock, most = 10_000): Probes {
  const callers = new Map<string, Caller>()
  return {
    refusal(principal) {
      const caller = callers.get(keyOf(principal))
      const left = caller === undefined ? 0 : caller.until - clock.monotonic()
      return left > 0 ? refuse('probing', { retryAfterMs: left, detail: 'too many near misses' }) : undefined
    },
    note(principal, near, { nearMisses, window, rest, band }) {
      if (nearMisses === 0 || near < 1 - band) return
      const key = keyOf(principal)
      const caller = callers.get(key) ?? { missed: [], until: 0 }
      callers.delete(key)
      if (callers.size >= most) callers.delete(callers.keys().next().value as string)
      callers.set(key, caller)
      const now = clock.monotonic()
      while (caller.missed.length > 0 && (caller.missed[0] as number) <= now - window) caller.missed.shift()
      caller.missed.push(now)
      if (caller.missed.length < nearMisses) return
      caller.missed.length = 0
      caller.until = now + rest
    },
  }
}

function keyOf({ tenant, workload }: Principal): string {
  return `${tenant}\n${workload}`
}
