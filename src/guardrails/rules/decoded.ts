import { readingsOf } from '../normalise/readings.ts'
import type { Span } from './matcher.ts'
import { distinct, meeting } from './scanner.ts'
import type { Scanner } from './scanner.ts'

/**
 * The same scanner for texts that may be disguised: a complete text is also read in every way that `readingsOf` knows.
 * A match counts only where something decoded is part of it, or next to it, since the rest was read in full already; it covers what
 * the match was decoded from. Streams (`feed`, and `scan` without `final`) stay as they are.
 */
export function forDecoded(made: Scanner): Scanner {
  return {
    ...made,
    id: `${made.id}|decoded`,
    scan(text, final) {
      const plain = made.scan(text, final)
      if (!final) return plain
      const { readings, exhausted } = readingsOf(text)
      if (readings.length === 0) return exhausted ? { ...plain, exhausted: true } : plain
      const meets = meeting(plain.spans)
      const spans: Span[] = plain.spans.slice()
      for (const reading of readings) {
        for (const { kind, start, end } of made.scan(reading.text, true).spans) {
          // What stands next to it decides whether it is a word of its own: `%20ghp_…` is one only when decoded.
          if (!reading.decoded(Math.max(0, start - 1), Math.min(reading.text.length, end + 1))) continue
          const place = reading.span(start, end)
          if (!meets(kind, place.start, place.end)) spans.push({ kind, ...place })
        }
      }
      return { ...plain, spans: distinct(spans), ...(exhausted && { exhausted: true }) }
    },
  }
}
