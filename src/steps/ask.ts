import type { Facts, Step } from '../contract/facts.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse } from '../contract/verdict.ts'
import type { House } from './house.ts'

/** Who it is. Nothing starts while the record cannot be written (law 2). */
export function identify(house: House): Step {
  return ({ errand }) => {
    if (!house.audit.healthy()) return refuse('audit_unavailable')
    return then(errand.identify(), (principal) => {
      if (isRefusal(principal)) return principal
      const ended = house.approvals.ended(principal)
      return ended === undefined ? { principal } : { ...ended, known: { principal } }
    })
  }
}

/** What it asks. A request that was refused a moment ago is refused again before anything is spent on it. */
export function read(house: House): Step {
  return async ({ errand, principal, exchange }) => {
    const reading = await errand.read(principal as Principal, exchange)
    if (isRefusal(reading)) return reading
    const caller = callerOf(principal as Principal, exchange.epoch)
    const known = house.refusals.knows(caller) ? house.refusals.recall(caller, reading.fingerprint()) : undefined
    return known === undefined ? { reading } : { ...known, detail: 'refused_before' }
  }
}

/** Where it could go, in the strategy's order. */
export const resolve: Step = ({ errand, reading, principal }) =>
  then(errand.resolve(reading as NonNullable<Facts['reading']>, principal as Principal), (candidates) => (isRefusal(candidates) ? candidates : { candidates }))

/** Goes on at once with what is there, and waits only for what is not: a promise costs more than most steps. */
export function then<T, U>(value: T | Promise<T>, next: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Whose refusals are remembered together. One workload has a credential for each task: what is refused to one is not to all. */
export function callerOf(principal: Principal, epoch: string): string {
  return `${epoch}\n${principal.tenant}\n${principal.workload}\n${principal.proof.id}`
}
