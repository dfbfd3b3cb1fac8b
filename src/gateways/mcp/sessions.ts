import { randomBytes } from 'node:crypto'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import type { Id } from './rpc.ts'

/** A session of revision 2025-11-25 and its forerunners. */
export interface Session {
  readonly id: string
  readonly owner: string
  readonly server: string
  /** The revision that was agreed on. */
  readonly protocol: string
  /** Requests under way, by the caller's id: what `notifications/cancelled` ends. */
  readonly underWay: Map<Id, AbortController>
  used: number
}

export interface SessionLimits {
  readonly idleMs: number
  readonly perPrincipal: number
  readonly all: number
}

const USUAL: SessionLimits = { idleMs: 30 * 60_000, perPrincipal: 100, all: 10_000 }

/**
 * Sessions by their ids, which are random and good for nothing without the principal that opened them. They outlive
 * epochs, and end by themselves when nobody uses them.
 */
export class Sessions {
  private readonly clock: Clock
  private readonly limits: SessionLimits
  /** Least recently used first. */
  private readonly byId = new Map<string, Session>()
  private readonly owned = new Map<string, number>()

  constructor(clock: Clock, limits: SessionLimits = USUAL) {
    this.clock = clock
    this.limits = limits
  }

  get size(): number {
    return this.byId.size
  }

  /** Undefined where this principal, or everybody together, has as many as there may be. */
  open(principal: Principal, server: string, protocol: string): Session | undefined {
    this.sweep()
    const owner = ownerOf(principal)
    const count = this.owned.get(owner) ?? 0
    if (count >= this.limits.perPrincipal || this.byId.size >= this.limits.all) return undefined
    const session: Session = { id: randomBytes(32).toString('base64url'), owner, server, protocol, underWay: new Map(), used: this.clock.monotonic() }
    this.byId.set(session.id, session)
    this.owned.set(owner, count + 1)
    return session
  }

  /** Undefined for whoever did not open it, as for one that never was. */
  find(id: string, principal: Principal, server: string): Session | undefined {
    const session = this.byId.get(id)
    if (session === undefined || session.owner !== ownerOf(principal) || session.server !== server) return undefined
    if (this.isOver(session)) {
      this.end(session)
      return undefined
    }
    session.used = this.clock.monotonic()
    this.byId.delete(id)
    this.byId.set(id, session)
    return session
  }

  /** Its requests under way end too. */
  end(session: Session): void {
    if (!this.byId.delete(session.id)) return
    const left = (this.owned.get(session.owner) ?? 1) - 1
    if (left === 0) this.owned.delete(session.owner)
    else this.owned.set(session.owner, left)
    for (const one of session.underWay.values()) one.abort()
  }

  private sweep(): void {
    for (const session of this.byId.values()) {
      if (!this.isOver(session)) break
      this.end(session)
    }
  }

  private isOver({ used, underWay }: Session): boolean {
    return underWay.size === 0 && this.clock.monotonic() - used > this.limits.idleMs
  }
}

/** Not the credential, which is renewed: whose session it is. */
function ownerOf({ tenant, workload, chain, task }: Principal): string {
  return JSON.stringify([tenant, workload, chain, task ?? null])
}
