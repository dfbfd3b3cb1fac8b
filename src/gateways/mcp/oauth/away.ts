import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import { refuse, type Refusal } from '../../../contract/verdict.ts'

/** What an authorization server sends a browser back with. */
export interface CameBack {
  readonly state: string
  readonly iss?: string
  readonly code?: string
  readonly error?: string
}

interface Kept<T> {
  readonly of: string
  readonly what: T
  /** Hash of what the browser was given. */
  readonly cookie: Buffer
  /** Of the monotonic clock. */
  readonly until: number
}

const AWAY_MS = 10 * 60_000
const MOST = 10_000
/** So that nobody who begins again and again drives others out. */
const MOST_OF_ONE = 8

/** Browsers that are at an authorization server, by their states: each may come back once, with its cookie, for ten minutes. */
export class Away<T> {
  private readonly clock: Clock
  private readonly kept = new Map<string, Kept<T>>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `of`: whose they are; of one, only the last few are kept. */
  leave(of: string, what: T): { readonly state: string; readonly cookie: string } {
    this.sweep()
    const own = [...this.kept].filter(([, one]) => one.of === of)
    for (const [state] of own.slice(0, Math.max(0, own.length - MOST_OF_ONE + 1))) this.kept.delete(state)
    const [state, cookie] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]
    this.kept.set(state, { of, what, cookie: hashOf(cookie), until: this.clock.monotonic() + AWAY_MS })
    return { state, cookie }
  }

  /** What was kept for a browser that came back, which is over then; `cookieOf` gives the cookie that belongs to a state. */
  take(state: string, cookieOf: (state: string) => string | undefined): { readonly what: T } | Refusal {
    this.sweep()
    const one = this.kept.get(state)
    if (one === undefined) return refuse('consent_failed', { detail: 'a state that is not known, or was used' })
    const cookie = cookieOf(state)
    // Another browser than the one that agreed: whoever holds only the state must not use it up either.
    if (cookie === undefined || !timingSafeEqual(hashOf(cookie), one.cookie)) return refuse('consent_failed', { say: 'This was not agreed to in this browser.', detail: 'no cookie, or another one' })
    this.kept.delete(state)
    return { what: one.what }
  }

  /** Those of one come back to nothing. */
  drop(of: string): void {
    for (const [state, one] of this.kept) if (one.of === of) this.kept.delete(state)
  }

  /** What was made first ends first; beyond the bound the oldest goes. */
  private sweep(): void {
    const now = this.clock.monotonic()
    for (const [state, one] of this.kept) {
      if (one.until > now && this.kept.size < MOST) break
      this.kept.delete(state)
    }
  }
}

/** The code that a browser brought. Of another authorization server neither it nor what it says of an error counts (RFC 9207). */
export function codeOf({ iss, code, error }: CameBack, asked: { readonly issuer: string; readonly issPromised: boolean }, refused: (denied: boolean) => string): { readonly code: string } | Refusal {
  if (iss === undefined ? asked.issPromised : iss !== asked.issuer) return refuse('consent_failed', { say: 'The answer came from another authorization server than the one that was asked.', detail: iss === undefined ? 'no iss' : 'another iss' })
  if (error !== undefined || code === undefined) return refuse('consent_failed', { say: refused(error === 'access_denied'), detail: error === undefined ? 'no code' : /^[a-z_]{1,48}$/.test(error) ? error : 'an error that is no word' })
  return { code }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
