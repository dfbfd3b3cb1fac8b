import type { Clock } from '../../../contract/clock.ts'

/** A time limit that stands still while it is somebody else's turn. */
export interface Deadline {
  /** Stops the time until the function that it gives is called; then all of it begins anew. */
  hold(): () => void
  end(): void
}

/** Calls `late` once `ms` have passed in which nobody held it. */
export function deadline(clock: Clock, ms: number, late: () => void): Deadline {
  let cancel = clock.timer(ms, late)
  let holds = 0
  let over = false
  return {
    hold() {
      if (holds++ === 0) cancel()
      let released = false
      return () => {
        if (released) return
        released = true
        if (--holds === 0 && !over) cancel = clock.timer(ms, late)
      }
    },
    end() {
      over = true
      cancel()
    },
  }
}
