import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { Extension } from '@peculiar/x509'
import type { Fields, LocalProcess, Peer } from '../contract/arrival.ts'
import type { Code } from '../contract/reasons.ts'
import { certificate, CLIENT, cRLSign, digitalSignature, jws, keyCertSign, publicPem, SERVER, type Made, type SigningKey, type Wanted } from './issuing.fixture.ts'
import { newKey } from './key.ts'

/** What the rows are made from. Times are milliseconds since the Unix epoch. */
export interface World {
  readonly now: number
  readonly root: Made
  readonly foreign: Made
  readonly issuer: string
  readonly otherIssuer: string
  readonly userIssuer: string
  readonly keys: Readonly<Record<'ec' | 'rsa' | 'ed' | 'weak' | 'enc' | 'other' | 'user' | 'nobody', SigningKey>>
  readonly key: string
  readonly expiredKey: string
  readonly revokedKey: string
  /** This very process, as the kernel names it. */
  readonly here: LocalProcess
  /** A token of the house for a workload that the world enrolled. */
  readonly taskToken: (workload: string) => string
}

/** What a caller presents, and what becomes of it: a code, or who it is then. */
export interface Row {
  readonly name: string
  readonly verdict: Code | 'in'
  /** Of the refusal's detail; of one that is let in, its workload. */
  readonly says: RegExp
  readonly present: (world: World) => Presented | Promise<Presented>
}

export interface Presented {
  readonly fields?: Fields
  readonly target?: string
  readonly peer?: Partial<Peer>
}

export const DOMAIN = 'sallyport.internal'
export const ENROLLED = `spiffe://${DOMAIN}/agents/a`
export const OTHER = `spiffe://${DOMAIN}/agents/b`
export const REVOKED = `spiffe://${DOMAIN}/agents/revoked`
export const REVOKED_SERIAL = '7000000000000000000000000000DEAD'
const HOUR = 3_600_000

const shown = (...chain: readonly Made[]): Presented => ({ peer: { certificates: chain.map(({ der }) => der), secure: true } })
const leaf = (world: World, wanted: Wanted = {}): Promise<Made> => certificate({ issuer: world.root, uris: [ENROLLED], ...wanted }, world.now)
const one = (wanted: (world: World) => Wanted) => async (world: World): Promise<Presented> => shown(await leaf(world, wanted(world)))
/** The world revokes what has this subject: a serial number is only known once it was made. */
export const isDead = (der: Uint8Array): boolean => new X509Certificate(der).subject.includes('dead')

