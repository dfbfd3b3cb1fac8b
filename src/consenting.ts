import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { AdminError, type AdminRoute } from './console/admin.ts'
import { openSealer, type Sealer } from './approvals/sealer.ts'
import type { Clock } from './contract/clock.ts'
import type { Dial } from './contract/dial.ts'
import type { Principal } from './contract/principal.ts'
import type { Audit } from './contract/receipt.ts'
import { makeDialer, type Dialer, type DialerOptions } from './edge/dial/dialer.ts'
import { START, makeConsents, type Consents } from './gateways/mcp/oauth/consent.ts'
import { withToken } from './gateways/mcp/oauth/credential.ts'
import type { Target } from './gateways/mcp/oauth/discovery.ts'
import { makeGrants, ownerOf, takeBack, type Grant, type GrantBook, type Owner } from './gateways/mcp/oauth/grants.ts'
import { makeClients } from './gateways/mcp/oauth/registering.ts'
import { makeSignIns, type SignInPlace, type SignIns } from './gateways/mcp/oauth/signing.ts'
import { signInScopes } from './identity/login.ts'
import type { McpServer } from './gateways/mcp/settings.ts'
import type { Oidc } from './identity/oidc.ts'
import type { SettledIdentity } from './identity/settings.ts'
import type { GrantRow, Grants } from './store/interfaces.ts'

export interface ConsentingParts {
  readonly store: Grants
  /** The state folder, where the key is that seals tokens. */
  readonly folder: string
  readonly clock: Clock
  readonly newId: () => string
  readonly audit: Pick<Audit, 'act'>
  /** Where browsers meet this gateway; undefined while it is not known. */
  readonly origin: () => string | undefined
  /** Whether settings still say this of the server. */
  readonly stands: (target: Target) => boolean
  /** Replaces the system's resolver. */
  readonly resolve?: DialerOptions['resolve']
}

/** What people have let callers use, and how they do so. It outlives epochs. */
export interface Consenting {
  readonly consents: Consents
  readonly signIns: SignIns
  /** The way to places that others named, of public hosts unless `allowPrivate`. */
  outside(allowPrivate: boolean): Dial
  /** The way to a server for one caller, as it is `latest`, with the caller's own token. */
  way(target: Target, latest: () => Principal, dial: Dial): Dial
  /** Told whose grant of a server has ended, until the answer is called. */
  onEnd(server: string, told: (owner: Pick<Owner, 'tenant' | 'key'>) => void): () => void
  readonly routes: readonly AdminRoute[]
  /** Ends every grant of a subject: its data are erased. */
  forget(subject: string): Promise<number>
  close(): Promise<void>
}

const HERE = /^http:\/\/(?:127\.[\d.]+|\[::1\]|localhost)(?::\d+)?$/

/**
 * Where browsers meet this gateway: as settings say, else where it listens. Plain http is for this machine alone: people
 * show credentials there, and are given cookies that anybody on the way could use.
 */
export function browserOrigin(publicUrl: string | undefined, dataUrl: string): string | undefined {
  const at = publicUrl ?? dataUrl
  return HERE.test(at) || (publicUrl !== undefined && at.startsWith('https:')) ? at : undefined
}

/** Whether a server is reached as the target says, and with the same words about its authorization server. */
export function usesOauth(settings: McpServer | undefined, { url, oauth }: Target): boolean {
  return settings?.kind === 'http' && settings.url === url && JSON.stringify(settings.oauth) === JSON.stringify(oauth)
}

/** An issuer at which people sign in here, with the secret that its settings refer to. */
export interface ReadySignIn {
  readonly entry: SettledIdentity['oidc'][number]
  readonly secret?: string
}

/** Reads what `client_secret` of issuers refers to. `problem` says what is wrong with the entry of that index. */
export function readySignIns({ oidc }: SettledIdentity, env: Readonly<Record<string, string | undefined>>): { readonly ready: readonly ReadySignIn[] } | { readonly problem: string; readonly index: number } {
  const ready: ReadySignIn[] = []
  for (const [index, entry] of oidc.entries()) {
    const { signIn } = entry
    if (signIn === undefined) continue
    const reference = signIn.clientSecret
    try {
      const secret = reference?.startsWith('env:') === true ? env[reference.slice(4)] : reference && readFileSync(reference.slice(5), 'utf8').trim()
      if (reference !== undefined && (secret === undefined || !/^[\x20-\x7e]{1,1024}$/.test(secret))) return { index, problem: `${reference} is not set, or is no secret of visible characters.` }
      ready.push({ entry, ...(secret !== undefined && { secret }) })
    } catch (error) {
      return { index, problem: `${reference ?? ''} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).` }
    }
  }
  return { ready }
}

