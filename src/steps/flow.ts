import type { Approved } from '../contract/approval.ts'
import type { Epoch } from '../contract/epoch.ts'
import type { Reading } from '../contract/exchange.ts'
import type { Facts, Flowed } from '../contract/facts.ts'
import { flowPolicy, isFlowPolicy, type FlowReason, type FlowRule } from '../contract/flow.ts'
import type { Decision } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import type { FlowFact } from '../contract/receipt.ts'
import type { Shown, ShownValue } from '../contract/shown.ts'

/** Values of a call whose sources are looked for: each costs a look through what was read. */
const MOST_SOURCED = 64

interface Asking {
  readonly exchange: Facts['exchange']
  readonly principal: Principal
  readonly reading: Reading
}

/**
 * What flow says of the tool call that this exchange is; undefined where it is none. A call that was proposed through
 * this firewall, and allowed there, is not held a second time (law 8); restricted data stays where it is all the same.
 */
export function flowedOf({ flow }: Pick<Epoch, 'flow'>, { exchange, principal, reading }: Asking, now: number): Flowed | undefined {
  const { call } = reading
  if (call === undefined) return undefined
  const decision = (reading.within ?? flow.ongoing(principal)).decide(call, now)
  const proposed = reading.action === 'tool.propose' ? undefined : flow.proposed(principal, call, exchange.id)
  const verdict = decision.verdict === 'hold' && proposed !== undefined ? 'allow' : decision.verdict
  return { mode: flow.mode, verdict, decision, ...(proposed !== undefined && { proposed }) }
}

/**
 * The policies' decision and flow's, as one: flow can only hold or deny what policies permit, and deny beats hold.
 * @param released holds that people set aside.
 */
export function joined(decision: Decision, flowed: Flowed | undefined, released: readonly string[]): Decision {
  if (flowed === undefined || flowed.verdict === 'allow' || decision.verdict === 'deny') return decision
  const { mode, verdict, decision: said } = flowed
  const left = said.reasons.filter(({ rule }) => !released.includes(flowPolicy(rule)))
  const policies = [...new Set((verdict === 'deny' ? said.reasons.filter(({ rule }) => rule === 'restricted') : left).map(({ rule }) => flowPolicy(rule)))]
  if (verdict === 'hold' && left.length === 0 && said.reasons.length > 0) return decision
  if (mode === 'shadow') return { ...decision, shadow: [...decision.shadow, ...policies.map((policy) => ({ policy, verdict }))] }
  const own = decision.verdict
  if (verdict === 'deny') {
    const { message: _, approvers: _group, reviewers: _people, holdMs: _long, ...plain } = decision
    return { ...plain, verdict, own, policies }
  }
  const message = [...(decision.verdict === 'hold' && decision.message !== undefined ? [decision.message] : []), sentence(left)].join(' ')
  return { ...decision, verdict, own, message, policies: decision.verdict === 'hold' ? [...decision.policies, ...policies] : policies }
}

const SENTENCES: Readonly<Record<FlowRule, string>> = {
  unreadable: 'its arguments cannot be read strictly',
  restricted: 'it may carry a credential out',
  code_execution: 'it runs code',
  privilege: 'it changes privileges or credentials',
  rule_of_two: 'the session has read confidential data too',
  provenance: 'no trusted text says whom or what it acts on',
  link: 'it passes on a link or an account that no trusted text has',
  scope: 'the user asked for nothing of the kind',
}

/** No content: messages travel to places where content has no business. */
function sentence(reasons: readonly FlowReason[]): string {
  return `Untrusted content was read before: ${[...new Set(reasons.map(({ rule }) => SENTENCES[rule]))].join('; ')}.`
}

/** Holds of policies, without those of flow: policies know nothing of them. */
export function ofPolicies(approved: readonly Approved[]): readonly Approved[] {
  return approved.map((one) => ({ ...one, policies: one.policies.filter((policy) => !isFlowPolicy(policy)) }))
}

/** What stands of it in the receipt. */
export function flowFact({ mode, verdict, decision, proposed }: Flowed): FlowFact {
  const { reasons } = decision
  return {
    mode,
    verdict,
    class: decision.class,
    rules: [...new Set(reasons.map(({ rule }) => rule))],
    arguments: [...new Set(reasons.flatMap(({ argument }) => argument ?? []))],
    ...(proposed !== undefined && { proposed }),
  }
}

/** What a reviewer is shown, with what flow knows of it: why it is held, what it acts on, and where that came from. */
export function shownWith(shown: Shown, flowed: Flowed, { flow }: Pick<Epoch, 'flow'>, { principal, reading }: Asking): Shown {
  const { decision } = flowed
  const session = reading.within ?? flow.ongoing(principal)
  const acting = new Set(decision.controls.map(({ path }) => path))
  const values = shown.values.map((one, place): ShownValue => {
    const control = one.control || acting.has(plain(one.path))
    const wanted = one.sources.length === 0 && place < MOST_SOURCED && (typeof one.value === 'string' || typeof one.value === 'number')
    return { ...one, control, sources: wanted ? session.sources(String(one.value)) : one.sources }
  })
  return { ...shown, values, class: shown.class ?? decision.class, why: decision.reasons.map(({ say }) => say) }
}

/** A path without places in lists, as flow names arguments. */
function plain(path: string): string {
  return path.split('.').filter((part) => !/^\d+$/.test(part)).join('.')
}
