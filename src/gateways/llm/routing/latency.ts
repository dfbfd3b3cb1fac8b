import type { Clock } from '../../../contract/clock.ts'

/** How fast old samples lose their weight. */
const TAU = 30_000

/**
 * Peak-EWMA of the time to first content: a slower sample counts at once, a faster one only as fast as old samples
 * fade. What is not asked fades too, so that a target that was slow gets another chance.
 */
export interface Latency {
  begin(): void
  /** Ends what `begin` began; `ms` undefined where no time was measured. */
  end(ms: number | undefined): void
  /** What a call would wait, counting those under way; undefined where nothing is known. */
  score(): number | undefined
  /** Calls under way. */
  busy(): number
}

export function makeLatency(clock: Clock): Latency {
  let value: number | undefined
  let at = 0
  let under = 0

  const faded = (now: number): number => (value ?? 0) * Math.exp(-(now - at) / TAU)

  return {
    begin: () => void under++,
    end(ms) {
      under = Math.max(0, under - 1)
      if (ms === undefined) return
      const now = clock.monotonic()
      if (value === undefined || ms >= faded(now)) value = ms
      else {
        const weight = Math.exp(-(now - at) / TAU)
        value = value * weight + ms * (1 - weight)
      }
      at = now
    },
    score: () => (value === undefined ? undefined : faded(clock.monotonic()) * (under + 1)),
    busy: () => under,
  }
}
