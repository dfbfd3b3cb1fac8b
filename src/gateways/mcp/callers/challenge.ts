import { field, type Arrival } from '../../../contract/arrival.ts'
import { withinScope, type Principal } from '../../../contract/principal.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import type { Refusal } from '../../../contract/verdict.ts'

/** Where callers of MCP endpoints can log in, and what for. */
export interface Login {
  /** Origin under which callers reach this place; absent = the one that they wrote, which the listener knows. */
  readonly publicUrl?: string
  /** Authorization servers, as tokens write them in `iss`. */
  readonly issuers: readonly string[]
  /** OAuth scopes and the tools that each opens: what new clients ask for comes first. */
  readonly scopes: ReadonlyMap<string, readonly string[]>
}

/** What a caller without a sufficient token is told, and with which status. */
export interface Challenge {
  readonly status: number
  /** The value of `WWW-Authenticate`. */
  readonly value: string
}

/** Who asked, as far as it is known, and which tool. */
export interface Asker {
  readonly principal: Principal
  readonly gateway: string
  readonly tool?: string
}

export const METADATA = '/.well-known/oauth-protected-resource'

/** The origin that callers know this place by. The listener has refused every `Host` that is not served here. */
export function originOf(publicUrl: string | undefined, { fields, peer }: Pick<Arrival, 'fields' | 'peer'>): string {
  return publicUrl ?? `${peer.secure === true ? 'https' : 'http'}://${field(fields, 'host') ?? 'localhost'}`
}

/**
 * How a refusal tells an MCP client to log in, or to ask for more (RFC 6750 section 3, RFC 9728 section 5.1); undefined
 * where a token would change nothing. A token for another endpoint is a wrong one here (401), one whose scopes do not
 * open the tool lacks them (403), and is told all that the call needs.
 */
export function challengeOf(login: Login | undefined, arrival: Pick<Arrival, 'target' | 'fields' | 'peer'>, refusal: Refusal, asker: Asker | undefined): Challenge | undefined {
  const { kind, status } = reasonOf(refusal.refuse)
  if (kind === 'unauthenticated') {
    const presented = field(arrival.fields, 'authorization') !== undefined
    return { status, value: valueOf(login, arrival, presented ? 'invalid_token' : undefined, [...(login?.scopes.keys() ?? [])].slice(0, 1)) }
  }
  if (refusal.refuse !== 'out_of_scope' || login === undefined || asker?.principal.proof.kind !== 'oidc') return undefined
  const { audience, tools } = asker.principal.scope
  if (audience !== undefined && audience !== asker.gateway) return { status: 401, value: valueOf(login, arrival, 'invalid_token', []) }
  const { tool } = asker
  if (tool === undefined || withinScope(tools, tool)) return undefined
  // Each of several would do: they are written from the narrowest on.
  const needed = [...login.scopes].find(([, patterns]) => withinScope(patterns, tool))
  return needed && { status: 403, value: valueOf(login, arrival, 'insufficient_scope', [needed[0]]) }
}

function valueOf(login: Login | undefined, arrival: Pick<Arrival, 'target' | 'fields' | 'peer'>, error: string | undefined, scopes: readonly string[]): string {
  if (login === undefined || login.issuers.length === 0) return 'Bearer'
  const path = arrival.target.split('?', 1)[0] as string
  const pairs = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    // The endpoint's own path stands in a quoted text.
    `resource_metadata="${originOf(login.publicUrl, arrival)}${METADATA}${/^\/mcp(?:\/[A-Za-z0-9_-]{1,63})?$/.test(path) ? path : ''}"`,
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`]),
  ]
  return `Bearer ${pairs.join(', ')}`
}
