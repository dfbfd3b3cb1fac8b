/**
 * Time, injected, so that windows, expiry and timeouts can be tested without waiting.
 * Windows are UTC. Where a shared store keeps counters, its time wins over `wall`.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wall(): number
  /** Milliseconds from an arbitrary start; never steps back. */
  monotonic(): number
  /** Runs `fire` once after `ms`; the returned function cancels it. Never keeps the process alive. */
  timer(ms: number, fire: () => void): () => void
}
