import type { Clock } from '../contract/clock.ts'
import type { Asked } from '../contract/exchange.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Segment } from '../contract/segment.ts'
import { refuse } from '../contract/verdict.ts'
import type { Joint, Looked, SegmentCache, Talks } from './cache.ts'
import type { Glance, Phase, Sight } from './guardrail.ts'
import { lookOnce } from './looks.ts'
import { layersOf, looksMode } from './profile.ts'
import type { Active, Plan, PlanOf, Profiles } from './profile.ts'
import type { Span } from './rules/matcher.ts'
import type { Scanner } from './rules/scanner.ts'
import type { Allowance, Tools } from './tools.ts'
import { Tally, mergedEdits } from './verdict.ts'

const NO_SPANS: readonly Span[] = []
const NO_JOINT: readonly Joint[] = []
// A payload split over neighbours is looked for in this much text on each side of the seam.
const SEAM = 320
// Context that slow layers get of the task and of the system prompt.
const CONTEXT = 2000
// Windows of 128 tokens that the deep classifier reads for one exchange: about half a second of one core.
export const WINDOWS = 48

export interface Inspectors {
  readonly clock: Clock
  readonly profiles: Profiles
  readonly cache: SegmentCache
  readonly talks: Talks
  readonly tools: Tools
  /** Hears of what shadow layers saw after the verdict. */
  readonly onShadow?: (asked: Asked, findings: Inspection['findings']) => void
}

/** What the rules of one text found, and which guardrails could not look. */
export interface Ruled {
  readonly spans: readonly Span[]
  readonly failed: readonly { readonly active: Active; readonly why: string }[]
  /** Set where the text holds more that is encoded than was read. */
  readonly exhausted?: true
}

/**
 * Runs all rules over one text in one pass. Should that throw, each guardrail runs alone, so that a broken shadow
 * rule takes nothing else with it.
 */
export function ruled(scanner: Scanner, plan: Plan, profiles: Profiles, text: string): Ruled {
  try {
    const { spans, exhausted } = scanner.scan(text, true)
    return { spans, failed: [], ...(exhausted && { exhausted }) }
  } catch {
    const spans: Span[] = []
    const failed: { active: Active; why: string }[] = []
    for (const active of plan.byGuardrail.values()) {
      try {
        spans.push(...(profiles.alone(active.guardrail.id)?.scan(text, true).spans ?? NO_SPANS))
      } catch (error) {
        if (active.entry.mode === 'enforce') failed.push({ active, why: error instanceof Error ? error.message : 'failed' })
      }
    }
    return { spans: spans.sort((a, b) => a.start - b.start), failed }
  }
}

// The text of a group before segment `i`, as much of it as a seam needs, nearest last.
function leftOf(segments: readonly Segment[], i: number): { text: string; from: number; offset: number } {
  const group = segments[i]?.group
  let text = ''
  let from = i
  let offset = 0
  while (from > 0 && segments[from - 1]?.group === group && text.length < SEAM) {
    const before = (segments[--from] as Segment).text
    offset = Math.max(0, before.length - (SEAM - text.length))
    text = before.slice(offset) + text
  }
  return { text, from, offset }
}

function piecesOf(segments: readonly Segment[], i: number, from: number, offset: number, start: number, end: number, seam: number, gap: number): Joint['pieces'] {
  const pieces: { back: number; start: number; end: number }[] = []
  let at = 0
  for (let k = from; k < i; k++) {
    const skip = k === from ? offset : 0
    const length = (segments[k] as Segment).text.length - skip
    const low = Math.max(start, at)
    const high = Math.min(end, at + length)
    if (low < high) pieces.push({ back: i - k, start: low - at + skip, end: high - at + skip })
    at += length
  }
  const low = Math.max(start - seam - gap, 0)
  if (end - seam - gap > low) pieces.push({ back: 0, start: low, end: end - seam - gap })
  return pieces
}

