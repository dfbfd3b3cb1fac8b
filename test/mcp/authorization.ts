import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** One request that the authorization server got, with its parameters. */
export interface AskedOf {
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly authorization: string | undefined
}

export interface AuthorizationServer {
  readonly issuer: string
  readonly asked: AskedOf[]
  /** Replaces members of its metadata; undefined takes one away. */
  metadata: Readonly<Record<string, unknown>>
  /** What the next codes and tokens are made with. */
  user: string
  /** Seconds that access tokens last. */
  lifetime: number
  /** Whether authorization responses have `iss`; a text is sent in its place. */
  iss: boolean | string
  /** Answers a path itself: true where it did. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  /** What ID tokens say otherwise; undefined takes a claim away. */
  idClaims: Readonly<Record<string, unknown>>
  /** Replaces the ID token; undefined leaves it away. */
  idToken: ((token: string, claims: Readonly<Record<string, unknown>>) => Promise<string | undefined>) | undefined
  /** How descriptions of clients are fetched, for clients whose id is an address. */
  fetch: (url: string) => Promise<unknown>
  /** Signs an access token of any claims. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>
  /** Access and refresh tokens that count. */
  readonly live: Set<string>
  stop(): Promise<void>
}

interface Grant {
  readonly client: string
  readonly redirect: string
  readonly challenge: string
  readonly resource: string
  readonly scope: string
  readonly user: string
  readonly nonce: string | undefined
}

/**
 * A simulated authorization server: OAuth 2.1 with PKCE, resource indicators, `iss`, rotating refresh tokens, dynamic
 * registration, descriptions of clients, revocation, and ID tokens. Whoever comes to `/authorize` is taken for `user`, who agrees to everything.
 */
export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'as', use: 'sig', alg: 'ES256' }
  const codes = new Map<string, Grant>()
  const refresh = new Map<string, Grant>()
  const http = createServer((request, response) => void answer(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`

  const made: AuthorizationServer = {
    issuer,
    asked: [],
    metadata: {},
    user: 'ada',
    lifetime: 300,
    iss: true,
    instead: undefined,
    idClaims: {},
    idToken: undefined,
    fetch: async (url) => (await fetch(url)).json(),
    live: new Set(),
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'as', typ: 'at+jwt' }).setIssuer(issuer).setIssuedAt().setExpirationTime(`${made.lifetime}s`).setJti(randomBytes(8).toString('hex')).sign(privateKey),
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }

  const json = (response: ServerResponse, status: number, body: unknown): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (made.instead?.(request, response) === true) return
    const url = new URL(request.url ?? '/', issuer)
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
    const params = Object.fromEntries(isForm ? new URLSearchParams(body) : url.searchParams)
    made.asked.push({ path: url.pathname, params, authorization: request.headers.authorization })
    switch (url.pathname) {
      case '/.well-known/oauth-authorization-server':
        return json(response, 200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          registration_endpoint: `${issuer}/register`,
          revocation_endpoint: `${issuer}/revoke`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          grant_types_supported: ['authorization_code', 'refresh_token'],
          code_challenge_methods_supported: ['S256'],
          token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'],
          authorization_response_iss_parameter_supported: true,
          ...made.metadata,
        })
      case '/.well-known/openid-configuration':
        return json(response, 200, { issuer, jwks_uri: `${issuer}/jwks` })
      case '/jwks':
        return json(response, 200, { keys: [jwk] })
      case '/register':
        return json(response, 201, { ...(JSON.parse(body) as object), client_id: `registered-${randomBytes(4).toString('hex')}` })
      case '/authorize':
        return await authorize(params, response)
      case '/token':
        return token(params, request.headers.authorization, response)
      case '/revoke':
        made.live.delete(params['token'] ?? '')
        refresh.delete(params['token'] ?? '')
        return json(response, 200, {})
      default:
        return json(response, 404, {})
    }
  }

  async function authorize(params: Readonly<Record<string, string>>, response: ServerResponse): Promise<void> {
    const { client_id: client = '', redirect_uri: redirect = '', code_challenge: challenge = '', code_challenge_method: method, resource = '', scope = '', state } = params
    if (params['response_type'] !== 'code' || method !== 'S256' || challenge === '' || client === '') return json(response, 400, { error: 'invalid_request' })
    if (client.startsWith('https:')) {
      const described = (await made.fetch(client)) as { readonly client_id?: string; readonly redirect_uris?: readonly string[] }
      if (described.client_id !== client || described.redirect_uris?.includes(redirect) !== true) return json(response, 400, { error: 'invalid_client' })
    }
    const code = randomBytes(16).toString('base64url')
    codes.set(code, { client, redirect, challenge, resource, scope, user: made.user, nonce: params['nonce'] })
    const back = new URL(redirect)
    back.searchParams.set('code', code)
    if (state !== undefined) back.searchParams.set('state', state)
    if (made.iss !== false) back.searchParams.set('iss', made.iss === true ? issuer : made.iss)
    response.writeHead(302, { location: back.href }).end()
  }

  async function token(params: Readonly<Record<string, string>>, authorization: string | undefined, response: ServerResponse): Promise<void> {
    const client = authorization?.startsWith('Basic ') === true ? decodeURIComponent(Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0] ?? '') : params['client_id']
    const isRefresh = params['grant_type'] === 'refresh_token'
    const key = (isRefresh ? params['refresh_token'] : params['code']) ?? ''
    const kept = isRefresh ? refresh : codes
    const grant = kept.get(key)
    kept.delete(key)
    made.live.delete(key)
    const proven = isRefresh || createHash('sha256').update(params['code_verifier'] ?? '').digest('base64url') === grant?.challenge
    if (grant === undefined || !proven || grant.client !== client || (!isRefresh && params['redirect_uri'] !== grant.redirect)) return json(response, 400, { error: 'invalid_grant' })
    const { user, scope, resource, nonce } = grant
    const access = await made.sign({ sub: user, client_id: client, aud: params['resource'] ?? resource, scope })
    const next = randomBytes(16).toString('base64url')
    refresh.set(next, grant)
    made.live.add(access).add(next)
    json(response, 200, { access_token: access, token_type: 'Bearer', expires_in: made.lifetime, refresh_token: next, scope, ...(scope.split(' ').includes('openid') && { id_token: await idTokenOf({ iss: issuer, sub: user, aud: client, nonce }) }) })
  }

  async function idTokenOf(usual: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    const now = Math.floor(Date.now() / 1000)
    const claims = { ...usual, iat: now, exp: now + 300, ...made.idClaims }
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'as', typ: 'JWT' }).sign(privateKey)
    return made.idToken === undefined ? token : await made.idToken(token, claims)
  }

  return made
}
