import { charSet } from '../chars.ts'
import type { CharSet } from '../chars.ts'
import type { Matcher } from '../matcher.ts'
import { token } from '../token.ts'
import type { TokenShape } from '../token.ts'
import { random } from './plausible.ts'

export const UPPER = charSet('A-Z0-9')
export const LOWER = charSet('a-z0-9')
export const LOWER_HEX = charSet('a-f0-9')
export const HEX_DASH = charSet('a-f0-9-')
export const WORDY = charSet('a-zA-Z0-9_')
export const DASHED = charSet('a-zA-Z0-9-')
export const DOTTED = charSet('a-zA-Z0-9._-')
export const DOTTED_EQ = charSet('a-zA-Z0-9._=-')
export const ANY64 = charSet('a-zA-Z0-9+/=_-')
export const URLISH = charSet('a-zA-Z0-9/_.-')

/** A provider's token: its shape, the name of its rule and how sure a match is (0.95 where nothing is said). */
export interface Format extends TokenShape {
  readonly rule: string
  readonly score?: number
}

// Random text has digits or both cases; identifiers in code have neither.
function mixed(body: string): boolean {
  return /[0-9]/.test(body) || (/[a-z]/.test(body) && /[A-Z]/.test(body))
}

/**
 * A prefix and a body of `min` to `max` units, the whole run. `bits` tells a random token from a documentation
 * example; hex has at most 4 bits a character, base 62 almost 6.
 */
export function plain(rule: string, prefixes: readonly string[], alphabet: CharSet, min: number, max = min, bits = 3, score = 0.95): Format {
  const longest = Math.max(...prefixes.map((prefix) => prefix.length))
  return { rule, prefixes, alphabet, min, max, score, check: (found) => mixed(found.slice(Math.min(longest, found.length - min))) && random(found.slice(Math.min(longest, found.length - min)), bits) }
}

/** A prefix and a run in which `shape` (anchored, prefix included) must be found. */
export function shaped(rule: string, prefixes: readonly string[], alphabet: CharSet, max: number, shape: RegExp, bits = 3, score = 0.95): Format {
  return { rule, prefixes, alphabet, min: 1, max, shape, score, check: (found) => random(found, bits) }
}

/** The same for a prefix that stands inside the token, or before it: only what follows is the match. */
export function behind(format: Format): Format {
  return { ...format, inside: true }
}

/** One matcher for each format. */
export function matchersOf(formats: readonly Format[]): readonly Matcher[] {
  return formats.map((format) => token({ guardrail: 'secrets', rule: format.rule, category: 'api_key', score: format.score ?? 0.95 }, format))
}
