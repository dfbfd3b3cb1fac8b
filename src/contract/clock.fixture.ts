import type { Clock } from './clock.ts'

/** A clock that stands until it is moved. */
export interface HandClock extends Clock {
  move(ms: number): void
}

export function handClock(): HandClock {
  let now = 1_000_000
  const timers = new Set<{ at: number; fire: () => void }>()
  return {
    wall: () => now,
    monotonic: () => now,
    timer(ms, fire) {
      const one = { at: now + ms, fire }
      timers.add(one)
      return () => void timers.delete(one)
    },
    move(ms) {
      now += ms
      for (const one of [...timers]) {
        if (one.at > now) continue
        timers.delete(one)
        one.fire()
      }
    },
  }
}
