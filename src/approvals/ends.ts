import type { Clock } from '../contract/clock.ts'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'

/** A session that a reviewer ended: everything of this caller's task, or of the caller where it had none. */
export interface Ended {
  readonly id: string
  readonly approval: string
  readonly tenant: string
  readonly workload: string
  readonly chain: readonly string[]
  readonly task?: string
  readonly until: number
  readonly message?: string
}

/** Who is refused because a session was ended; in memory, because every call asks. */
export interface Ends {
  of(principal: Principal): Ended | undefined
  add(ended: Ended): void
  lift(id: string): void
}

export function makeEnds(clock: Clock): Ends {
  const byKey = new Map<string, Ended>()
  const live = (key: string): Ended | undefined => {
    const found = byKey.get(key)
    if (found === undefined || found.until > clock.wall()) return found
    byKey.delete(key)
    return undefined
  }
  return {
    of(principal) {
      if (byKey.size === 0) return undefined
      return live(keyOf(principal)) ?? (principal.task === undefined ? undefined : live(keyOf({ ...principal, task: undefined })))
    },
    add(ended) {
      const known = live(keyOf(ended))
      if (known === undefined || known.until < ended.until) byKey.set(keyOf(ended), ended)
    },
    lift(id) {
      for (const [key, ended] of byKey) if (ended.id === id) byKey.delete(key)
    },
  }
}

/** Whether it belongs to what was ended. */
export function isEndedBy(principal: Principal, ended: Omit<Ended, 'id' | 'approval' | 'until' | 'message'>): boolean {
  return keyOf(principal) === keyOf(ended) || (ended.task === undefined && keyOf({ ...principal, task: undefined }) === keyOf(ended))
}

export function endRefusal({ approval, message }: Pick<Ended, 'approval' | 'message'>): Refusal {
  return refuse('session_ended', { detail: `approval ${approval}`, ...(message !== undefined && { say: message }) })
}

/** The agent's own name is not in it: another one does not reopen the session. */
function keyOf({ tenant, workload, chain, task }: { readonly tenant: string; readonly workload: string; readonly chain: readonly string[]; readonly task?: string | undefined }): string {
  return JSON.stringify([tenant, workload, chain, task ?? null])
}
