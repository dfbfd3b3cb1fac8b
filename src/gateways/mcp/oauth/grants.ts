import type { Clock } from '../../../contract/clock.ts'
import type { Dial } from '../../../contract/dial.ts'
import { subjectOf, type Principal } from '../../../contract/principal.ts'
import { askTokens, isForgotten, revokeToken, type Client, type Tokens } from './client.ts'
import { boundsOf, type Discovered, type Target } from './discovery.ts'
import { OAuthProblem, placeOf, SCOPE } from './places.ts'
import type { Clients } from './registering.ts'

/** What somebody agreed to, with the tokens that came of it. Good at this address of this server, and at this issuer, alone. */
export interface Grant {
  readonly url: string
  readonly resource: string
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly revocationEndpoint?: string
  readonly client: Client
  /** As settings had it when somebody agreed. */
  readonly allowPrivate: boolean
  readonly scopes: readonly string[]
  readonly access: string
  readonly refresh?: string
  /** Milliseconds since the Unix epoch; absent = the authorization server does not say. */
  readonly expires?: number
}

/** Whose grant it is. Each caller has its own, also of one person: consent to one is none to another. */
export interface Owner {
  readonly tenant: string
  /** Whose data it is (contract/principal.ts). */
  readonly subject: string
  /** The caller and whom it acts for. */
  readonly key: string
}

export function ownerOf(principal: Principal): Owner {
  const { tenant, workload, chain } = principal
  return { tenant, subject: subjectOf(principal), key: JSON.stringify([chain[0] ?? null, workload]) }
}

/** Where grants are kept, sealed. */
export interface GrantBook {
  find(owner: Owner, server: string): Promise<Grant | undefined>
  keep(owner: Owner, server: string, grant: Grant): Promise<void>
  drop(owner: Owner, server: string): Promise<void>
}

export interface GrantsParts {
  readonly book: GrantBook
  readonly clients: Pick<Clients, 'gone'>
  readonly dial: (target: Target) => Dial
  readonly clock: Clock
  /** Told when the authorization server has ended one: whoever agrees next may be somebody else there. */
  readonly ended: (owner: Owner, server: string) => void
}

/** The grants of all callers: one renewal at a time for each, and none that settings no longer agree with. */
export interface Grants {
  /** One whose access token is good as far as anybody can tell; renewed where it is not. */
  current(target: Target, owner: Owner, signal: AbortSignal): Promise<Grant | undefined>
  /** Another one in place of a grant whose access token the server did not take; undefined where there is none to be had. */
  renewed(target: Target, owner: Owner, refused: string, signal: AbortSignal): Promise<Grant | undefined>
  made(target: Target, owner: Owner, grant: Grant): Promise<void>
}

/** Renewed a little early, so that a token does not end on its way. */
const EARLY_MS = 30_000
const RENEWING_MS = 20_000

