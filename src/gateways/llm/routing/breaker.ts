import type { Clock } from '../../../contract/clock.ts'

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly consecutive: number
  /** Share of failures in the window that opens it, once there were at least `volume` results. */
  readonly ratio: number
  readonly volume: number
  readonly windowMs: number
  /** First cool-down, doubled with every opening in a row up to `longestMs`; jittered by a fifth either way. */
  readonly coolMs: number
  readonly longestMs: number
}

export const BREAKER: BreakerSettings = { consecutive: 5, ratio: 0.5, volume: 20, windowMs: 30_000, coolMs: 5_000, longestMs: 120_000 }

/** Longest that a provider's Retry-After keeps a target out: a wrong header must not switch a target off. */
const LONGEST_PAUSE = 300_000

export type BreakerState = 'closed' | 'open' | 'half-open'

export type Admission =
  | { readonly allowed: true; readonly probe: boolean }
  /** `wait` is how long until it is worth asking again, in milliseconds. */
  | { readonly allowed: false; readonly why: 'breaker_open' | 'rate_paused'; readonly wait: number }

/**
 * One target's breaker: closed → open with a cool-down → half-open with a single probe → closed. Each admission is
 * answered by exactly one of `succeeded`, `failed` and `neither`; what a caller causes is `neither`.
 */
export interface Breaker {
  admit(): Admission
  succeeded(): void
  failed(): void
  neither(): void
  /** Back-pressure (429 with Retry-After): skipped for so long, which is neither success nor failure. */
  pause(ms: number): void
  state(): BreakerState
}

export function makeBreaker(
  clock: Clock,
  random: () => number,
  settings: BreakerSettings = BREAKER,
  onChange: (state: BreakerState, was: BreakerState) => void = () => undefined,
): Breaker {
  let state: BreakerState = 'closed'
  let probing = false
  let row = 0
  let openings = 0
  let reopensAt = 0
  let closedAt = clock.monotonic()
  let pausedUntil = 0
  // Two half windows that take turns: cheap, and never more than a window and a half old.
  let half = { since: clock.monotonic(), good: 0, bad: 0 }
  let before = { good: 0, bad: 0 }

  function count(good: boolean): void {
    const now = clock.monotonic()
    const age = now - half.since
    if (age >= settings.windowMs / 2) {
      before = age >= settings.windowMs ? { good: 0, bad: 0 } : { good: half.good, bad: half.bad }
      half = { since: now, good: 0, bad: 0 }
    }
    if (good) half.good++
    else half.bad++
  }

  function become(next: BreakerState): void {
    const was = state
    state = next
    onChange(next, was)
  }

  function open(): void {
    const now = clock.monotonic()
    // A target that stayed well for long enough begins anew; one that flaps waits longer each time.
    if (state === 'closed' && now - closedAt > settings.longestMs) openings = 0
    const cool = Math.min(settings.longestMs, settings.coolMs * 2 ** openings)
    openings = Math.min(openings + 1, 16)
    reopensAt = now + cool * (0.8 + 0.4 * random())
    probing = false
    row = 0
    half = { since: now, good: 0, bad: 0 }
    before = { good: 0, bad: 0 }
    become('open')
  }

  return {
    admit() {
      const now = clock.monotonic()
      if (now < pausedUntil) return { allowed: false, why: 'rate_paused', wait: pausedUntil - now }
      if (state === 'closed') return { allowed: true, probe: false }
      if (state === 'open') {
        if (now < reopensAt) return { allowed: false, why: 'breaker_open', wait: reopensAt - now }
        become('half-open')
      }
      if (probing) return { allowed: false, why: 'breaker_open', wait: settings.coolMs }
      probing = true
      return { allowed: true, probe: true }
    },
    succeeded() {
      row = 0
      if (state === 'closed') count(true)
      else if (state === 'half-open') {
        probing = false
        closedAt = clock.monotonic()
        become('closed')
      }
    },
    failed() {
      if (state === 'half-open') {
        open()
        return
      }
      if (state === 'open') return
      row++
      count(false)
      const bad = half.bad + before.bad
      const all = bad + half.good + before.good
      if (row >= settings.consecutive || (all >= settings.volume && bad / all >= settings.ratio)) open()
    },
    neither() {
      probing = false
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, clock.monotonic() + Math.min(ms, LONGEST_PAUSE))
    },
    state: () => state,
  }
}
