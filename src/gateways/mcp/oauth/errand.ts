import { randomBytes } from 'node:crypto'
import { field, type Arrival, type Fields, type Outlet } from '../../../contract/arrival.ts'
import { deliverJson, type Delivery, type Errand } from '../../../contract/gateway.ts'
import type { Principal } from '../../../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../../../contract/verdict.ts'
import { ANYBODY, documentReading, fieldsOf, jsonErrand } from '../callers/metadata.ts'
import { cameBack, consentReading, cookieIn, cookieText, pageErrand, pageFields, paramsOf, same, say } from './browser.ts'
import { clientDescription } from './client.ts'
import { CALLBACK, DESCRIPTION, shownOf, SIGNED_IN, START, type Consents, type Returned, type Ticket } from './consent.ts'
import { ownerOf } from './grants.ts'
import { consentPage, saidPage, SIGN_IN } from './pages.ts'
import type { Agreed, SignInPlace, SignIns } from './signing.ts'

/** What the pages for consent work with. */
export interface ConsentDesk {
  readonly consents: Consents
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  /** Whoever was identified otherwise, unless revoked. */
  readonly admit: (who: Principal) => Principal | Refusal
  readonly signIns: SignIns
  /** Where people sign in. */
  readonly places: readonly SignInPlace[]
}

const MOST_FORM_BYTES = 16 * 1024
const ROOT = '/mcp-oauth/'
const TICKET = /^[A-Za-z0-9_-]{43}$/

export function isConsentPath(target: string): boolean {
  return target.startsWith(ROOT)
}

/** `GET` and `POST /mcp-oauth/start`, `GET /mcp-oauth/signed-in`, `GET /mcp-oauth/callback`, `GET /mcp-oauth/client.json`: for people and their browsers. */
export function consentErrand(desk: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  const path = arrival.target.split('?', 1)[0]
  if (path === DESCRIPTION) return descriptionErrand(desk, arrival, outlet)
  if (path === START) return arrival.verb === 'POST' ? agreeErrand(desk, arrival, outlet) : askErrand(desk, arrival, outlet)
  if (path === SIGNED_IN) return signedInErrand(desk, arrival, outlet)
  if (path === CALLBACK) return callbackErrand(desk, arrival, outlet)
  return { ...pageErrand(arrival, outlet), identify: () => refuse('unknown_path', { say: 'There is nothing at this path.' }), ...NEVER }
}

/** Our description as a client; there is one where authorization servers can fetch it. */
function descriptionErrand({ consents }: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  return {
    ...jsonErrand(arrival, outlet),
    identify: () => ANYBODY,
    read: () => (arrival.verb !== 'GET' ? refuse('method_not_allowed', { say: 'This path takes GET.' }) : consents.ourselves()?.description === undefined ? refuse('unknown_path', { say: 'There is nothing at this path.' }) : documentReading('mcp.metadata', DESCRIPTION)),
    deliver({ exchange }) {
      const self = consents.ourselves()
      return Promise.resolve(deliverJson(outlet, 200, fieldsOf(exchange.id), self && { client_id: self.description, ...clientDescription(self) }))
    },
  }
}

/** What a person is asked. Nothing is agreed to yet, and whoever looks is nobody in particular. */
function askErrand(desk: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  let ticket: Ticket | undefined
  return {
    ...pageErrand(arrival, outlet),
    identify() {
      if (arrival.verb !== 'GET') return refuse('method_not_allowed', { say: 'This path takes GET and POST.' })
      ticket = ticketOf(desk, paramsOf(arrival.target.slice(START.length + 1)))
      return ticket === undefined ? GONE : ANYBODY
    },
    read: () => consentReading((ticket as Ticket).target.server, START, 'GET', {}),
    async deliver({ exchange }) {
      const { target, principal, id } = ticket as Ticket
      const found = await desk.consents.look(ticket as Ticket)
      const nonce = randomBytes(32).toString('base64url')
      const proof = principal.proof.kind !== 'none' && arrival.peer.certificates === undefined
      const user = principal.chain[0]
      const signIns = placesFor(desk, ticket as Ticket).map(({ issuer }) => issuer)
      const { workload: caller, agent } = principal
      const text = consentPage({ ticket: id, nonce, shown: shownOf(found), caller, ...(agent !== undefined && { agent }), ...(user !== undefined && { user }), server: target.server, url: target.url, issuer: found.issuer, scopes: found.scopes ?? [], proof, signIns, action: START })
      return say(outlet, 200, [...pageFields(exchange.id, [found.authorizationEndpoint, ...signIns].map((one) => new URL(one).origin)), ['set-cookie', cookieText(desk, 'form', id, nonce)]], text)
    },
  }
}

