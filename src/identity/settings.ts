import * as z from 'zod'
import type { Principal } from '../contract/principal.ts'
import { addressClass, normalHost } from '../formats/hostnames.ts'
import { DURATION, durationMs } from '../formats/units.ts'
import { isTrustDomain, isWorkloadId } from './spiffe.ts'
import { userTemplate, workloadTemplate, type Piece } from './template.ts'

/** Names end up in counters, caches and log lines, so their characters cannot be those that separate them there. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const name = z.string().regex(NAME, 'letters, digits, dot, underscore and hyphen; at most 64')
const pattern = z.string().min(1).max(256)
const names = z.array(name).max(64)
const patterns = z.array(pattern).min(1).max(256)
const duration = z.string().regex(DURATION, 'expected a duration such as 30s, 5m or 1h')

/** What a credential is meant for; kept as JSON beside a key's hash. */
export const keyScope = z.strictObject({
  roles: names.optional().describe('Roles that policies see in principal.roles.'),
  cohort: name.optional().describe('Group of callers that shares budgets.'),
  agent: name.optional().describe("The agent's own name."),
  routes: patterns.optional().describe('Routes that it may use; a trailing * matches a prefix. Absent = every route that policy permits.'),
  models: patterns.optional().describe('Models that it may use; a trailing * matches a prefix. Absent = every model that policy permits.'),
  tools: patterns.optional().describe('Tools that it may call and that a model may propose for it; a trailing * matches a prefix. Absent = every tool that policy permits.'),
  rights: names.optional().describe('Extra rights, for example "scores": see the scores of guardrails.'),
})
export type KeyScope = z.infer<typeof keyScope>

/** What `createKey` takes. */
export const keySpec = keyScope.extend({
  name: z.string().min(1).max(128).regex(/^[^\p{Cc}]+$/u, 'no control characters').describe('What people call the key.'),
  tenant: name.optional().describe('Whose key it is; "default" if none.'),
  expires: z.number().int().positive().optional().describe('Milliseconds since the Unix epoch at which the key ends.'),
})
export type KeySpec = z.infer<typeof keySpec>