/** The issuers as the consent page works with them: `issuers` reaches those of the settings, with their own authorities. */
export function signInPlaces(signIns: readonly ReadySignIn[], { issuers, verify, outside }: { readonly issuers: Dial; readonly verify: Oidc['signedIn']; readonly outside: Consenting['outside'] }): readonly SignInPlace[] {
  return signIns.map(({ entry, secret }): SignInPlace => {
    const { issuer, jwks, tenant, allowPrivate, signIn } = entry
    const own = new Set([issuer, jwks ?? issuer].map((url) => new URL(url).origin))
    return {
      issuer,
      tenant,
      allowPrivate,
      clientId: signIn?.clientId ?? '',
      scopes: signInScopes(entry),
      ...(secret !== undefined && { secret }),
      dial: (request) => (own.has(new URL(request.url).origin) ? issuers : outside(allowPrivate))(request),
      verify: (token, nonce) => verify(token, entry, nonce),
    }
  })
}

/** Grants that are kept opened in memory. */
const MOST_OPENED = 10_000
/** Authorization servers that connections are kept to. */
const MOST_PLACES = 64

/** @throws {Error} for an unusable key file. */
export function openConsenting({ store, folder, clock, newId, audit, origin, stands, resolve }: ConsentingParts): Consenting {
  const book = grantBook(store, openSealer(folder, 'grants'), clock)
  const places = openPlaces(resolve)
  const dial = (target: Target): Dial => places.dial(target.oauth.allowPrivate)
  const clients = makeClients({ dial, clock })
  const listeners = new Set<{ readonly server: string; readonly told: (owner: Pick<Owner, 'tenant' | 'key'>) => void }>()
  const ended = (owner: Owner, of: string): void => {
    for (const { server, told } of listeners) if (server === of) told(owner)
  }
  const grants = makeGrants({ book, clients, dial, clock, ended })
  const consents = makeConsents({ grants, clients, dial, clock, origin, stands })

  async function end(row: GrantRow): Promise<void> {
    const grant = book.opened(row)
    const owner: Owner = { tenant: row.tenant, subject: row.subject, key: row.owner }
    await book.drop(owner, row.server)
    ended(owner, row.server)
    if (grant !== undefined) void takeBack(places.dial(grant.allowPrivate), undefined, grant)
  }

  const record = (by: string, row: GrantRow): Promise<void> =>
    audit.act({ kind: 'act', exchange: newId(), tenant: row.tenant, at: clock.wall(), by, act: 'mcp.forget', detail: { server: row.server, issuer: row.issuer, caller: callerOf(row).caller } })

  return {
    consents,
    signIns: makeSignIns({ clock, consents }),
    outside: (allowPrivate) => places.dial(allowPrivate),
    way: (target, latest, toServer) => withToken(toServer, { target, owner: ownerOf(latest()), grants, consent: (wanted) => consents.required(target, latest(), wanted) }),
    onEnd(server, told) {
      const one = { server, told }
      listeners.add(one)
      return () => void listeners.delete(one)
    },
    routes: [
      { verb: 'GET', path: 'mcp/grants', run: async () => ({ grants: (await store.list()).map((row) => ({ tenant: row.tenant, ...callerOf(row), server: row.server, issuer: row.issuer, scope: row.scope, at: row.at })) }) },
      {
        verb: 'POST',
        path: 'mcp/forget',
        async run({ operator, body }) {
          const read = forgetting.safeParse(body)
          if (!read.success) throw new AdminError(400, z.prettifyError(read.error))
          const { server, caller, user } = read.data
          const found = (await store.list()).filter((row) => row.server === server && (caller === undefined || callerOf(row).caller === caller) && (user === undefined || callerOf(row).user === user))
          if (found.length === 0) throw new AdminError(404, 'Nobody has let this server be used so.')
          for (const row of found) {
            await end(row)
            await record(operator.workload, row)
          }
          return { forgotten: found.length }
        },
      },
      {
        verb: 'POST',
        path: 'mcp/consent',
        async run({ operator, body }) {
          const read = vouching.safeParse(body)
          if (!read.success) throw new AdminError(400, z.prettifyError(read.error))
          const ticket = consents.find(read.data.ticket)
          const at = origin()
          if (ticket === undefined || at === undefined) throw new AdminError(404, 'Nobody waits with this ticket: they end after 15 minutes. Let the caller try again.')
          const { principal, target } = ticket
          const of = { server: target.server, caller: principal.workload, ...(principal.chain[0] !== undefined && { user: principal.chain[0] }) }
          await audit.act({ kind: 'act', exchange: newId(), tenant: principal.tenant, at: clock.wall(), by: operator.workload, act: 'mcp.consent', detail: of })
          return { ...of, tenant: principal.tenant, url: `${at}${START}?ticket=${ticket.id}`, code: consents.vouch(ticket, operator.workload) }
        },
      },
    ],
    async forget(subject) {
      // First: whatever is made after this is over already, and what was made before is in the list.
      consents.forget(subject)
      const found = await store.list(subject)
      for (const row of found) await end(row)
      return found.length
    },
    close: () => places.close(),
  }
}

