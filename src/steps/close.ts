import type { Attempt, Usage } from '../contract/exchange.ts'
import type { Ending } from '../contract/ending.ts'
import type { Facts } from '../contract/facts.ts'
import type { Finding } from '../contract/finding.ts'
import type { FindingFact, Payload, Receipt } from '../contract/receipt.ts'
import type { Principal } from '../contract/principal.ts'
import type { VerdictKind } from '../contract/verdict.ts'
import { NO_USAGE } from '../contract/exchange.ts'
import { reasonOf, type Code } from '../contract/reasons.ts'
import { callerOf } from './ask.ts'
import { askedFact } from './asked.ts'
import { percents, type Scores } from './authorize.ts'
import { flowFact } from './flow.ts'
import { commonFacts } from './intent.ts'
import type { House } from './house.ts'

/** Settles what was set aside and writes the receipt. Waits for mirrors, whose cost counts; their own limits bound it. */
export function close(house: House) {
  return async (before: Facts, ended: Ending): Promise<void> => {
    const { facts, ending } = withLate(before, ended)
    remember(house, facts, ending)
    if (facts.reply !== undefined) {
      if (facts.reservation !== undefined) facts.epoch.budgets.answered(facts.reservation)
      await facts.reply.finished()
    }
    const attempts = facts.reply?.attempts() ?? []
    const cost = costOf(attempts)
    const receipt = receiptOf(house, facts, ending, attempts, cost)
    const written = house.audit.receipt(receipt, house.keepPayload === 'none' ? undefined : payloadOf(facts, ending))
    // The receipt is on its way before anything that may throw: a broken log or counter must not cost it (law 2).
    try {
      if (ending.refusal === undefined) house.history.commit(facts.exchange.id)
      else house.history.release(facts.exchange.id)
      settle(facts, ending, attempts, cost)
      house.observe(receipt)
    } finally {
      await written
    }
  }
}

/** Takes in what came to light while the upstream was asked, as if it had been known when the guards were asked. */
function withLate(facts: Facts, ending: Ending): { readonly facts: Facts; readonly ending: Ending } {
  const late = facts.guarded?.late?.()
  if (late === undefined || facts.inspection === undefined) return { facts, ending }
  const { inspection: more, refusal, decisions, context } = late
  const { pending: _, ...first } = facts.inspection
  const inspection = more === undefined ? first : { ...first, findings: [...first.findings, ...more.findings], scores: highest(first.scores, more.scores), micros: first.micros + more.micros }
  return {
    facts: { ...facts, inspection, ...(decisions && { decisions: [...(facts.decisions ?? []), ...decisions] }), ...(context && { context }) },
    ending: refusal !== undefined && refusal === ending.refusal ? { ...ending, step: 'inspect' } : ending,
  }
}

function highest(a: Scores = {}, b: Scores = {}): Scores {
  const both: Record<string, number> = { ...a }
  for (const [name, score] of Object.entries(b)) both[name] = Math.max(score, both[name] ?? 0)
  return both
}

/** For what the listener refused before it was an arrival: nobody is known, and still there is a receipt. */
export function malformedReceipt({ id, code, status }: { readonly id: string; readonly code: Code; readonly status: number }, epoch: string, now: number): Receipt {
  return {
    kind: 'receipt',
    exchange: id,
    gateway: 'listen',
    tenant: 'default',
    workload: 'unknown',
    chain: [],
    subject: 'default/unknown',
    action: 'unread',
    resource: '',
    route: '',
    epoch,
    at: now,
    verdict: 'deny',
    outcome: 'refused',
    code,
    step: 'listen',
    status,
    proof: 'none',
    policies: [],
    shadow: [],
    context: {},
    findings: [],
    edits: 0,
    attempts: [],
    usage: NO_USAGE,
    took: 0,
    guardMicros: 0,
    reused: 0,
  }
}

function settle({ reservation, reply, epoch, reading, inspection }: Facts, { step }: Ending, attempts: readonly Attempt[], cost: number | undefined): void {
  if (reservation === undefined) return
  // A text that was looked at was a request, whether or not somebody waited for the answer.
  if (reading?.effect === 'none' && inspection !== undefined) return epoch.budgets.settle(reservation, NO_USAGE, 0)
  if (reply !== undefined && !attempts.some(uncounted)) return epoch.budgets.settle(reservation, total(attempts), cost)
  // What hung, broke or was left may have reached the provider: nobody knows what it cost, so the estimate stands.
  if (reply !== undefined || step === 'dial') return epoch.budgets.settle(reservation, NO_USAGE, undefined)
  epoch.budgets.release(reservation)
}

function remember(house: House, { principal, reading, exchange, errand }: Facts, { refusal, step }: Ending): void {
  // A child is never asked twice: it would only push out what may come again.
  if (errand.parent !== undefined) return
  if (refusal === undefined || principal === undefined || reading === undefined) return
  if (step !== 'authorize' && step !== 'inspect' && step !== 'reauthorize') return
  house.refusals.remember(callerOf(principal, exchange.epoch), reading.fingerprint(), refusal)
}

function total(attempts: readonly Attempt[]): Usage {
  return attempts.reduce(
    (sum, { usage }) => ({
      input: sum.input + usage.input,
      output: sum.output + usage.output,
      cachedInput: sum.cachedInput + usage.cachedInput,
      cacheWrite: sum.cacheWrite + usage.cacheWrite,
      reasoning: sum.reasoning + usage.reasoning,
    }),
    NO_USAGE,
  )
}