/** A person agrees, and shows the caller's credential: else a link could be sent to somebody else, whose account it would be. */
function agreeErrand(desk: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  let ticket: Ticket | undefined
  let who: Principal
  let shown = ''
  let allowed = false
  let signIn: SignInPlace | undefined
  return {
    ...pageErrand(arrival, outlet),
    async identify() {
      if (arrival.target !== START || !/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(field(arrival.fields, 'content-type') ?? '')) return refuse('bad_request', { say: 'This is not the form of this page.' })
      const site = field(arrival.fields, 'sec-fetch-site')
      if (site !== undefined && site !== 'same-origin') return refuse('consent_failed', { say: 'The form was sent by another page.', detail: `sec-fetch-site ${site.slice(0, 20)}` })
      const form = paramsOf(Buffer.from(await arrival.body.whole(MOST_FORM_BYTES)).toString('utf8'))
      ticket = ticketOf(desk, form)
      if (ticket === undefined || form === undefined) return GONE
      const [given, kept] = [form.get('nonce') ?? '', cookieIn(desk, arrival.fields, 'form', ticket.id)]
      if (kept === undefined || !same(given, kept)) return refuse('consent_failed', { say: 'The form was sent by another page, or cookies are off.', detail: 'no nonce, or another one' })
      shown = form.get('shown') ?? ''
      const decision = form.get('decision') ?? ''
      if (decision.startsWith(SIGN_IN)) {
        signIn = placesFor(desk, ticket).find(({ issuer }) => issuer === decision.slice(SIGN_IN.length))
        return signIn === undefined ? refuse('consent_failed', { say: 'Nobody can sign in there for this caller.', detail: 'another issuer' }) : ANYBODY
      }
      allowed = decision === 'allow'
      // Whoever has the link may say no.
      if (!allowed) return ANYBODY
      const operator = desk.consents.vouchedBy(ticket, form.get('credential') ?? '')
      const found = operator === undefined ? await desk.identify(showing(arrival, form.get('credential'))) : desk.admit(vouchedFor(ticket.principal, operator))
      if (isRefusal(found)) return found
      const [own, asked] = [ownerOf(found), ownerOf(ticket.principal)]
      if (own.tenant !== asked.tenant || own.key !== asked.key) return refuse('unauthenticated', { say: 'This is not the credential of the caller that asked.', detail: `${found.workload} is not ${ticket.principal.workload}` })
      who = found
      return found
    },
    read: () => consentReading((ticket as Ticket).target.server, START, 'POST', { server: (ticket as Ticket).target.server }),
    async deliver({ exchange }) {
      const one = ticket as Ticket
      if (signIn !== undefined) {
        const { url, state, cookie } = await desk.signIns.begin(one, signIn, shown)
        return say(outlet, 303, [...pageFields(exchange.id), ['location', url], ['set-cookie', cookieText(desk, 'sign-in', state, cookie)]], '')
      }
      if (!allowed) {
        desk.consents.decline(one)
        return say(outlet, 200, pageFields(exchange.id), saidPage('Not agreed', 'Nothing was changed. You can close this page.', exchange.id))
      }
      return await sent(desk, outlet, exchange.id, { ticket: one, shown, principal: who })
    },
  }
}

