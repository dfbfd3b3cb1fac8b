import type { Finding } from '../../contract/finding.ts'
import type { Edit, Origin } from '../../contract/segment.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Sight } from '../guardrail.ts'
import type { Active, Plan } from '../profile.ts'
import type { Span } from '../rules/matcher.ts'
import { MOST_FINDINGS, Tally, acts, findingOf, mergedEdits, quoted, refusalOf, replacement } from '../verdict.ts'
import { Incremental } from './incremental.ts'
import type { Caught } from './incremental.ts'

/** A part of a channel's text that one event carries. */
export interface Piece {
  readonly channel: Channel
  start: number
  readonly end: number
  text: string
}

// Shadow rules look in larger bites: nothing waits for them.
const BITE = 2048

/** Releases text as soon as rules allow, only when complete, or at once. */
export type Pace = 'incremental' | 'complete' | 'free'

/** One run of text of a reply, on its way: what of it is decided, and what is put in the place of what. */
export class Channel {
  readonly name: string
  readonly origin: Origin
  readonly index: number
  readonly plan: Plan | undefined
  readonly #pace: Pace
  #enforced: Incremental | undefined
  readonly #shadow: Incremental | undefined
  #bite = ''
  #edits: readonly Edit[] = []
  #parts: string[] | undefined
  length = 0
  safe = 0
  closed = false
  /** Set when the beginning of an event has left and its end has not: where the end begins, and what it is. */
  carry: { start: number; text: string } | undefined
  refusal: Refusal | undefined
  readonly findings: Finding[] = []

  constructor(name: string, origin: Origin, index: number, plan: Plan | undefined, pace: Pace, keep: boolean) {
    this.name = name
    this.origin = origin
    this.index = index
    this.plan = plan
    this.#pace = pace
    const held = pace === 'free' ? undefined : plan?.enforced
    const beside = pace === 'free' ? plan?.rules : plan?.shadow
    if (held !== undefined) this.#enforced = new Incremental(held)
    if (beside !== undefined) this.#shadow = new Incremental(beside)
    if (keep || pace === 'complete') this.#parts = []
  }

  /** Takes the next text of the run; `final` when none follows. */
  push(text: string, final: boolean): void {
    this.length += text.length
    this.#parts?.push(text)
    if (this.#shadow !== undefined) {
      this.#bite += text
      if (final || this.#bite.length >= BITE) this.#besides(final)
    }
    if (this.#enforced === undefined) {
      if (this.#pace !== 'complete' || final) this.safe = this.length
    } else {
      // What waits for its end anyway is looked at once, as one.
      if (this.#pace === 'complete' && !final) return
      try {
        const whole = this.#pace === 'complete' ? this.text() : ''
        const edits: Edit[] = []
        for (const span of this.#enforced.push(this.#pace === 'complete' ? whole : text, final)) this.#take(span, whole, edits)
        if (edits.length > 0) this.#edits = mergedEdits([...this.#edits, ...edits])
        this.safe = this.#enforced.safe
      } catch (error) {
        this.#failed(error instanceof Error ? error.message : 'failed')
      }
    }
    if (final) this.closed = true
  }

  // The rules run together here, so the strictest entry speaks for all of them.
  #failed(why: string): void {
    for (const active of this.plan?.byGuardrail.values() ?? []) {
      if (active.entry.mode === 'enforce' && active.guardrail.matchers !== undefined) this.inconclusive(active, why)
    }
    this.#enforced = undefined
    this.safe = this.length
  }

  /** A guardrail could not look: a refusal, or with `on_error: open` a finding that says so. */
  inconclusive(active: Active, why: string): void {
    const tally = new Tally('reply')
    tally.failed(active, this.origin, this.index, why)
    this.findings.push(...tally.findings)
    this.refusal ??= tally.refusal
  }

  // What a shadow rule does, its throwing included, is nobody's concern but the record's.
  #besides(final: boolean): void {
    const bite = this.#bite
    this.#bite = ''
    try {
      for (const span of this.#shadow?.push(bite, final) ?? []) this.#note(span, span.text)
    } catch {
      return
    }
  }

  #note(span: Span, text: string): void {
    const active = this.plan?.byGuardrail.get(span.kind.guardrail)
    if (active !== undefined && this.findings.length < MOST_FINDINGS) {
      const finding = findingOf(active, span, this.origin, this.index, span.start, span.end, active.guardrail.mask(span.kind.category, text))
      this.findings.push(this.#pace === 'free' ? { ...finding, mode: 'shadow' } : finding)
    }
  }

  /** Takes the effect of an enforced rule's span: an edit, a refusal, or nothing but the record. */
  #take(span: Caught, whole: string, edits: Edit[]): void {
    const active = this.plan?.byGuardrail.get(span.kind.guardrail)
    if (active === undefined) return
    this.#note(span, span.text)
    if (!acts(active, span)) return
    const { action } = active.entry
    if (action === 'deny' || action === 'hold') this.refusal ??= refusalOf(active, span, 'reply')
    else {
      const put = replacement(active, span, span.text)
      edits.push({ segment: 0, start: span.start, end: span.end, text: this.origin === 'tool_call' ? quoted(whole, span.start, span.end, put) : put })
    }
  }

  /** A layer that took its time has spoken about the complete text. What has left cannot be edited any more. */
  judge(active: Active, { spans, inconclusive }: Sight): void {
    if (inconclusive !== undefined) {
      const tally = new Tally('reply')
      tally.inconclusive(active, this.origin, this.index, inconclusive, 'enforce')
      this.findings.push(...tally.findings)
      this.refusal ??= tally.refusal
    }
    for (const span of spans) {
      this.#note(span, this.text().slice(span.start, span.end))
      if (acts(active, span)) this.refusal ??= refusalOf(active, span, 'reply')
    }
  }

  /** Everything received so far; only for channels that keep it. */
  text(): string {
    return this.#parts?.join('') ?? ''
  }

  /** What the caller gets of a piece: its text with the edits that touch it, from `start` up to `end`. */
  shown(piece: Piece, end: number): string {
    let out = ''
    let from = piece.start
    for (const edit of this.#edits) {
      if (edit.end <= from) continue
      if (edit.start >= end) break
      if (edit.start > from) out += piece.text.slice(from - piece.start, edit.start - piece.start)
      // The mark goes where the match begins; later pieces only lose their part of it.
      if (edit.start >= piece.start) out += edit.text
      from = Math.min(edit.end, end)
    }
    return from < end ? out + piece.text.slice(from - piece.start, end - piece.start) : out
  }

  /** Forgets edits of text that has left. */
  left(end: number): void {
    if (this.#edits.length > 0 && (this.#edits[0]?.end ?? 0) <= end) this.#edits = this.#edits.filter((edit) => edit.end > end)
  }

  touched(piece: Piece): boolean {
    return this.#edits.some((edit) => edit.start < piece.end && edit.end > piece.start)
  }
}
