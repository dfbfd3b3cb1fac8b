import type { Found, Kind, Matcher } from './matcher.ts'

/** A phrase: what it begins with, and a pattern for all of it. */
export interface Phrase {
  readonly kind: Kind
  /** Lower-case beginnings (folded by the caller where they are not ASCII). */
  readonly literals: readonly string[]
  /** Anchored with `^`; every quantifier bounded; sees at most `REACH` units, and nothing behind a blank line. */
  readonly pattern: RegExp
  readonly anywhere?: true
  /** Sees the text before the phrase and the phrase itself: a score to use instead, or 0 for "not an attack". */
  weigh?(before: string, phrase: string): number | undefined
}

/** How far a phrase reaches at most. */
export const REACH = 240
const BEFORE = 96
const variants = new Map<Kind, Map<number, Kind>>()

// A kind with another score is made once, so that equal findings stay equal by identity.
function scored(kind: Kind, score: number): Kind {
  let known = variants.get(kind)
  if (known === undefined) variants.set(kind, (known = new Map()))
  let made = known.get(score)
  if (made === undefined) known.set(score, (made = { ...kind, score }))
  return made
}

// A phrase may run over line breaks within a paragraph, not over a blank line or the end of the text it stands in.
function paragraphEnds(text: string, from: number): number {
  const limit = Math.min(text.length, from + REACH + 1)
  for (let i = from; i < limit; i++) if (text.charCodeAt(i) === 10 && text.charCodeAt(i + 1) === 10) return i
  return limit
}

/** A matcher for one phrase. It answers once a whole phrase's reach, or the end of the paragraph, is known. */
export function phrase(made: Phrase): Matcher {
  const { kind, pattern, weigh } = made
  return {
    literals: made.literals,
    ...(made.anywhere && { anywhere: made.anywhere }),
    maxLength: REACH,
    find(text, at, _after, final): Found {
      const end = paragraphEnds(text, at)
      if (!final && end === text.length) return { more: at }
      const matched = pattern.exec(text.slice(at, end))?.[0]
      if (matched === undefined) return undefined
      const score = weigh?.(text.slice(Math.max(0, at - BEFORE), at), matched)
      if (score === 0) return undefined
      return { kind: score === undefined ? kind : scored(kind, score), start: at, end: at + matched.length }
    },
  }
}