export const certificates: readonly Row[] = [
  { name: 'a good certificate', verdict: 'in', says: /^spiffe:\/\/sallyport\.internal\/agents\/a$/, present: one(() => ({})) },
  { name: 'one with DNS names beside its URI', verdict: 'in', says: /agents\/a$/, present: one(() => ({ dns: ['a.example'] })) },
  { name: 'one without extended key usage beyond clients', verdict: 'in', says: /agents\/a$/, present: one(() => ({ extended: [CLIENT] })) },
  { name: 'one that begins in 50 s', verdict: 'in', says: /agents\/a$/, present: one(({ now }) => ({ from: now + 50_000 })) },
  {
    name: 'one through an intermediate',
    verdict: 'in',
    says: /agents\/a$/,
    present: async (world) => {
      const between = await certificate({ issuer: world.root, ca: true, name: 'between' }, world.now)
      return shown(await leaf(world, { issuer: between }), between)
    },
  },
  { name: 'self-signed', verdict: 'unauthenticated', says: /no trusted certificate authority/, present: async ({ now }) => shown(await certificate({ uris: [ENROLLED] }, now)) },
  { name: 'of another CA', verdict: 'unauthenticated', says: /no trusted certificate authority/, present: one(({ foreign }) => ({ issuer: foreign })) },
  { name: 'of another CA, which comes with it', verdict: 'unauthenticated', says: /no trusted certificate authority/, present: async (world) => shown(await leaf(world, { issuer: world.foreign }), world.foreign) },
  { name: 'a changed byte', verdict: 'unauthenticated', says: /certificate/, present: async (world) => {
    const der = (await leaf(world)).der.slice()
    der[der.length - 5] = (der[der.length - 5] as number) ^ 1
    return { peer: { certificates: [der] } }
  } },
  { name: 'bytes after it', verdict: 'unauthenticated', says: /certificate/, present: async (world) => ({ peer: { certificates: [Buffer.concat([(await leaf(world)).der, Buffer.from('00', 'hex')])] } }) },
  { name: 'no certificate at all', verdict: 'unauthenticated', says: /cannot be read/, present: () => ({ peer: { certificates: [Buffer.from('not a certificate')] } }) },
  { name: 'expired', verdict: 'unauthenticated', says: /has expired/, present: one(({ now }) => ({ from: now - HOUR, until: now - 1000 })) },
  { name: 'not yet valid', verdict: 'unauthenticated', says: /not valid yet/, present: one(({ now }) => ({ from: now + 90_000 })) },
  { name: 'two URI names', verdict: 'unauthenticated', says: /several URI names/, present: one(() => ({ uris: [ENROLLED, OTHER] })) },
  { name: 'the same URI name twice', verdict: 'unauthenticated', says: /several URI names/, present: one(() => ({ uris: [ENROLLED, ENROLLED] })) },
  { name: 'a DNS name only', verdict: 'unauthenticated', says: /no URI name/, present: one(() => ({ uris: [], dns: ['a.example'] })) },
  { name: 'no names', verdict: 'unauthenticated', says: /no URI name/, present: one(() => ({ uris: [] })) },
  { name: 'a leaf that is a CA', verdict: 'unauthenticated', says: /signing certificate/, present: one(() => ({ ca: true, usage: digitalSignature })) },
  { name: 'the root itself', verdict: 'unauthenticated', says: /signing certificate/, present: ({ root }) => shown(root) },
  { name: 'a leaf that may sign certificates', verdict: 'unauthenticated', says: /signing certificate/, present: one(() => ({ usage: digitalSignature | keyCertSign })) },
  { name: 'a leaf that may sign revocations', verdict: 'unauthenticated', says: /signing certificate/, present: one(() => ({ usage: digitalSignature | cRLSign })) },
  { name: 'no key usage', verdict: 'unauthenticated', says: /no key usage/, present: one(() => ({ usage: 0 })) },
  { name: 'a key usage that is not critical', verdict: 'unauthenticated', says: /not critical/, present: one(() => ({ usageCritical: false })) },
  { name: 'a key for encryption', verdict: 'unauthenticated', says: /not for signatures/, present: one(() => ({ usage: 4 })) },
  { name: 'for servers only', verdict: 'unauthenticated', says: /not for clients/, present: one(() => ({ extended: [SERVER] })) },
  { name: 'a critical extension that nobody knows', verdict: 'unauthenticated', says: /not understood/, present: one(() => ({ extensions: [new Extension('1.3.6.1.4.1.99999.1', true, new Uint8Array([5, 0]))] })) },
  { name: 'another trust domain', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: ['spiffe://elsewhere.internal/agents/a'] })) },
  { name: 'a trust domain that only begins like ours', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}.evil/agents/a`] })) },
  { name: 'the root path', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/`] })) },
  { name: 'no path', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}`] })) },
  { name: 'a path with dots', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/agents/../agents/a`] })) },
  { name: 'an escaped path', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/agents/%61`] })) },
  { name: 'a query', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`${ENROLLED}?x`] })) },
  { name: 'another scheme', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`https://${DOMAIN}/agents/a`] })) },
  { name: 'capitals in the scheme', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [ENROLLED.replace('spiffe', 'SPIFFE')] })) },
  { name: 'a name of over 2,048 bytes', verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/${'a'.repeat(2048)}`] })) },
  { name: "the house's own name", verdict: 'unauthenticated', says: /does not name a workload/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/sallyport`] })) },
  { name: 'a revoked certificate', verdict: 'revoked', says: /certificate 7/, present: one(() => ({ name: 'dead' })) },
  { name: 'a revoked workload', verdict: 'revoked', says: /agents\/revoked/, present: one(() => ({ uris: [REVOKED] })) },
  { name: 'an unknown workload', verdict: 'unauthenticated', says: /not enrolled/, present: one(() => ({ uris: [`spiffe://${DOMAIN}/agents/unknown`] })) },
  {
    name: 'through another leaf',
    verdict: 'unauthenticated',
    says: /no trusted certificate authority/,
    present: async (world) => {
      const between = await leaf(world)
      return shown(await leaf(world, { issuer: between, uris: [OTHER] }), between)
    },
  },
  {
    name: 'through a CA that may not sign certificates',
    verdict: 'unauthenticated',
    says: /no trusted certificate authority/,
    present: async (world) => {
      const between = await certificate({ issuer: world.root, ca: true, usage: digitalSignature, name: 'between' }, world.now)
      return shown(await leaf(world, { issuer: between }), between)
    },
  },
  {
    name: 'through an intermediate that has expired',
    verdict: 'unauthenticated',
    says: /no trusted certificate authority/,
    present: async (world) => {
      const between = await certificate({ issuer: world.root, ca: true, name: 'between', from: world.now - HOUR, until: world.now - 1 }, world.now)
      return shown(await leaf(world, { issuer: between }), between)
    },
  },
  {
    name: 'through one intermediate more than allowed',
    verdict: 'unauthenticated',
    says: /no trusted certificate authority/,
    present: async (world) => {
      const upper = await certificate({ issuer: world.root, ca: true, pathLength: 0, name: 'upper' }, world.now)
      const lower = await certificate({ issuer: upper, ca: true, name: 'lower' }, world.now)
      return shown(await leaf(world, { issuer: lower }), lower, upper)
    },
  },
  { name: 'more certificates than are read', verdict: 'unauthenticated', says: /more or larger/, present: async (world) => shown(await leaf(world), ...Array<Made>(5).fill(world.root)) },
  { name: 'with a placeholder for a key', verdict: 'in', says: /agents\/a$/, present: async (world) => ({ ...shown(await leaf(world)), fields: [['authorization', 'Bearer unused']] }) },
  { name: 'with a key', verdict: 'unauthenticated', says: /and a key/, present: async (world) => ({ ...shown(await leaf(world)), fields: [['x-api-key', world.key]] }) },
  { name: 'that is bad, with a good key', verdict: 'unauthenticated', says: /no trusted/, present: async (world) => ({ ...shown(await leaf(world, { issuer: world.foreign })), fields: [['x-api-key', world.key]] }) },
  { name: "with an issuer's token", verdict: 'unauthenticated', says: /and a token/, present: async (world) => ({ ...shown(await leaf(world)), fields: bearer(goodToken(world)) }) },
  { name: 'with its own task token', verdict: 'in', says: /agents\/a$/, present: async (world) => ({ ...shown(await leaf(world)), fields: bearer(world.taskToken(ENROLLED)) }) },
  { name: "with another's task token", verdict: 'unauthenticated', says: /a task token of .*agents\/b/, present: async (world) => ({ ...shown(await leaf(world)), fields: bearer(world.taskToken(OTHER)) }) },
]

