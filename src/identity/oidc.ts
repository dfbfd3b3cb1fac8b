import { hash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { Clock } from '../contract/clock.ts'
import type { Principal, Proof } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import { parseJson, toPlain } from '../formats/json.ts'
import type { KeySets } from './jwks.ts'
import { principalOf, type SettledIdentity, type SettledOidc } from './settings.ts'
import type { VouchedUser } from './tasks/exchange.ts'
import { claimOf, userOf, workloadOf, type Claims } from './template.ts'

type Issuers = Pick<SettledIdentity, 'oidc' | 'trustDomain' | 'publicUrl'>

/**
 * Tokens of configured issuers: JWTs (RFC 7519, 8725) of clusters, CI and identity providers. They are bearer tokens:
 * whoever has one may use it until it ends, as often as they like.
 */
export interface Oidc {
  /** Whose token it is, where it was verified under these settings before: costs one hash. */
  known(token: string, issuers: Issuers): Principal | undefined
  /** Which workload calls. Tokens of issuers that are for users alone are refused. */
  verify(token: string, issuers: Issuers): Promise<Principal | Refusal>
  /** Which user a token speaks for, for an exchange. Tokens of issuers that are for workloads alone are refused. */
  user(token: string, issuers: Issuers): Promise<VouchedUser | Refusal>
  /** Who signed in, by the ID token that the issuer gave this gateway itself for `nonce` (OpenID Connect Core, 3.1.3.7). */
  signedIn(token: string, entry: SettledOidc, nonce: string): Promise<VouchedUser | Refusal>
}

const LONGEST_TOKEN = 8192
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/
const LONGEST_SUBJECT = 1024
const JSON_LIMITS = { depth: 12, nodes: 2000 }
/** RFC 8725, 3.11: other kinds of tokens that the same key signs (logout, security events, proofs) are no credentials. */
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'jwt', 'at+jwt'])
/** An access token says what a bearer may do, not that somebody has just signed in. */
const ID_TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'jwt'])
const MOST_CACHED = 10_000
/** A key that its issuer withdrew counts no longer than that. */
const CACHED_MS = 300_000

interface Checked {
  readonly entry: SettledOidc
  readonly claims: Claims
  readonly proof: Proof
  /** The one MCP endpoint that it is for; absent = it is for the whole gateway. */
  readonly endpoint?: string
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

interface Cached {
  readonly principal: Principal
  readonly until: number
  /** The settings that it was verified under: under others it is verified anew. */
  readonly under: readonly SettledOidc[]
}

export function makeOidc({ keys, clock }: { readonly keys: KeySets; readonly clock: Clock }): Oidc {
  const cache = new Map<string, Cached>()

  const check = async (token: string, place: (claims: Claims) => Found | Refusal, types = TYPES): Promise<Checked | Refusal> => {
    if (token.length > LONGEST_TOKEN) return wrong('is too long')
    if (!SHAPE.test(token)) return wrong('is not of three parts')
    const [head = '', body = ''] = token.split('.')
    const header = strict(head)
    const claims = strict(body)
    if (header === undefined || claims === undefined) return wrong('is not strict JSON')
    const { alg, kid, typ } = header
    if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return wrong('has a header that says no algorithm, or a key whose name is no text')
    if ('crit' in header || 'b64' in header) return wrong('has critical extensions')
    if (!types.has(typeOf(typ))) return wrong('is of another type than those that authenticate')
    const found = place(claims)
    if (isRefusal(found)) return found
    const { entry, audience, endpoint } = found
    if (!entry.algorithms.has(alg)) return wrong(`is signed with ${alg.slice(0, 16)}, which is not accepted`)
    const key = await keys.key(entry, { alg, ...(kid !== undefined && { kid }) })
    if (isRefusal(key)) return key
    const now = clock.wall()
    try {
      // Its payload is what was read strictly above: the signature covers these very characters.
      await jwtVerify(token, key, {
        algorithms: [alg],
        issuer: entry.issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(now),
        clockTolerance: entry.leewayMs / 1000,
        ...(entry.maxAgeMs !== undefined && { maxTokenAge: entry.maxAgeMs / 1000 }),
      })
    } catch (error) {
      return wrong(error instanceof errors.JOSEError ? `${error.code}: ${error.message}` : 'cannot be verified with that key')
    }
    const { iat, exp, sub, jti } = claims
    if (iat !== undefined && (typeof iat !== 'number' || iat * 1000 > now + entry.leewayMs)) return wrong('was issued in the future')
    if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT) return wrong('names nobody')
    for (const [claim, pattern] of entry.match) if (!matches(claimOf(claims, claim), pattern)) return wrong(`does not have what is asked of ${claim}`)
    // Without the signature, which its bearer can write in several ways: each would be another id, and none of them revoked.
    const id = typeof jti === 'string' && /^[\x21-\x7e]{1,128}$/.test(jti) ? jti : `sha256:${hash('sha256', `${head}.${body}`, 'hex').slice(0, 32)}`
    const oldest = entry.maxAgeMs === undefined ? Number.POSITIVE_INFINITY : (iat as number) * 1000 + entry.maxAgeMs
    return { entry, claims, proof: { kind: 'oidc', id }, ...(endpoint !== undefined && { endpoint }), expires: Math.min((exp as number) * 1000, oldest) }
  }

