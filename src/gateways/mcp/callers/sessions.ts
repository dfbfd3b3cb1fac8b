import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import type { Principal } from '../../../contract/principal.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { KeptStreams, Shelf } from './resume.ts'
import type { Answer, Id } from '../rpc.ts'
import type { Link } from '../servers/link.ts'
import type { Server } from '../servers/server.ts'

/** A session of revision 2025-11-25 and its forerunners. */
export interface Session {
  readonly id: string
  readonly owner: string
  /** Where it is used: the route of an endpoint. */
  readonly place: string
  /** The revision that was agreed on. */
  readonly protocol: string
  /** What its caller can be asked for, as it said when it began. */
  readonly capabilities: TreeObject
  /** Requests under way, by the caller's id: what `notifications/cancelled` ends. */
  readonly underWay: Map<Id, AbortController>
  /** Requests to the caller that wait for its answer, by ids of ours. */
  readonly asked: Map<Id, (answer: Answer) => void>
  readonly subscribed: Map<string, Subscribed>
  /** Answers that its caller can come back for. */
  readonly kept: KeptStreams
  /** The least severe log messages that its caller asked for; absent = it did not say. */
  logLevel?: string
  /** Ends the stream on which its caller listens to it; absent while it does not. */
  listener?: () => void
  used: number
  over: boolean
}

/** A resource that a session's caller is told of. */
export interface Subscribed {
  readonly server: Server
  /** Where the server was told. */
  readonly link: Link
  leave(): void
}

export interface SessionLimits {
  readonly idleMs: number
  readonly perPrincipal: number
  readonly all: number
}

const GONE: Answer = { error: { code: -32000, message: 'The session has ended.' } }
const USUAL: SessionLimits = { idleMs: 30 * 60_000, perPrincipal: 100, all: 10_000 }

/**
 * Sessions by their ids, which are random and good for nothing without the principal that opened them. They outlive
 * epochs, and end by themselves when nobody uses them.
 */
export class Sessions {
  private readonly clock: Clock
  private readonly limits: SessionLimits
  private readonly shelf = new Shelf()
  /** Least recently used first. */
  private readonly byId = new Map<string, Session>()
  private readonly owned = new Map<string, { count: number; readonly shelf: Shelf }>()
  private watching: (() => void) | undefined

  constructor(clock: Clock, limits: SessionLimits = USUAL) {
    this.clock = clock
    this.limits = limits
  }

  get size(): number {
    return this.byId.size
  }

  /** `place` is where it is used. Undefined where this principal, or everybody together, has as many as there may be. */
  open(principal: Principal, place: string, protocol: string, capabilities: TreeObject): Session | undefined {
    this.sweep()
    const owner = ownerOf(principal)
    const own = this.owned.get(owner) ?? { count: 0, shelf: new Shelf(this.shelf) }
    if (own.count >= this.limits.perPrincipal || this.byId.size >= this.limits.all) return undefined
    const session: Session = { id: randomBytes(32).toString('base64url'), owner, place, protocol, capabilities, underWay: new Map(), asked: new Map(), subscribed: new Map(), kept: new KeptStreams(own.shelf), used: this.clock.monotonic(), over: false }
    this.byId.set(session.id, session)
    own.count++
    this.owned.set(owner, own)
    this.watch()
    return session
  }

  /** Undefined for whoever did not open it, as for one that never was. */
  find(id: string, principal: Principal, place: string): Session | undefined {
    const session = this.byId.get(id)
    if (session === undefined || session.owner !== ownerOf(principal) || session.place !== place) return undefined
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
    const own = this.owned.get(session.owner)
    if (own !== undefined && --own.count === 0) this.owned.delete(session.owner)
    session.over = true
    session.listener?.()
    for (const one of session.underWay.values()) one.abort()
    for (const settle of [...session.asked.values()]) settle(GONE)
    for (const one of session.subscribed.values()) one.leave()
    session.subscribed.clear()
    session.kept.end()
  }

  private sweep(): void {
    const now = this.clock.monotonic()
    for (const session of this.byId.values()) {
      // The rest were used later. One that is listened to is older than it looks.
      if (now - session.used <= this.limits.idleMs) break
      if (this.isOver(session)) this.end(session)
    }
  }

  /** What idle sessions hold at servers is given back although nobody comes. */
  private watch(): void {
    this.watching ??= this.clock.timer(this.limits.idleMs / 2, () => {
      this.watching = undefined
      this.sweep()
      if (this.byId.size > 0) this.watch()
    })
  }

  private isOver({ used, underWay, listener }: Session): boolean {
    return underWay.size === 0 && listener === undefined && this.clock.monotonic() - used > this.limits.idleMs
  }
}

/** Not the credential, which is renewed: whose session it is. */
export function ownerOf({ tenant, workload, chain, task }: Principal): string {
  return JSON.stringify([tenant, workload, chain, task ?? null])
}
