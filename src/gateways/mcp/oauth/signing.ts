import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import type { Dial } from '../../../contract/dial.ts'
import type { Principal, Proof } from '../../../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../../../contract/verdict.ts'
import { Away, codeOf, type CameBack } from './away.ts'
import { askTokens, authorizationUrl, newVerifier, type Client } from './client.ts'
import { failed, said, SIGNED_IN, type Consents, type Ticket } from './consent.ts'
import { authorizationServer } from './discovery.ts'

/** Who an issuer says has signed in. */
export interface SignedIn {
  /** As chains name the user. */
  readonly subject: string
  readonly tenant?: string
  readonly proof: Proof
}

/** An issuer at which people can show that a caller acts for them. */
export interface SignInPlace {
  readonly issuer: string
  /** Whose users they are. */
  readonly tenant: string
  readonly clientId: string
  readonly secret?: string
  readonly scopes: readonly string[]
  readonly allowPrivate: boolean
  readonly dial: Dial
  /** Verifies an ID token that was asked for with `nonce`. */
  readonly verify: (idToken: string, nonce: string) => Promise<SignedIn | Refusal>
}

/** A caller whose person has agreed to what a page showed. */
export interface Agreed {
  readonly ticket: Ticket
  readonly principal: Principal
  /** Of `shownOf`. */
  readonly shown: string
}

interface AtIssuer {
  readonly ticket: Ticket
  readonly shown: string
  readonly place: SignInPlace
  readonly tokenEndpoint: string
  readonly issPromised: boolean
  readonly client: Client
  readonly verifier: string
  readonly nonce: string
  readonly redirect: string
}

/** People who show at an issuer that a caller acts for them: nothing of it lasts longer than the consent that it is for. */
export interface SignIns {
  /** Where the browser goes, and what it has to bring back. @throws {Refused} */
  begin(ticket: Ticket, place: SignInPlace, shown: string): Promise<{ readonly url: string; readonly state: string; readonly cookie: string }>
  /** Whom a browser came back as: the caller, proven by its own user at one of `places`, as they are now. @throws {Refused} */
  take(came: CameBack, cookieOf: (state: string) => string | undefined, places: readonly SignInPlace[]): Promise<Agreed | Refusal>
}

const LOOKING_MS = 20_000
/** Less than the spine lets identification take: the page then says what was wrong. */
const EXCHANGE_MS = 3_000

export function makeSignIns({ clock, consents }: { readonly clock: Clock; readonly consents: Pick<Consents, 'find' | 'ourselves'> }): SignIns {
  const away = new Away<AtIssuer>(clock)
  return {
    async begin(ticket, place, shown) {
      const self = consents.ourselves()
      if (self === undefined) throw failed('The address of this gateway is not known: set identity.public_url.')
      const { issuer, allowPrivate, dial, clientId: id, secret, scopes } = place
      const found = await said(() => authorizationServer(dial, issuer, { known: new Set([new URL(issuer).origin]), allowPrivate, proof: 'usual' }, AbortSignal.timeout(LOOKING_MS)), 'Nobody can sign in')
      const { verifier, challenge } = newVerifier()
      const nonce = randomBytes(32).toString('base64url')
      const redirect = new URL(SIGNED_IN, self.redirect).href
      const client: Client = { id, ...(secret !== undefined && { secret }), secretIn: found.secretIn }
      const { state, cookie } = away.leave(ticket.id, { ticket, shown, place, tokenEndpoint: found.tokenEndpoint, issPromised: found.issPromised, client, verifier, nonce, redirect })
      return { url: authorizationUrl(found, client, { redirect, state, challenge, scopes, nonce }), state, cookie }
    },
    async take(came, cookieOf, places) {
      const taken = away.take(came.state, cookieOf)
      if (isRefusal(taken)) return taken
      const { ticket, shown, place: asked, tokenEndpoint, issPromised, client, verifier, nonce, redirect } = taken.what
      // Nobody signs in any more where settings have said so since.
      const place = places.find(({ issuer, tenant, clientId }) => issuer === asked.issuer && tenant === asked.tenant && clientId === asked.clientId)
      if (place === undefined) return refuse('consent_failed', { say: 'The settings of the issuer have changed. Let the caller try again.', detail: 'other settings' })
      const brought = codeOf(came, { issuer: place.issuer, issPromised }, () => 'The issuer did not let you sign in.')
      if (isRefusal(brought)) return brought
      const { id } = await said(() => askTokens(place.dial, tokenEndpoint, client, { grant_type: 'authorization_code', code: brought.code, redirect_uri: redirect, code_verifier: verifier }, AbortSignal.timeout(EXCHANGE_MS)), 'You cannot be signed in')
      if (id === undefined) throw failed('You cannot be signed in: the issuer does not say who you are.')
      const who = await place.verify(id, nonce)
      if (isRefusal(who)) return who
      // What the caller's own token was good for, and how long, says nothing of its user.
      const { expires: _expires, scope, ...principal } = ticket.principal
      const [user] = principal.chain
      // Whoever sent somebody else the link would have that one's account otherwise.
      if (user === undefined || who.subject !== user || place.tenant !== principal.tenant) return refuse('unauthenticated', { say: 'You have signed in as somebody else than the one whom the caller acts for. Nothing was changed.', detail: 'signed in as another user' })
      if (consents.find(ticket.id) !== ticket) return refuse('consent_failed', { say: 'This link is not good any more. Let the caller try again: it gets another one.', detail: 'the ticket is over' })
      return { ticket, shown, principal: Object.freeze({ ...principal, scope: { rights: scope.rights }, proof: who.proof, vouched: Object.freeze([who.proof, ...(principal.vouched ?? []).slice(1)]) }) }
    },
  }
}
