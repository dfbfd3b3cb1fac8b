import type { Clock } from '../../../contract/clock.ts'
import type { Principal } from '../../../contract/principal.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { connectionOver, type Connection } from './connection.ts'
import type { Link } from './link.ts'
import type { Review } from '../pins/review.ts'
import type { Server } from './server.ts'
import type { McpServer } from '../settings.ts'

export interface EachParts {
  readonly settings: McpServer
  readonly review: Review
  readonly clock: Clock
  /** Who counts as one: callers of one name have one connection. */
  readonly nameOf: (principal: Principal) => string
  /** The way to the server for one caller. */
  readonly link: (principal: Principal, name: string) => Link
  /** Most connections at once. */
  readonly most: number
  /** Ends what all ways have in common. */
  readonly close: () => Promise<void>
}

const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000

interface Own {
  readonly connection: Connection
  /** Requests under way, and listeners. */
  busy: number
  used: number
}

/**
 * A server at which every caller is somebody else: no connection, and so no session and no program, serves two of them.
 * One that nobody used for half an hour is closed; where there are as many as may be, the one that has been idle longest
 * makes room.
 */
export function serverForEach({ settings, review, clock, nameOf, link, most, close }: EachParts): Server {
  /** Used longest ago first. */
  const own = new Map<string, Own>()
  const closing = new Set<Promise<void>>()
  let sweeping: (() => void) | undefined

  function end(name: string, { connection }: Own): void {
    own.delete(name)
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

  function opened(principal: Principal, name: string): Own {
    if (own.size >= most) {
      const idle = [...own].find(([, { busy }]) => busy === 0)
      if (idle === undefined) throw new Refused(refuse('concurrency', { say: 'The server is in use by as many callers as it may be.' }))
      end(...idle)
    }
    const one: Own = { connection: connectionOver(counted(link(principal, name)), review, settings.startMs), busy: 0, used: 0 }
    function counted(to: Link): Link {
      const leave = (): void => {
        one.busy--
        one.used = clock.monotonic()
      }
      return {
        ...to,
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
      found.used = clock.monotonic()
      own.delete(name)
      own.set(name, found)
      watch()
      return found.connection
    },
    async close() {
      sweeping?.()
      for (const [name, one] of own) end(name, one)
      await Promise.all(closing)
      await close()
    },
  }
}
