import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Approved, Held } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Epoch } from '../contract/epoch.ts'
import type { Action, Candidate, Reading, Resource } from '../contract/exchange.ts'
import type { Context, ContextValue, Decision } from '../contract/policy.ts'
import type { Facts, More, Step, Stepped } from '../contract/facts.ts'
import type { Finding } from '../contract/finding.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import type { Code } from '../contract/reasons.ts'
import type { House } from './house.ts'
import { judge } from './child.ts'
import { isFlowPolicy } from '../contract/flow.ts'
import { flowedOf, joined, ofPolicies } from './flow.ts'
import { labelsOf } from './labels.ts'

export type Known = Facts & { readonly principal: Principal; readonly reading: Reading; readonly candidates: readonly Candidate[] }

/**
 * Asks policy about every target (law 7) and about everything that would happen behind our back (law 4), before
 * anything is inspected or spent.
 */
export function authorize(house: House): Step {
  return (facts) => {
    const known = facts as Known
    const decided = (): Stepped | Promise<Stepped> => {
      const first = decide(house, known, { findings: [], scores: {} })
      return isRefusal(first) || known.reading.subordinates.length === 0 ? first : behind(house, known, first)
    }
    const looking = looked(known)
    return looking === undefined ? decided() : looking.then(decided)
  }
}

/** Flow looks at all that was said before it decides about a call: long texts in pieces, so that others wait for none of them. */
function looked({ epoch, principal, reading }: Known): Promise<void> | undefined {
  return reading.call === undefined ? undefined : (reading.within ?? epoch.flow.ongoing(principal)).looked()
}

/** Each thing that the provider would do behind our back is a child exchange; all must pass. */
async function behind(house: House, known: Known, first: More): Promise<Stepped> {
  for (const [sequence, subordinate] of known.reading.subordinates.entries()) {
    const show = (): Shown => ({ body: JSON.stringify({ action: subordinate.action, resource: subordinate.resource, whole: subordinate.whole }), values: [], undo: 'unknown' })
    // The same for the same request, so that a consent that comes late finds it.
    const fingerprint = (): string => createHash('sha256').update(`${known.reading.fingerprint()}\n${sequence}\n`).update(show().body).digest('base64')
    const refusal = await judge(house, known, { ...subordinate, sequence, parameters: {}, fingerprint, show })
    // What people have not decided yet keeps its own code: as a denial it would be remembered, and refused once it is approved.
    if (refusal !== undefined) return { ...refusal, refuse: refusal.refuse.startsWith('approval') ? refusal.refuse : (subordinateCodes[subordinate.action] ?? refusal.refuse), known: first }
  }
  return first
}

const subordinateCodes: Partial<Record<Action, Code>> = {
  'llm.provider_tool': 'provider_tool_denied',
  'llm.fetch_url': 'url_fetch_denied',
  'llm.provider_state': 'provider_state_denied',
}

/**
 * The same question with what inspection found and what the conversation comes to. What a reviewer released already stays released: only the rest is
 * decided anew.
 */
export function reauthorize(house: House): Step {
  return (facts) => {
    const known = facts as Known
    const { findings, scores } = enforcedOf(facts)
    if (findings.length === 0 && Object.values(scores).every((one) => one === 0) && !rose(known)) return { permit: known.permit as NonNullable<Facts['permit']> }
    const candidates = known.permit?.candidates ?? []
    const policies = facts.approval?.verdict === 'released' ? facts.approval.policies : []
    const targets = known.reading.effect === 'dial' ? candidates.map((one) => one.resource) : [known.reading.resource]
    return decide(house, { ...known, candidates }, { findings, scores, approved: targets.map((resource) => ({ resource, policies })) })
  }
}

/** Whether policies were asked with other labels than the session has by now. */
function rose(known: Known): boolean {
  const before = known.context?.['labels']
  if (typeof before !== 'object' || Array.isArray(before)) return false
  const { untrusted, sensitivity } = before as Readonly<Record<string, ContextValue>>
  const now = labelsOf(known.epoch, known)
  return now.untrusted !== untrusted || now.sensitivity !== sensitivity
}

/** What policy may hear of the inspection: only enforced findings count, because shadow never refuses. */
export function enforcedOf({ reading, inspection }: Facts): { readonly findings: readonly Finding[]; readonly scores: Scores } {
  if (reading?.action === 'guard.evaluate') return { findings: [], scores: {} }
  return { findings: (inspection?.findings ?? []).filter((one) => one.mode === 'enforce'), scores: percents(inspection?.enforced ?? {}) }
}

/** Whole percents by guardrail. */
export type Scores = Readonly<Record<string, number>>

export function percents(scores: Scores): Scores {
  return Object.fromEntries(Object.entries(scores).map(([name, score]) => [name, Math.round(score * 100)]))
}

