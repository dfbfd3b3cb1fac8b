import type { Fields, Outlet } from './arrival.ts'
import type { Candidate, Reading } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import type { Inspection } from './guard.ts'
import type { Principal } from './principal.ts'
import type { Reply, ReplyEvent } from './reply.ts'
import type { Refusal } from './verdict.ts'

/** Why a target may be dialled: only policy makes one, and the spine checks it before the dial (law 1). */
export interface Permit {
  readonly exchange: string
  /** Candidates that policy allowed, in the strategy's order; mirrors included. */
  readonly candidates: readonly Candidate[]
}

/**
 * What a gateway hands the spine for one exchange: wire → reading, verdict → wire. It decides nothing.
 * The spine calls the members in the order of src/spine.ts and each at most once.
 */
export interface Errand {
  readonly gateway: string
  readonly parent?: { readonly exchange: Exchange; readonly sequence: number }
  /** Aborts when the caller hangs up, for gateways where a hang-up means cancel. */
  readonly signal: AbortSignal
  /** Who it is: from the wire, or inherited from the parent exchange. */
  identify(): Principal | Refusal | Promise<Principal | Refusal>
  /** Strictly reads the body; nothing of the original bytes is used later. */
  read(principal: Principal, exchange: Exchange): Reading | Refusal | Promise<Reading | Refusal>
  /** Ordered targets. Empty only where `effect` is not `dial`. */
  resolve(reading: Reading, principal: Principal): readonly Candidate[] | Refusal | Promise<readonly Candidate[] | Refusal>
  /** Sends the (edited) reading to the permitted candidates. Absent where `effect` is not `dial`. */
  dial?(reading: Reading, permit: Permit, exchange: Exchange): Reply | Refusal | Promise<Reply | Refusal>
  /** Writes a guarded reply to the wire to its end; resolves when the last byte was taken. */
  deliver(reply: Guarded): Promise<Delivery>
  /** Writes a refusal in the caller's dialect: a status before the commit point, an error event after it. */
  refuse(refusal: Refusal, exchange: Exchange): Promise<Delivery> | Delivery
}

/** The reply as the caller may have it. Iterating throws `Refused` where a guard ended it. */
export interface Guarded {
  readonly exchange: Exchange
  readonly reading: Reading
  readonly events: AsyncIterable<ReplyEvent>
  /** Set where the inspection itself is what was asked for (`guard.evaluate`). */
  readonly inspection?: Inspection
}

export interface Delivery {
  readonly status: number
  readonly bytes: number
  /** False when the caller was gone before the end. */
  readonly complete: boolean
}

/** Runs errands down the one path: what a gateway is given to start an exchange, and its children. */
export type Pass = (errand: Errand) => Promise<Passed>

export interface Passed {
  readonly exchange: Exchange
  readonly refusal?: Refusal
}

/** Answers with JSON: head and body in one go. `bytes` counts UTF-16 units, as everywhere in deliveries. */
export function deliverJson(outlet: Outlet, status: number, fields: Fields, body: unknown): Delivery {
  const text = JSON.stringify(body)
  outlet.head(status, fields)
  outlet.end(text)
  return { status, bytes: text.length, complete: true }
}