const bearer = (token: string): Fields => [['authorization', `Bearer ${token}`]]

type Change = (world: World) => { readonly header?: object; readonly claims?: object; readonly key?: Parameters<typeof jws>[2]; readonly without?: readonly string[] }

function claimsOf(world: World): Record<string, unknown> {
  const seconds = Math.floor(world.now / 1000)
  return { iss: world.issuer, aud: 'sallyport', sub: 'job:1', jti: 'run-1', iat: seconds - 5, nbf: seconds - 5, exp: seconds + 300, repository: 'acme/app', groups: ['staff', 'ops'], level: 3 }
}

function goodToken(world: World): string {
  return jws({ alg: 'ES256', typ: 'JWT', kid: 'ec' }, claimsOf(world), world.keys.ec.private)
}

/** A good token, and what is different about this one. */
const token = (change: Change = () => ({})) => (world: World): Presented => {
  const { header, claims, key, without = [] } = change(world)
  const all: Record<string, unknown> = { ...claimsOf(world), ...claims }
  for (const claim of without) delete all[claim]
  return { fields: bearer(jws({ alg: 'ES256', typ: 'JWT', kid: 'ec', ...header }, all, 'key' in change(world) ? key : world.keys.ec.private)) }
}
const seconds = ({ now }: World): number => Math.floor(now / 1000)
const ACME = /^spiffe:\/\/sallyport\.internal\/ci\/acme\/app$/

