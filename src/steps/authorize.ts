import type { Action, Candidate, Reading } from '../contract/exchange.ts'
import type { Context, ContextValue, Decision } from '../contract/policy.ts'
import type { Facts, More, Step, Stepped } from '../contract/facts.ts'
import type { Finding } from '../contract/finding.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import type { Code } from '../contract/reasons.ts'
import type { House } from './house.ts'
import { judge } from './child.ts'

type Known = Facts & { readonly principal: Principal; readonly reading: Reading; readonly candidates: readonly Candidate[] }

/**
 * Asks policy about every target (law 7) and about everything that would happen behind our back (law 4), before
 * anything is inspected or spent.
 */
export function authorize(house: House): Step {
  return (facts) => {
    const known = facts as Known
    const first = decide(house, known, [])
    return isRefusal(first) || known.reading.subordinates.length === 0 ? first : behind(house, known, first)
  }
}

/** Each thing that the provider would do behind our back is a child exchange; all must pass. */
async function behind(house: House, known: Known, first: More): Promise<Stepped> {
  for (const [sequence, subordinate] of known.reading.subordinates.entries()) {
    const refusal = await judge(house, known, { ...subordinate, sequence, parameters: {} })
    if (refusal !== undefined) return { ...refusal, refuse: subordinateCodes[subordinate.action] ?? refusal.refuse, known: first }
  }
  return first
}

const subordinateCodes: Partial<Record<Action, Code>> = {
  'llm.provider_tool': 'provider_tool_denied',
  'llm.fetch_url': 'url_fetch_denied',
  'llm.provider_state': 'provider_state_denied',
}

/** The same question with what inspection found. Only enforced findings count: shadow never refuses. */
export function reauthorize(house: House): Step {
  return (facts) => {
    const known = facts as Known
    const asks = known.reading.action === 'guard.evaluate'
    const findings = asks ? [] : (facts.inspection?.findings ?? []).filter((one) => one.mode === 'enforce')
    const scores = asks ? {} : percents(facts.inspection?.enforced ?? {})
    if (findings.length === 0 && Object.values(scores).every((one) => one === 0)) return { permit: known.permit as NonNullable<Facts['permit']> }
    return decide(house, { ...known, candidates: known.permit?.candidates ?? [] }, findings, scores)
  }
}

/** Whole percents by guardrail. */
export type Scores = Readonly<Record<string, number>>

export function percents(scores: Scores): Scores {
  return Object.fromEntries(Object.entries(scores).map(([name, score]) => [name, Math.round(score * 100)]))
}

function decide(house: House, facts: Known, findings: readonly Finding[], scores: Scores = {}): Stepped {
  const { exchange, epoch, principal, reading, candidates } = facts
  const context = contextOf(house, reading, findings, scores)
  if (reading.effect !== 'dial') {
    const decision = epoch.authorize({ principal, action: reading.action, resource: reading.resource, context })
    return decision.verdict === 'allow'
      ? { permit: { exchange: exchange.id, candidates: [] }, decisions: [decision], context }
      : { ...refusalFor(decision), known: { decisions: [decision], context } }
  }
  const decisions: Decision[] = []
  const allowed: Candidate[] = []
  for (const candidate of candidates) {
    const decision = epoch.authorize({ principal, action: reading.action, resource: candidate.resource, context: { ...context, role: candidate.role } })
    decisions.push(decision)
    if (decision.verdict === 'allow') allowed.push(candidate)
  }
  if (!allowed.some((one) => one.role !== 'mirror')) {
    const deciding = decisions.find((one) => one.verdict === 'hold') ?? (decisions[0] as Decision)
    return { ...refusalFor(deciding), known: { decisions, context } }
  }
  return { permit: { exchange: exchange.id, candidates: allowed }, decisions, context }
}

export function refusalFor(decision: Decision): Refusal {
  const code = decision.verdict === 'hold' ? 'approval_unavailable' : decision.policies.includes('builtin.scope') ? 'out_of_scope' : 'denied'
  return refuse(code, {
    ...(decision.message !== undefined && { say: decision.message }),
    detail: decision.errors.length > 0 ? `policy error: ${decision.errors.join('; ')}` : decision.policies.join(', '),
  })
}

/** The facts that policies may ask about. Scores are whole percents, because Cedar has no floating point. */
export function contextOf(house: House, reading: Reading, findings: readonly Finding[], scores: Scores = {}): Context {
  const now = new Date(house.clock.wall())
  const categories = new Set<string>()
  let score = 0
  for (const finding of findings) {
    categories.add(finding.category)
    if (finding.score === 'inconclusive') categories.add('inconclusive')
    else score = Math.max(score, Math.round(finding.score * 100))
  }
  return {
    route: reading.route,
    stream: reading.stream,
    direction: reading.direction,
    role: 'primary',
    effects: reading.effects,
    findings: [...categories],
    score,
    scores,
    labels: { untrusted: reading.segments.some((one) => one.origin === 'tool_result' || one.origin === 'document'), sensitivity: 0 },
    parameters: reading.parameters as Record<string, ContextValue>,
    time: { hour: now.getUTCHours(), weekday: now.getUTCDay(), unix: Math.floor(now.getTime() / 1000) },
  }
}