/** Asymmetric only: with a secret that the issuer shares, whoever can check tokens could make them. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519'] as const
const USUAL_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']

const oidcEntry = keyScope.extend({
  issuer: z.url().max(512).describe('Exactly as the tokens write it in iss.'),
  audience: z.string().min(1).max(256).describe('What the tokens have in aud, and nothing beside it. An issuer may have several entries, each with an audience of its own.'),
  for: z.enum(['workloads', 'users', 'both', 'clients']).optional().describe('Whom its tokens speak for: workloads call with them; those of users count in an exchange at /token only; clients are applications that people log in with, such as MCP clients: workload names the application, user whom it acts for. Default: workloads.'),
  scopes: z
    .record(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'expected the name of an OAuth scope'), z.array(pattern).max(256))
    .refine((scopes) => Object.keys(scopes).length <= 64, 'at most 64 scopes')
    .optional()
    .describe('With for: clients, the OAuth scopes that mean something here, and the tools that each lets a token call, in place of tools. New clients are told to ask for the first of them, and for others when a call needs them.'),
  algorithms: z.array(z.enum(ALGORITHMS, 'expected signatures with a public key: none and HS* are never accepted')).min(1).max(16).optional().describe('Signatures that are accepted. Default: ES256, RS256, PS256, EdDSA.'),
  jwks: z.url().max(512).optional().describe("Where its keys are. Absent = where its /.well-known/openid-configuration says, which must be on the issuer's own origin."),
  ca: z.string().min(1).max(512).optional().describe('File with the certificate authority of a private issuer (PEM), relative to the configuration file.'),
  client_id: z.string().regex(/^[\x21-\x7e]{1,1024}$/, 'expected visible ASCII without blanks').optional().describe('What the issuer knows this gateway as, where people may sign in on the page that asks for their consent to an MCP server: its redirect URI there is public_url and /mcp-oauth/signed-in. With for: clients, users or both.'),
  client_secret: z.string().regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/, 'expected a reference, env:NAME or file:/path; the secret itself does not belong in this file').optional().describe('Its secret, as a reference: env:NAME or file:/path. Absent = a public client.'),
  allow_private: z.boolean().optional().describe('Lets its keys be fetched from private and loopback addresses, and over http. Metadata services and link-local addresses stay refused. Default: false.'),
  tenant: name.optional().describe('Whose callers they are; "default" if none.'),
  workload: z.string().min(1).max(512).optional().describe('SPIFFE id of the workload with claims in braces, such as spiffe://sallyport.internal/ci/{repository}; slashes lead into claims: {kubernetes.io/namespace}.'),
  user: z.string().min(1).max(256).optional().describe('How chains and receipts name its users, with claims in braces. Default: {iss}#{sub}.'),
  match: z
    .record(z.string().min(1).max(128), z.union([z.string().min(1).max(512), z.boolean()]))
    .optional()
    .describe('Claims that a token must have, all of them: the exact value, or what it starts with when a * ends it; of a list, one element.'),
  leeway: duration.optional().describe("How far the issuer's clock may be off, at most 60s. Default: 30s."),
  max_age: duration.optional().describe('Longest time since the token was issued (iat). Default: until it expires.'),
  grace: duration.optional().describe('How long keys that cannot be fetched again stay usable beyond their time, at most 24h. Default: 1h.'),
})

const localEntry = keyScope.extend({
  executable: z.string().regex(/^(sha256:[0-9a-f]{64}|\/.{0,510})$/, 'expected sha256: and 64 hexadecimal digits, or an absolute path').describe('The program: sha256:<hex> of its file, or the path of a file that must equal it.'),
  uid: z.int().min(0).max(4_294_967_294).describe('User id under which it runs.'),
  user: z.string().regex(/^[^\s\p{C}]{1,256}$/u, 'no blanks and no control characters').optional().describe('The person whose user id that is: whom the workload acts for.'),
  workload: z.string().min(1).max(2048).describe('SPIFFE id of the workload.'),
  tenant: name.optional().describe('Whose workload it is; "default" if none.'),
})

/** `identity:` as people write it. */
export const identitySettings = z
  .strictObject({
    anonymous: keyScope
      .extend({ tenant: name.optional().describe('Tenant of anonymous callers; "default" if none.') })
      .optional()
      .describe('Lets callers on this machine in without a credential, as this principal. Off unless written here; never from another machine.'),
    public_url: z
      .url({ protocol: /^https?$/ })
      .max(256)
      .refine((text) => !URL.canParse(text) || new URL(text).origin === text, 'expected https://host[:port] without a path')
      .optional()
      .describe('How callers reach the data port, such as https://sallyport.example.com. MCP clients that log in, and people who let a server be used for them, are told this address; tokens may name its MCP endpoints as their audience.'),
    trust_domain: z.string().refine(isTrustDomain, 'expected lower-case letters, digits, dot, underscore and hyphen').optional().describe('Trust domain of the SPIFFE ids of workloads. Default: sallyport.internal.'),
    svid_ttl: duration.optional().describe('How long the certificate of an enrolled workload lasts, 5m to 24h; it is renewed at half of that. Default: 1h.'),
    server_names: z
      .array(z.string().min(1).max(253).refine((text) => normalHost(text) !== undefined, 'expected a host name or an address, without a port'))
      .max(100)
      .optional()
      .describe('Names and addresses in the certificate of the secure listener, besides localhost and its own address.'),
    ca: z
      .strictObject({ key: z.string().regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/, 'expected a reference, env:NAME or file:/path; the key itself does not belong in this file').describe("Reference to the CA's private key (PKCS#8 PEM, ECDSA P-256): env:NAME or file:/path.") })
      .optional()
      .describe('Where the key of the workload CA comes from. Absent = made at first use, in the state folder.'),
    task_tokens: z
      .strictObject({ unbound: z.boolean().optional().describe('Lets holders of an API key have task tokens that are bound to no key, so that whoever finds one can use it until it ends. Default: false.') })
      .optional()
      .describe('Task tokens, which POST /token gives.'),
    oidc: z.array(oidcEntry).max(64).optional().describe('Issuers whose tokens are accepted: clusters, CI, identity providers.'),
    local: z.array(localEntry).max(256).optional().describe('Programs on this machine that need no credential on the local socket (listen.local).'),
  })
  .describe('Who may call.')