/** The browser goes on to the server's authorization server. */
async function sent(desk: ConsentDesk, outlet: Outlet, id: string, { ticket, shown, principal }: Agreed, more: Fields = []): Promise<Delivery> {
  const { url, state, cookie } = await desk.consents.agree(ticket, principal, shown)
  return say(outlet, 303, [...pageFields(id), ['location', url], ['set-cookie', cookieText(desk, 'consent', state, cookie)], ['set-cookie', cookieText(desk, 'form', ticket.id, undefined)], ...more], '')
}

/** The browser comes back from the issuer, where somebody has signed in: the caller's own user has agreed, and nobody else can. */
function signedInErrand(desk: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  let agreed: Agreed | undefined
  let state = ''
  return {
    ...pageErrand(arrival, outlet),
    async identify() {
      const came = cameBack(arrival, SIGNED_IN)
      if (isRefusal(came)) return came
      state = came.state
      const taken = await desk.signIns.take(came, (of) => cookieIn(desk, arrival.fields, 'sign-in', of), desk.places)
      if (isRefusal(taken)) return taken
      const found = desk.admit(taken.principal)
      if (isRefusal(found)) return found
      agreed = { ...taken, principal: found }
      return found
    },
    read() {
      const { server } = (agreed as Agreed).ticket.target
      return consentReading(server, SIGNED_IN, 'GET', { server })
    },
    deliver: ({ exchange }) => sent(desk, outlet, exchange.id, agreed as Agreed, [['set-cookie', cookieText(desk, 'sign-in', state, undefined)]]),
  }
}

/** Where the caller's user could sign in: a caller that acts for nobody has none. */
function placesFor({ places }: ConsentDesk, { principal: { tenant, chain } }: Ticket): readonly SignInPlace[] {
  return chain.length === 0 ? [] : places.filter((one) => one.tenant === tenant)
}

/** The caller, for whom an operator vouches. */
function vouchedFor({ expires: _expires, scope, ...principal }: Principal, operator: string): Principal {
  return Object.freeze({ ...principal, scope: { rights: scope.rights }, proof: { kind: 'admin', id: operator } as const })
}

/** The browser comes back from the authorization server. */
function callbackErrand(desk: ConsentDesk, arrival: Arrival, outlet: Outlet): Errand {
  let back: Returned | undefined
  let state = ''
  return {
    ...pageErrand(arrival, outlet),
    identify() {
      const came = cameBack(arrival, CALLBACK)
      if (isRefusal(came)) return came
      state = came.state
      const taken = desk.consents.take(came, (of) => cookieIn(desk, arrival.fields, 'consent', of))
      if (isRefusal(taken)) return taken
      // Whoever agreed may have been revoked since.
      const found = desk.admit(taken.principal)
      if (isRefusal(found)) return found
      back = taken
      return found
    },
    read: () => consentReading((back as Returned).server, CALLBACK, 'GET', (back as Returned).facts),
    async deliver({ exchange }) {
      const { server, finish } = back as Returned
      await finish()
      return say(outlet, 200, [...pageFields(exchange.id), ['set-cookie', cookieText(desk, 'consent', state, undefined)]], saidPage('Agreed', `The server "${server}" can be used now. You can close this page, and let the caller try again.`, exchange.id))
    },
  }
}

const GONE = refuse('unknown_path', { say: 'This link is not good any more. Let the caller try again: it gets another one.' })
const NEVER: Pick<Errand, 'read' | 'deliver'> = {
  read() {
    throw new Error('read without an identity')
  },
  deliver() {
    throw new Error('delivered without an identity')
  },
}

/** The arrival as if it had come with this credential alone. */
function showing({ fields, body, gone, peer }: Arrival, credential: string | undefined): Arrival {
  const kept = fields.filter(([name]) => !/^(?:authorization|x-api-key|x-goog-api-key|api-key|dpop)$/i.test(name))
  return { verb: 'POST', target: START, fields: credential === undefined || credential === '' ? kept : [...kept, ['authorization', `Bearer ${credential}`]], body, gone, peer }
}

function ticketOf({ consents }: ConsentDesk, params: ReadonlyMap<string, string> | undefined): Ticket | undefined {
  const id = params?.get('ticket') ?? ''
  return TICKET.test(id) ? consents.find(id) : undefined
}
