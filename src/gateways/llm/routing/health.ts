import type { Clock } from '../../../contract/clock.ts'
import { BREAKER, makeBreaker, type Breaker, type BreakerSettings, type BreakerState } from './breaker.ts'
import { makeLatency, type Latency } from './latency.ts'

export interface TargetHealth {
  readonly breaker: Breaker
  readonly latency: Latency
}

/** What is known of targets, across calls and configurations. Made once; a reload keeps it. */
export interface Health {
  of(target: string): TargetHealth
  /** Counts mirrors over all calls: they are extra work, and must not become a queue. */
  readonly mirrors: { enter(): boolean; leave(): void }
  /** States of all known targets, for metrics and the console. */
  all(): readonly { readonly target: string; readonly state: BreakerState; readonly firstTokenMs: number | undefined }[]
}

/** Callers can name models where a target says `model: same`, so the memory of them has to end somewhere. */
const MOST_TARGETS = 2_000

const MOST_MIRRORS = 64

export interface HealthOptions {
  readonly random?: () => number
  readonly breaker?: BreakerSettings
  /** Told when a target's breaker changes its state. */
  readonly onChange?: (target: string, state: BreakerState, was: BreakerState) => void
}

export function makeHealth(clock: Clock, { random = Math.random, breaker = BREAKER, onChange }: HealthOptions = {}): Health {
  let mirroring = 0
  const known = new Map<string, TargetHealth>()
  return {
    of(target) {
      const found = known.get(target)
      if (found !== undefined) return found
      if (known.size >= MOST_TARGETS) for (const oldest of known.keys()) {
        known.delete(oldest)
        break
      }
      const made = { breaker: makeBreaker(clock, random, breaker, (state, was) => onChange?.(target, state, was)), latency: makeLatency(clock) }
      known.set(target, made)
      return made
    },
    mirrors: {
      enter: () => mirroring < MOST_MIRRORS && ++mirroring > 0,
      leave: () => void mirroring--,
    },
    all: () => [...known].map(([target, { breaker: one, latency }]) => ({ target, state: one.state(), firstTokenMs: latency.score() })),
  }
}