export type IdentitySettings = z.infer<typeof identitySettings>

/** One issuer with one audience. */
export interface SettledOidc {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: ReadonlySet<string>
  readonly jwks?: string
  /** As written: relative to the configuration file. */
  readonly ca?: string
  readonly allowPrivate: boolean
  readonly workloads: boolean
  readonly users: boolean
  /** Its tokens are those of applications that somebody has logged in with: both of them call. */
  readonly clients?: true
  /** What the issuer knows us as, where people may sign in; `clientSecret` is a reference. */
  readonly signIn?: { readonly clientId: string; readonly clientSecret?: string }
  /** What OAuth scopes of its tokens let them call; absent = scopes say nothing. */
  readonly scopes?: ReadonlyMap<string, readonly string[]>
  readonly tenant: string
  /** Absent where the entry is for users alone. */
  readonly workload?: readonly Piece[]
  readonly user: readonly Piece[]
  readonly match: readonly (readonly [claim: string, pattern: string])[]
  readonly scope: KeyScope
  readonly leewayMs: number
  readonly maxAgeMs?: number
  readonly graceMs: number
}

export interface SettledLocal {
  readonly executable: { readonly sha256: string } | { readonly path: string }
  readonly uid: number
  /** Everything but the proof, which names the process. */
  readonly principal: Principal
}

export interface SettledIdentity {
  readonly anonymous?: Principal
  /** Origin under which callers reach the data port. */
  readonly publicUrl?: string
  readonly trustDomain: string
  readonly svidTtlMs: number
  readonly serverNames: readonly string[]
  /** `env:NAME` or `file:/path` of the workload CA's private key; absent = made at first use. */
  readonly caKey?: string
  /** Holders of an API key may have task tokens that are bound to no key. */
  readonly unboundTasks?: true
  readonly oidc: readonly SettledOidc[]
  readonly local: readonly SettledLocal[]
}

/** What is wrong with settings that are each well-formed, and at which key. */
export class IdentitySettingsError extends Error {
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], problem: string) {
    super(problem)
    this.path = path
  }
}

/** @throws {IdentitySettingsError} for what a schema cannot see. */
export function settleIdentity(written: IdentitySettings = {}): SettledIdentity {
  const { anonymous, trust_domain: trustDomain = 'sallyport.internal' } = written
  const svidTtlMs = durationMs(written.svid_ttl ?? '1h')
  if (svidTtlMs < 300_000 || svidTtlMs > 86_400_000) throw new IdentitySettingsError(['identity', 'svid_ttl'], 'must be between 5m and 24h')
  return Object.freeze({
    ...(anonymous !== undefined && { anonymous: nobody(anonymous) }),
    ...(written.public_url !== undefined && { publicUrl: written.public_url }),
    trustDomain,
    svidTtlMs,
    serverNames: Object.freeze((written.server_names ?? []).map((one) => one.toLowerCase())),
    ...(written.ca !== undefined && { caKey: written.ca.key }),
    ...(written.task_tokens?.unbound === true && { unboundTasks: true as const }),
    oidc: settleOidc(written.oidc ?? [], trustDomain),
    local: settleLocal(written.local ?? [], trustDomain),
  })
}

function nobody({ tenant, ...scope }: NonNullable<IdentitySettings['anonymous']>): Principal {
  return principalOf({ tenant: tenant ?? 'default', workload: 'anonymous', proof: { kind: 'none', id: 'anonymous' }, scope })
}

