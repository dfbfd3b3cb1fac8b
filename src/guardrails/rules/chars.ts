/** A set of ASCII characters as a table: `table[code] === 1`; codes above 127 are never members. */
export type CharSet = Uint8Array

/** Builds a set from characters and `a-z` ranges; a `-` first or last stands for itself. */
export function charSet(spec: string): CharSet {
  const table = new Uint8Array(128)
  for (let i = 0; i < spec.length; i++) {
    const from = spec.charCodeAt(i)
    if (spec[i + 1] === '-' && i + 2 < spec.length) {
      const to = spec.charCodeAt(i + 2)
      for (let code = from; code <= to; code++) table[code] = 1
      i += 2
    } else table[from] = 1
  }
  return table
}

export const WORD = charSet('a-zA-Z0-9_')
export const ALNUM = charSet('a-zA-Z0-9')
export const DIGIT = charSet('0-9')
export const HEX = charSet('a-fA-F0-9')
export const LETTER = charSet('a-zA-Z')
export const BASE64URL = charSet('a-zA-Z0-9_-')
export const BASE64 = charSet('a-zA-Z0-9+/=')

/** First index from `from` on, at most `max` further, whose character is not in the set. */
export function runEnd(text: string, from: number, set: CharSet, max: number): number {
  const limit = Math.min(text.length, from + max)
  let i = from
  while (i < limit) {
    const code = text.charCodeAt(i)
    if (code > 127 || set[code] === 0) break
    i++
  }
  return i
}

/** Where the run of set members that ends before `before` begins, at most `max` back. */
export function runStart(text: string, before: number, set: CharSet, max: number): number {
  const limit = Math.max(0, before - max)
  let i = before
  while (i > limit) {
    const code = text.charCodeAt(i - 1)
    if (code > 127 || set[code] === 0) break
    i--
  }
  return i
}

export function isIn(set: CharSet, code: number): boolean {
  return code < 128 && set[code] === 1
}

/**
 * True where a word may begin at `at`. The letter of an escape (`\n`, `\t`, `\r`) is no word: tool arguments travel as
 * JSON text, where a token often follows one.
 */
export function wordStarts(text: string, at: number): boolean {
  if (at === 0) return true
  const before = text.charCodeAt(at - 1)
  if (before > 127 || WORD[before] === 0) return true
  if (at < 2 || text.charCodeAt(at - 2) !== 92) return false
  return before === 110 || before === 114 || before === 116
}
