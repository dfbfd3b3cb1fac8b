import type { Arrival } from './arrival.ts'
import type { Principal } from './principal.ts'
import type { Refusal } from './verdict.ts'

/** One name of a requested scope: `tool:search` is kind `tool`, name `search`. */
export interface ScopeName {
  readonly kind: 'tool' | 'model' | 'route'
  readonly name: string
}

/** What a token exchange asks for (RFC 8693 section 2.1), as the wire says it: no token in it was looked at yet. */
export interface TokenRequest {
  /** Whom the caller wants to act for; absent = itself. `id_token` can only be a user's. */
  readonly subject?: { readonly token: string; readonly type: 'access_token' | 'id_token' | 'jwt' }
  /** Redundant with the authenticated caller, and refused where it is anything else. */
  readonly actor?: string
  readonly audience: string
  readonly scope: readonly ScopeName[]
  /** Seconds; absent = as long as possible. */
  readonly lifetime?: number
  /** The workload to which the caller will hand the token, so that it may exchange it (`may_act`). */
  readonly mayAct?: string
}

/** A token exchange that nothing speaks against but policy, which has not been asked yet. */
export interface PreparedToken {
  /** Clear facts for policy and receipt: whom it is for, what it allows. No token, no content. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
  /** Thumbprint of the key or hash of the certificate that it is bound to: a consent to one is none to another. */
  readonly key?: string
  /** Signs it. Checks again what time may have changed. @throws {Refused} */
  mint(): Promise<MintedToken>
}

export interface MintedToken {
  readonly token: string
  /** How it is presented: with a proof of its key, or over the connection whose certificate it names (or unbound). */
  readonly type: 'DPoP' | 'Bearer'
  /** Seconds. */
  readonly expiresIn: number
  /** What it allows, space separated. */
  readonly scope: string
}

export type ExchangeToken = (request: TokenRequest, caller: Principal, arrival: Arrival) => Promise<PreparedToken | Refusal>
