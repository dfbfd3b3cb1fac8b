import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Arrival, Fields, Peer } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import type { MintedToken, ScopeName, TokenRequest } from '../../contract/token.ts'
import { isRefusal, type Refusal } from '../../contract/verdict.ts'
import type { ExchangeRules } from './exchange.ts'
import { openTasks, type Tasks } from './tasks.ts'

export const START = 1_800_000_000_000

export interface Stage {
  readonly tasks: Tasks
  readonly clock: Clock & { now: number }
  readonly revoked: Set<string>
  readonly file: string
  close(): Promise<void>
}

export async function stage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tasks-'))
  const clock = { now: START, wall: () => clock.now, monotonic: () => clock.now, timer: () => () => undefined }
  const revoked = new Set<string>()
  const file = join(folder, 'tasks.json')
  const tasks = await openTasks({ file, trustDomain: 'test.internal', clock, newId: randomUUID, revoked: (id) => revoked.has(id) })
  return { tasks, clock, revoked, file, close: () => rm(folder, { recursive: true, force: true }) }
}

/** A client's key, and proofs made with it. */
export interface Client {
  readonly jwk: JWK
  readonly jkt: string
  readonly key: CryptoKey
  proof(of?: ProofOf): Promise<string>
}

export interface ProofOf {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  readonly token?: string
  readonly now?: number
}

export async function client(alg = 'ES256'): Promise<Client> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jwk,
    jkt: await calculateJwkThumbprint(jwk),
    key: privateKey,
    proof: ({ header = {}, claims = {}, token, now = START } = {}) =>
      new SignJWT({
        htm: 'POST',
        htu: 'http://gate.test:8080/token',
        iat: Math.floor(now / 1000),
        jti: randomUUID(),
        ...(token !== undefined && { ath: createHash('sha256').update(token).digest('base64url') }),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey, { crit: { x: true } }),
  }
}

export interface ArrivalOf {
  readonly verb?: string
  readonly target?: string
  readonly fields?: Fields
  readonly peer?: Partial<Peer>
}

export function arrival({ verb = 'POST', target = '/token', fields = [], peer = {} }: ArrivalOf = {}): Arrival {
  return {
    verb,
    target,
    fields: [['Host', 'gate.test:8080'], ...fields],
    body: { whole: () => Promise.resolve(new Uint8Array()), stream: () => (async function* () {})() },
    gone: new AbortController().signal,
    peer: { address: '127.0.0.1', port: 1, ...peer },
  }
}

export function workload(name: string, more: Omit<Partial<Principal>, 'scope'> & { readonly scope?: Partial<Principal['scope']> } = {}): Principal {
  return {
    tenant: 'acme',
    workload: `spiffe://test.internal/${name}`,
    chain: [],
    roles: ['reader'],
    proof: { kind: 'mtls', id: `serial-${name}` },
    ...more,
    scope: { rights: [], ...more.scope },
  }
}

export function scope(text: string): readonly ScopeName[] {
  return text.split(' ').map((word) => ({ kind: word.slice(0, word.indexOf(':')) as ScopeName['kind'], name: word.slice(word.indexOf(':') + 1) }))
}

export const forModel: TokenRequest = { audience: 'llm', scope: scope('model:small') }

/** Users of this issuer are vouched for by the text of their token. */
export const rules: ExchangeRules = {
  users: (token) =>
    Promise.resolve(
      token.startsWith('user:')
        ? { subject: `https://issuer.test#${token.slice(5)}`, issuer: 'https://issuer.test', proof: { kind: 'oidc', id: `id-${token}` }, expires: START + 120_000 }
        : ({ refuse: 'unauthenticated', detail: 'issuer that is not for users' } satisfies Refusal),
    ),
}

/** The whole exchange of a caller that shows the key of `as`. */
export async function minted({ tasks }: Stage, as: Client, request: TokenRequest, caller: Principal, how: ExchangeRules = rules): Promise<MintedToken> {
  const prepared = await tasks.exchange(request, caller, arrival({ fields: [['DPoP', await as.proof()]] }), how)
  if (isRefusal(prepared)) throw new Error(`${prepared.refuse} ${prepared.param} ${prepared.detail}`)
  return await prepared.mint()
}

/** A call on another path, with a token and a proof of its key. */
export async function calling(as: Client, token: string, of: ProofOf = {}, more: ArrivalOf = {}): Promise<Arrival> {
  const proof = await as.proof({ token, ...of, claims: { htu: 'http://gate.test:8080/v1/chat/completions', ...of.claims } })
  return arrival({ target: '/v1/chat/completions', ...more, fields: [['Authorization', `DPoP ${token}`], ['DPoP', proof], ...(more.fields ?? [])] })
}

/** Thumbprint of a certificate as a token names it. */
export function thumbprint(der: Uint8Array): string {
  return createHash('sha256').update(new X509Certificate(der).raw).digest('base64url')
}
