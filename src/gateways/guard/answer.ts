import type { Finding, GuardAction } from '../../contract/finding.ts'
import type { Inspection } from '../../contract/guard.ts'

/** The strongest thing that enforced guardrails would do; `flag` and `allow` pass. */
export type Action = GuardAction | 'allow'

/** Where in the input something was found, in UTF-16 units of the piece. */
export interface AnswerSpan {
  readonly piece: number
  readonly start: number
  readonly end: number
  readonly guardrail: string
  readonly category: string
  readonly score: number
  readonly layer: Finding['layer']
}

interface Judged {
  readonly passed: boolean
  readonly action: Action
  /** 0–1; null where nothing that gives scores looked. */
  readonly score: number | null
  readonly category: string | null
}

export interface FullAnswer extends Judged {
  /** The exchange, which finds the receipt. */
  readonly id: string
  readonly reason: string | null
  readonly spans: readonly AnswerSpan[]
  readonly latencyMs: number
  /** What each guardrail said, where more than one was asked. */
  readonly results?: readonly (Judged & { readonly guardrail: string })[]
}

export interface Answer {
  readonly answer: FullAnswer
  /** How close a score came to its threshold without reaching it; see `Inspection.near`. */
  readonly near: number | undefined
}

const MOST_SPANS = 64
const STRENGTH: Readonly<Record<Action, number>> = { allow: -1, flag: 0, redact: 1, rewrite: 2, hold: 3, deny: 4 }

export function answerOf(id: string, inspection: Inspection, asked: readonly string[] | undefined, latencyMs: number): Answer {
  const { findings, scores = {}, decided = {}, near } = inspection
  const ids = asked ?? [...new Set([...Object.keys(scores), ...Object.keys(decided), ...findings.map(({ guardrail }) => guardrail)])].sort()
  const results = ids.map((guardrail) => ({ guardrail, ...judged(guardrail, inspection) }))
  const worst = results.reduce<(typeof results)[number] | undefined>((best, one) => (best === undefined || STRENGTH[one.action] > STRENGTH[best.action] || (one.action === best.action && (one.score ?? 0) > (best.score ?? 0)) ? one : best), undefined)
  const action = worst?.action ?? 'allow'
  const answer: FullAnswer = {
    id,
    passed: passes(action),
    action,
    score: worst?.score ?? null,
    category: worst?.category ?? null,
    reason: worst === undefined || worst.category === null ? null : reasonFor(worst.guardrail, worst.category, action),
    spans: findings.flatMap((one) => spanOf(one) ?? []).slice(0, MOST_SPANS),
    latencyMs: Math.round(latencyMs * 100) / 100,
    ...(ids.length > 1 && { results }),
  }
  return { answer, near }
}

/** What a credential without the right to scores is told. */
export function briefly({ id, passed, action }: FullAnswer): Pick<FullAnswer, 'id' | 'passed' | 'action'> {
  return { id, passed, action }
}

function judged(guardrail: string, { findings, scores = {}, decided = {} }: Inspection): Judged {
  const action: Action = decided[guardrail] ?? 'allow'
  let best: Finding | undefined
  for (const one of findings) {
    if (one.guardrail === guardrail && (best === undefined || weightOf(one) > weightOf(best))) best = one
  }
  const score = scores[guardrail]
  return { passed: passes(action), action, score: score === undefined ? null : Math.round(score * 10_000) / 10_000, category: best?.category ?? null }
}

function weightOf({ score }: Finding): number {
  return score === 'inconclusive' ? -1 : score
}

function passes(action: Action): boolean {
  return action === 'allow' || action === 'flag'
}

function reasonFor(guardrail: string, category: string, action: Action): string {
  if (category === 'inconclusive') return `${guardrail} could not look at all of it`
  const found = `${guardrail} found ${category.replaceAll('_', ' ')}`
  return action === 'allow' ? `${found}, below its threshold` : found
}

function spanOf({ segment, start, end, guardrail, category, score, layer }: Finding): AnswerSpan | undefined {
  return score === 'inconclusive' ? undefined : { piece: segment, start, end, guardrail, category, score, layer }
}