const name = z.string().min(1).max(2048)
const vouching = z.strictObject({ ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected the ticket of an address that a caller was told') })
const forgetting = z.strictObject({ server: name, caller: name.optional(), user: name.optional() })

function callerOf({ owner }: GrantRow): { readonly caller: string; readonly user?: string } {
  const [user, caller] = JSON.parse(owner) as [string | null, string]
  return { caller, ...(user !== null && { user }) }
}

interface OpenedBook extends GrantBook {
  /** Undefined where its key is gone. */
  opened(row: GrantRow): Grant | undefined
}

/** Grants in the store, sealed for their owner and server; those in use are kept open in memory. */
function grantBook(store: Grants, sealer: Sealer, clock: Clock): OpenedBook {
  const memory = new Map<string, Grant>()
  const idOf = (owner: string, server: string): string => JSON.stringify(['grant', owner, server])
  const keyOf = (tenant: string, owner: string, server: string): string => JSON.stringify([tenant, owner, server])

  function remember(key: string, grant: Grant): void {
    memory.delete(key)
    if (memory.size >= MOST_OPENED) memory.delete(memory.keys().next().value as string)
    memory.set(key, grant)
  }

  function opened({ tenant, owner, server, content }: GrantRow): Grant | undefined {
    try {
      return JSON.parse(Buffer.from(sealer.open(tenant, idOf(owner, server), content)).toString('utf8')) as Grant
    } catch {
      // Sealed under a key that is gone: a person agrees again.
      return undefined
    }
  }

  return {
    opened,
    async find({ tenant, key: owner }, server) {
      const key = keyOf(tenant, owner, server)
      const known = memory.get(key)
      if (known !== undefined) return known
      const row = await store.get(tenant, owner, server)
      const grant = row && opened(row)
      // What was made while the store was asked is newer.
      const made = memory.get(key)
      if (made !== undefined) return made
      if (grant !== undefined) remember(key, grant)
      return grant
    },
    async keep({ tenant, key: owner, subject }, server, grant) {
      const content = sealer.seal(tenant, idOf(owner, server), Buffer.from(JSON.stringify(grant)))
      // A refresh token that was rotated is good once: it is on disk before anybody uses what came with it.
      await store.put({ tenant, owner, server, subject, issuer: grant.issuer, scope: grant.scopes.join(' '), at: clock.wall(), content })
      remember(keyOf(tenant, owner, server), grant)
    },
    async drop({ tenant, key: owner }, server) {
      memory.delete(keyOf(tenant, owner, server))
      await store.drop(tenant, owner, server)
      memory.delete(keyOf(tenant, owner, server))
    },
  }
}

/**
 * Ways to places that servers named. `placeOf` has judged their addresses; what a name resolves to is judged here, when
 * connecting, so that one that moves gains nothing.
 */
function openPlaces(resolve: DialerOptions['resolve']): { dial(allowPrivate: boolean): Dial; close(): Promise<void> } {
  const dialers = new Map<string, Dialer>()
  const closing = new Set<Promise<void>>()
  return {
    dial: (allowPrivate) => (request) => {
      const { origin } = new URL(request.url)
      const key = `${String(allowPrivate)} ${origin}`
      let found = dialers.get(key)
      if (found === undefined) {
        if (dialers.size >= MOST_PLACES) {
          const [first, oldest] = [...dialers][0] as [string, Dialer]
          dialers.delete(first)
          const closed = oldest.close()
          closing.add(closed)
          void closed.finally(() => closing.delete(closed))
        }
        found = makeDialer({ origins: [{ origin, allowPrivate }], connections: 16, ...(resolve && { resolve }) })
      }
      // Used last, dropped last.
      dialers.delete(key)
      dialers.set(key, found)
      return found.dial(request)
    },
    async close() {
      await Promise.all([...closing, ...[...dialers.values()].map((one) => one.close())])
    },
  }
}