interface Deciding {
  readonly findings: readonly Finding[]
  readonly scores: Scores
  readonly approved?: readonly Approved[]
  /** Whose policies decide; absent = those that the exchange began under. */
  readonly epoch?: Epoch
}

/**
 * Permits the targets that policy allows. Where it allows none and holds some, the permit is for those, and `held` says
 * that nothing may be dialled until somebody released them.
 */
export function decide(house: House, facts: Known, { findings, scores, approved = [], epoch = facts.epoch }: Deciding): (Pick<More, 'permit' | 'decisions' | 'context' | 'flow'> & { readonly held: Held | undefined }) | (Refusal & { readonly known?: More }) {
  const { exchange, principal, reading } = facts
  const context = contextOf(house, epoch, facts, findings, scores)
  const flow = flowedOf(epoch, facts, house.clock.wall())
  const known = flow && { flow }
  const theirs = ofPolicies(approved)
  const ask = (resource: Resource, role?: Candidate['role']): { readonly decision: Decision; readonly held: Held } => {
    const asked = role === undefined ? context : { ...context, role }
    const question = { principal, action: reading.action, resource, context: asked }
    // A mirror, and another target to fail over to, were shown to nobody.
    const setAside = (by: readonly Approved[]): readonly string[] => (role === 'mirror' ? [] : by.flatMap((one) => (isDeepStrictEqual(one.resource, resource) ? one.policies : [])))
    const released = setAside(theirs)
    const permitted = released.length === 0 ? epoch.authorize(question) : epoch.release(question, released)
    const decision = flow === undefined ? permitted : joined(permitted, flow, setAside(approved))
    return { decision, held: { decision, resource, context: asked } }
  }
  const targets: readonly (Candidate | undefined)[] = reading.effect === 'dial' ? facts.candidates : [undefined]
  const asked = targets.map((candidate) => ({ candidate, ...ask(candidate?.resource ?? reading.resource, candidate?.role) }))
  const decisions = asked.map((one) => one.decision)
  for (const verdict of ['allow', 'hold'] as const) {
    const found = asked.filter(({ decision, candidate }) => decision.verdict === verdict && (verdict === 'allow' || candidate?.role !== 'mirror'))
    const [first] = found.filter(({ candidate }) => candidate?.role !== 'mirror')
    if (first === undefined) continue
    // In the same turn as the decision, so that of many at once no more pass than may.
    if (!epoch.history.reserve({ principal, action: reading.action, resource: first.held.resource, context }, exchange.id)) return { ...refuse('step_failed', { detail: 'no room for more history' }), known: { decisions, context, ...known } }
    const permit = { exchange: exchange.id, candidates: found.flatMap(({ candidate }) => candidate ?? []) }
    return { permit, decisions, context, ...known, held: verdict === 'hold' ? first.held : undefined }
  }
  // Facts of any verdict count attempts as well.
  const { held: tried } = asked[0] as (typeof asked)[number]
  epoch.history.reserve({ principal, action: reading.action, resource: tried.resource, context }, exchange.id)
  return { ...refusalFor(decisions[0] as Decision), known: { decisions, context, ...known } }
}

export function refusalFor(decision: Decision): Refusal {
  const code = decision.policies.includes('builtin.scope') ? 'out_of_scope' : decision.policies.some(isFlowPolicy) ? 'flow_denied' : 'denied'
  return refuse(code, {
    ...(decision.message !== undefined && { say: decision.message }),
    detail: decision.errors.length > 0 ? `policy error: ${decision.errors.join('; ')}` : decision.policies.join(', '),
  })
}

/** The facts that policies may ask about. Scores are whole percents, because Cedar has no floating point. */
export function contextOf(house: Pick<House, 'clock' | 'anomaly'>, epoch: Epoch, { reading, exchange, principal, session, context: before }: Pick<Known, 'reading' | 'exchange' | 'principal' | 'session' | 'context'>, findings: readonly Finding[], scores: Scores): Context {
  const history = epoch.history.read(principal, exchange.id)
  const now = new Date(house.clock.wall())
  const categories = new Set<string>()
  let score = 0
  for (const finding of findings) {
    categories.add(finding.category)
    if (finding.score === 'inconclusive') categories.add('inconclusive')
    else score = Math.max(score, Math.round(finding.score * 100))
  }
  return {
    gateway: reading.gateway ?? exchange.gateway,
    // Asked once for each exchange, because asking counts.
    anomaly: before?.['anomaly'] ?? house.anomaly(principal, reading.action, reading.resource),
    route: reading.route,
    stream: reading.stream,
    direction: reading.direction,
    role: 'primary',
    effects: reading.effects,
    findings: [...categories],
    score,
    scores,
    labels: { ...labelsOf(epoch, { principal, reading, ...(session && { session }) }) },
    parameters: reading.parameters as Record<string, ContextValue>,
    ...(history && { history }),
    time: { hour: now.getUTCHours(), weekday: now.getUTCDay(), unix: Math.floor(now.getTime() / 1000) },
  }
}
