import type { Finding, GuardAction, Mode } from '../contract/finding.ts'
import type { Edit, Origin } from '../contract/segment.ts'
import { refuse } from '../contract/verdict.ts'
import type { Refusal, VerdictKind } from '../contract/verdict.ts'
import type { Phase } from './guardrail.ts'
import { looksMode } from './profile.ts'
import type { Active, Plan } from './profile.ts'
import { untrusted } from './origins.ts'
import type { Span } from './rules/matcher.ts'

const RANK: Readonly<Record<VerdictKind, number>> = { allow: 0, redact: 1, rewrite: 2, hold: 3, deny: 4 }
const ACTIONS: Readonly<Record<GuardAction, number>> = { flag: 0, redact: 1, rewrite: 2, hold: 3, deny: 4 }

/** Findings kept of one inspection or channel: a text that is all hits would fill the record and say nothing more. */
export const MOST_FINDINGS = 256

/** An edit that can be undone: `label` names the kind of value that stood there. */
export interface Labelled extends Edit {
  readonly label?: string
}

/** What a set of findings comes to. Collects; the caller reads the result when everything has been added. */
export class Tally {
  readonly findings: Finding[] = []
  /** The highest score of each guardrail. */
  readonly scores = new Map<string, number>()
  /** What rules below their threshold say of guardrails that have a classifier: it counts where that did not look. */
  readonly hints = new Map<string, number>()
  /** The same, of what is enforced alone. */
  readonly enforced = new Map<string, number>()
  /** The strongest action of each guardrail that was sure. */
  readonly decided = new Map<string, GuardAction>()
  /** True where something reached its threshold, also where it is only watched. */
  sure = false
  /** The highest share that a score below its threshold had of it. */
  near = 0
  readonly edits: Labelled[] = []
  /** What the model must be told, each once. */
  readonly instruct = new Set<string>()
  verdict: VerdictKind = 'allow'
  /** True where a guardrail whose action is `flag` was sure. */
  flagged = false
  refusal: Refusal | undefined
  readonly phase: Phase
  readonly #only: ReadonlySet<string> | undefined

  /** @param only guardrails that count; absent = all. */
  constructor(phase: Phase, only?: readonly string[]) {
    this.phase = phase
    this.#only = only && new Set(only)
  }

  /** True where this guardrail was asked for. */
  wants(guardrail: string): boolean {
    return this.#only?.has(guardrail) ?? true
  }

  #decide(guardrail: string, action: GuardAction): void {
    if (ACTIONS[action] > (ACTIONS[this.decided.get(guardrail) as GuardAction] ?? -1)) this.decided.set(guardrail, action)
  }

  #raise(verdict: VerdictKind, refusal?: Refusal): void {
    if (RANK[verdict] <= RANK[this.verdict]) return
    this.verdict = verdict
    this.refusal = refusal
  }

  /** Records one span of a segment. `pieces` later than the first of a split match are taken out, not marked. */
  add(plan: Plan, span: Span, origin: Origin, segment: number, text: string, start = span.start, end = span.end, first = true): void {
    const active = plan.byGuardrail.get(span.kind.guardrail)
    if (active === undefined || !this.wants(span.kind.guardrail)) return
    const { entry, guardrail } = active
    // What a rule only suspects is the classifier's to say, where one looked.
    const suspected = span.kind.layer === undefined && guardrail.needs === 'models' && span.kind.score < entry.threshold
    if (suspected) this.hints.set(guardrail.id, Math.max(span.kind.score, this.hints.get(guardrail.id) ?? 0))
    else this.score(guardrail.id, span.kind.score, modeOf(active, span))
    if (this.findings.length < MOST_FINDINGS) {
      this.findings.push(findingOf(active, span, origin, segment, start, end, guardrail.mask(span.kind.category, text.slice(start, end))))
    }
    const least = leastOf(active, span)
    if (span.kind.score >= least) this.sure = true
    if (!counts(active, span)) {
      if (span.kind.score < least) this.near = Math.max(this.near, span.kind.score / least)
      return
    }
    this.#decide(guardrail.id, entry.action)
    if (entry.action === 'flag') {
      this.flagged = true
      return
    }
    if (entry.action === 'deny' || entry.action === 'hold') this.#raise(entry.action, refusalOf(active, span, this.phase))
    else {
      this.#raise(entry.action === 'rewrite' ? 'rewrite' : 'redact')
      const put = first ? replacement(active, span, text.slice(start, end)) : ''
      // A match in pieces has no one place to go back to.
      const undone = entry.reversible === true && entry.action === 'redact' && end - start === span.end - span.start
      this.edits.push({ segment, start, end, text: origin === 'tool_call' ? quoted(text, start, end, put) : put, ...(undone && { label: span.kind.category }) })
    }
  }

  score(guardrail: string, score: number, mode: Mode): void {
    if (score > (this.scores.get(guardrail) ?? -1)) this.scores.set(guardrail, score)
    if (mode === 'enforce' && score > (this.enforced.get(guardrail) ?? -1)) this.enforced.set(guardrail, score)
  }

  /**
   * A part of the text was not looked at. On untrusted text that refuses unless an operator decided otherwise: padding
   * must not turn into a pass. A text that people whom policy trusts have written goes on, and the record says so.
   */
  inconclusive(active: Active, origin: Origin, segment: number, why: string, mode: Mode): void {
    const { entry, guardrail } = active
    const action = entry.onInconclusive ?? (untrusted(origin) ? 'deny' : 'flag')
    this.findings.push({
      guardrail: guardrail.id, category: 'inconclusive', score: 'inconclusive', layer: guardrail.layer, mode: mode === 'enforce' ? 'enforce' : 'shadow',
      action, origin, segment, start: 0, end: 0, rule: why, excerpt: '',
    })
    if (mode !== 'enforce' || action === 'flag') return
    this.#decide(guardrail.id, action)
    const detail = `${guardrail.id}: ${why}`
    this.#raise(action, refuse(action === 'hold' ? 'approval_unavailable' : 'inconclusive', { detail }))
  }

  /** An enforced guardrail could not look. */
  failed(active: Active, origin: Origin, segment: number, why: string): void {
    const { entry, guardrail } = active
    this.findings.push({
      guardrail: guardrail.id, category: 'inconclusive', score: 'inconclusive', layer: guardrail.layer, mode: entry.mode === 'off' ? 'shadow' : entry.mode,
      action: entry.action, origin, segment, start: 0, end: 0, rule: why, excerpt: '',
    })
    if (entry.mode !== 'enforce' || entry.onError === 'open') return
    this.#decide(guardrail.id, 'deny')
    this.#raise('deny', refuse('guard_failed', { detail: `${guardrail.id}: ${why}` }))
  }
}

