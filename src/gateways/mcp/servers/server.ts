import type { Principal } from '../../../contract/principal.ts'
import { connectionOver, type Connection } from './connection.ts'
import type { Link } from './link.ts'
import type { Review } from '../pins/review.ts'
import type { McpServer } from '../settings.ts'

/** One configured server, for as long as its settings stay as they are. */
export interface Server {
  readonly settings: McpServer
  /** The connection on which this principal's requests go. */
  connection(principal: Principal): Connection
  /** Ends the connections whose callers were such principals last; absent where all share one. */
  revoked?(fits: (principal: Principal) => boolean): void
  close(): Promise<void>
}

/** All principals share one connection. */
export function serverOver(settings: McpServer, link: Link, review: Review): Server {
  const connection = connectionOver(link, review, settings.startMs)
  return { settings, connection: () => connection, close: () => link.close() }
}
