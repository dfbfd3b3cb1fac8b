import type { Clock } from '../../../contract/clock.ts'

/** Messages that nobody waits for, and bytes of them, in ten seconds: what is more is a flood. */
const MOST_MESSAGES = 2_000
const MOST_BYTES = 16 * 1024 * 1024
const SPAN_MS = 10_000

/** Weighs what a server says unasked: `weigh` is true from where it is a flood. Answers that somebody waits for are none of it. */
export function floodGauge(clock: Clock): (bytes: number) => boolean {
  let since = clock.monotonic()
  let messages = 0
  let total = 0
  return (bytes) => {
    const now = clock.monotonic()
    if (now - since > SPAN_MS) [since, messages, total] = [now, 0, 0]
    total += bytes
    return ++messages > MOST_MESSAGES || total > MOST_BYTES
  }
}
