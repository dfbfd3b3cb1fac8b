import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Dial } from '../../../contract/dial.ts'
import { asked, type Discovered, type Target } from './discovery.ts'
import { OAuthProblem } from './places.ts'

/** What an authorization server knows us as. */
export interface Client {
  readonly id: string
  readonly secret?: string
  readonly secretIn: 'header' | 'form'
  /** We registered it ourselves: where the authorization server has forgotten it, another one is needed. */
  readonly registered?: true
  /** Milliseconds since the Unix epoch at which its secret ends. */
  readonly ends?: number
}

/** What an authorization server gave. */
export interface Tokens {
  readonly access: string
  readonly refresh?: string
  /** Milliseconds that the access token lasts; absent = it does not say. */
  readonly lastsMs?: number
  /** Absent = what was asked for. */
  readonly scope?: string
  /** Who signed in, where that was asked. */
  readonly id?: string
}

/** Where this gateway is met by browsers, and describes itself. */
export interface Ourselves {
  readonly redirect: string
  /** Our description as a client, where it can be reached over https. */
  readonly description?: string
}

const token = z.string().regex(/^[\x21-\x7e]{1,16384}$/)
const tokenAnswer = z.object({ access_token: token, token_type: z.string().regex(/^bearer$/i), refresh_token: token.optional(), expires_in: z.number().min(0).max(1e9).optional(), scope: z.string().max(4096).optional(), id_token: token.optional().catch(undefined) })
/** People, receipts and logs are told: codes of OAuth are words, and nothing that could be a token. */
const mistake = z.object({ error: z.string().regex(/^[a-z_]{1,48}$/) })
const registered = z.object({ client_id: z.string().regex(/^[\x21-\x7e]{1,1024}$/), client_secret: z.string().regex(/^[\x20-\x7e]{1,1024}$/).optional(), token_endpoint_auth_method: z.string().optional(), client_secret_expires_at: z.number().optional().catch(undefined) })

/** Our description as a client (RFC 7591, and what authorization servers fetch: OAuth Client ID Metadata Document). */
export function clientDescription({ redirect }: Ourselves): Readonly<Record<string, unknown>> {
  return {
    client_name: 'Sallyport',
    redirect_uris: [redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: new URL(redirect).protocol === 'https:' ? 'web' : 'native',
  }
}

/** As what we ask: as settings say, else by our own description, else registered where settings allow that. @throws {OAuthProblem} */
export async function clientFor(dial: Dial, { oauth, secret }: Target, { describes, registrationEndpoint, secretIn }: Discovered, ourselves: Ourselves, signal: AbortSignal): Promise<Client> {
  if (oauth.clientId !== undefined) return { id: oauth.clientId, ...(secret !== undefined && { secret }), secretIn }
  if (describes && ourselves.description !== undefined) return { id: ourselves.description, secretIn }
  if (!oauth.register || registrationEndpoint === undefined) throw new OAuthProblem(oauth.register ? 'its authorization server registers nobody' : 'its authorization server does not know this gateway: set client_id, or register: true')
  const { status, body } = await asked(dial, { method: 'POST', url: registrationEndpoint, fields: [['content-type', 'application/json'], ['accept', 'application/json']], body: JSON.stringify(clientDescription(ourselves)) }, signal)
  const read = registered.safeParse(body)
  if (status < 200 || status > 299 || !read.success) throw new OAuthProblem(`its authorization server did not register this gateway (${mistakeIn(body) ?? `status ${status}`})`)
  const { client_id: id, client_secret: given, token_endpoint_auth_method: method, client_secret_expires_at: ends = 0 } = read.data
  return { id, registered: true, ...(ends > 0 && { ends: ends * 1000 }), ...(given !== undefined && method !== 'none' && { secret: given }), secretIn: method === 'client_secret_post' ? 'form' : secretIn }
}

/** A code verifier and its challenge (RFC 7636). */
export function newVerifier(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** Where the browser goes. */
export function authorizationUrl({ authorizationEndpoint, resource }: Pick<Discovered, 'authorizationEndpoint'> & Partial<Pick<Discovered, 'resource'>>, client: Client, asking: { readonly redirect: string; readonly state: string; readonly challenge: string; readonly scopes: readonly string[]; readonly nonce?: string }): string {
  const url = new URL(authorizationEndpoint)
  const params: Readonly<Record<string, string>> = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: asking.redirect,
    state: asking.state,
    code_challenge: asking.challenge,
    code_challenge_method: 'S256',
    ...(resource !== undefined && { resource }),
    ...(asking.nonce !== undefined && { nonce: asking.nonce }),
    ...(asking.scopes.length > 0 && { scope: asking.scopes.join(' ') }),
  }
  for (const [key, value] of Object.entries(params)) url.searchParams.set(key, value)
  return url.href
}

/** Asks the token endpoint: for a code, or with a refresh token. @throws {OAuthProblem} with the code of OAuth where it said one. */
export async function askTokens(dial: Dial, endpoint: string, client: Client, params: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Tokens> {
  const { status, body } = await formOf(dial, endpoint, client, params, signal)
  const read = tokenAnswer.safeParse(body)
  if (status !== 200 || !read.success) {
    const error = mistakeIn(body)
    throw new OAuthProblem(`its authorization server gave no token (${error ?? `status ${status}`})`, error)
  }
  const { access_token: access, refresh_token: refresh, expires_in: seconds, scope, id_token: id } = read.data
  return { access, ...(refresh !== undefined && { refresh }), ...(seconds !== undefined && { lastsMs: seconds * 1000 }), ...(scope !== undefined && { scope }), ...(id !== undefined && { id }) }
}

/** Whether the authorization server does not know the client that asked. */
export function isForgotten(error: unknown): boolean {
  return error instanceof OAuthProblem && error.error === 'invalid_client'
}

/** Takes a token back (RFC 7009). @throws {OAuthProblem} */
export async function revokeToken(dial: Dial, endpoint: string, client: Client, revoked: string, signal: AbortSignal): Promise<void> {
  await formOf(dial, endpoint, client, { token: revoked }, signal)
}

function formOf(dial: Dial, url: string, { id, secret, secretIn }: Client, params: Readonly<Record<string, string>>, signal: AbortSignal): Promise<{ readonly status: number; readonly body: unknown }> {
  const form = new URLSearchParams(params)
  const fields: [string, string][] = [['content-type', 'application/x-www-form-urlencoded'], ['accept', 'application/json']]
  if (secret !== undefined && secretIn === 'header') fields.push(['authorization', `Basic ${Buffer.from(`${formWord(id)}:${formWord(secret)}`).toString('base64')}`])
  else {
    form.set('client_id', id)
    if (secret !== undefined) form.set('client_secret', secret)
  }
  return asked(dial, { method: 'POST', url, fields, body: form.toString() }, signal)
}

/** RFC 6749 section 2.3.1: as a form would write it. */
function formWord(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function mistakeIn(body: unknown): string | undefined {
  const read = mistake.safeParse(body)
  return read.success ? read.data.error : undefined
}
