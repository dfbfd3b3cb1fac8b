import type { Candidate } from '../contract/exchange.ts'
import type { Facts, Step } from '../contract/facts.ts'
import type { Intent } from '../contract/receipt.ts'
import { isRefusal, refuse } from '../contract/verdict.ts'
import { costOf } from '../contract/exchange.ts'
import { subjectOf } from '../contract/principal.ts'
import { askedOf } from './inspect.ts'
import type { House } from './house.ts'

/**
 * Sets aside what the dearest permitted target could cost. What is decided without a dial costs nothing, but for
 * texts that guards are asked about: each of them is a request.
 */
export const reserve: Step = (facts) => {
  const { permit, reading, epoch } = facts
  if (reading === undefined || permit === undefined) return {}
  if (reading.effect !== 'dial' && (reading.action !== 'guard.evaluate' || reading.segments.length === 0)) return {}
  const targets = permit.candidates
  const reservation = epoch.budgets.reserve(askedOf(facts), targets.length === 0 ? NOBODY : dearest(targets, reading.estimate.input), targets)
  return isRefusal(reservation) ? reservation : { reservation }
}

/** Where nothing is dialled: a target that costs nothing. */
const NOBODY: Candidate = {
  id: 'none',
  resource: { type: 'Endpoint', id: 'none', attributes: {} },
  provider: 'none',
  model: 'none',
  role: 'primary',
  price: { input: 0, output: 0, cachedInput: 0, cacheWrite: 0 },
}

function dearest(candidates: readonly Candidate[], input: number): Candidate {
  let worst = candidates[0] as Candidate
  for (const one of candidates) if (guess(one, input) > guess(worst, input)) worst = one
  return worst
}

/** An unknown price is the dearest of all: under a cost budget it must come to the surface, not hide behind a cheap one. */
function guess({ price }: Candidate, input: number): number {
  if (price === undefined) return Number.POSITIVE_INFINITY
  return costOf({ input, output: 1000, cachedInput: 0, cacheWrite: 0, reasoning: 0 }, price)
}

/**
 * Records what is about to happen. Model generation and reads overlap the commit with the dial; any other effect
 * waits for it here (DESIGN §2, Durability).
 */
export function intent(house: House): Step {
  return (facts) => {
    const committed = house.audit.intent(intentOf(house, facts), facts.reservation?.rows ?? [])
    if (facts.reading?.overlapsIntent === true) {
      // The guard step awaits the very same promise before it lets anything out; this only keeps a failure that
      // comes before that moment from counting as unhandled.
      committed.catch(ignore)
      return { committed }
    }
    return committed.then(
      () => ({ committed }),
      (error: unknown) => refuse('audit_unavailable', { detail: error instanceof Error ? error.message : 'intent' }),
    )
  }
}

function ignore(): void {}

function intentOf(house: House, facts: Facts): Intent {
  return {
    kind: 'intent',
    ...commonFacts(facts),
    at: house.clock.wall(),
    candidates: facts.permit?.candidates.map((one) => one.id) ?? [],
  }
}

/** The clear facts that intent and receipt share. A stranger's records stand under the default tenant. */
export function commonFacts({ exchange, principal, reading, errand }: Facts) {
  return {
    exchange: exchange.id,
    ...(exchange.parent !== undefined && { parent: exchange.parent }),
    ...(exchange.sequence !== undefined && { sequence: exchange.sequence }),
    gateway: errand.gateway,
    tenant: principal?.tenant ?? 'default',
    workload: principal?.workload ?? 'unknown',
    chain: principal?.chain ?? [],
    subject: principal === undefined ? 'default/unknown' : subjectOf(principal),
    action: reading?.action ?? 'unread',
    resource: reading === undefined ? '' : `${reading.resource.type}::${reading.resource.id}`,
    route: reading?.route ?? '',
    epoch: exchange.epoch,
  }
}
