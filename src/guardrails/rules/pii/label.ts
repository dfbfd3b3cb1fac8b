import type { CharSet } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

/** A value that only a word before it explains. */
export interface Label {
  readonly kind: Kind
  /** Lower case and without accents; non-Latin words as they are. */
  readonly words: readonly string[]
  readonly anywhere?: true
  /** Anchored with `^`, tried behind the word: whatever may stand between, then the value as the group `value`. Bounded quantifiers only. */
  readonly pattern: RegExp
  /** All characters that a value may have; a stream withholds a run of them at its end. */
  readonly alphabet: CharSet
  /** Set where a value may have letters of other alphabets too. */
  readonly wide?: true
  /** The last word, on the value without spaces and separators. */
  check?(value: string): boolean
}

/** How far behind its word a value may end. */
const REACH = 100

// Where the run of the value's characters begins that the known text ends with.
function tailStart(text: string, after: number, alphabet: CharSet, wide: boolean): number {
  let start = text.length
  while (start > after) {
    const code = text.charCodeAt(start - 1)
    if (code > 127 ? !wide : alphabet[code] === 0) break
    start--
  }
  return start
}

/** A matcher for one label. What it finds does not depend on anything behind the value but one character. */
export function label({ kind, words, anywhere, pattern, alphabet, wide, check }: Label): Matcher {
  const sticky = new RegExp(pattern.source, `${pattern.flags.replace('d', '')}d`)
  return {
    literals: words,
    ...(anywhere && { anywhere }),
    spanAfter: true,
    maxLength: REACH,
    find(text, _at, after, final): Found {
      const window = text.slice(after, after + REACH)
      // The end of what is known may be the middle of a value.
      const open = !final && after + REACH > text.length
      const tail = open ? tailStart(text, after, alphabet, wide === true) : Number.POSITIVE_INFINITY
      const place = sticky.exec(window)?.indices?.groups?.['value']
      if (place !== undefined) {
        const start = after + place[0]
        const end = after + place[1]
        if (end < tail) return check === undefined || check(text.slice(start, end).replace(/[ .\/-]/g, '')) ? { kind, start, end } : undefined
        if (open) return { more: Math.min(start, tail) }
      }
      return open && tail < text.length ? { more: tail } : undefined
    },
  }
}
