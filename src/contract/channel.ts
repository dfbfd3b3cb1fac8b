import type { Exchange } from './exchange.ts'
import type { Principal } from './principal.ts'

/**
 * What stays open after the exchange that opened it (CONNECT, WebSocket, SSE with server requests, tunnel,
 * subscription). Every message in either direction is a child exchange of `opener`; the channel is authorised
 * again within a second of an epoch change and closed when that fails.
 */
export interface Channel {
  readonly id: string
  readonly opener: Exchange
  readonly principal: Principal
  readonly limits: { readonly idleMs: number; readonly totalMs: number; readonly bytes: number }
  /** Aborts when either side closes, a limit is reached, or authorisation is lost. */
  readonly signal: AbortSignal
  /** Next sequence number for a child. */
  next(): number
  close(reason: string): void
}
