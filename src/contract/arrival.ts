import type { Refusal } from './verdict.ts'

/** Raw header pairs: order and duplicates are kept, because a merged or lower-cased header hides smuggling. */
export type Fields = readonly (readonly [name: string, value: string])[]

/** The other end of a connection. One object for all requests of a connection, so that what is made of it can be kept by it. */
export interface Peer {
  /** `local` on the unix socket, where the port is 0. */
  readonly address: string
  readonly port: number
  /** True where the connection is encrypted, so that `https` is the scheme of its URLs. */
  readonly secure?: true
  /**
   * DER of the client certificate and of what it sent to lead to an issuer, leaf first. Only the handshake's signature
   * was checked (the peer has the key): whether the chain leads anywhere is identity's question.
   */
  readonly certificates?: readonly Uint8Array[]
  /** The process at the other end of the local socket, as the kernel names it. */
  readonly process?: LocalProcess
}

/** `started`: clock ticks since boot (field 22 of /proc/PID/stat), so that a reused process id is noticed. */
export interface LocalProcess {
  readonly pid: number
  readonly uid: number
  readonly started: number
}

/** The body of an arrival or of an upstream reply. It can be read once, either whole or as a stream. */
export interface Body {
  /** @throws {BodyError} when longer than `limit` bytes, slower than the listener allows, or cut off. */
  whole(limit: number): Promise<Uint8Array>
  stream(): AsyncIterable<Uint8Array>
}

export class BodyError extends Error {
  readonly kind: 'too_large' | 'too_slow' | 'cut' | 'inflight'
  constructor(kind: BodyError['kind']) {
    super(`body ${kind}`)
    this.kind = kind
  }
}

/** What came off a socket, before anybody interpreted it. */
export interface Arrival {
  readonly verb: string
  /** Path and query as received, undecoded. */
  readonly target: string
  readonly fields: Fields
  readonly body: Body
  /** Aborts when the caller hangs up or the listener gives up on it; its reason is a refusal where somebody stopped it. */
  readonly gone: AbortSignal
  readonly peer: Peer
}

/** The way back to the socket an arrival came from. `head` is the commit point (DESIGN §2). */
export interface Outlet {
  /** True once `head` was called. */
  readonly committed: boolean
  head(status: number, fields: Fields): void
  /** Resolves when the socket takes more: back-pressure. Rejects when the caller is gone. */
  write(bytes: Uint8Array | string): Promise<void> | void
  end(bytes?: Uint8Array | string): void
  /** Cuts the connection without a proper end, so that a partial answer cannot be mistaken for a whole one. */
  cut(): void
  /**
   * Ends what is under way as if the caller had hung up, but it has not: `gone` aborts with this refusal as its reason,
   * and the caller still hears it. For credentials and sessions that end while their calls run.
   */
  stop(reason: Refusal): void
}

/** First value of a header by lower-case name; undefined when absent. */
export function field(fields: Fields, name: string): string | undefined {
  for (const [key, value] of fields) if (key.length === name.length && key.toLowerCase() === name) return value
  return undefined
}
