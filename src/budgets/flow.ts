import { refuse, type Refusal } from '../contract/verdict.ts'
import type { Ledger, RateTaken, Slot } from './ledger.ts'
import { memberKey, type Rule } from './scope.ts'
import { waiting } from './words.ts'

/** Rates and concurrency of one scope, checked but not yet taken. */
export interface Flow {
  readonly refusal: Refusal | undefined
  take(): { readonly slot: Slot | undefined; readonly rates: readonly RateTaken[] }
}

/**
 * Requests a period by the generic cell rate algorithm (GCRA, as in ITU-T I.371), and requests at the same time.
 * Where keys share the scope, one key alone may take only what leaves the others their share of both.
 */
export function checkFlow(ledger: Ledger, rule: Rule, scope: string, workload: string, members: readonly string[] | undefined): Flow {
  const now = ledger.clock.monotonic()
  const running = ledger.slots.get(scope)
  const count = countOf(running?.members, members, workload)
  const share = rule.share === 0 || count < 2 ? 0 : Math.min(rule.share, 0.5 / count)
  const wanted: { readonly key: string; readonly interval: number; readonly at: number }[] = []
  let wait = 0
  for (const { interval, burst } of rule.rates) {
    const key = `${scope}|${interval}/${burst}`
    const mine = 1 - share * (count - 1)
    wait = Math.max(wait, arrive(ledger, key, interval, burst, now, wanted))
    if (mine < 1) wait = Math.max(wait, arrive(ledger, memberKey(key, workload), interval / mine, Math.max(1, Math.floor(burst * mine)), now, wanted))
  }
  const full = rule.concurrency !== undefined && (running?.taken ?? 0) + 1 + keptSlots(running?.members, rule.concurrency * share, count, workload) > rule.concurrency
  return {
    refusal:
      wait > 0
        ? refuse('rate_limited', { retryAfterMs: Math.ceil(wait), say: `Too many requests. Try again in ${waiting(wait)}.`, detail: `${scope}: rate` })
        : full
          ? refuse('concurrency', { retryAfterMs: 1000, say: `Too many requests at once. Try again in ${waiting(1000)}.`, detail: `${scope}: concurrency ${rule.concurrency}` })
          : undefined,
    take() {
      for (const { key, at } of wanted) ledger.rates.set(key, at)
      return { slot: rule.concurrency === undefined ? undefined : takeSlot(ledger, scope, workload), rates: wanted }
    },
  }
}

/** Milliseconds to wait; 0 = it may come now, and its next theoretical arrival is noted in `wanted`. */
function arrive(ledger: Ledger, key: string, interval: number, burst: number, now: number, wanted: { key: string; interval: number; at: number }[]): number {
  const due = Math.max(ledger.rates.get(key) ?? now, now)
  const early = due - now - interval * (burst - 1)
  wanted.push({ key, interval, at: due + interval })
  // Less than a microsecond is rounding: intervals are seldom whole.
  return early > 0.001 ? early : 0
}

function countOf(active: ReadonlyMap<string, number> | undefined, members: readonly string[] | undefined, workload: string): number {
  if (members === undefined) return (active?.size ?? 0) + (active?.has(workload) === true ? 0 : 1)
  return members.length + (members.includes(workload) ? 0 : 1)
}

function keptSlots(active: ReadonlyMap<string, number> | undefined, share: number, count: number, workload: string): number {
  const each = Math.floor(share)
  if (each === 0) return 0
  let kept = each * (count - 1)
  for (const [member, taken] of active ?? []) if (member !== workload) kept -= Math.min(each, taken)
  return Math.max(0, kept)
}

function takeSlot(ledger: Ledger, key: string, member: string): Slot {
  let running = ledger.slots.get(key)
  if (running === undefined) ledger.slots.set(key, (running = { taken: 0, members: new Map() }))
  running.taken += 1
  running.members.set(member, (running.members.get(member) ?? 0) + 1)
  return { key, member }
}

export function giveSlot(ledger: Ledger, { key, member }: Slot): void {
  const running = ledger.slots.get(key)
  if (running === undefined) return
  running.taken -= 1
  const left = (running.members.get(member) ?? 1) - 1
  if (left > 0) running.members.set(member, left)
  else running.members.delete(member)
  if (running.taken <= 0) ledger.slots.delete(key)
}

/** A request that never happened leaves the rate as it was. */
export function giveRate(ledger: Ledger, { key, interval }: RateTaken): void {
  const at = ledger.rates.get(key)
  if (at !== undefined) ledger.rates.set(key, at - interval)
}
