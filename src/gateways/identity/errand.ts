import { createHash } from 'node:crypto'
import type { Arrival, Fields, Outlet } from '../../contract/arrival.ts'
import type { Action, Reading } from '../../contract/exchange.ts'
import type { Delivery, Errand } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import { reasonOf } from '../../contract/reasons.ts'
import { isRefusal, Refused, refuse, type Refusal } from '../../contract/verdict.ts'
import { enrolling, readBody, renewing } from './request.ts'

/** A certificate signing request that was found sound. */
export interface SoundRequest {
  readonly publicKey: Uint8Array
}

/** What a workload is handed, as it goes over the wire. */
export interface IssuedIdentity {
  readonly id: string
  readonly serial: string
  /** PEM, the leaf first. */
  readonly svid: string
  /** PEM of the roots in force. */
  readonly bundle: string
  readonly sequence: number
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

/** What the paths below `/identity/` work with. */
export interface IdentityDesk {
  /** Who calls, by whatever it presents. */
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  /** Whom an enrolment token would enrol. */
  readonly enrolling: (token: string) => Principal | Refusal
  /** Reads a request; `problem` is for the record. */
  readonly readRequest: (pem: string) => Promise<SoundRequest | { readonly problem: string }>
  /** Uses the token up; of many at once one wins. */
  readonly enrol: (principal: Principal, request: SoundRequest) => Promise<IssuedIdentity | Refusal>
  readonly renew: (principal: Principal, request: SoundRequest) => Promise<IssuedIdentity | Refusal>
  readonly bundle: () => { readonly json: string }
}

const ROOT = '/identity/'

export function isIdentityPath(target: string): boolean {
  return target.startsWith(ROOT)
}

/** `POST /identity/enrol`, `POST /identity/renew` and `GET /identity/bundle`. */
export function identityErrand(desk: IdentityDesk, arrival: Arrival, outlet: Outlet): Errand {
  switch (arrival.target) {
    case '/identity/enrol':
      return enrolErrand(desk, arrival, outlet)
    case '/identity/renew':
      return renewErrand(desk, arrival, outlet)
    case '/identity/bundle':
      return bundleErrand(desk, arrival, outlet)
    default:
      return { ...common(arrival, outlet), identify: () => refuse('unknown_path', { say: 'There is nothing at this path.' }), read: unread, deliver: undelivered }
  }
}

/** The token is in the body: reading its few bytes is what tells who calls. */
function enrolErrand(desk: IdentityDesk, arrival: Arrival, outlet: Outlet): Errand {
  let who: Principal
  let csr: string
  let request: SoundRequest
  return {
    ...common(arrival, outlet),
    async identify() {
      if (arrival.verb !== 'POST') return refuse('method_not_allowed', { say: 'This path takes POST.' })
      const read = await readBody(arrival, enrolling)
      if (isRefusal(read)) return read
      csr = read.body.csr
      return desk.enrolling(read.body.token)
    },
    async read(principal) {
      who = principal
      // A request that cannot be signed must not use the token up.
      const read = await desk.readRequest(csr)
      if ('problem' in read) return refuse('enrolment_refused', { say: 'The certificate signing request is not acceptable.', param: 'csr', detail: read.problem })
      request = read
      return readingOf('identity.enrol', 'enrol', 'POST', principal, csr)
    },
    deliver: async ({ exchange }) => handedOver(outlet, exchange.id, await desk.enrol(who, request)),
  }
}

/** The certificate that is about to end says who calls; it was shown in the handshake. */
function renewErrand(desk: IdentityDesk, arrival: Arrival, outlet: Outlet): Errand {
  let who: Principal
  let request: SoundRequest
  return {
    ...common(arrival, outlet),
    async identify() {
      if (arrival.verb !== 'POST') return refuse('method_not_allowed', { say: 'This path takes POST.' })
      const principal = await desk.identify(arrival)
      if (isRefusal(principal) || principal.proof.kind === 'mtls') return principal
      return refuse('unauthenticated', { say: 'Renewal takes the current certificate, shown in the TLS handshake.', detail: `proof ${principal.proof.kind} ${principal.proof.id}` })
    },
    async read(principal) {
      who = principal
      const body = await readBody(arrival, renewing)
      if (isRefusal(body)) return body
      const read = await desk.readRequest(body.body.csr)
      if ('problem' in read) return refuse('enrolment_refused', { say: 'The certificate signing request is not acceptable.', param: 'csr', detail: read.problem })
      request = read
      return readingOf('identity.renew', 'renew', 'POST', principal, body.body.csr)
    },
    deliver: async ({ exchange }) => handedOver(outlet, exchange.id, await desk.renew(who, request)),
  }
}

/** Whom a reader of the bundle is: it says nothing that is not meant for everybody. */
const ANYBODY: Principal = Object.freeze({
  tenant: 'default',
  workload: 'anonymous',
  chain: Object.freeze([]),
  roles: Object.freeze([]),
  proof: Object.freeze({ kind: 'none', id: 'anonymous' }),
  scope: Object.freeze({ rights: Object.freeze([]) }),
})

function bundleErrand(desk: IdentityDesk, arrival: Arrival, outlet: Outlet): Errand {
  return {
    ...common(arrival, outlet),
    identify: () => ANYBODY,
    read: () => (arrival.verb === 'GET' ? readingOf('identity.bundle', 'bundle', 'GET', ANYBODY, '') : refuse('method_not_allowed', { say: 'This path takes GET.' })),
    deliver: ({ exchange }) => Promise.resolve(say(outlet, 200, fieldsOf(exchange.id), desk.bundle().json)),
  }
}

/** What all of them share. Nothing is dialled here. */
function common(arrival: Arrival, outlet: Outlet): Pick<Errand, 'gateway' | 'signal' | 'resolve' | 'refuse'> {
  return {
    gateway: 'identity',
    signal: arrival.gone,
    resolve: () => [],
    refuse(refusal, exchange) {
      const { status, say: usual, retry } = { retry: false, ...reasonOf(refusal.refuse) }
      if (outlet.committed) return { status, bytes: 0, complete: false }
      const fields: [string, string][] = [...fieldsOf(exchange.id), ['x-should-retry', String(retry)]]
      if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
      const error = { code: refusal.refuse, message: refusal.say ?? usual, id: exchange.id, retry, ...(refusal.param !== undefined && { param: refusal.param }) }
      return { ...say(outlet, status, fields, JSON.stringify({ error })), complete: refusal.refuse !== 'cancelled' }
    },
  }
}

function unread(): never {
  throw new Error('read without an identity')
}

function undelivered(): never {
  throw new Error('delivered without an identity')
}

/** @throws {Refused} where the token, or the right to renew, was gone before the certificate was kept. */
function handedOver(outlet: Outlet, id: string, issued: IssuedIdentity | Refusal): Delivery {
  if (isRefusal(issued)) throw new Refused(issued)
  return say(outlet, 200, fieldsOf(id), JSON.stringify(issued))
}

function say(outlet: Outlet, status: number, fields: Fields, text: string): Delivery {
  outlet.head(status, fields)
  outlet.end(text)
  return { status, bytes: text.length, complete: true }
}

function fieldsOf(id: string): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id], ['content-type', 'application/json'], ['cache-control', 'no-store']]
}

function readingOf(action: Action, name: string, method: string, principal: Principal, csr: string): Reading {
  const reading: Reading = {
    action,
    resource: { type: 'Endpoint', id: `identity.${name}`, attributes: { path: ROOT + name, method } },
    route: 'identity',
    direction: 'outbound',
    effect: 'none',
    // A certificate leaves only after its intent is on disk; the bundle is a read.
    overlapsIntent: action === 'identity.bundle',
    stream: false,
    segments: [],
    effects: action === 'identity.bundle' ? ['read'] : [],
    parameters: {},
    subordinates: [],
    estimate: { input: 0, choices: 1 },
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(JSON.stringify([action, principal.workload, principal.proof.id, csr])).digest('base64'),
  }
  return reading
}