// Joined as models read it, and with a space: a sentence cut between two words has lost one.
function jointOf(scan: (text: string) => readonly Span[], segments: readonly Segment[], i: number): readonly Joint[] {
  const left = leftOf(segments, i)
  if (left.text === '') return NO_JOINT
  const right = (segments[i] as Segment).text.slice(0, SEAM)
  const found: Joint[] = []
  for (const gap of ['', ' ']) {
    const seam = left.text.length
    for (const span of scan(left.text + gap + right)) {
      if (span.start >= seam || span.end <= seam + gap.length) continue
      if (found.some((one) => one.span.kind.guardrail === span.kind.guardrail)) continue
      found.push({ span, pieces: piecesOf(segments, i, left.from, left.offset, span.start, span.end, seam, gap.length) })
    }
  }
  return found.length === 0 ? NO_JOINT : found
}

interface Contexts {
  readonly task: string
  readonly system: string
}

// What the user last asked, and what the operator's prompt says: context for texts that come from elsewhere.
export function contextOf(asked: Asked): Contexts {
  const { segments } = asked.reading
  const last = segments.findLast(({ origin }) => origin === 'user')
  const first = segments.find(({ origin }) => origin === 'system')
  return { task: (asked.reading.task ?? last?.text ?? '').slice(0, CONTEXT), system: first?.text.slice(0, CONTEXT) ?? '' }
}

/** What an entry's slow layer is told about a text of one exchange. */
export function glanceOf(active: Active, asked: Asked, origin: Segment['origin'], contexts: Contexts, allowance: Allowance): Glance {
  const { entry } = active
  const { tenant, workload } = asked.principal
  return { asked, origin, tenant, workload, route: asked.reading.route, ...contexts, level: entry.level ?? 2, threshold: entry.written, layers: layersOf(active), enforced: looksMode(entry) === 'enforce', allowance }
}

/**
 * Whether an entry's slow layer may still look while the call is under way: only a model's answer can be withheld when
 * it comes to a refusal, and what has been sent can no longer be edited.
 */
function runsBeside({ entry }: Active, { reading }: Asked): boolean {
  if (entry.parallel !== true || entry.action === 'redact' || entry.action === 'rewrite') return false
  return reading.action === 'llm.generate' && reading.effect === 'dial' && reading.overlapsIntent && reading.subordinates.length === 0 && reading.effects.every((one) => one === 'read')
}

// A sentence cut in two between neighbouring parts, as a reader sees it.
function seamText(segments: readonly Segment[], i: number): string | undefined {
  const segment = segments[i] as Segment
  const before = segments[i - 1]
  if (before === undefined || before.group !== segment.group || segment.text === '') return undefined
  const { text } = leftOf(segments, i)
  return text === '' ? undefined : `${text} ${segment.text.slice(0, SEAM)}`
}

