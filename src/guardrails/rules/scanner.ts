import type { Origin } from '../../contract/segment.ts'
import { automaton, pendingTail } from './automaton.ts'
import type { Automaton, Literal } from './automaton.ts'
import { ALNUM, isIn, wordStarts } from './chars.ts'
import { isMore, kindAt } from './matcher.ts'
import type { Kind, Matcher, Span } from './matcher.ts'
import { unescapedView, viewOf } from '../normalise/view.ts'
import type { View } from '../normalise/view.ts'

export interface Scan {
  readonly spans: readonly Span[]
  /** Where text begins that may still become a match; the text's length when `final`. */
  readonly safe: number
  /** The automaton's state at the end, for `feed`. */
  readonly state: number
  /** Where the last literal ended, or the text's length when it is not all ASCII; -1 when nothing stood in it. */
  readonly busy: number
  /** Set where a text holds more that is encoded than was read. */
  readonly exhausted?: true
}

export interface Scanner {
  /** Names the set of matchers, for cache keys. */
  readonly id: string
  /** Longest match of any matcher: windows over neighbouring texts overlap by this much. */
  readonly maxLength: number
  /**
   * One pass over the text. Spans are in the original text, sorted by start; they may overlap. With `final` false the
   * answer leaves out what later text could still change, and `safe` says where that begins.
   */
  scan(text: string, final: boolean): Scan
  /**
   * Reads a piece of a stream and nothing else: the automaton's next state, or -1 when the piece needs a scan
   * together with what stood before it. Begins at state 0.
   */
  feed(piece: string, state: number): number
}

const NONE: readonly Span[] = []

interface Pass {
  readonly spans: Span[]
  safe: number
  state: number
  units: number
  busy: number
}

function inAscii(literal: string): boolean {
  for (let i = 0; i < literal.length; i++) if (literal.charCodeAt(i) > 127) return false
  return true
}

function run(made: Automaton, matchers: readonly Matcher[], origin: Origin | undefined, text: string, final: boolean, pass: Pass): void {
  const { classes, next, accepting, width, outputs } = made
  let state = 0
  let units = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    units |= unit
    state = next[state + (classes[unit] as number)] as number
    if (state < accepting) continue
    pass.busy = i + 1
    const output = outputs[(state - accepting) / width] as readonly number[]
    for (let o = 0; o < output.length; o += 2) {
      const at = i + 1 - (output[o] as number)
      const matcher = matchers[output[o + 1] as number] as Matcher
      if (matcher.anywhere === undefined && isIn(ALNUM, text.charCodeAt(at)) && !wordStarts(text, at)) continue
      const found = matcher.find(text, at, i + 1, final)
      if (found === undefined) continue
      if (isMore(found)) {
        if (found.more < pass.safe) pass.safe = found.more
      } else if (found.kind.at === undefined || origin === undefined) pass.spans.push(found)
      else {
        const kind = kindAt(found.kind, origin)
        if (kind !== undefined) pass.spans.push({ kind, start: found.start, end: found.end })
      }
    }
  }
  pass.state = state
  pass.units |= units
}

/**
 * Several rules of one guardrail often find the same stretch, or a part of it: the widest stays, as what the surest of
 * them takes it for. Sorts what it is given.
 */
export function distinct(spans: Span[]): readonly Span[] {
  if (spans.length < 2) return spans
  spans.sort((a, b) => a.start - b.start || b.end - a.end || b.kind.score - a.kind.score)
  const last = new Map<string, number>()
  const kept: Span[] = []
  for (const span of spans) {
    const index = last.get(span.kind.guardrail)
    const wider = index === undefined ? undefined : (kept[index] as Span)
    if (index === undefined || wider === undefined || span.end > wider.end) {
      last.set(span.kind.guardrail, kept.length)
      kept.push(span)
    } else if (span.kind.score > wider.kind.score) kept[index] = { ...wider, kind: span.kind }
  }
  return kept
}

/**
 * Answers whether a stretch meets a span of the same guardrail that is as sure. Of distinct spans both starts and ends
 * increase, so halving finds the first one that can: a text that is all hits must not be compared with itself.
 */
export function meeting(spans: readonly Span[]): (kind: Kind, start: number, end: number) => boolean {
  const lists = new Map<string, Span[]>()
  for (const span of spans) {
    const list = lists.get(span.kind.guardrail)
    if (list === undefined) lists.set(span.kind.guardrail, [span])
    else list.push(span)
  }
  return (kind, start, end) => {
    const list = lists.get(kind.guardrail) ?? []
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((list[middle] as Span).end > start) high = middle
      else low = middle + 1
    }
    const found = list[low]
    return found !== undefined && found.start < end && found.kind.score >= kind.score
  }
}

