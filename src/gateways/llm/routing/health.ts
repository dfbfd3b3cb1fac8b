import type { Clock } from '../../../contract/clock.ts'
import { BREAKER, makeBreaker, type Breaker, type BreakerSettings } from './breaker.ts'
import { makeLatency, type Latency } from './latency.ts'

export interface TargetHealth {
  readonly breaker: Breaker
  readonly latency: Latency
}

/** What is known of targets, across calls and configurations. Made once; a reload keeps it. */
export interface Health {
  of(target: string): TargetHealth
  /** States of all known targets, for metrics and the console. */
  all(): readonly { readonly target: string; readonly state: ReturnType<Breaker['state']>; readonly firstTokenMs: number | undefined }[]
}

/** Callers can name models where a target says `model: same`, so the memory of them has to end somewhere. */
const MOST_TARGETS = 2_000

export function makeHealth(clock: Clock, random: () => number = Math.random, settings: BreakerSettings = BREAKER): Health {
  const known = new Map<string, TargetHealth>()
  return {
    of(target) {
      const found = known.get(target)
      if (found !== undefined) return found
      if (known.size >= MOST_TARGETS) for (const oldest of known.keys()) {
        known.delete(oldest)
        break
      }
      const made = { breaker: makeBreaker(clock, random, settings), latency: makeLatency(clock) }
      known.set(target, made)
      return made
    },
    all: () => [...known].map(([target, { breaker, latency }]) => ({ target, state: breaker.state(), firstTokenMs: latency.score() })),
  }
}