export const tokens: readonly Row[] = [
  { name: 'a good token', verdict: 'in', says: ACME, present: token() },
  { name: 'the same token again: it is a bearer token', verdict: 'in', says: ACME, present: token() },
  { name: 'RS256', verdict: 'in', says: ACME, present: token(({ keys }) => ({ header: { alg: 'RS256', kid: 'rsa' }, key: keys.rsa.private })) },
  { name: 'EdDSA', verdict: 'in', says: ACME, present: token(({ keys }) => ({ header: { alg: 'EdDSA', kid: 'ed' }, key: keys.ed.private })) },
  { name: 'one audience in a list', verdict: 'in', says: ACME, present: token(() => ({ claims: { aud: ['sallyport'] } })) },
  { name: 'headers that point to keys, which nobody looks at', verdict: 'in', says: ACME, present: token(() => ({ header: { jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/x' } })) },
  { name: 'expired within the leeway', verdict: 'in', says: ACME, present: token((world) => ({ claims: { exp: seconds(world) - 10 } })) },
  { name: 'without nbf, iat and jti', verdict: 'in', says: ACME, present: token(() => ({ without: ['nbf', 'iat', 'jti'] })) },
  { name: 'nested claims, for another audience of the issuer', verdict: 'in', says: /\/k8s\/prod\/runner$/, present: token(() => ({ claims: { aud: 'cluster', 'kubernetes.io': { namespace: 'prod', serviceaccount: { name: 'runner' } } } })) },
  { name: 'alg none', verdict: 'unauthenticated', says: /none, which is not accepted/, present: token(() => ({ header: { alg: 'none' }, key: undefined })) },
  { name: 'alg nOnE', verdict: 'unauthenticated', says: /not accepted/, present: token(() => ({ header: { alg: 'nOnE' }, key: undefined })) },
  { name: 'HS256 under the public key', verdict: 'unauthenticated', says: /HS256, which is not accepted/, present: token(({ keys }) => ({ header: { alg: 'HS256' }, key: { hmac: publicPem(keys.ec.private) } })) },
  { name: 'HS256 under the public key, called ES256', verdict: 'unauthenticated', says: /SIGNATURE|verified/, present: token(({ keys }) => ({ key: { hmac: publicPem(keys.ec.private) } })) },
  { name: 'no signature, called ES256', verdict: 'unauthenticated', says: /SIGNATURE|JWS|verified/, present: token(() => ({ key: undefined })) },
  { name: 'an algorithm that is not listed', verdict: 'unauthenticated', says: /RS512, which is not accepted/, present: token(({ keys }) => ({ header: { alg: 'RS512', kid: 'rsa' }, key: keys.rsa.private })) },
  { name: 'an algorithm that is not of its key', verdict: 'unauthenticated', says: /is not for RS256/, present: token(({ keys }) => ({ header: { alg: 'RS256' }, key: keys.rsa.private })) },
  { name: 'a signature by another key', verdict: 'unauthenticated', says: /SIGNATURE/, present: token(({ keys }) => ({ key: keys.nobody.private })) },
  { name: 'a short RSA key', verdict: 'unauthenticated', says: /has no key weak/, present: token(({ keys }) => ({ header: { alg: 'RS256', kid: 'weak' }, key: keys.weak.private })) },
  { name: 'a key for encryption', verdict: 'unauthenticated', says: /has no key enc/, present: token(({ keys }) => ({ header: { kid: 'enc' }, key: keys.enc.private })) },
  { name: 'an unknown key', verdict: 'unauthenticated', says: /has no key who/, present: token(({ keys }) => ({ header: { kid: 'who' }, key: keys.nobody.private })) },
  { name: 'no name of a key where there are several', verdict: 'unauthenticated', says: /has no key for it/, present: (world) => ({ fields: bearer(jws({ alg: 'ES256' }, claimsOf(world), world.keys.ec.private)) }) },
  { name: 'the key of another issuer', verdict: 'unauthenticated', says: /has no key other/, present: token(({ keys }) => ({ header: { kid: 'other' }, key: keys.other.private })) },
  { name: 'its own key in the header', verdict: 'unauthenticated', says: /has no key mine/, present: token(({ keys }) => ({ header: { kid: 'mine', jwk: keys.nobody.jwk }, key: keys.nobody.private })) },
  { name: 'its own key in the header, under a known name', verdict: 'unauthenticated', says: /SIGNATURE/, present: token(({ keys }) => ({ header: { jwk: keys.nobody.jwk }, key: keys.nobody.private })) },
  { name: 'critical extensions', verdict: 'unauthenticated', says: /critical/, present: token(() => ({ header: { crit: ['b64'], b64: true } })) },
  { name: 'another type of token', verdict: 'unauthenticated', says: /another type/, present: token(() => ({ header: { typ: 'logout+jwt' } })) },
  { name: 'a name of a key that is a number', verdict: 'unauthenticated', says: /no text/, present: token(() => ({ header: { kid: 7 } })) },
  { name: 'duplicate keys in the header', verdict: 'unauthenticated', says: /strict JSON/, present: (world) => ({ fields: bearer(jws('{"alg":"ES256","kid":"ec","alg":"none"}', claimsOf(world), world.keys.ec.private)) }) },
  { name: 'duplicate claims', verdict: 'unauthenticated', says: /strict JSON/, present: (world) => ({ fields: bearer(jws({ alg: 'ES256', kid: 'ec' }, JSON.stringify(claimsOf(world)).replace('{', '{"aud":"other",'), world.keys.ec.private)) }) },
  { name: 'claims that are a list', verdict: 'unauthenticated', says: /strict JSON/, present: (world) => ({ fields: bearer(jws({ alg: 'ES256', kid: 'ec' }, '[]', world.keys.ec.private)) }) },
  { name: 'oversized', verdict: 'unauthenticated', says: /too long/, present: token(() => ({ claims: { filler: 'x'.repeat(8192) } })) },
  { name: 'another audience', verdict: 'unauthenticated', says: /another audience/, present: token(() => ({ claims: { aud: 'elsewhere' } })) },
  { name: 'our audience among several', verdict: 'unauthenticated', says: /another audience, or for several/, present: token(() => ({ claims: { aud: ['sallyport', 'elsewhere'] } })) },
  { name: 'no audience', verdict: 'unauthenticated', says: /another audience/, present: token(() => ({ without: ['aud'] })) },
  { name: 'another issuer', verdict: 'unauthenticated', says: /no issuer that is configured/, present: token(() => ({ claims: { iss: 'https://elsewhere.example' } })) },
  { name: 'an issuer that only ends in a slash', verdict: 'unauthenticated', says: /no issuer that is configured/, present: token((world) => ({ claims: { iss: `${world.issuer}/` } })) },
  { name: 'no issuer', verdict: 'unauthenticated', says: /no issuer that is configured/, present: token(() => ({ without: ['iss'] })) },
  { name: 'expired', verdict: 'unauthenticated', says: /ERR_JWT_EXPIRED/, present: token((world) => ({ claims: { exp: seconds(world) - 31 } })) },
  { name: 'no expiry', verdict: 'unauthenticated', says: /"exp"/, present: token(() => ({ without: ['exp'] })) },
  { name: 'an expiry that is text', verdict: 'unauthenticated', says: /"exp"/, present: token((world) => ({ claims: { exp: String(seconds(world) + 300) } })) },
  { name: 'not valid before a time in the future', verdict: 'unauthenticated', says: /"nbf"/, present: token((world) => ({ claims: { nbf: seconds(world) + 40 } })) },
  { name: 'issued in the future', verdict: 'unauthenticated', says: /in the future/, present: token((world) => ({ claims: { iat: seconds(world) + 40 } })) },
  { name: 'older than max_age', verdict: 'unauthenticated', says: /"iat"/, present: token((world) => ({ claims: { aud: 'young', iat: seconds(world) - 1000 } })) },
  { name: 'no subject', verdict: 'unauthenticated', says: /"sub"/, present: token(() => ({ without: ['sub'] })) },
  { name: 'an empty subject', verdict: 'unauthenticated', says: /names nobody/, present: token(() => ({ claims: { sub: '' } })) },
  { name: 'another value than is matched', verdict: 'unauthenticated', says: /asked of repository/, present: token(() => ({ claims: { repository: 'acme-evil/app' } })) },
  { name: 'a list without the element that is matched', verdict: 'unauthenticated', says: /asked of groups/, present: token(() => ({ claims: { groups: ['guests'] } })) },
  { name: 'a claim that leads out of its place', verdict: 'unauthenticated', says: /no SPIFFE id/, present: token(() => ({ claims: { repository: 'acme/../../admin' } })) },
  { name: 'a claim with characters that no SPIFFE id has', verdict: 'unauthenticated', says: /no SPIFFE id/, present: token(() => ({ claims: { repository: 'acme/app:x' } })) },
  { name: 'a slash in a claim that is one segment', verdict: 'unauthenticated', says: /no SPIFFE id/, present: token(() => ({ claims: { aud: 'cluster', 'kubernetes.io': { namespace: 'prod/x', serviceaccount: { name: 'runner' } } } })) },
  { name: 'a claim that is not there', verdict: 'unauthenticated', says: /no SPIFFE id/, present: token(() => ({ claims: { aud: 'cluster' } })) },
  { name: "a user's token", verdict: 'unauthenticated', says: /not for workloads/, present: token(({ userIssuer, keys }) => ({ header: { kid: 'user' }, claims: { iss: userIssuer }, key: keys.user.private })) },
  { name: 'a workload that was revoked', verdict: 'revoked', says: /ci\/acme\/gone/, present: token(() => ({ claims: { repository: 'acme/gone' } })) },
  { name: 'as DPoP', verdict: 'unauthenticated', says: /no task token/, present: (world) => ({ fields: [['authorization', `DPoP ${goodToken(world)}`]] }) },
  { name: 'a good token and a good key', verdict: 'unauthenticated', says: /different credentials/, present: (world) => ({ fields: [...bearer(goodToken(world)), ['x-api-key', world.key]] }) },
  { name: 'in the URL', verdict: 'unauthenticated', says: /in the query/, present: (world) => ({ target: `/v1/models?access_token=${goodToken(world)}` }) },
  { name: 'a task token', verdict: 'in', says: /agents\/a$/, present: (world) => ({ fields: bearer(world.taskToken(ENROLLED)) }) },
]

export const keys: readonly Row[] = [
  { name: 'a good key', verdict: 'in', says: /^key:/, present: ({ key }) => ({ fields: [['x-api-key', key]] }) },
  { name: 'a key that was never made', verdict: 'unauthenticated', says: /unknown, malformed or wrong/, present: () => ({ fields: [['x-api-key', newKey('sp').key]] }) },
  { name: 'a key with a changed character', verdict: 'unauthenticated', says: /unknown, malformed or wrong/, present: ({ key }) => ({ fields: [['x-api-key', `${key.slice(0, -8)}${key.at(-8) === 'a' ? 'b' : 'a'}${key.slice(-7)}`]] }) },
  { name: 'an administrator key', verdict: 'unauthenticated', says: /unknown, malformed or wrong/, present: () => ({ fields: [['x-api-key', newKey('spa').key]] }) },
  { name: 'an expired key', verdict: 'key_expired', says: /key/, present: ({ expiredKey }) => ({ fields: [['x-api-key', expiredKey]] }) },
  { name: 'a revoked key', verdict: 'key_revoked', says: /key/, present: ({ revokedKey }) => ({ fields: [['x-api-key', revokedKey]] }) },
  { name: 'a key as DPoP', verdict: 'unauthenticated', says: /DPoP is no token/, present: ({ key }) => ({ fields: [['authorization', `DPoP ${key}`]] }) },
  { name: 'a key as Basic', verdict: 'unauthenticated', says: /not a bearer/, present: ({ key }) => ({ fields: [['authorization', `Basic ${key}`]] }) },
  { name: 'nothing', verdict: 'unauthenticated', says: /no credential/, present: () => ({}) },
  { name: 'a placeholder', verdict: 'unauthenticated', says: /unknown, malformed or wrong/, present: () => ({ fields: [['x-api-key', 'unused']] }) },
]

const here = (change: Partial<LocalProcess> = {}, fields: Fields = []) => (world: World): Presented => ({ fields, peer: { address: 'local', port: 0, process: { ...world.here, ...change } } })

/** The first uid of the settings is this process's own, and its program the one that runs here. */
export const programs: readonly Row[] = [
  { name: 'a program that is listed', verdict: 'in', says: /local\/tester$/, present: here() },
  { name: 'with a placeholder for a key', verdict: 'in', says: /local\/tester$/, present: here({}, [['x-api-key', 'unused']]) },
  { name: 'with a key: the key decides', verdict: 'in', says: /^key:/, present: (world) => here({}, [['x-api-key', world.key]])(world) },
  { name: 'with a bad key', verdict: 'unauthenticated', says: /unknown, malformed or wrong/, present: here({}, [['x-api-key', newKey('sp').key]]) },
  { name: 'under another uid', verdict: 'unauthenticated', says: /no credential/, present: (world) => here({ uid: world.here.uid + 7 })(world) },
  { name: 'another program under a listed uid', verdict: 'unauthenticated', says: /no credential/, present: (world) => here({ uid: world.here.uid + 1 })(world) },
  { name: 'a process id that was used again', verdict: 'unauthenticated', says: /it ended/, present: (world) => here({ started: world.here.started - 1 })(world) },
  { name: 'a process that ended', verdict: 'unauthenticated', says: /it ended/, present: here({ pid: 4_194_303 }) },
]