/** Issuers of which anybody gets a token with any audience: without a claim to match everybody would be let in. */
const SHARED = new Set(['https://token.actions.githubusercontent.com', 'https://gitlab.com', 'https://accounts.google.com', 'https://app.terraform.io', 'https://agent.buildkite.com', 'https://login.microsoftonline.com'])

function settleOidc(written: readonly z.infer<typeof oidcEntry>[], trustDomain: string): readonly SettledOidc[] {
  const seen = new Set<string>()
  const origins = new Map<string, string>()
  return Object.freeze(
    written.map((entry, index) => {
      const wrong = (key: string, problem: string): IdentitySettingsError => new IdentitySettingsError(['identity', 'oidc', index, key], problem)
      const { issuer, audience, jwks, ca, tenant, user, match, algorithms, leeway, grace, workload, max_age: maxAge, for: whom = 'workloads', allow_private: allowPrivate = false, scopes, client_id: clientId, client_secret: clientSecret, ...scope } = entry
      for (const [key, url] of [['issuer', issuer], ['jwks', jwks ?? issuer]] as const) {
        const problem = urlProblem(url, allowPrivate)
        if (problem !== undefined) throw wrong(key, problem)
      }
      const one = `${issuer}\n${audience}`
      if (seen.has(one)) throw wrong('audience', 'stands in an earlier entry of this issuer: which of them counts would be chance. Give each an audience of its own')
      seen.add(one)
      if (workload === undefined && whom !== 'users') throw wrong('workload', 'is needed: the SPIFFE id that these workloads have')
      const idle = whom !== 'users' ? undefined : workload !== undefined ? 'workload' : Object.keys(scope)[0]
      if (idle !== undefined) throw wrong(idle, 'means nothing where tokens are for users alone: what they may is said in policy')
      if (scopes !== undefined && whom !== 'clients') throw wrong('scopes', 'means something with for: clients alone')
      if (scopes !== undefined && scope.tools !== undefined) throw wrong('tools', 'is what scopes say here: write one of the two')
      if (whom === 'clients' && written.findIndex((one) => one.issuer === issuer && one.for === 'clients') !== index) throw wrong('for', 'is clients in an earlier entry of this issuer: which of them a token for an MCP endpoint belongs to would be chance')
      if (clientId !== undefined && whom === 'workloads') throw wrong('client_id', 'means nothing where tokens are for workloads alone: nobody signs in there')
      if (clientSecret !== undefined && clientId === undefined) throw wrong('client_secret', 'belongs to a client_id')
      if (clientId !== undefined && written.findIndex((one) => one.issuer === issuer && one.client_id !== undefined) !== index) throw wrong('client_id', 'stands in an earlier entry of this issuer: whom a person is called like would be chance')
      const origin = new URL(jwks ?? issuer).origin
      const reached = `${allowPrivate} ${ca ?? ''}`
      if ((origins.get(origin) ?? reached) !== reached) throw wrong(ca === undefined ? 'allow_private' : 'ca', `must be the same in all entries whose keys are on ${origin}`)
      origins.set(origin, reached)
      const path = workload === undefined ? undefined : workloadTemplate(workload, trustDomain)
      if (typeof path === 'string') throw wrong('workload', path)
      const named = userTemplate(user ?? '{iss}#{sub}')
      if (typeof named === 'string') throw wrong('user', named)
      const matched = Object.entries(match ?? {}).map(([claim, value]) => Object.freeze([claim, String(value)] as const))
      if (matched.length === 0 && SHARED.has(new URL(issuer).origin)) throw wrong('match', 'is needed: anybody can get a token of this issuer, so match a claim that only yours have')
      if (matched.some(([, value]) => value === '*')) throw wrong('match', '"*" alone would match everything')
      const leewayMs = durationMs(leeway ?? '30s')
      if (leewayMs > 60_000) throw wrong('leeway', 'must be at most 60s')
      const graceMs = durationMs(grace ?? '1h')
      if (graceMs > 86_400_000) throw wrong('grace', 'must be at most 24h')
      return Object.freeze({
        issuer,
        audience,
        algorithms: new Set<string>(algorithms ?? USUAL_ALGORITHMS),
        ...(jwks !== undefined && { jwks }),
        ...(ca !== undefined && { ca }),
        allowPrivate,
        workloads: whom !== 'users',
        users: whom === 'users' || whom === 'both',
        ...(whom === 'clients' && { clients: true as const }),
        ...(clientId !== undefined && { signIn: Object.freeze({ clientId, ...(clientSecret !== undefined && { clientSecret }) }) }),
        ...(scopes !== undefined && { scopes: new Map(Object.entries(scopes)) }),
        tenant: tenant ?? 'default',
        ...(path !== undefined && { workload: path }),
        user: named,
        match: Object.freeze(matched),
        scope: Object.freeze(scope),
        leewayMs,
        ...(maxAge !== undefined && { maxAgeMs: durationMs(maxAge) }),
        graceMs,
      })
    }),
  )
}