export function makeGrants({ book, clients, dial, clock, ended }: GrantsParts): Grants {
  const renewing = new Map<string, Promise<Grant | undefined>>()

  async function find({ server, url, oauth }: Target, owner: Owner): Promise<Grant | undefined> {
    const grant = await book.find(owner, server)
    // A token is for the place that it was made for, whatever stands in the settings under the same name today.
    return grant === undefined || grant.url !== url || (oauth.issuer !== undefined && oauth.issuer !== grant.issuer) || (oauth.clientId !== undefined && oauth.clientId !== grant.client.id) || !reachable({ url, oauth }, grant) ? undefined : grant
  }

  /** Rotating refresh tokens are good once: two renewals at a time would cost the grant. Nobody's hanging up stops one. */
  function renew(target: Target, owner: Owner, old: Grant): Promise<Grant | undefined> {
    const key = JSON.stringify([owner.tenant, owner.key, target.server])
    let running = renewing.get(key)
    if (running === undefined) {
      running = ask(target, owner, old).finally(() => renewing.delete(key))
      renewing.set(key, running)
    }
    return running
  }

  async function ask(target: Target, owner: Owner, old: Grant): Promise<Grant | undefined> {
    if (old.refresh === undefined) return undefined
    let tokens: Tokens
    try {
      tokens = await askTokens(dial(target), old.tokenEndpoint, secretOf(old.client, target), { grant_type: 'refresh_token', refresh_token: old.refresh, resource: old.resource }, AbortSignal.timeout(RENEWING_MS))
    } catch (error) {
      // Taken back, used by somebody else, or of a registration that is gone: it will never be good again. Anything else may pass.
      const forgotten = old.client.registered === true && isForgotten(error)
      if (!forgotten && !(error instanceof OAuthProblem && error.error === 'invalid_grant')) throw error
      if (forgotten) clients.gone(old.client)
      await book.drop(owner, target.server)
      ended(owner, target.server)
      return undefined
    }
    const { expires: _expires, ...lasting } = old
    const grant = { ...lasting, ...given(tokens, old.scopes, clock) }
    const now = await book.find(owner, target.server)
    if (now?.access !== old.access) {
      // Somebody ended it, or agreed anew, while it was on its way: it must not come back to life.
      await takeBack(dial(target), target, grant)
      // What was agreed to since may be for another place of this name.
      return await find(target, owner)
    }
    await book.keep(owner, target.server, grant)
    return grant
  }

  return {
    async current(target, owner) {
      const grant = await find(target, owner)
      if (grant?.expires === undefined || clock.wall() < grant.expires - EARLY_MS) return grant
      return await renew(target, owner, grant)
    },
    async renewed(target, owner, refused) {
      const grant = await find(target, owner)
      // Somebody else has renewed it in the meantime.
      if (grant === undefined || grant.access !== refused) return grant
      return await renew(target, owner, grant)
    },
    made: (target, owner, grant) => book.keep(owner, target.server, grant),
  }
}

/** A grant of what an authorization server gave. */
export function grantOf({ url, oauth: { allowPrivate } }: Target, { issuer, resource, tokenEndpoint, revocationEndpoint }: Discovered, client: Client, scopes: readonly string[], tokens: Tokens, clock: Clock): Grant {
  return { url, allowPrivate, issuer, resource, tokenEndpoint, ...(revocationEndpoint !== undefined && { revocationEndpoint }), client, ...given(tokens, scopes, clock) }
}

function given({ access, refresh, lastsMs, scope }: Tokens, asked: readonly string[], clock: Clock): Pick<Grant, 'access' | 'refresh' | 'expires' | 'scopes'> {
  return {
    access,
    ...(refresh !== undefined && { refresh }),
    ...(lastsMs !== undefined && { expires: clock.wall() + lastsMs }),
    scopes: scope === undefined ? asked : scope.split(' ').filter((one) => SCOPE.test(one)),
  }
}

/** Where it is renewed is still a place that settings allow: they may have become stricter since. */
function reachable(target: Pick<Target, 'url' | 'oauth'>, { issuer, tokenEndpoint }: Grant): boolean {
  try {
    placeOf(tokenEndpoint, 'token endpoint', boundsOf(target), issuer)
    return true
  } catch {
    return false
  }
}

/** A secret of the settings is the one that stands there now. */
export function secretOf(client: Client, { oauth, secret }: Target): Client {
  return oauth.clientId === client.id && secret !== undefined ? { ...client, secret } : client
}

/** Tells the authorization server that a grant is over, as far as it can be told. */
export async function takeBack(dial: Dial, target: Target | undefined, { revocationEndpoint, client, access, refresh }: Grant): Promise<void> {
  if (revocationEndpoint === undefined) return
  const asking = target === undefined ? client : secretOf(client, target)
  await revokeToken(dial, revocationEndpoint, asking, refresh ?? access, AbortSignal.timeout(RENEWING_MS)).catch(() => undefined)
}
