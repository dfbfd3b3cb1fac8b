import * as z from 'zod'
import { field } from '../../../contract/arrival.ts'
import type { Dial } from '../../../contract/dial.ts'
import { parseJson, toPlain } from '../../../formats/json.ts'
import type { Wanted } from './authenticate.ts'
import { OAuthProblem, placeOf, SCOPE, type Bounds } from './places.ts'
import type { OAuthSettings } from './settings.ts'

/** A server that wants tokens, with its settings; `secret` is what they refer to. */
export interface Target {
  readonly server: string
  readonly url: string
  readonly oauth: OAuthSettings
  readonly secret?: string
}

/** An authorization server, and what tokens are asked of it for. All of it was validated. */
export interface Discovered {
  readonly issuer: string
  /** Resource indicator (RFC 8707), as the server writes it. */
  readonly resource: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly registrationEndpoint?: string
  readonly revocationEndpoint?: string
  /** What the server needs, where it says so. */
  readonly scopes?: readonly string[]
  /** It promises `iss` in its answers (RFC 9207). */
  readonly issPromised: boolean
  /** It takes the address of a client's description for the client's id. */
  readonly describes: boolean
  /** How it takes a client's secret. */
  readonly secretIn: 'header' | 'form'
}

const MOST_BYTES = 64 * 1024
const TIMEOUTS = { connectMs: 10_000, headMs: 10_000 }
const JSON_LIMITS = { depth: 12, nodes: 5_000 }
const RESOURCE = '/.well-known/oauth-protected-resource'

const text = z.string().min(1).max(2048)
const texts = z.array(z.string().max(512)).max(500)
const resourceMetadata = z.object({ resource: text, authorization_servers: z.array(text).min(1).max(50), scopes_supported: texts.optional() })
const serverMetadata = z.object({
  issuer: text,
  authorization_endpoint: text,
  token_endpoint: text,
  registration_endpoint: text.optional(),
  revocation_endpoint: text.optional(),
  response_types_supported: texts.optional(),
  code_challenge_methods_supported: texts.optional(),
  token_endpoint_auth_methods_supported: texts.optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
})

export function boundsOf({ url, oauth: { issuer, allowPrivate } }: Pick<Target, 'url' | 'oauth'>): Bounds {
  return { known: new Set([new URL(url).origin, ...(issuer === undefined ? [] : [new URL(issuer).origin])]), allowPrivate }
}

/**
 * Finds out where a server's tokens come from: RFC 9728 metadata, then RFC 8414 or OpenID Connect discovery in the order
 * of the MCP specification. Nothing that others named is dialled or handed on unless `placeOf` lets it.
 * @throws {OAuthProblem}
 */
export async function discover(dial: Dial, target: Target, wanted: Wanted, signal: AbortSignal): Promise<Discovered> {
  const bounds = boundsOf(target)
  const { resource, issuer, scopes } = await protectedResource(dial, target, wanted, bounds, signal)
  const made = await authorizationServer(dial, issuer, { ...bounds, by: target.url, proof: 'required' }, signal)
  // Mix-up (RFC 9700, 4.4): one that a server made up could have another's codes brought here, and would be given them.
  if (!made.issPromised && target.oauth.issuer === undefined) throw new OAuthProblem('its authorization server does not say who it is when it answers (RFC 9207): settings have to name it (issuer)')
  const always = target.oauth.scopes
  // What settings ask for, and what the server has said a call needs beyond it.
  const asked = always === undefined ? (wanted.scopes ?? scopes) : [...new Set([...always, ...(wanted.error === 'insufficient_scope' ? (wanted.scopes ?? []) : [])])]
  return { ...made, resource, ...(asked !== undefined && { scopes: asked }) }
}

async function protectedResource(dial: Dial, { url, oauth }: Target, { resourceMetadata: named }: Wanted, bounds: Bounds, signal: AbortSignal): Promise<{ readonly resource: string; readonly issuer: string; readonly scopes?: readonly string[] }> {
  const { origin, pathname } = new URL(url)
  const usual = [...(pathname === '/' ? [] : [origin + RESOURCE + pathname.replace(/\/$/, '')]), origin + RESOURCE]
  const places = named === undefined ? usual : [placeOf(named, 'resource_metadata', bounds, url).href]
  const found = await first(dial, places, resourceMetadata, signal)
  if (found === undefined) {
    // Servers of before RFC 9728 say nothing of themselves: then settings have to.
    if (oauth.issuer !== undefined && named === undefined) return { resource: url, issuer: oauth.issuer }
    throw new OAuthProblem('it does not say where its tokens come from')
  }
  if (!covers(found.said.resource, url, found.at)) throw new OAuthProblem('its metadata are those of another resource')
  const { resource, authorization_servers: servers, scopes_supported: supported } = found.said
  const issuer = oauth.issuer ?? (servers[0] as string)
  if (!servers.includes(issuer)) throw new OAuthProblem('it does not name the authorization server that settings name')
  const scopes = supported?.filter((one) => SCOPE.test(one)).slice(0, 64)
  return { resource, issuer, ...(scopes !== undefined && scopes.length > 0 && { scopes }) }
}

