import { createHash } from 'node:crypto'
import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Reading } from '../../contract/exchange.ts'
import { deliverJson, type Errand } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import type { ExchangeToken, PreparedToken } from '../../contract/token.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { mistakeOf } from './mistake.ts'
import { readAsking, type Asking } from './request.ts'

/** What `POST /token` works with. */
export interface TokenDesk {
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  readonly exchange: ExchangeToken
}

const PATH = '/token'

export function isTokenPath(target: string): boolean {
  return target === PATH || target.startsWith(`${PATH}?`)
}

/**
 * `POST /token` (RFC 8693): a task token for what the caller and its user hold together. Everything is verified before
 * policy is asked; the signature comes after, when the intent is on disk.
 */
export function tokenErrand(desk: TokenDesk, arrival: Arrival, outlet: Outlet): Errand {
  let asking: Asking
  let prepared: PreparedToken
  return {
    gateway: 'token',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      if (arrival.verb !== 'POST') return refuse('method_not_allowed', { say: 'This path takes POST.' })
      if (arrival.target !== PATH) return refuse('bad_request', { param: 'query', say: 'This path takes no query.' })
      const read = await readAsking(arrival)
      if (isRefusal(read)) return read
      const answer = await desk.exchange(read.request, principal, arrival)
      if (isRefusal(answer)) return answer
      asking = read
      prepared = answer
      return readingOf(answer)
    },
    resolve: () => [],
    async deliver({ exchange }) {
      const { token, type, expiresIn, scope } = await prepared.mint()
      return deliverJson(outlet, 200, fieldsOf(exchange.id), { access_token: token, issued_token_type: asking.issuedType, token_type: type, expires_in: expiresIn, scope })
    },
    refuse(refusal, exchange) {
      const { status, fields, body } = mistakeOf(refusal)
      if (outlet.committed) return { status, bytes: 0, complete: false }
      return { ...deliverJson(outlet, status, [...fieldsOf(exchange.id), ...fields], body), complete: refusal.refuse !== 'cancelled' }
    },
  }
}

/** RFC 6749 section 5.1: what has a token in it is kept nowhere. */
function fieldsOf(id: string): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id], ['content-type', 'application/json'], ['cache-control', 'no-store'], ['pragma', 'no-cache']]
}

function readingOf({ facts, key }: PreparedToken): Reading {
  // Ids that are new each time would make the same question look like another one.
  const { token: _token, task: _task, ...lasting } = facts
  const asked = { ...lasting, ...(key !== undefined && { key }) }
  const body = JSON.stringify(asked)
  const reading: Reading = {
    action: 'token.exchange',
    resource: { type: 'Endpoint', id: 'token', attributes: { path: PATH, method: 'POST' } },
    route: 'token',
    direction: 'outbound',
    effect: 'none',
    overlapsIntent: false,
    stream: false,
    segments: [],
    effects: [],
    parameters: facts,
    subordinates: [],
    estimate: { input: 0, choices: 0 },
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(body).digest('base64'),
    show: () => ({ body, values: Object.entries(asked).map(([path, value]) => ({ path, value, control: path === 'audience' || path === 'subject' || path === 'scope', sources: [] })), undo: 'perhaps' }),
  }
  return reading
}
