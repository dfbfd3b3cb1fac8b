import type { Clock } from '../../contract/clock.ts'
import { connectionOver, type Connection } from './connection.ts'
import type { Link } from './link.ts'
import { ownerOf } from './oauth/grants.ts'
import type { Review } from './pins/review.ts'
import type { Server } from './server.ts'
import type { McpServer } from './settings.ts'
import type { Principal } from '../../contract/principal.ts'

export interface EachParts {
  readonly settings: McpServer
  readonly review: Review
  readonly clock: Clock
  /** The way to the server for one caller. */
  readonly link: (principal: Principal) => Link
  /** Ends what all ways have in common. */
  readonly close: () => Promise<void>
}

/** Connections of one server; beyond that the one that was used longest ago is closed. */
const MOST = 1_000
const IDLE_MS = 30 * 60_000

interface Own {
  readonly connection: Connection
  used: number
}

/** A server at which every caller is somebody else: no connection, and so no session, serves two of them. */
export function serverForEach({ settings, review, clock, link, close }: EachParts): Server {
  /** Used longest ago first. */
  const own = new Map<string, Own>()
  const closing = new Set<Promise<void>>()

  function end(key: string, { connection }: Own): void {
    own.delete(key)
    const closed = connection.link.close().catch(() => undefined)
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }

  return {
    settings,
    connection(principal) {
      const owner = ownerOf(principal)
      const key = JSON.stringify([owner.tenant, owner.key])
      const used = clock.monotonic()
      let found = own.get(key)
      if (found === undefined) {
        for (const [other, one] of own) {
          if (own.size < MOST && used - one.used < IDLE_MS) break
          end(other, one)
        }
        found = { connection: connectionOver(link(principal), review, settings.startMs), used }
      }
      found.used = used
      own.delete(key)
      own.set(key, found)
      return found.connection
    },
    async close() {
      for (const [key, one] of own) end(key, one)
      await Promise.all(closing)
      await close()
    },
  }
}
