import { runEnd } from './chars.ts'
import type { CharSet } from './chars.ts'
import type { Found, Kind, Matcher } from './matcher.ts'

/** A token that begins with a known prefix and continues in one alphabet. */
export interface TokenShape {
  readonly prefixes: readonly string[]
  readonly alphabet: CharSet
  /** Set where the prefix stands inside the token and says nothing by itself: the span begins behind it. */
  readonly inside?: true
  /** Units behind the prefix. */
  readonly min: number
  readonly max: number
  /**
   * Anchored with `^`, tried on the token's own run (prefix included) and nothing else; the match may end before the
   * run does. Without it the whole run is the token.
   */
  readonly shape?: RegExp
  /** The last word: checksums and what only looks like one. */
  check?(token: string): boolean
}

// Prefixes are told apart by case once the run is known: the automaton ignores case.
function prefixAt(text: string, at: number, prefixes: readonly string[]): string | undefined {
  return prefixes.find((prefix) => text.startsWith(prefix, at))
}

/** A matcher for one token format. It answers once the run of the alphabet has ended, or is longer than any token. */
export function token(kind: Kind, shape: TokenShape): Matcher {
  const { alphabet, min, max, check, inside } = shape
  const prefixes = [...shape.prefixes].sort((a, b) => b.length - a.length)
  const most = max + (prefixes[0]?.length ?? 0)
  return {
    literals: prefixes.map((prefix) => prefix.toLowerCase()),
    ...(inside && { anywhere: true, spanAfter: true }),
    maxLength: most + 1,
    find(text, at, _after, final): Found {
      const prefix = prefixAt(text, at, prefixes)
      if (prefix === undefined) return undefined
      const from = at + prefix.length
      const start = inside ? from : at
      const end = runEnd(text, from, alphabet, max + 1)
      if (end === text.length && !final && end - from <= max) return { more: start }
      if (shape.shape === undefined) {
        if (end - from < min || end - from > max) return undefined
        return check === undefined || check(text.slice(at, end)) ? { kind, start, end } : undefined
      }
      const run = text.slice(at, end)
      const matched = shape.shape.exec(run)?.[0]
      if (matched === undefined || (check !== undefined && !check(matched))) return undefined
      return { kind, start, end: at + matched.length }
    },
  }
}
