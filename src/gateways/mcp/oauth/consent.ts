import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import type { Dial } from '../../../contract/dial.ts'
import type { Principal } from '../../../contract/principal.ts'
import { refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import type { Wanted } from './authenticate.ts'
import { askTokens, authorizationUrl, clientFor, newVerifier, type Client, type Ourselves } from './client.ts'
import { discover, type Discovered, type Target } from './discovery.ts'
import { grantOf, ownerOf, secretOf, type Grant, type Grants } from './grants.ts'
import { OAuthProblem } from './places.ts'

export interface ConsentParts {
  readonly grants: Grants
  readonly dial: (target: Target) => Dial
  readonly clock: Clock
  /** Where browsers meet this gateway; undefined while it is not known. */
  readonly origin: () => string | undefined
}

/** A caller that waits for a person. */
export interface Ticket {
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  wanted: Wanted
  readonly until: number
  found: Promise<Discovered> | undefined
}

/** A person who has agreed, and is at the authorization server. */
interface Pending {
  readonly ticket: Ticket
  /** Who showed the caller's credential. */
  readonly principal: Principal
  readonly found: Discovered
  readonly client: Client
  readonly verifier: string
  readonly redirect: string
  readonly scopes: readonly string[]
  /** Hash of what the browser was given. */
  readonly cookie: Buffer
  readonly until: number
}

/** What an authorization server sends a browser back with. */
export interface CameBack {
  readonly state: string
  readonly iss?: string
  readonly code?: string
  readonly error?: string
}

/** Somebody who came back with the right cookie; it can be finished once. */
export interface Returned {
  readonly principal: Principal
  readonly server: string
  readonly facts: Readonly<Record<string, string>>
  /** Exchanges the code and keeps what comes of it. @throws {Refused} */
  finish(): Promise<Grant>
}

export interface Consents {
  /** A refusal that says where a person can agree. */
  required(target: Target, principal: Principal, wanted: Wanted): Refused
  find(id: string): Ticket | undefined
  /** Where the server's tokens come from; asked once for each ticket. @throws {Refused} */
  look(ticket: Ticket): Promise<Discovered>
  /** The person agrees: where the browser goes, and what it has to bring back. @throws {Refused} */
  agree(ticket: Ticket, principal: Principal): Promise<{ readonly url: string; readonly state: string; readonly cookie: string }>
  /** The person does not. */
  decline(ticket: Ticket): void
  /** Takes what a browser came back with; `cookieOf` gives the cookie that belongs to a state. */
  take(came: CameBack, cookieOf: (state: string) => string | undefined): Returned | Refusal
  ourselves(): Ourselves | undefined
}

const TICKET_MS = 15 * 60_000
const PENDING_MS = 10 * 60_000
const MOST = 10_000
const LOOKING_MS = 25_000
export const START = '/mcp-oauth/start'
export const CALLBACK = '/mcp-oauth/callback'
export const DESCRIPTION = '/mcp-oauth/client.json'

/** Consents of people under way: they outlive epochs, not the process. */
export function makeConsents({ grants, dial, clock, origin }: ConsentParts): Consents {
  const tickets = new Map<string, Ticket>()
  /** The ticket of an owner and server: asking again does not make another one. */
  const waiting = new Map<string, Ticket>()
  const pending = new Map<string, Pending>()
  const registrations = new Map<string, Promise<Client>>()

  const keyOf = ({ server, url, oauth }: Target, principal: Principal): string => JSON.stringify([ownerOf(principal).tenant, ownerOf(principal).key, server, url, oauth])

  function drop(ticket: Ticket): void {
    tickets.delete(ticket.id)
    const key = keyOf(ticket.target, ticket.principal)
    if (waiting.get(key) === ticket) waiting.delete(key)
  }

  /** What was made first ends first; beyond the bound the oldest goes. */
  function sweep(): void {
    const now = clock.monotonic()
    for (const one of tickets.values()) {
      if (one.until > now && tickets.size < MOST) break
      drop(one)
    }
    for (const [state, one] of pending) {
      if (one.until > now && pending.size < MOST) break
      pending.delete(state)
    }
  }

  function ourselves(): Ourselves | undefined {
    const at = origin()
    if (at === undefined) return undefined
    return { redirect: at + CALLBACK, ...(at.startsWith('https:') && { description: at + DESCRIPTION }) }
  }

  function must(): Ourselves {
    const known = ourselves()
    if (known === undefined) throw failed('The address of this gateway is not known: set identity.public_url.')
    return known
  }

  /** A client that was registered belongs to its issuer, and serves every consent there. */
  async function clientAt(target: Target, found: Discovered): Promise<Client> {
    const self = must()
    const ask = (): Promise<Client> => clientFor(dial(target), target, found, self, AbortSignal.timeout(LOOKING_MS))
    if (!target.oauth.register) return await ask()
    const key = JSON.stringify([target.server, found.issuer, self.redirect])
    let made = registrations.get(key)
    if (made === undefined) {
      if (registrations.size >= MOST) registrations.clear()
      made = ask()
      made.catch(() => registrations.delete(key))
      registrations.set(key, made)
    }
    return await made
  }

  async function look(ticket: Ticket): Promise<Discovered> {
    const looking = (ticket.found ??= discover(dial(ticket.target), ticket.target, ticket.wanted, AbortSignal.timeout(LOOKING_MS)))
    looking.catch(() => {
      if (ticket.found === looking) ticket.found = undefined
    })
    return await said(() => looking)
  }

  return {
    required(target, principal, wanted) {
      const at = origin()
      if (at === undefined) return new Refused(refuse('consent_required', { say: 'A person has to let this server be used for you, and the address of this gateway is not known: set identity.public_url.' }))
      sweep()
      const key = keyOf(target, principal)
      let ticket = waiting.get(key)
      if (ticket === undefined) {
        ticket = { id: randomBytes(32).toString('base64url'), principal, target, wanted, until: clock.monotonic() + TICKET_MS, found: undefined }
        tickets.set(ticket.id, ticket)
        waiting.set(key, ticket)
      } else if (JSON.stringify(ticket.wanted) !== JSON.stringify(wanted)) {
        ticket.wanted = wanted
        ticket.found = undefined
      }
      const url = `${at}${START}?ticket=${ticket.id}`
      return new Refused(refuse('consent_required', { say: `A person has to let the server "${target.server}" be used for you first: open ${url} in a browser, then try again.`, url }))
    },
    find(id) {
      sweep()
      return tickets.get(id)
    },
    look,
    async agree(ticket, principal) {
      const { target } = ticket
      const found = await look(ticket)
      const client = await said(() => clientAt(target, found)).catch((error: unknown) => {
        // What it says of itself may be put right: whoever tries again looks again.
        ticket.found = undefined
        throw error
      })
      const { redirect } = must()
      const { verifier, challenge } = newVerifier()
      const [state, cookie] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]
      const scopes = found.scopes ?? []
      // Kept only now that a person has agreed; nothing that came before counts at the callback.
      pending.set(state, { ticket, principal, found, client, verifier, redirect, scopes, cookie: hashOf(cookie), until: clock.monotonic() + PENDING_MS })
      return { url: authorizationUrl(found, client, { redirect, state, challenge, scopes }), state, cookie }
    },
    decline: drop,
    take({ state, iss, code, error }, cookieOf) {
      sweep()
      const one = pending.get(state)
      if (one === undefined) return refuse('consent_failed', { detail: 'a state that is not known, or was used' })
      const cookie = cookieOf(state)
      // Another browser than the one that agreed: whoever holds only the state must not use it up either.
      if (cookie === undefined || !timingSafeEqual(hashOf(cookie), one.cookie)) return refuse('consent_failed', { say: 'This was not agreed to in this browser.', detail: 'no cookie, or another one' })
      pending.delete(state)
      const { ticket, principal, found, client, verifier, redirect, scopes } = one
      const { target } = ticket
      // Of another authorization server neither the code nor what it says of an error counts (RFC 9207).
      if (iss === undefined ? found.issPromised : iss !== found.issuer) return refuse('consent_failed', { say: 'The answer came from another authorization server than the one that was asked.', detail: iss === undefined ? 'no iss' : 'another iss' })
      if (error !== undefined || code === undefined) return refuse('consent_failed', { say: error === 'access_denied' ? 'The authorization server was told not to let the server be used.' : 'The authorization server did not agree.', detail: error ?? 'no code' })
      return {
        principal,
        server: target.server,
        facts: { server: target.server, issuer: found.issuer, scope: scopes.join(' ') },
        async finish() {
          // It runs to its end whoever hangs up: the code is good once.
          const tokens = await said(() => askTokens(dial(target), found.tokenEndpoint, secretOf(client, target), { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier, resource: found.resource }, AbortSignal.timeout(LOOKING_MS)))
          const grant = grantOf(target, found, client, scopes, tokens, clock)
          await grants.made(target, ownerOf(principal), grant)
          drop(ticket)
          return grant
        },
      }
    },
    ourselves,
  }
}

export function failed(say: string): Refused {
  return new Refused(refuse('consent_failed', { say, detail: say }))
}

async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OAuthProblem) throw failed(`The server cannot be used: ${error.message}.`)
    throw error
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
