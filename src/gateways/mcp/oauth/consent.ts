import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import type { Dial } from '../../../contract/dial.ts'
import { subjectOf, type Principal } from '../../../contract/principal.ts'
import { isRefusal, refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import type { Wanted } from './authenticate.ts'
import { Away, codeOf, type CameBack } from './away.ts'
import { askTokens, authorizationUrl, isForgotten, newVerifier, type Client, type Ourselves } from './client.ts'
import { discover, type Discovered, type Target } from './discovery.ts'
import { grantOf, ownerOf, secretOf, takeBack, type Grant, type Grants } from './grants.ts'
import { OAuthProblem } from './places.ts'
import type { Clients } from './registering.ts'

export interface ConsentParts {
  readonly grants: Grants
  readonly clients: Clients
  readonly dial: (target: Target) => Dial
  readonly clock: Clock
  /** Where browsers meet this gateway; undefined while it is not known. */
  readonly origin: () => string | undefined
  /** Whether settings still say this of the server: what was agreed to under others counts no more. */
  readonly stands: (target: Target) => boolean
}

/** A caller that waits for a person. */
export interface Ticket {
  readonly id: string
  /** As it asked last: its earlier credentials may have ended. */
  principal: Principal
  readonly target: Target
  wanted: Wanted
  until: number
  found: Promise<Discovered> | undefined
  /** An operator vouches for whoever shows this code: it is good once. */
  vouched?: { readonly by: string; readonly code: Buffer }
  /** Declined, forgotten, or done: whatever still runs for it makes no grant. */
  over?: true
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
  /** The person agrees to what `shown` stands for (`shownOf`): where the browser goes, and what it has to bring back. @throws {Refused} */
  agree(ticket: Ticket, principal: Principal, shown: string): Promise<{ readonly url: string; readonly state: string; readonly cookie: string }>
  /** A code that an operator gives to whoever may agree in the caller's place; the last one counts. */
  vouch(ticket: Ticket, by: string): string
  /** The operator who vouches for whoever shows this; it counts once. */
  vouchedBy(ticket: Ticket, code: string): string | undefined
  /** The person does not. */
  decline(ticket: Ticket): void
  /** Takes what a browser came back with; `cookieOf` gives the cookie that belongs to a state. */
  take(came: CameBack, cookieOf: (state: string) => string | undefined): Returned | Refusal
  ourselves(): Ourselves | undefined
  /** Nobody agrees to anything for this subject any more. */
  forget(subject: string): void
}

const TICKET_MS = 15 * 60_000
const MOST = 10_000
const LOOKING_MS = 25_000
export const START = '/mcp-oauth/start'
export const CALLBACK = '/mcp-oauth/callback'
export const SIGNED_IN = '/mcp-oauth/signed-in'
export const DESCRIPTION = '/mcp-oauth/client.json'

/** Consents of people under way: they outlive epochs, not the process. */
export function makeConsents({ grants, clients, dial, clock, origin, stands }: ConsentParts): Consents {
  const tickets = new Map<string, Ticket>()
  /** The ticket of an owner and server: asking again does not make another one. */
  const waiting = new Map<string, Ticket>()
  const pending = new Away<Pending>(clock)

  const keyOf = ({ server, url, oauth }: Target, principal: Principal): string => JSON.stringify([ownerOf(principal).tenant, ownerOf(principal).key, server, url, oauth])

  function drop(ticket: Ticket): void {
    tickets.delete(ticket.id)
    const key = keyOf(ticket.target, ticket.principal)
    if (waiting.get(key) === ticket) waiting.delete(key)
  }

  /** Ends it with all browsers that are away for it. */
  function end(ticket: Ticket): void {
    ticket.over = true
    drop(ticket)
    pending.drop(ticket.id)
  }

  /** What was made first ends first; beyond the bound the oldest goes. */
  function sweep(): void {
    const now = clock.monotonic()
    for (const one of tickets.values()) {
      if (one.until > now && tickets.size < MOST) break
      end(one)
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
      } else {
        ticket.principal = principal
      }
      if (JSON.stringify(ticket.wanted) !== JSON.stringify(wanted)) {
        ticket.wanted = wanted
        ticket.found = undefined
      }
      const url = `${at}${START}?ticket=${ticket.id}`
      return new Refused(refuse('consent_required', { say: `A person has to let the server "${target.server}" be used for you first: open ${url} in a browser, then try again.`, url }))
    },
    find(id) {
      sweep()
      const found = tickets.get(id)
      if (found === undefined || stands(found.target)) return found
      end(found)
      return undefined
    },
    look,
    async agree(ticket, principal, shown) {
      const { target } = ticket
      const found = await look(ticket)
      // The server may have asked for something else since: nobody has agreed to that.
      if (shownOf(found) !== shown) throw failed('What is asked for has changed since this page was shown: open the link again.')
      const client = await said(() => clients.at(target, found, must())).catch((error: unknown) => {
        // What it says of itself may be put right: whoever tries again looks again.
        ticket.found = undefined
        throw error
      })
      const { redirect } = must()
      const { verifier, challenge } = newVerifier()
      const scopes = found.scopes ?? []
      // Whoever is away is known as long as that may be: what is forgotten meanwhile makes no grant.
      ticket.until = clock.monotonic() + TICKET_MS
      if (tickets.delete(ticket.id)) tickets.set(ticket.id, ticket)
      // Kept only now that a person has agreed; nothing that came before counts at the callback.
      const { state, cookie } = pending.leave(ticket.id, { ticket, principal, found, client, verifier, redirect, scopes })
      return { url: authorizationUrl(found, client, { redirect, state, challenge, scopes }), state, cookie }
    },
    vouch(ticket, by) {
      const code = `agree-${randomBytes(24).toString('base64url')}`
      ticket.vouched = { by, code: hashOf(code) }
      return code
    },
    vouchedBy(ticket, code) {
      const { vouched } = ticket
      if (vouched === undefined || !timingSafeEqual(hashOf(code), vouched.code)) return undefined
      delete ticket.vouched
      return vouched.by
    },
    decline: end,
    take(came, cookieOf) {
      sweep()
      const taken = pending.take(came.state, cookieOf)
      if (isRefusal(taken)) return taken
      const { ticket, principal, found, client, verifier, redirect, scopes } = taken.what
      const { target } = ticket
      if (!stands(target)) return refuse('consent_failed', { say: 'The settings of the server have changed. Let the caller try again.', detail: 'other settings' })
      const brought = codeOf(came, found, (denied) => (denied ? 'The authorization server was told not to let the server be used.' : 'The authorization server did not agree.'))
      if (isRefusal(brought)) return brought
      const { code } = brought
      return {
        principal,
        server: target.server,
        facts: { server: target.server, issuer: found.issuer, scope: scopes.join(' ') },
        async finish() {
          // It runs to its end whoever hangs up: the code is good once.
          const tokens = await said(() => askTokens(dial(target), found.tokenEndpoint, secretOf(client, target), { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier, resource: found.resource }, AbortSignal.timeout(LOOKING_MS)).catch((error: unknown) => {
            if (isForgotten(error)) clients.gone(client)
            throw error
          }))
          const grant = grantOf(target, found, client, scopes, tokens, clock)
          // It was forgotten, or done in another window, while the code was on its way.
          if (ticket.over === true || !stands(target)) {
            void takeBack(dial(target), target, grant)
            throw failed('This is over: let the caller try again.')
          }
          end(ticket)
          await grants.made(target, ownerOf(principal), grant)
          return grant
        },
      }
    },
    ourselves,
    forget(subject) {
      for (const one of [...tickets.values()]) if (subjectOf(one.principal) === subject) end(one)
    },
  }
}

/** What a person was shown, in short: who is asked for which scopes, and what for. */
export function shownOf({ issuer, authorizationEndpoint, resource, scopes = [] }: Discovered): string {
  return createHash('sha256').update(JSON.stringify([issuer, authorizationEndpoint, resource, scopes])).digest('base64url')
}

export function failed(say: string): Refused {
  return new Refused(refuse('consent_failed', { say, detail: say }))
}

/** Work in which what others say wrong becomes a refusal that people can read. */
export async function said<T>(work: () => Promise<T>, what = 'The server cannot be used'): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OAuthProblem) throw failed(`${what}: ${error.message}.`)
    throw error
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
