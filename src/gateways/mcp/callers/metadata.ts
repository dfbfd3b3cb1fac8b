import { createHash } from 'node:crypto'
import type { Arrival, Outlet } from '../../../contract/arrival.ts'
import type { Action, Reading } from '../../../contract/exchange.ts'
import { deliverJson, type Errand } from '../../../contract/gateway.ts'
import type { Principal } from '../../../contract/principal.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import { refuse, type Refusal } from '../../../contract/verdict.ts'
import { METADATA, originOf, type Login } from './challenge.ts'

/** Whom a reader of what is for everybody is. */
export const ANYBODY: Principal = Object.freeze({
  tenant: 'default',
  workload: 'anonymous',
  chain: Object.freeze([]),
  roles: Object.freeze([]),
  proof: Object.freeze({ kind: 'none', id: 'anonymous' }),
  scope: Object.freeze({ rights: Object.freeze([]) }),
})

export function isMetadataPath(target: string): boolean {
  return target.startsWith(METADATA)
}

/**
 * `GET /.well-known/oauth-protected-resource[/mcp[/<server>]]` (RFC 9728): where callers log in. It is the same for
 * every name, so that strangers learn nothing of which servers there are.
 */
export function metadataErrand(login: Login, arrival: Arrival, outlet: Outlet): Errand {
  const path = arrival.target.slice(METADATA.length)
  return {
    ...jsonErrand(arrival, outlet),
    identify: () => ANYBODY,
    read() {
      if (arrival.verb !== 'GET') return refuse('method_not_allowed', { say: 'This path takes GET.' })
      if (login.issuers.length === 0 || !/^(?:\/mcp(?:\/[A-Za-z0-9][A-Za-z0-9_-]{0,62})?)?$/.test(path)) return refuse('unknown_path', { say: 'There is nothing at this path.' })
      return documentReading('mcp.metadata', METADATA + path)
    },
    deliver: ({ exchange }) =>
      Promise.resolve(deliverJson(outlet, 200, fieldsOf(exchange.id), {
        resource: `${originOf(login.publicUrl, arrival)}${path === '' ? '/mcp' : path}`,
        authorization_servers: login.issuers,
        ...(login.scopes.size > 0 && { scopes_supported: [...login.scopes.keys()] }),
        bearer_methods_supported: ['header'],
      })),
  }
}

/** What errands share that answer strangers with JSON, and dial nobody. */
export function jsonErrand(arrival: Arrival, outlet: Outlet): Pick<Errand, 'gateway' | 'signal' | 'resolve' | 'refuse'> {
  return {
    gateway: 'mcp',
    signal: arrival.gone,
    resolve: () => [],
    refuse(refusal: Refusal, exchange) {
      const { status, say, retry } = { retry: false, ...reasonOf(refusal.refuse) }
      if (outlet.committed) return { status, bytes: 0, complete: false }
      const error = { code: refusal.refuse, message: refusal.say ?? say, id: exchange.id, retry }
      return { ...deliverJson(outlet, status, [...fieldsOf(exchange.id), ['x-should-retry', String(retry)]], { error }), complete: refusal.refuse !== 'cancelled' }
    },
  }
}

export function fieldsOf(id: string): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id], ['content-type', 'application/json'], ['cache-control', 'no-store']]
}

/** A document that says nothing that is not meant for everybody. */
export function documentReading(action: Action, path: string): Reading {
  const reading: Reading = {
    action,
    resource: { type: 'Endpoint', id: 'mcp', attributes: { path, method: 'GET' } },
    route: 'mcp',
    direction: 'outbound',
    effect: 'none',
    overlapsIntent: true,
    stream: false,
    segments: [],
    effects: ['read'],
    parameters: {},
    subordinates: [],
    estimate: { input: 0, choices: 1 },
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(`${action}\n${path}`).digest('base64'),
  }
  return reading
}
