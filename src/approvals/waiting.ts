import type { Clock } from '../contract/clock.ts'
import { endedBy, refuse, type Refusal } from '../contract/verdict.ts'
import type { ApprovalRow } from '../store/interfaces.ts'
import type { Facts, Notes } from './question.ts'

/** Calls that may wait for one approval; further identical ones are refused. */
export const MOST_WAITING = 64
/** Open approvals of one tenant and of all: each keeps what was asked in memory. */
const MOST_OF_TENANT = 256
const MOST = 1024

/** How waiting ended. `again`: something was decided that may let it pass, or not: look anew. */
export type Outcome =
  | { readonly kind: 'released'; readonly by: readonly string[] }
  | { readonly kind: 'again' }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly by?: readonly string[] }

/** One call that waits. */
export interface Waiter {
  readonly exchange: string
  /** A decision that is being stored takes this call with it: until that is known, nothing else ends the waiting. */
  claimed: boolean
  /** That decision was not taken: whatever else came meanwhile ends the waiting now. */
  unclaim(): void
  /** Ends it, once it is not claimed any more. */
  end(outcome: Outcome): void
  release(by: readonly string[]): void
}

/** An approval that can still be decided. The store says who wins; this says who waits. */
export interface Open {
  readonly id: string
  readonly tenant: string
  readonly subject: string
  readonly bound: string
  readonly alike: string
  readonly created: number
  readonly expires: number
  readonly facts: Facts
  readonly caller: string
  version: number
  notes: Notes
  /** Oldest first. */
  readonly waiters: Set<Waiter>
  /** When each reviewer first saw it, and how many calls they saw waiting at most. */
  readonly seen: Map<string, { readonly at: number; readonly waiting: number }>
  closed: boolean
  /** Settles when it is in the store and every change so far is done: one at a time. */
  turn: Promise<unknown>
  cancel: () => void
}

/** Every open approval, by id and by the action that it is about. */
export interface Book {
  readonly open: ReadonlyMap<string, Open>
  find(bound: string): Open | undefined
  /** Why one more of this caller is too many; undefined = there is room. */
  full(tenant: string, caller: string, most: number): string | undefined
  add(row: ApprovalRow, facts: Facts, caller: string, onDeadline: (open: Open) => void): Open
  /** Out of the book: nobody can join it or decide it any more. */
  close(open: Open): void
}

export function makeBook(clock: Clock): Book {
  const open = new Map<string, Open>()
  const byBound = new Map<string, Open>()
  const callers = new Map<string, number>()
  const tenants = new Map<string, number>()
  const count = (map: Map<string, number>, key: string, by: number): void => {
    const now = (map.get(key) ?? 0) + by
    if (now === 0) map.delete(key)
    else map.set(key, now)
  }
  return {
    open,
    find: (bound) => byBound.get(bound),
    full(tenant, caller, most) {
      if (open.size >= MOST) return `${MOST} approvals are open`
      if ((tenants.get(tenant) ?? 0) >= MOST_OF_TENANT) return `${MOST_OF_TENANT} approvals of the tenant are open`
      return (callers.get(caller) ?? 0) >= most ? `${most} approvals of the caller are open` : undefined
    },
    add({ id, tenant, subject, bound, alike, created, expires, version, notes }, facts, caller, onDeadline) {
      const made: Open = {
        id, tenant, subject, bound, alike, created, expires, facts, caller, version,
        notes: JSON.parse(notes) as Notes,
        waiters: new Set(),
        seen: new Map(),
        closed: false,
        turn: Promise.resolve(),
        cancel: clock.timer(Math.max(0, expires - clock.wall()), () => onDeadline(made)),
      }
      open.set(id, made)
      byBound.set(bound, made)
      count(callers, caller, 1)
      count(tenants, tenant, 1)
      return made
    },
    close(one) {
      if (one.closed) return
      one.closed = true
      one.cancel()
      open.delete(one.id)
      if (byBound.get(one.bound) === one) byBound.delete(one.bound)
      count(callers, one.caller, -1)
      count(tenants, one.tenant, -1)
    },
  }
}

/** Waits for what becomes of an open approval, at most until `longest` ms from now and while `signal` lasts. */
export function waitFor(open: Open, exchange: string, longest: number, signal: AbortSignal, clock: Clock): Promise<Outcome> {
  return new Promise((resolve) => {
    let later: Outcome | undefined
    const finish = (outcome: Outcome): void => {
      cancel()
      signal.removeEventListener('abort', aborted)
      open.waiters.delete(waiter)
      resolve(outcome)
    }
    const waiter: Waiter = {
      exchange,
      claimed: false,
      unclaim() {
        waiter.claimed = false
        if (later !== undefined) finish(later)
      },
      end(outcome) {
        if (waiter.claimed) later ??= outcome
        else finish(outcome)
      },
      release: (by) => finish({ kind: 'released', by }),
    }
    const aborted = (): void => waiter.end({ kind: 'refused', refusal: endedBy(signal) })
    const cancel = clock.timer(Math.max(0, longest), () => waiter.end({ kind: 'refused', refusal: pendingRefusal(open.id) }))
    open.waiters.add(waiter)
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
  })
}

export function pendingRefusal(id: string): Refusal {
  return refuse('approval_pending', { say: `This request waits for approval ${id}. Ask again, unchanged, once it is approved.` })
}

/** Calls that nothing has taken yet, oldest first. */
export function waitingFor(open: Open): readonly Waiter[] {
  return [...open.waiters].filter((one) => !one.claimed)
}

/** Runs a change of one approval after those before it. */
export function inTurn<T>(open: Open, change: () => Promise<T>): Promise<T> {
  const done = open.turn.then(change, change)
  open.turn = done.catch(() => undefined)
  return done
}
