import type { Origin } from '../../contract/segment.ts'

/** What a rule stands for: its name in the record, the category people configure, and how sure a hit is (0–1). */
export interface Kind {
  readonly guardrail: string
  readonly rule: string
  readonly category: string
  readonly score: number
  /** The layer that saw it, where that is not the guardrail's own. */
  readonly layer?: 'fast' | 'deep' | 'judge'
  /** The score from which it takes effect, where that is not the entry's threshold. */
  readonly least?: number
  /** Origins where a hit says more or less than elsewhere: the score there instead; 0 = it says nothing. */
  readonly at?: Readonly<Partial<Record<Origin, number>>>
}

const variants = new Map<Kind, Map<number | Origin, Kind>>()

function variant(kind: Kind, key: number | Origin, make: () => Kind): Kind {
  let known = variants.get(kind)
  if (known === undefined) variants.set(kind, (known = new Map()))
  let made = known.get(key)
  if (made === undefined) known.set(key, (made = make()))
  return made
}

/**
 * A kind with another score, made once, so that equal findings stay equal by identity. What lowers a score lowers it
 * at every origin; what raises it is evidence enough everywhere.
 */
export function scored(kind: Kind, score: number): Kind {
  return variant(kind, score, () => {
    const { at, ...plain } = kind
    if (at === undefined || score > kind.score) return { ...plain, score }
    return { ...plain, score, at: Object.fromEntries(Object.entries(at).map(([origin, there]) => [origin, Math.min(there, score)])) }
  })
}

/** What a kind says at one origin; undefined where it says nothing. */
export function kindAt(kind: Kind, origin: Origin): Kind | undefined {
  const score = kind.at?.[origin]
  if (score === undefined) return kind
  if (score === 0) return undefined
  return variant(kind, origin, () => ({ guardrail: kind.guardrail, rule: kind.rule, category: kind.category, score }))
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
