import { scored } from './matcher.ts'
import type { Found, Kind, Matcher } from './matcher.ts'

/** A phrase: what it begins with, and a pattern for all of it. */
export interface Phrase {
  readonly kind: Kind
  /** Lower-case beginnings (folded by the caller where they are not ASCII). */
  readonly literals: readonly string[]
  /** Anchored with `^`; every quantifier bounded; sees at most `REACH` units, and nothing behind a blank line. */
  readonly pattern: RegExp
  readonly anywhere?: true
  /** Set where blank lines belong to the phrase, as in forged turns. */
  readonly across?: true
  /** Sees the text before the phrase, the phrase and what follows within reach: a score to use instead, or 0 for "not an attack". */
  weigh?(before: string, phrase: string, after: string): number | undefined
}

/** How far a phrase reaches at most. */
export const REACH = 240
const BEFORE = 120

// A phrase may run over line breaks within a paragraph, not over a blank line or the end of the text it stands in.
function paragraphEnds(text: string, from: number): number {
  const limit = Math.min(text.length, from + REACH + 1)
  for (let i = from; i < limit; i++) if (text.charCodeAt(i) === 10 && text.charCodeAt(i + 1) === 10) return i
  return limit
}

// What one place shows: a dozen phrases begin with "ignore", and each would cut the same window out of the text.
let window = { text: '', at: -1, across: false, end: 0, seen: '' }

function windowAt(text: string, at: number, across: boolean): { readonly end: number; readonly seen: string } {
  if (window.at === at && window.across === across && window.text === text) return window
  const end = across ? Math.min(text.length, at + REACH + 1) : paragraphEnds(text, at)
  window = { text, at, across, end, seen: text.slice(at, end) }
  return window
}

/** A matcher for one phrase. It answers once a whole phrase's reach, or the end of the paragraph, is known. */
export function phrase(made: Phrase): Matcher {
  const { kind, pattern, weigh, across } = made
  return {
    literals: made.literals,
    ...(made.anywhere && { anywhere: made.anywhere }),
    maxLength: REACH,
    find(text, at, _after, final): Found {
      const { end, seen } = windowAt(text, at, across === true)
      if (!final && end === text.length) return { more: at }
      const matched = pattern.exec(seen)?.[0]
      if (matched === undefined) return undefined
      const score = weigh?.(text.slice(Math.max(0, at - BEFORE), at), matched, seen.slice(matched.length))
      if (score === 0) return undefined
      return { kind: score === undefined ? kind : scored(kind, score), start: at, end: at + matched.length }
    },
  }
}