/** What is wrong with an address that keys are fetched from. What its name resolves to, the dialer looks at. */
function urlProblem(text: string, allowPrivate: boolean): string | undefined {
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be https'
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return 'must have neither a user, a query nor a fragment'
  const host = normalHost(url.hostname)
  if (host === undefined) return 'has a malformed host'
  const is = host.kind !== 'name' ? addressClass(host.text) : /(^|\.)localhost$/.test(host.text) ? 'loopback' : 'public'
  if (is !== 'public' && is !== 'loopback' && is !== 'private' && is !== 'cgnat') return `has a ${is.replace('_', '-')} address, where no issuer is`
  if (allowPrivate) return undefined
  if (is !== 'public') return `has a ${is} address: write allow_private: true if that is meant`
  return url.protocol === 'http:' ? 'must be https: whoever changes keys on their way can make tokens. Write allow_private: true for an issuer in a network of your own' : undefined
}

function settleLocal(written: readonly z.infer<typeof localEntry>[], trustDomain: string): readonly SettledLocal[] {
  const seen = new Set<string>()
  return Object.freeze(
    written.map(({ executable, uid, user, workload, tenant, ...scope }, index) => {
      const wrong = (key: string, problem: string): IdentitySettingsError => new IdentitySettingsError(['identity', 'local', index, key], problem)
      if (!isWorkloadId(workload, trustDomain)) throw wrong('workload', `must be spiffe://${trustDomain}/ and a path of letters, digits, dot, underscore and hyphen`)
      const one = `${executable}\n${uid}`
      if (seen.has(one)) throw wrong('executable', 'stands in an earlier entry with this uid')
      seen.add(one)
      const proof = { kind: 'local', id: `uid:${uid}` } as const
      const alone = principalOf({ tenant: tenant ?? 'default', workload, proof, scope })
      return Object.freeze({
        executable: executable.startsWith('sha256:') ? { sha256: executable.slice(7) } : { path: executable },
        uid,
        principal: user === undefined ? alone : Object.freeze({ ...alone, chain: Object.freeze([user]), vouched: Object.freeze([Object.freeze(proof)]) }),
      })
    }),
  )
}

/** A frozen principal, made once per credential: identifying a call then allocates nothing. */
export function principalOf(of: Pick<Principal, 'tenant' | 'workload' | 'proof' | 'expires'> & { readonly scope: KeyScope }): Principal {
  const { roles, cohort, agent, routes, models, tools, rights } = of.scope
  return Object.freeze({
    tenant: of.tenant,
    workload: of.workload,
    chain: Object.freeze([]),
    roles: Object.freeze([...(roles ?? [])]),
    ...(cohort !== undefined && { cohort }),
    ...(agent !== undefined && { agent }),
    proof: Object.freeze({ ...of.proof }),
    scope: Object.freeze({
      ...(routes !== undefined && { routes: Object.freeze([...routes]) }),
      ...(models !== undefined && { models: Object.freeze([...models]) }),
      ...(tools !== undefined && { tools: Object.freeze([...tools]) }),
      rights: Object.freeze([...(rights ?? [])]),
    }),
    ...(of.expires !== undefined && { expires: of.expires }),
  })
}
