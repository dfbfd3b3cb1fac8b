/** Raw header pairs: order and duplicates are kept, because a merged or lower-cased header hides smuggling. */
export type Fields = readonly (readonly [name: string, value: string])[]

export interface Peer {
  readonly address: string
  readonly port: number
  /** DER of the client certificate, when the listener asked for one and the TLS layer verified it. */
  readonly certificate?: Uint8Array
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
  /** Aborts when the caller hangs up or the listener gives up on it. */
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
}

/** First value of a header by lower-case name; undefined when absent. */
export function field(fields: Fields, name: string): string | undefined {
  for (const [key, value] of fields) if (key.length === name.length && key.toLowerCase() === name) return value
  return undefined
}
