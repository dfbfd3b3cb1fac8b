import { hash } from 'node:crypto'

const MOST_DELIVERED = 8192
const MOST_ATTESTED = 1024
const MOST_ALLOWED = 256
/** What a remembered hash counts for, against the letters that may be kept. */
const LETTERS_OF_HASH = 64
/** An allowed call that was not carried out by then is decided anew. */
const ALLOWED_MS = 15 * 60_000

/** What is known to have happened in one task: texts and calls by their hashes, the newest of them. */
export interface Remembered {
  /** Models' answers that its owner got. */
  delivered(texts: readonly string[]): void
  wasDelivered(text: string): boolean
  /** A turn that was proven. `first`: only where none was before. */
  attest(turn: string, how: 'always' | 'first'): void
  isAttested(turn: string): boolean
  allow(call: string, proposal: string): void
  /** False where nothing that was proposed waits to be carried out. */
  proposes(): boolean
  /** What proposed this very call; used up by `exchange`, which may ask again. */
  proposed(call: string, exchange: string): string | undefined
}

interface Allowed {
  readonly proposal: string
  readonly until: number
  usedBy?: string
}

/**
 * @param now milliseconds of a clock that does not go back.
 * @param count hears what more is kept counts for, in letters.
 */
export function remembered(now: () => number, count: (letters: number) => void): Remembered {
  const delivered = new Set<string>()
  const attested = new Set<string>()
  const allowed = new Map<string, Allowed[]>()
  const keep = (kept: Set<string>, most: number, text: string): void => {
    const key = hashed(text)
    if (kept.has(key)) return
    if (kept.size >= most) kept.delete(kept.values().next().value as string)
    else count(LETTERS_OF_HASH)
    kept.add(key)
  }
  return {
    delivered(texts) {
      for (const text of texts) keep(delivered, MOST_DELIVERED, text)
    },
    wasDelivered: (text) => delivered.has(hashed(text)),
    attest(turn, how) {
      if (how === 'always' || attested.size === 0) keep(attested, MOST_ATTESTED, turn)
    },
    isAttested: (turn) => attested.has(hashed(turn)),
    allow(call, proposal) {
      const key = hashed(call)
      const live = (allowed.get(key) ?? []).filter((one) => one.until > now())
      // Whoever was allowed last stands last, and is forgotten last.
      allowed.delete(key)
      allowed.set(key, [...live.slice(1 - MOST_ALLOWED), { proposal, until: now() + ALLOWED_MS }])
      if (allowed.size > MOST_ALLOWED) allowed.delete(allowed.keys().next().value as string)
    },
    proposes: () => allowed.size > 0,
    proposed(call, exchange) {
      const found = allowed.get(hashed(call))?.filter((one) => one.until > now())
      const one = found?.find(({ usedBy }) => usedBy === exchange) ?? found?.find(({ usedBy }) => usedBy === undefined)
      if (one === undefined) return undefined
      one.usedBy = exchange
      return one.proposal
    },
  }
}

export function hashed(text: string): string {
  return hash('sha256', text, 'base64')
}
