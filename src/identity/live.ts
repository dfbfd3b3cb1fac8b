import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { idsOf } from './tasks/verify.ts'

/** Calls under way and whose they are, so that they end with the credential they came in with. */
export interface Live {
  /** Counts a call in; the answer counts it out and may be called again. `stop` is called once at most, and must not throw. */
  enter(principal: Principal, stop: (reason: Refusal) => void): () => void
  /**
   * Stops the calls whose credential is one of `ids`, or was made from one: key ids, certificate serials, token ids,
   * tasks, SPIFFE ids, users. Gives how many. Looks at every call under way once, so it costs what is going on, not what was.
   */
  revoked(ids: readonly string[]): number
  /** Stops the calls of every principal that fits, with this reason: a session that a reviewer ended. Gives how many. */
  ended(match: (principal: Principal) => boolean, reason: Refusal): number
}

/**
 * Who proved to be somebody that counts no more: the record names them (as `known`, contract/facts.ts), and nobody is told
 * more than that it was refused.
 */
export function ended(code: 'revoked' | 'key_revoked' | 'key_expired', principal: Principal, detail: string): Refusal & { readonly known: { readonly principal: Principal } } {
  return { ...refuse(code, { detail }), known: { principal } }
}

interface Call {
  readonly principal: Principal
  readonly stop: (reason: Refusal) => void
}

export function makeLive(): Live {
  const calls = new Set<Call>()

  const stopWhere = (fits: (principal: Principal) => boolean, reasonOf: (principal: Principal) => Refusal): number => {
    const found = [...calls].filter((one) => fits(one.principal))
    for (const one of found) {
      calls.delete(one)
      one.stop(reasonOf(one.principal))
    }
    return found.length
  }

  return {
    enter(principal, stop) {
      const call = { principal, stop }
      calls.add(call)
      return () => void calls.delete(call)
    },
    revoked(ids) {
      if (ids.length === 0 || calls.size === 0) return 0
      const gone = new Set(ids)
      return stopWhere(
        (one) => firstOf(one, gone) !== undefined,
        (one) => refuse('revoked', { detail: `${firstOf(one, gone)} was revoked while its call ran` }),
      )
    },
    ended: (match, reason) => stopWhere(match, () => reason),
  }
}

/** The one of these ids that a principal stands on. */
function firstOf(principal: Principal, ids: ReadonlySet<string>): string | undefined {
  return idsOf(principal).find((id) => ids.has(id))
}