// What a view shows, in the original; what the original showed itself stands.
function addFrom(view: View, seen: readonly Span[], spans: Span[]): void {
  const meets = meeting(distinct(spans.slice()))
  for (const span of seen) {
    const start = view.from(span.start)
    const end = view.to(span.end)
    if (!meets(span.kind, start, end)) spans.push({ kind: span.kind, start, end })
  }
}

/** The same scanner for JSON text: a complete text is also read with its escapes taken for what they stand for. */
export function forJson(made: Scanner): Scanner {
  return {
    ...made,
    id: `${made.id}|json`,
    scan(text, final) {
      const plain = made.scan(text, final)
      const view = final ? unescapedView(text) : undefined
      if (view === undefined) return plain
      const spans: Span[] = []
      addFrom(view, made.scan(view.text, true).spans, spans)
      const meets = meeting(distinct(spans.slice()))
      for (const span of plain.spans) {
        // A match that begins with an escape's letter would leave half an escape behind.
        if (text.charCodeAt(span.start - 1) === 92) continue
        if (!meets(span.kind, span.start, span.end)) spans.push(span)
      }
      return { ...plain, spans: distinct(spans) }
    },
  }
}

/** Matchers with their automata: one for ASCII literals, one for all others. */
export interface Compiled {
  readonly matchers: readonly Matcher[]
  readonly plain: Automaton
  readonly foreign: Automaton | undefined
}

/** Builds the automata, which scanners for several origins share. */
export function compile(matchers: readonly Matcher[]): Compiled {
  const narrow: Literal[] = []
  const wide: Literal[] = []
  for (const [index, matcher] of matchers.entries()) {
    for (const text of matcher.literals) (inAscii(text) ? narrow : wide).push({ text, matcher: index, hold: matcher.spanAfter === undefined })
  }
  return { matchers, plain: automaton(narrow), foreign: wide.length === 0 ? undefined : automaton(wide) }
}

/** A scanner over matchers. Scores are those of the origin, where one is given. */
export function scanner(id: string, source: readonly Matcher[] | Compiled, origin?: Origin): Scanner {
  const { matchers, plain, foreign } = 'plain' in source ? source : compile(source)
  const tails = matchers.filter((matcher) => matcher.tail !== undefined)
  const maxLength = matchers.reduce((most, matcher) => Math.max(most, matcher.maxLength), 0)

  const withhold = (made: Automaton, text: string, pass: Pass): void => {
    pass.safe = Math.min(pass.safe, text.length - pendingTail(made, pass.state, text))
    for (const matcher of tails) pass.safe = Math.min(pass.safe, text.length - (matcher.tail?.(text) ?? 0))
  }

  // The second look costs several times the first, so it is taken only where folding changed something.
  const lookAgain = (text: string, final: boolean, first: Pass): void => {
    if (foreign !== undefined) {
      run(foreign, matchers, origin, text, final, first)
      if (!final) withhold(foreign, text, first)
    }
    const view = viewOf(text)
    if (view === undefined) return
    const pass: Pass = { spans: [], safe: view.text.length, state: 0, units: 0, busy: -1 }
    run(plain, matchers, origin, view.text, final, pass)
    if (!final) withhold(plain, view.text, pass)
    if (foreign !== undefined) {
      run(foreign, matchers, origin, view.text, final, pass)
      if (!final) withhold(foreign, view.text, pass)
    }
    if (pass.safe < view.text.length) first.safe = Math.min(first.safe, view.from(pass.safe))
    if (!final) first.safe = Math.min(first.safe, view.settled)
    addFrom(view, pass.spans, first.spans)
  }

  return {
    id,
    maxLength,
    scan(whole, final) {
      // Half a character at the end of a piece would cut off what the ones before it begin.
      const last = whole.charCodeAt(whole.length - 1)
      const text = !final && last >= 0xd800 && last <= 0xdbff ? whole.slice(0, -1) : whole
      const pass: Pass = { spans: [], safe: text.length, state: 0, units: 0, busy: -1 }
      run(plain, matchers, origin, text, final, pass)
      const { state } = pass
      if (!final) withhold(plain, text, pass)
      if (pass.units > 127) lookAgain(text, final, pass)
      const busy = pass.units > 127 ? text.length : pass.busy
      const spans = pass.spans.length === 0 ? NONE : distinct(pass.spans)
      return { spans, safe: pass.safe, state, busy }
    },
    feed(piece, state) {
      if (tails.length > 0) return -1
      const { classes, next, accepting } = plain
      let here = state
      let units = 0
      for (let i = 0; i < piece.length; i++) {
        const unit = piece.charCodeAt(i)
        units |= unit
        here = next[here + (classes[unit] as number)] as number
        if (here >= accepting) return -1
      }
      return units < 128 && plain.restless[here / plain.width] === 0 ? here : -1
    },
  }
}
