import type { Clock } from '../../../contract/clock.ts'
import type { Principal } from '../../../contract/principal.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { connectionOver, type Connection } from './connection.ts'
import { OUT_OF_USE, type Link } from './link.ts'
import type { Review } from '../pins/review.ts'
import type { Server } from './server.ts'
import type { McpServer } from '../settings.ts'

export interface EachParts {
  readonly settings: McpServer
  readonly review: Review
  readonly clock: Clock
  /** Who counts as one: callers of one name have one connection. */
  readonly nameOf: (principal: Principal) => string
  /** The way to the server for one caller; `latest` is who that is now: credentials end, and names stay. */
  readonly link: (latest: () => Principal, name: string) => Link
  /** Most connections at once. */
  readonly most: number
  /** Ends what all ways have in common. */
  readonly close: () => Promise<void>
}

/** What the memories of all its connections may hold of what the server lists, in characters of definitions. */
const MOST_KEPT = 64 * 1024 * 1024
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
const RETRY_MS = 2_000

interface Own {
  readonly name: string
  /** As it asked last. */
  readonly caller: { principal: Principal }
  readonly connection: Connection
  /** Characters of definitions in its memory. */
  size: number
  /** Requests under way, and listeners. */
  busy: number
  used: number
}

/**
 * A server at which every caller is somebody else: no connection, and so no session and no program, serves two of them.
 * One that nobody used for half an hour is closed; where there are as many as may be, the one that has been idle longest
 * makes room.
 */
export function serverForEach({ settings, review, clock, nameOf, link, most, close }: EachParts): Server & { readonly end: (name: string) => void } {
  /** Used longest ago first. */
  const own = new Map<string, Own>()
  const closing = new Set<Promise<void>>()
  let sweeping: (() => void) | undefined
  /** Characters of definitions in all memories. */
  let kept = 0
  let closed = false

  function end(name: string, one: Own): void {
    const { connection } = one
    own.delete(name)
    kept -= one.size
    one.size = 0
    const closed = connection.link.close().catch(() => undefined)
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }

  function sweep(): void {
    sweeping = undefined
    const now = clock.monotonic()
    for (const [name, one] of own) if (one.busy === 0 && now - one.used >= IDLE_MS) end(name, one)
    watch()
  }

  function watch(): void {
    if (own.size > 0) sweeping ??= clock.timer(SWEEP_MS, sweep)
  }

  /** A server that tells each caller something else would fill ours with it: who was here longest ago forgets first. */
  function remembered(one: Own): void {
    if (own.get(one.name) !== one) return
    const size = one.connection.size()
    kept += size - one.size
    one.size = size
    for (const other of own.values()) {
      if (kept <= MOST_KEPT) return
      if (other === one) continue
      kept -= other.size
      other.size = 0
      other.connection.forget()
    }
  }

  function opened(principal: Principal, name: string): Own {
    // Calls of older settings may have waited for a person, or ended a session: nothing is started for them.
    if (closed) throw new Refused(OUT_OF_USE)
    // Callers that come in turns would otherwise start more than ever end.
    if (closing.size >= most) throw new Refused(refuse('concurrency', { say: 'The server is in use by as many callers as it may be.', retryAfterMs: RETRY_MS }))
    if (own.size >= most) {
      const idle = [...own].find(([, { busy }]) => busy === 0)
      if (idle === undefined) throw new Refused(refuse('concurrency', { say: 'The server is in use by as many callers as it may be.' }))
      end(...idle)
    }
    const caller = { principal }
    const one: Own = { name, caller, connection: connectionOver(counted(link(() => caller.principal, name)), review, settings.startMs, () => remembered(one)), size: 0, busy: 0, used: 0 }
    function counted(to: Link): Link {
      const leave = (): void => {
        one.busy--
        one.used = clock.monotonic()
      }
      return {
        ...to,
        introduction(options) {
          one.busy++
          return to.introduction(options).finally(leave)
        },
        request(method, params, options) {
          one.busy++
          return to.request(method, params, options).finally(leave)
        },
        heard(listener) {
          one.busy++
          const over = to.heard(listener)
          let left = false
          return () => {
            if (left) return
            left = true
            over()
            leave()
          }
        },
      }
    }
    return one
  }

  return {
    settings,
    connection(principal) {
      const name = nameOf(principal)
      const found = own.get(name) ?? opened(principal, name)
      found.caller.principal = principal
      found.used = clock.monotonic()
      own.delete(name)
      own.set(name, found)
      watch()
      return found.connection
    },
    revoked(fits) {
      for (const [name, one] of own) if (fits(one.caller.principal)) end(name, one)
    },
    end(name) {
      const found = own.get(name)
      if (found !== undefined) end(name, found)
    },
    async close() {
      closed = true
      sweeping?.()
      for (const [name, one] of own) end(name, one)
      await Promise.all(closing)
      await close()
    },
  }
}