/** A try that was left before its answer began: without this, hanging up early would be a way to ask for nothing. */
function uncounted({ outcome, usage }: Attempt): boolean {
  return outcome === 'cancelled' && usage.input + usage.output === 0
}

/** Undefined as soon as one attempt that cost anything has no known price. */
function costOf(attempts: readonly Attempt[]): number | undefined {
  let sum = 0
  for (const one of attempts) {
    if (uncounted(one)) return undefined
    const { cost, usage } = one
    if (cost !== undefined) sum += cost
    else if (usage.input + usage.output > 0) return undefined
  }
  return sum
}

function receiptOf(house: House, facts: Facts, ending: Ending, attempts: readonly Attempt[], cost: number | undefined): Receipt {
  const answered = attempts.find((one) => one.outcome === 'answered' && one.role !== 'mirror')
  const findings = [...(facts.inspection?.findings ?? []), ...(facts.guarded?.findings() ?? [])]
  const status = ending.delivery?.status ?? (ending.refusal === undefined ? undefined : reasonOf(ending.refusal.refuse).status)
  const now = house.clock.wall()
  const asked = askedFact(facts)
  return {
    kind: 'receipt',
    ...commonFacts(facts),
    at: now,
    verdict: verdictOf(facts, ending),
    outcome: outcomeOf(ending),
    ...(ending.refusal && { code: ending.refusal.refuse }),
    ...(ending.refusal && ending.step !== undefined && { step: ending.step }),
    ...(status !== undefined && { status }),
    proof: facts.principal === undefined ? 'none' : `${facts.principal.proof.kind}:${facts.principal.proof.id}`,
    ...(facts.principal?.vouched && { vouched: facts.principal.vouched.map(({ kind, id }) => `${kind}:${id}`) }),
    ...(asked && { asked }),
    ...(facts.approval && { approval: facts.approval }),
    ...(facts.flow && { flow: flowFact(facts.flow) }),
    policies: [...new Set(facts.decisions?.flatMap((one) => one.policies))],
    shadow: facts.decisions?.flatMap((one) => one.shadow) ?? [],
    context: facts.context ?? {},
    findings: findings.map(clear),
    ...(facts.inspection?.scores && { scores: percents(facts.inspection.scores) }),
    edits: facts.inspection?.edits.length ?? 0,
    attempts,
    usage: total(attempts),
    ...(cost !== undefined && { cost }),
    ...(answered && { model: answered.model }),
    took: now - facts.exchange.startedAt,
    guardMicros: (facts.inspection?.micros ?? 0) + (facts.guarded?.guardMicros() ?? 0),
    reused: facts.inspection?.reused ?? 0,
  }
}

function verdictOf(facts: Facts, { refusal }: Ending): VerdictKind {
  if (refusal?.refuse.startsWith('approval') === true) return 'hold'
  if (refusal !== undefined) return 'deny'
  if (facts.reading?.action === 'guard.evaluate') return facts.inspection?.verdict ?? 'allow'
  const replied = facts.guarded?.findings().some((one) => one.mode === 'enforce' && one.action === 'redact')
  return facts.inspection?.verdict === 'rewrite' ? 'rewrite' : facts.inspection?.verdict === 'redact' || replied === true ? 'redact' : 'allow'
}

function outcomeOf({ refusal, delivery }: Ending): Receipt['outcome'] {
  if (refusal?.refuse === 'cancelled' || delivery?.complete === false) return 'cancelled'
  if (refusal === undefined) return 'answered'
  const { kind } = reasonOf(refusal.refuse)
  // A body that never came is its sender's doing: it must not look like an outage.
  if (refusal.refuse === 'body_too_slow') return 'refused'
  if (kind === 'upstream' || kind === 'timeout' || kind === 'internal') return refusal.refuse === 'upstream_cut' ? 'cut' : 'failed'
  return 'refused'
}

/** What of a finding stands in the clear. */
export function clear({ guardrail, category, score, layer, mode, action, origin, rule, segment, start, end }: Finding): FindingFact {
  return { guardrail, category, score, layer, mode, action, origin, rule, at: [segment, start, end] }
}

/** What was said, under the subject's key. Segments that a former receipt of the conversation holds are left to it. */
function payloadOf(facts: Facts, { refusal }: Ending): Payload | undefined {
  const { reading, principal, inspection } = facts
  if (reading === undefined || principal === undefined) return undefined
  const reasons = facts.flow?.decision.reasons ?? []
  const flow = reasons.length > 0 && { flow: reasons }
  // Its content is in its parent's payload; why it was held is in none.
  if (reading.effect === 'none' && reading.action !== 'guard.evaluate') return flow === false ? undefined : { ...subject(facts, principal), ...flow }
  // An instruction of ours stands before what former receipts hold, and moves it.
  const from = inspection?.instruct === undefined ? (inspection?.known ?? 0) : 0
  const beside = facts.reply?.beside?.() ?? []
  const findings = [...(inspection?.findings ?? []), ...(facts.guarded?.findings() ?? [])]
  return {
    ...subject(facts, principal),
    request: { from, segments: reading.segments.slice(from).map(({ origin, text }) => ({ origin, text })) },
    reply: facts.guarded?.said() ?? [],
    ...(beside.length > 0 && { mirrors: beside }),
    findings: findings.map(({ rule, excerpt }) => ({ rule, excerpt })),
    ...flow,
    ...(refusal?.detail !== undefined && { detail: refusal.detail }),
  }
}

function subject(facts: Facts, { tenant }: Principal): { readonly subject: string; readonly tenant: string } {
  return { subject: commonFacts(facts).subject, tenant }
}
