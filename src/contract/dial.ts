import type { Body, Fields } from './arrival.ts'

export interface DialRequest {
  readonly method: string
  /** Absolute; the dialer refuses hosts and addresses outside what it was built for. */
  readonly url: string
  readonly fields: Fields
  readonly body?: Uint8Array | string
  readonly signal: AbortSignal
  readonly timeouts: {
    readonly connectMs: number
    /** Until the reply's status line. */
    readonly headMs: number
  }
}

export interface DialReply {
  readonly status: number
  readonly fields: Fields
  /** Already decompressed; `content-encoding` and `content-length` are gone from `fields` when it was. */
  readonly body: Body
  abort(): void
}

export type DialFault = 'connect' | 'connect_timeout' | 'head_timeout' | 'reset' | 'aborted' | 'forbidden' | 'protocol'

export class DialError extends Error {
  readonly fault: DialFault
  constructor(fault: DialFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** Whoever needs the network is handed one of these (DESIGN §6). Redirects are never followed. */
export type Dial = (request: DialRequest) => Promise<DialReply>