/**
 * The resource is the server's own address, or one that it lies below: then the metadata stand where that one's do
 * (RFC 9728, 3.3), else a neighbour on a shared host could be given tokens for all of it.
 */
function covers(resource: string, url: string, at: string): boolean {
  const [named, own] = [URL.parse(resource), new URL(url)]
  if (named === null || named.origin !== own.origin || named.hash !== '' || named.username !== '' || (named.search !== '' && named.search !== own.search)) return false
  if (named.pathname === own.pathname) return true
  const path = named.pathname.replace(/\/$/, '')
  return own.pathname.startsWith(`${path}/`) && at === own.origin + RESOURCE + path
}

export interface Looking extends Bounds {
  /** Who named the authorization server; absent = settings did. */
  readonly by?: string
  /** Of PKCE with S256: whether the authorization server must say that it takes it, or must only not say otherwise. */
  readonly proof: 'required' | 'usual'
}

/** What an authorization server says of itself: RFC 8414, or OpenID Connect Discovery. @throws {OAuthProblem} */
export async function authorizationServer(dial: Dial, issuer: string, { by, proof, ...bounds }: Looking, signal: AbortSignal): Promise<Omit<Discovered, 'resource'>> {
  const { origin, pathname, search } = placeOf(issuer, 'authorization server', bounds, by)
  if (search !== '') throw new OAuthProblem('its authorization server has a query')
  const path = pathname.replace(/\/$/, '')
  const places = [`${origin}/.well-known/oauth-authorization-server${path}`, `${origin}/.well-known/openid-configuration${path}`, ...(path === '' ? [] : [`${origin}${path}/.well-known/openid-configuration`])]
  const found = (await first(dial, places, serverMetadata, signal))?.said
  if (found === undefined) throw new OAuthProblem('its authorization server says nothing of itself')
  if (found.issuer !== issuer) throw new OAuthProblem('its authorization server calls itself something else')
  if ((found.code_challenge_methods_supported?.includes('S256') ?? proof === 'usual') !== true) throw new OAuthProblem('its authorization server does not say that it takes PKCE with S256')
  if (found.response_types_supported?.includes('code') === false) throw new OAuthProblem('its authorization server gives no codes')
  const { registration_endpoint: registration, revocation_endpoint: revocation, token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = found
  return {
    issuer,
    authorizationEndpoint: placeOf(found.authorization_endpoint, 'authorization endpoint', bounds, issuer).href,
    tokenEndpoint: placeOf(found.token_endpoint, 'token endpoint', bounds, issuer).href,
    ...(registration !== undefined && { registrationEndpoint: placeOf(registration, 'registration endpoint', bounds, issuer).href }),
    ...(revocation !== undefined && { revocationEndpoint: placeOf(revocation, 'revocation endpoint', bounds, issuer).href }),
    issPromised: found.authorization_response_iss_parameter_supported === true,
    describes: found.client_id_metadata_document_supported === true,
    secretIn: methods.includes('client_secret_basic') || !methods.includes('client_secret_post') ? 'header' : 'form',
  }
}

/** The document at the first of the places that has one, and which that is. A redirect, or a document that is none, ends it. */
async function first<T>(dial: Dial, places: readonly string[], shape: z.ZodType<T>, signal: AbortSignal): Promise<{ readonly at: string; readonly said: T } | undefined> {
  for (const at of places) {
    const { status, body } = await asked(dial, { method: 'GET', url: at, fields: [['accept', 'application/json']] }, signal)
    if (status >= 400 && status < 500) continue
    if (status !== 200) throw new OAuthProblem(`its metadata are answered with status ${status}`)
    const read = shape.safeParse(body)
    if (!read.success) throw new OAuthProblem(`its metadata are not usable: ${read.error.issues[0]?.path.join('.') ?? ''}`)
    return { at, said: read.data }
  }
  return undefined
}

export interface Asking {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly fields: readonly (readonly [string, string])[]
  readonly body?: string
}

/** One question, answered with JSON or without. Redirects are not followed. @throws {OAuthProblem} */
export async function asked(dial: Dial, asking: Asking, signal: AbortSignal): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const reply = await dial({ ...asking, signal, timeouts: TIMEOUTS })
    const type = field(reply.fields, 'content-type') ?? ''
    if ((reply.status >= 300 && reply.status < 400) || !/^application\/(?:[a-z.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
      reply.abort()
      return { status: reply.status === 200 ? 502 : reply.status, body: undefined }
    }
    return { status: reply.status, body: toPlain(parseJson(await reply.body.whole(MOST_BYTES), JSON_LIMITS)) }
  } catch (error) {
    throw new OAuthProblem(`${new URL(asking.url).origin} cannot be asked (${signal.aborted ? 'it takes too long' : error instanceof Error ? error.message.slice(0, 100) : 'unknown'})`)
  }
}
