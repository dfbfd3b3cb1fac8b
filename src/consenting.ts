import * as z from 'zod'
import { AdminError, type AdminRoute } from './console/admin.ts'
import { openSealer, type Sealer } from './approvals/sealer.ts'
import type { Clock } from './contract/clock.ts'
import type { Dial } from './contract/dial.ts'
import type { Principal } from './contract/principal.ts'
import type { Audit } from './contract/receipt.ts'
import { makeDialer, type Dialer, type DialerOptions } from './edge/dial/dialer.ts'
import { makeConsents, type Consents } from './gateways/mcp/oauth/consent.ts'
import { withToken } from './gateways/mcp/oauth/credential.ts'
import type { Target } from './gateways/mcp/oauth/discovery.ts'
import { makeGrants, ownerOf, takeBack, type Grant, type GrantBook } from './gateways/mcp/oauth/grants.ts'
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
  /** Replaces the system's resolver. */
  readonly resolve?: DialerOptions['resolve']
}

/** What people have let callers use, and how they do so. It outlives epochs. */
export interface Consenting {
  readonly consents: Consents
  /** The way to a server for one caller, with the caller's own token. */
  way(target: Target, principal: Principal, dial: Dial): Dial
  readonly routes: readonly AdminRoute[]
  /** Ends every grant of a subject: its data are erased. */
  forget(subject: string): Promise<number>
  close(): Promise<void>
}

/** Where browsers meet this gateway: as settings say, else where it listens on this machine. */
export function browserOrigin(publicUrl: string | undefined, dataUrl: string): string | undefined {
  return publicUrl ?? (/^http:\/\/(?:127\.[\d.]+|\[::1\]|localhost):\d+$/.test(dataUrl) ? dataUrl : undefined)
}

/** Grants that are kept opened in memory. */
const MOST_OPENED = 10_000
/** Authorization servers that connections are kept to. */
const MOST_PLACES = 64

/** @throws {Error} for an unusable key file. */
export function openConsenting({ store, folder, clock, newId, audit, origin, resolve }: ConsentingParts): Consenting {
  const book = grantBook(store, openSealer(folder, 'grants'), clock)
  const places = openPlaces(resolve)
  const dial = (target: Target): Dial => places.dial(target)
  const grants = makeGrants({ book, dial, clock })
  const consents = makeConsents({ grants, dial, clock, origin })

  async function end(row: GrantRow): Promise<void> {
    const grant = book.opened(row)
    await book.drop({ tenant: row.tenant, subject: row.subject, key: row.owner }, row.server)
    if (grant !== undefined) void takeBack(places.dial({ server: row.server, url: grant.url, oauth: { register: false, allowPrivate: grant.allowPrivate } }), undefined, grant)
  }

  const record = (by: string, row: GrantRow): Promise<void> =>
    audit.act({ kind: 'act', exchange: newId(), tenant: row.tenant, at: clock.wall(), by, act: 'mcp.forget', detail: { server: row.server, issuer: row.issuer, caller: callerOf(row).caller } })

  return {
    consents,
    way: (target, principal, toServer) => withToken(toServer, { target, owner: ownerOf(principal), grants, consent: (wanted) => consents.required(target, principal, wanted) }),
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
    ],
    async forget(subject) {
      const found = await store.list(subject)
      for (const row of found) await end(row)
      return found.length
    },
    close: () => places.close(),
  }
}

const name = z.string().min(1).max(2048)
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
function openPlaces(resolve: DialerOptions['resolve']): { dial(target: Target): Dial; close(): Promise<void> } {
  const dialers = new Map<string, Dialer>()
  const closing = new Set<Promise<void>>()
  return {
    dial: ({ oauth: { allowPrivate } }) => (request) => {
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
