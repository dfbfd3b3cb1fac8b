import type { Approved, Held, Released, Unreleased } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Step, Stepped } from '../contract/facts.ts'
import type { ApprovalFact } from '../contract/receipt.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import { decide, enforcedOf, type Known } from './authorize.ts'
import { flowPolicy } from '../contract/flow.ts'
import { shownWith } from './flow.ts'
import type { House } from './house.ts'

/** Groups of reviewers that one action may have to be shown to, one after the other. */
const MOST_GROUPS = 8

/**
 * Asks people for what policy holds. Comes after everything that may refuse without them, so that nobody is asked
 * about what would not pass anyway. A consent sets aside only the holds that it names; everything else is decided
 * again, under the policies of this moment.
 */
export function approve(house: House): Step {
  return (facts, signal) => (facts.held === undefined ? {} : consent(house, facts as Known, facts.held, signal))
}

async function consent(house: House, known: Known, first: Held, signal: AbortSignal): Promise<Stepped> {
  const { exchange, principal, reading } = known
  const showing = reading.show
  if (showing === undefined) return { ...refuse('approval_unavailable', { detail: `${reading.action} cannot be shown to a reviewer` }) }
  const { findings, scores } = enforcedOf(known)
  const approved: Approved[] = []
  let held = first
  let under = known.epoch
  let flow = known.flow
  let fact: ApprovalFact | undefined
  const show = (): Shown => (flow === undefined ? showing() : shownWith(showing(), flow, under, known))
  for (let group = 0; group < MOST_GROUPS; group++) {
    const fingerprint = reading.fingerprint()
    const said = await house.approvals.hold({ exchange, principal, action: reading.action, route: reading.route, effects: reading.effects, findings, held, fingerprint, show }, signal)
    fact = factOf(said, held, fact)
    if ('refusal' in said) return { ...said.refusal, known: { approval: fact } }
    // A hold may outlast a credential of minutes: a consent lengthens nobody's.
    if (principal.expires !== undefined && house.clock.wall() >= principal.expires) return { ...refuse('key_expired', { detail: 'it ended while its call was held' }), known: { approval: fact } }
    const epoch = house.epoch()
    const stricter = epoch === under ? undefined : stricterOf(decide(house, known, { findings, scores, approved, epoch }), held)
    under = epoch
    if (stricter !== undefined) {
      held = stricter
      // The values are the same: what the rules of now say of them is asked when they are released.
      continue
    }
    approved.push({ resource: held.resource, policies: said.policies })
    if (said.how === 'value' && said.until !== undefined) endorse(known, flow, said, said.until)
    const again = decide(house, known, { findings, scores, approved, epoch })
    if (isRefusal(again)) return { ...again, known: { ...again.known, approval: fact } }
    const { held: next, ...more } = again
    if (next === undefined) return { ...more, approval: fact }
    held = next
    flow = again.flow
  }
  return { ...refuse('approval_unavailable', { detail: `more than ${MOST_GROUPS} groups of reviewers` }), ...(fact && { known: { approval: fact } }) }
}

/** What flow held for its values passes from now on, as long as the endorsement stands. */
function endorse({ epoch, principal }: Known, flow: Known['flow'], { approval, policies }: Released, until: number): void {
  if (flow === undefined || !flow.decision.reasons.some(({ rule }) => policies.includes(flowPolicy(rule)))) return
  for (const { value } of flow.decision.controls) epoch.flow.endorse(principal, { value, class: flow.decision.class, until, by: approval })
}

/** What the policies of now hold for another group, or for more people: those who agreed were not asked about that. */
function stricterOf(now: ReturnType<typeof decide>, { decision: then }: Held): Held | undefined {
  if (isRefusal(now) || now.held === undefined) return undefined
  const { approvers, reviewers = 1 } = now.held.decision
  return approvers !== then.approvers || reviewers > (then.reviewers ?? 1) ? now.held : undefined
}

function factOf(said: Released | Unreleased, { decision }: Held, before: ApprovalFact | undefined): ApprovalFact {
  const released = !('refusal' in said)
  const by = [...(before?.by ?? []), ...(said.by ?? [])]
  return {
    id: said.approval ?? '',
    verdict: released ? 'released' : (verdicts[said.refusal.refuse] ?? 'denied'),
    ...(released && { how: said.how }),
    ...(by.length > 0 && { by }),
    policies: [...(before?.policies ?? []), ...(released ? said.policies : decision.policies)],
    waited: (before?.waited ?? 0) + said.waited,
  }
}

const verdicts: Partial<Record<Refusal['refuse'], ApprovalFact['verdict']>> = { approval_expired: 'expired', approval_pending: 'pending' }