/** True where a span takes effect: enforced, sure enough, and more than a flag. */
export function acts(active: Active, span: Span): boolean {
  return active.entry.action !== 'flag' && counts(active, span)
}

// Enforced, and sure enough.
function counts(active: Active, span: Span): boolean {
  return modeOf(active, span) === 'enforce' && span.kind.score >= leastOf(active, span)
}

function leastOf({ entry }: Active, { kind }: Span): number {
  return kind.layer === undefined ? entry.threshold : (entry.written ?? kind.least ?? entry.threshold)
}

/** The mode that counts for a span: the rules' or the slow layers'. */
export function modeOf({ entry, guardrail }: Active, span: Span): Mode {
  return span.kind.layer === undefined && guardrail.matchers !== undefined ? entry.mode : looksMode(entry)
}

export function refusalOf({ entry, guardrail }: Active, span: Span, phase: Phase): Refusal {
  const detail = `${guardrail.id}: ${span.kind.rule}`
  if (entry.action === 'hold') return refuse('approval_unavailable', { detail })
  const say = guardrail.say?.(span.kind.category)
  return refuse(guardrail.refusal[phase], { detail, ...(say !== undefined && { say }) })
}

/** What stands in the text where the span was. */
export function replacement({ entry, guardrail }: Active, span: Span, text: string): string {
  if (entry.action !== 'rewrite') return guardrail.marker(span.kind.category)
  return guardrail.rewritten?.(span.kind.category, text) ?? ''
}

export function findingOf(active: Active, span: Span, origin: Origin, segment: number, start: number, end: number, excerpt: string): Finding {
  const { entry, guardrail } = active
  return {
    guardrail: guardrail.id, category: span.kind.category, score: span.kind.score, layer: span.kind.layer ?? guardrail.layer,
    mode: modeOf(active, span) === 'enforce' ? 'enforce' : 'shadow', action: entry.action, origin, segment, start, end, rule: span.kind.rule, excerpt,
  }
}

/** Tool arguments are JSON text: a marker in place of a bare number needs quotes, or nobody can parse them. */
export function quoted(text: string, start: number, end: number, put: string): string {
  let before = start - 1
  while (before >= 0 && text.charCodeAt(before) <= 32) before--
  let after = end
  while (after < text.length && text.charCodeAt(after) <= 32) after++
  const opens = text.charAt(before)
  const closes = text.charAt(after)
  if (opens !== ':' && opens !== '[' && opens !== ',') return put
  if (closes !== ',' && closes !== ']' && closes !== '}') return put
  return insideString(text, start) ? put : `"${put}"`
}

// Quotes of the text asked about last: its edits come one after the other.
let quotes: { readonly text: string; readonly at: readonly number[] } = { text: '', at: [] }

function insideString(text: string, at: number): boolean {
  if (quotes.text !== text) {
    const found: number[] = []
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === 92 && found.length % 2 === 1) i++
      else if (code === 34) found.push(i)
    }
    quotes = { text, at: found }
  }
  let low = 0
  let high = quotes.at.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((quotes.at[middle] as number) < at) low = middle + 1
    else high = middle
  }
  return low % 2 === 1
}

/** Edits in order, overlapping ones made one: the earlier one's text stands for both. */
export function mergedEdits(edits: readonly Labelled[]): readonly Labelled[] {
  if (edits.length < 2) return edits
  const sorted = [...edits].sort((a, b) => a.segment - b.segment || a.start - b.start || b.end - a.end)
  const merged: Labelled[] = []
  for (const edit of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && last.segment === edit.segment && edit.start < last.end) {
      // What one of the two must not give back, neither gives back.
      merged[merged.length - 1] = { ...(last.label !== undefined && edit.label === undefined ? { ...edit, start: last.start } : last), end: Math.max(last.end, edit.end) }
    } else merged.push(edit)
  }
  return merged
}

/** The text with edits of one segment applied; the edits must be sorted and must not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  let out = ''
  let from = 0
  for (const edit of edits) {
    out += text.slice(from, edit.start) + edit.text
    from = edit.end
  }
  return out + text.slice(from)
}