/** Makes the whole-text inspection: `inspect` of the guard, and the complete leaves of replies. */
export function inspector({ clock, profiles, cache, talks, tools, onShadow }: Inspectors) {
  const look = (scanner: Scanner, plan: Plan, tenant: string, segment: Segment, tally: Tally, index: number): readonly Span[] => {
    const key = cache.key(tenant, scanner.id, segment.origin, segment.text)
    const known = key === undefined ? undefined : cache.get(key)
    if (known !== undefined) return known.spans
    const failures = tally.findings.length
    const spans = scanned(scanner, plan, segment.text, tally, segment.origin, index)
    if (key !== undefined && tally.findings.length === failures) cache.set(key, { spans })
    return spans
  }

  const scanned = (scanner: Scanner, plan: Plan, text: string, tally: Tally, origin: Segment['origin'], index: number): readonly Span[] => {
    const { spans, failed, exhausted } = ruled(scanner, plan, profiles, text)
    for (const { active, why } of failed) tally.failed(active, origin, index, why)
    if (exhausted) {
      // One guardrail speaks for all: the strictest of those whose rules could not read what is encoded.
      const blind = [...plan.byGuardrail.values()].filter(({ entry, guardrail }) => guardrail.matchers !== undefined && entry.mode !== 'off')
      const speaker = blind.find(({ entry }) => entry.mode === 'enforce') ?? blind[0]
      if (speaker !== undefined) tally.inconclusive(speaker, origin, index, 'more is encoded than may be decoded', speaker.entry.mode)
    }
    return spans
  }

  const lookAt = async (active: Active, text: string, glance: Glance, signal: AbortSignal): Promise<Sight | { readonly failed: string }> => {
    const { guardrail, entry } = active
    const detector = `${guardrail.id}|${[...glance.layers].join()}|${glance.enforced}|${glance.level}|${entry.written ?? ''}|${guardrail.context?.(glance) ?? ''}`
    const key = cache.key(glance.tenant, detector, glance.origin, text, 0)
    const known = key === undefined ? undefined : cache.get(key)
    if (known !== undefined) return known
    const seen = await lookOnce(active, text, glance, tools, clock, signal)
    if (key !== undefined && !('failed' in seen) && seen.inconclusive === undefined) cache.set(key, seen)
    return seen
  }

  const slow = async (asked: Asked, segments: readonly Segment[], planOf: PlanOf, mode: 'enforce' | 'shadow', tally: Tally, signal: AbortSignal, chosen: (active: Active) => boolean = all): Promise<void> => {
    const contexts = contextOf(asked)
    const allowance: Allowance = { windows: WINDOWS }
    await Promise.all(
      segments.map(async (segment, index) => {
        const plan = planOf(segment.origin)
        if (plan === undefined) return
        const seam = seamText(segments, index)
        for (const active of plan.looks) {
          if (looksMode(active.entry) !== mode || !tally.wants(active.guardrail.id) || !chosen(active)) continue
          const glance = glanceOf(active, asked, segment.origin, contexts, allowance)
          const seen = await lookAt(active, segment.text, glance, signal)
          if ('failed' in seen) {
            if (mode === 'enforce') tally.failed(active, segment.origin, index, seen.failed)
            continue
          }
          if (seen.score !== undefined) tally.score(active.guardrail.id, seen.score, mode)
          if (seen.instruct !== undefined && mode === 'enforce' && tally.phase === 'request') tally.instruct.add(seen.instruct)
          if (seen.inconclusive !== undefined) tally.inconclusive(active, segment.origin, index, seen.inconclusive, mode)
          for (const span of seen.spans) tally.add(plan, span, segment.origin, index, segment.text)
          if (seam === undefined || active.entry.action === 'redact' || active.entry.action === 'rewrite') continue
          // What only the joined text shows counts for the later of its two parts.
          const joined = await lookAt(active, seam, glance, signal)
          if ('failed' in joined) {
            if (mode === 'enforce') tally.failed(active, segment.origin, index, joined.failed)
            continue
          }
          if (joined.inconclusive !== undefined) tally.inconclusive(active, segment.origin, index, joined.inconclusive, mode)
          for (const span of joined.spans) tally.add(plan, span, segment.origin, index, segment.text, 0, Math.min(SEAM, segment.text.length))
        }
      }),
    )
  }

  // After the verdict, and never in its way: nothing waits for it and nothing that it throws matters.
  const beside = (asked: Asked, segments: readonly Segment[], planOf: PlanOf, phase: Phase): void => {
    clock.timer(0, () => {
      const tally = new Tally(phase)
      slow(asked, segments, planOf, 'shadow', tally, new AbortController().signal).then(
        () => {
          // Faint scores are everywhere: what nobody would have acted on needs no review.
          if (tally.sure) onShadow?.(asked, tally.findings)
        },
        () => undefined,
      )
    })
  }

  return (asked: Asked, segments: readonly Segment[], phase: Phase, signal: AbortSignal): Inspection | Promise<Inspection> => {
    const began = clock.monotonic()
    const planOf = profiles.of(asked, phase)
    const { tenant, workload, chain } = asked.principal
    const keep = phase === 'request' && segments.length > 1
    const principal = keep ? `${tenant.length}:${tenant}|${workload}|${chain.join('|')}` : ''
    const known = keep ? talks.recall(principal, segments) : []
    const tally = new Tally(phase, asked.reading.guardrails)
    const looked: Looked[] = keep ? known.slice() : []
    let reused = 0
    let enforcedLooks = false
    let besideLooks = false
    let shadowLooks = false
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i] as Segment
      const plan = planOf(segment.origin)
      const detector = plan?.whole?.id
      let now = known[i]
      if (now === undefined || now.detector !== detector) {
        const before = segments[i - 1]
        const rules = plan?.whole
        const failures = tally.findings.length
        const spans = plan === undefined || rules === undefined ? NO_SPANS : look(rules, plan, tenant, segment, tally, i)
        const joint = plan === undefined || rules === undefined || before?.group !== segment.group ? NO_JOINT : jointOf((text) => scanned(rules, plan, text, tally, segment.origin, i), segments, i)
        now = { text: segment.text, origin: segment.origin, group: segment.group, detector: tally.findings.length > failures ? 'failed' : detector, spans, joint }
        looked[i] = now
      } else reused++
      if (plan === undefined) continue
      for (const span of now.spans) tally.add(plan, span, segment.origin, i, segment.text)
      for (const { span, pieces } of now.joint) {
        for (const [n, piece] of pieces.entries()) {
          const target = segments[i - piece.back] as Segment
          tally.add(plan, span, target.origin, i - piece.back, target.text, piece.start, piece.end, n === 0)
        }
      }
      for (const active of plan.looks) {
        if (looksMode(active.entry) === 'shadow') shadowLooks = true
        else if (phase === 'request' && runsBeside(active, asked)) besideLooks = true
        else enforcedLooks = true
      }
    }
    if (keep) talks.remember(principal, known, looked)
    const conclude = (): Inspection => {
      if (shadowLooks && tally.verdict !== 'deny') beside(asked, segments, planOf, phase)
      const made = concluded(tally, Math.round((clock.monotonic() - began) * 1000), reused, known.length)
      if (!besideLooks || made.verdict === 'deny' || made.verdict === 'hold') return made
      const more = new Tally(phase, asked.reading.guardrails)
      const late = (): Inspection => concluded(more, 0, 0, 0)
      const pending = slow(asked, segments, planOf, 'enforce', more, signal, (active) => runsBeside(active, asked)).then(late, (error: unknown) => {
        const detail = error instanceof Error ? error.message : 'failed'
        return { ...late(), verdict: 'deny', refusal: refuse('guard_failed', { detail }) } as const
      })
      return { ...made, pending }
    }
    // What rules already refuse needs no slower opinion.
    if (!enforcedLooks || tally.verdict === 'deny') return conclude()
    const waited = besideLooks ? (active: Active) => !runsBeside(active, asked) : all
    return slow(asked, segments, planOf, 'enforce', tally, signal, waited).then(conclude)
  }
}

function all(): boolean {
  return true
}

function concluded(tally: Tally, micros: number, reused: number, known: number): Inspection {
  for (const [guardrail, score] of tally.hints) if (!tally.scores.has(guardrail)) tally.scores.set(guardrail, score)
  const { verdict, refusal, findings, flagged, scores, enforced, decided, near, instruct } = tally
  return {
    findings,
    verdict,
    ...(refusal && { refusal }),
    ...(flagged && { flagged }),
    ...(scores.size > 0 && { scores: Object.fromEntries(scores) }),
    ...(enforced.size > 0 && { enforced: Object.fromEntries(enforced) }),
    ...(decided.size > 0 && { decided: Object.fromEntries(decided) }),
    ...(near > 0 && { near }),
    ...(instruct.size > 0 && { instruct: [...instruct] }),
    edits: verdict === 'redact' || verdict === 'rewrite' ? mergedEdits(tally.edits) : [],
    micros,
    reused,
    known,
  }
}