  return {
    known(token, { oidc }) {
      if (oidc.length === 0) return undefined
      const name = hash('sha256', token, 'base64')
      const cached = cache.get(name)
      if (cached === undefined) return undefined
      if (cached.under === oidc && clock.wall() < cached.until) return cached.principal
      cache.delete(name)
      return undefined
    },
    async verify(token, issuers) {
      const { oidc, trustDomain } = issuers
      const checked = await check(token, (claims) => entryOf(claims, issuers, 'workloads'))
      if (isRefusal(checked)) return checked
      const { entry, claims, proof, expires, endpoint } = checked
      const workload = entry.workload && workloadOf(entry.workload, claims, trustDomain)
      if (workload === undefined) return wrong('has claims that make no SPIFFE id')
      const scope = entry.scopes === undefined ? entry.scope : { ...entry.scope, tools: toolsOf(entry.scopes, claims) }
      const alone = principalOf({ tenant: entry.tenant, workload, proof, scope, expires })
      const aimed = endpoint === undefined ? alone : Object.freeze({ ...alone, scope: Object.freeze({ ...alone.scope, audience: endpoint }) })
      const principal = entry.clients === true ? actingFor(aimed, entry, claims) : aimed
      if (isRefusal(principal)) return principal
      if (cache.size >= MOST_CACHED) cache.delete(cache.keys().next().value as string)
      cache.set(hash('sha256', token, 'base64'), { principal, until: Math.min(expires, clock.wall() + CACHED_MS), under: oidc })
      return principal
    },
    user: async (token, issuers) => vouchedOf(await check(token, (claims) => entryOf(claims, issuers, 'users'))),
    async signedIn(token, entry, nonce) {
      const client = entry.signIn?.clientId
      const checked = await check(token, (claims) => (client !== undefined && claims['iss'] === entry.issuer && audienceOf(claims) === client ? { entry, audience: client } : wrong('is not for this gateway')), ID_TYPES)
      if (isRefusal(checked)) return checked
      const { nonce: told, azp, iat } = checked.claims
      // Without it, whoever has somebody's ID token or code could bring it here.
      if (told !== nonce) return wrong('was not made for this signing in')
      if (azp !== undefined && azp !== client) return wrong('was made for another client')
      return iat === undefined ? wrong('does not say when it was made') : vouchedOf(checked)
    },
  }
}

function vouchedOf(checked: Checked | Refusal): VouchedUser | Refusal {
  if (isRefusal(checked)) return checked
  const { entry, claims, proof, expires } = checked
  const subject = userOf(entry.user, claims)
  return subject === undefined ? wrong('has claims that make no name of a user') : { subject, issuer: entry.issuer, tenant: entry.tenant, proof, expires }
}

function wrong(why: string): Refusal {
  return refuse('unauthenticated', { detail: `token ${why}` })
}

/** One part of a token as an object, without anything that two readers could read differently. */
function strict(part: string): Claims | undefined {
  try {
    const value = toPlain(parseJson(Buffer.from(part, 'base64url'), JSON_LIMITS))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}

function typeOf(typ: unknown): string | undefined {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ === undefined ? undefined : 'none'
}

interface Found {
  readonly entry: SettledOidc
  /** As the token writes it. */
  readonly audience: string
  readonly endpoint?: string
}

/** The one entry that the token is for. A token for several audiences would be good at each of them: it is refused. */
function entryOf(claims: Claims, { oidc, publicUrl }: Issuers, whom: 'workloads' | 'users'): Found | Refusal {
  const audience = audienceOf(claims)
  const entries = oidc.filter((one) => one.issuer === claims['iss'])
  if (entries.length === 0) return wrong('is of no issuer that is configured')
  const entry = entries.find((one) => one.audience === audience)
  if (entry !== undefined) return entry[whom] ? { entry, audience: entry.audience } : wrong(`is of an issuer that is not for ${whom}`)
  const endpoint = endpointOf(audience, publicUrl)
  const client = endpoint === undefined || whom === 'users' ? undefined : entries.find((one) => one.clients === true)
  return client === undefined ? wrong('is for another audience, or for several') : { entry: client, audience: audience as string, endpoint: endpoint as string }
}

function audienceOf({ aud }: Claims): unknown {
  return Array.isArray(aud) && aud.length === 1 ? (aud[0] as unknown) : aud
}

/** The MCP endpoint whose URL an audience is (RFC 8707), by the name that audiences have here. */
function endpointOf(audience: unknown, publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined || typeof audience !== 'string' || !audience.startsWith(`${publicUrl}/mcp`)) return undefined
  const server = audience.slice(publicUrl.length + '/mcp'.length)
  return server === '' ? 'mcp' : /^\/[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(server) ? `mcp:${server.slice(1)}` : undefined
}

/** What its scopes let a token call: OAuth writes them as one text (RFC 8693, 4.2), some issuers as a list. */
function toolsOf(scopes: ReadonlyMap<string, readonly string[]>, claims: Claims): string[] {
  const written = claims['scope'] ?? claims['scp']
  const names: readonly unknown[] = typeof written === 'string' ? written.split(' ') : Array.isArray(written) ? written : []
  return [...new Set(names.flatMap((name) => (typeof name === 'string' ? (scopes.get(name) ?? []) : [])))]
}

/** The application acts for who logged in with it; one that has logged in itself (RFC 9068, 2.2) acts for nobody. */
function actingFor(principal: Principal, { user }: SettledOidc, claims: Claims): Principal | Refusal {
  if (claims['sub'] === (claims['client_id'] ?? claims['azp'])) return principal
  const name = userOf(user, claims)
  if (name === undefined) return wrong('has claims that make no name of a user')
  return Object.freeze({ ...principal, chain: Object.freeze([name]), vouched: Object.freeze([principal.proof]) })
}

function matches(value: unknown, pattern: string): boolean {
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && matches(one, pattern))
  if (typeof value !== 'string' && typeof value !== 'boolean' && typeof value !== 'number') return false
  const text = String(value)
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern
}
