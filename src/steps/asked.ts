import type { Facts } from '../contract/facts.ts'
import type { Decision } from '../contract/policy.ts'
import type { AskedFact } from '../contract/receipt.ts'

type Target = AskedFact['targets'][number]

/**
 * What policy was asked, and what it said to each target: with the receipt's context enough to ask other policies
 * the same. Undefined where policy was not asked. Shares the principal's own objects, because every call pays for it.
 */
export function askedFact(facts: Facts): AskedFact | undefined {
  const { principal, reading } = facts
  const decisions = facts.guarded?.late?.().decisions ?? facts.decisions
  if (principal === undefined || reading === undefined || decisions === undefined || decisions.length === 0) return undefined
  const { roles, cohort, agent, task, scope } = principal
  return {
    principal: { roles, ...(cohort !== undefined && { cohort }), ...(agent !== undefined && { agent }), ...(task !== undefined && { task }), scope },
    targets: reading.effect === 'dial' ? candidatesOf(facts, decisions) : [{ resource: reading.resource, role: 'primary', ...saidOf(decisions.at(-1) as Decision) }],
  }
}

function saidOf({ verdict, own }: Decision): Pick<Target, 'verdict' | 'own'> {
  return { verdict, ...(own !== undefined && { own }) }
}

/**
 * Decisions stand in the order of what was asked: every candidate at first, and only those that were permitted when
 * the guards had looked. What was asked no more had been refused before.
 */
function candidatesOf({ candidates = [], permit, held }: Facts, decisions: readonly Decision[]): readonly Target[] {
  const target = ({ resource, role }: (typeof candidates)[number], said: ReturnType<typeof saidOf>): Target => ({ resource, role, ...said })
  if (decisions.length === candidates.length) return candidates.map((one, at) => target(one, saidOf(decisions[at] as Decision)))
  const permitted = permit?.candidates ?? []
  const parallel = decisions.length === permitted.length
  // A permit is either for what policy allows or, while nobody has released it, for what it holds.
  const kept = held === undefined ? 'allow' : 'hold'
  const refused = !parallel && kept === 'allow' && decisions.some((one) => one.verdict === 'hold') ? 'hold' : 'deny'
  return candidates.map((one) => {
    const at = permitted.indexOf(one)
    return target(one, at >= 0 && parallel ? saidOf(decisions[at] as Decision) : { verdict: at < 0 ? refused : kept })
  })
}
