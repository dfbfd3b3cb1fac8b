/** What a rule stands for: its name in the record, the category people configure, and how sure a hit is (0–1). */
export interface Kind {
  readonly guardrail: string
  readonly rule: string
  readonly category: string
  readonly score: number
}

/** A stretch of text that a rule found, in UTF-16 units. */
export interface Span {
  readonly kind: Kind
  readonly start: number
  readonly end: number
}

/** The text ends before the matcher can know; whatever it may become begins at `more`. Never given when `final`. */
export interface More {
  readonly more: number
}

export type Found = Span | More | undefined

/**
 * A precise matcher behind literal anchors. The scanner calls `find` wherever one of `literals` stands.
 *
 * Two promises make streams and whole texts agree: what `find` answers depends on at most `LOOK_BEHIND` units before
 * the span's start, and it answers `More` whenever text behind the end could change its answer. It runs in time
 * bounded by `maxLength`, whatever the text.
 */
export interface Matcher {
  /** Lower case; the scanner ignores case. A literal that begins with a letter or digit counts only at a word start. */
  readonly literals: readonly string[]
  /** Set where a literal counts inside words too (`@`, digits). */
  readonly anywhere?: true
  /** Set where spans begin behind the literal: a stream need not withhold the beginning of a literal. */
  readonly spanAfter?: true
  /** Longest possible match, in UTF-16 units: a stream never withholds more for this matcher. */
  readonly maxLength: number
  /** Units at the text's end that may begin a match whose anchor has not come yet; absent where the anchor comes first. */
  tail?(text: string): number
  find(text: string, at: number, after: number, final: boolean): Found
}

/** How far before a span any matcher looks: a stream keeps this much of what it released. */
export const LOOK_BEHIND = 128

export function isMore(found: Span | More): found is More {
  return 'more' in found
}
