import type { Finding } from '../../contract/finding.ts'
import type { Edit, Origin } from '../../contract/segment.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Sight } from '../guardrail.ts'
import { looksMode } from '../profile.ts'
import type { Active, Plan } from '../profile.ts'
import type { Span } from '../rules/matcher.ts'
import { MOST_FINDINGS, Tally, acts, findingOf, mergedEdits, quoted, refusalOf, replacement } from '../verdict.ts'
import { Incremental } from './incremental.ts'
import type { Window } from './windows.ts'
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
  /** How far the rules have decided. */
  #ruled = 0
  /** The findings of slow layers that took no effect: of each kind the surest, and where it stands in `findings`. */
  readonly #weak = new Map<string, number>()
  length = 0
  /** How far slow layers have cleared the text, where it waits for them. */
  cleared = Number.POSITIVE_INFINITY
  closed = false
  /** Set when the beginning of an event has left and its end has not: where the end begins, and what it is. */
  carry: { start: number; text: string } | undefined
  refusal: Refusal | undefined
  /** True for values that the caller sent itself: they are no leak. */
  own: ((label: string, text: string) => boolean) | undefined
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

  /** How far the text is decided: it can leave. */
  get safe(): number {
    return this.#ruled < this.cleared ? this.#ruled : this.cleared
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
      if (this.#pace !== 'complete' || final) this.#ruled = this.length
    } else {
      // What waits for its end anyway is looked at once, as one.
      if (this.#pace === 'complete' && !final) return
      try {
        const whole = this.#pace === 'complete' ? this.text() : ''
        const edits: Edit[] = []
        for (const span of this.#enforced.push(this.#pace === 'complete' ? whole : text, final)) this.#take(span, whole, edits)
        if (edits.length > 0) this.#edits = mergedEdits([...this.#edits, ...edits])
        this.#ruled = this.#enforced.safe
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
    this.#ruled = this.length
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
    else if (active.entry.reversible !== true || this.own?.(span.kind.category, span.text) !== true) {
      const put = replacement(active, span, span.text)
      edits.push({ segment: 0, start: span.start, end: span.end, text: this.origin === 'tool_call' ? quoted(whole, span.start, span.end, put) : put })
    }
  }

  /**
   * A slow layer has spoken about a window of the text. What waits for it is edited where the entry says so; what has
   * left cannot be, and a tool's arguments only as a whole.
   */
  judge(active: Active, { text, start }: Pick<Window, 'text' | 'start'>, { spans, inconclusive }: Sight): void {
    if (inconclusive !== undefined) this.unread(active, inconclusive)
    const edits: Edit[] = []
    for (const seen of spans) {
      const span = { kind: seen.kind, start: seen.start + start, end: seen.end + start }
      const shown = text.slice(seen.start, seen.end)
      if (!acts(active, span)) {
        this.#noteWeak(span, shown)
        continue
      }
      this.#note(span, shown)
      if (this.#pace === 'free') continue
      const { action } = active.entry
      if (active.entry.reversible === true && this.own?.(span.kind.category, shown) === true) continue
      const changes = action === 'redact' || action === 'rewrite'
      if (changes && this.cleared <= span.start && this.origin !== 'tool_call') edits.push({ segment: 0, start: span.start, end: span.end, text: replacement(active, span, shown) })
      else this.refusal ??= refusalOf(active, span, 'reply')
    }
    if (edits.length > 0) this.#edits = mergedEdits([...this.#edits, ...edits])
  }

  /** A part of the text was not looked at. One finding of each guardrail says so. */
  unread(active: Active, why: string): void {
    const known = this.findings.some(({ guardrail, category }) => guardrail === active.guardrail.id && category === 'inconclusive')
    if (known) return
    const tally = new Tally('reply')
    tally.inconclusive(active, this.origin, this.index, why, this.#pace === 'free' ? 'shadow' : looksMode(active.entry))
    this.findings.push(...tally.findings)
    this.refusal ??= tally.refusal
  }

  #noteWeak(span: Span, text: string): void {
    const key = `${span.kind.guardrail}|${span.kind.category}`
    const at = this.#weak.get(key)
    if (at !== undefined && Number(this.findings[at]?.score) >= span.kind.score) return
    const before = this.findings.length
    this.#note(span, text)
    if (this.findings.length === before) return
    if (at === undefined) this.#weak.set(key, before)
    else this.findings[at] = this.findings.pop() as Finding
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
