import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { IdentitySettingsError, identitySettings, settleIdentity } from './settings.ts'
import { claimOf, userOf, userTemplate, workloadOf, workloadTemplate, type Claims, type Piece } from './template.ts'

const issuer = { issuer: 'https://issuer.example', audience: 'sallyport', workload: 'spiffe://sallyport.internal/ci/{repository}' }
const program = { executable: '/usr/bin/agent', uid: 1000, workload: 'spiffe://sallyport.internal/agent' }

test('without settings nobody but enrolled workloads and keys gets in', () => {
  assert.deepEqual(settleIdentity(), { trustDomain: 'sallyport.internal', svidTtlMs: 3_600_000, serverNames: [], oidc: [], local: [] })
})

test('an issuer as it is read when only what must be said is said', () => {
  const [settled] = settleIdentity(identitySettings.parse({ oidc: [{ ...issuer, roles: ['ci'] }] })).oidc
  assert.deepEqual(settled, {
    issuer: 'https://issuer.example', audience: 'sallyport', algorithms: new Set(['ES256', 'RS256', 'PS256', 'EdDSA']), allowPrivate: false, workloads: true, users: false,
    tenant: 'default', workload: [{ text: 'ci' }, { claim: 'repository' }], user: [{ claim: 'iss' }, { text: '#' }, { claim: 'sub' }], match: [], scope: { roles: ['ci'] }, leewayMs: 30_000, graceMs: 3_600_000,
  })
})

test('bad settings are refused by a schema', () => {
  for (const wrong of [
    { oidc: [{ ...issuer, algorithms: ['none'] }] }, { oidc: [{ ...issuer, algorithms: ['HS256'] }] }, { oidc: [{ ...issuer, algorithms: [] }] }, { oidc: [{ ...issuer, issuer: 'issuer' }] },
    { oidc: [{ ...issuer, audience: ['a', 'b'] }] }, { oidc: [{ ...issuer, audience: '' }] }, { oidc: [{ ...issuer, for: 'anybody' }] }, { oidc: [{ ...issuer, extra: 1 }] }, { oidc: [{ audience: 'a' }] },
    { local: [{ ...program, executable: 'agent' }] }, { local: [{ ...program, executable: 'sha256:abc' }] }, { local: [{ ...program, uid: -1 }] }, { local: [{ ...program, uid: undefined }] }, { local: [{ ...program, user: 'a b' }] },
    { trust_domain: 'Sallyport' }, { trust_domain: 'a/b' }, { server_names: ['a b'] }, { ca: { key: '-----BEGIN PRIVATE KEY-----' } }, { svid_ttl: '1 hour' },
  ]) assert.equal(identitySettings.safeParse(wrong).success, false, JSON.stringify(wrong))
})

const refused: readonly (readonly [written: object, path: string, why: RegExp])[] = [
  [{ svid_ttl: '1m' }, 'svid_ttl', /between/],
  [{ svid_ttl: '25h' }, 'svid_ttl', /between/],
  [{ oidc: [issuer, { ...issuer, roles: ['other'] }] }, 'oidc.1.audience', /earlier entry/],
  [{ oidc: [{ ...issuer, issuer: 'http://issuer.example' }] }, 'oidc.0.issuer', /https/],
  [{ oidc: [{ ...issuer, issuer: 'ftp://issuer.example' }] }, 'oidc.0.issuer', /https/],
  [{ oidc: [{ ...issuer, issuer: 'https://u:p@issuer.example' }] }, 'oidc.0.issuer', /neither a user/],
  [{ oidc: [{ ...issuer, issuer: 'https://issuer.example/?x' }] }, 'oidc.0.issuer', /query/],
  [{ oidc: [{ ...issuer, issuer: 'https://127.0.0.1:8443' }] }, 'oidc.0.issuer', /loopback/],
  [{ oidc: [{ ...issuer, issuer: 'https://localhost' }] }, 'oidc.0.issuer', /loopback/],
  [{ oidc: [{ ...issuer, issuer: 'https://10.1.2.3' }] }, 'oidc.0.issuer', /private/],
  [{ oidc: [{ ...issuer, jwks: 'https://10.1.2.3/jwks' }] }, 'oidc.0.jwks', /private/],
  [{ oidc: [{ ...issuer, jwks: 'http://issuer.example/jwks' }] }, 'oidc.0.jwks', /https/],
  [{ oidc: [{ ...issuer, issuer: 'http://169.254.169.254', allow_private: true }] }, 'oidc.0.issuer', /metadata/],
  [{ oidc: [{ ...issuer, issuer: 'http://169.254.1.1', allow_private: true }] }, 'oidc.0.issuer', /link-local/],
  [{ oidc: [{ ...issuer, workload: undefined }] }, 'oidc.0.workload', /needed/],
  [{ oidc: [{ ...issuer, workload: 'spiffe://elsewhere/{sub}' }] }, 'oidc.0.workload', /must start with/],
  [{ oidc: [{ ...issuer, workload: 'spiffe://sallyport.internal/{a}-{b}' }] }, 'oidc.0.workload', /no segment/],
  [{ oidc: [{ ...issuer, for: 'users' }] }, 'oidc.0.workload', /means nothing/],
  [{ oidc: [{ ...issuer, workload: undefined, for: 'users', roles: ['admin'] }] }, 'oidc.0.roles', /means nothing/],
  [{ oidc: [{ ...issuer, user: 'everybody' }] }, 'oidc.0.user', /would be one/],
  [{ oidc: [{ ...issuer, leeway: '61s' }] }, 'oidc.0.leeway', /60s/],
  [{ oidc: [{ ...issuer, grace: '25h' }] }, 'oidc.0.grace', /24h/],
  [{ oidc: [{ ...issuer, match: { repository: '*' } }] }, 'oidc.0.match', /everything/],
  [{ oidc: [{ ...issuer, issuer: 'https://token.actions.githubusercontent.com' }] }, 'oidc.0.match', /anybody/],
  [{ oidc: [issuer, { ...issuer, audience: 'other', allow_private: true }] }, 'oidc.1.allow_private', /same in all/],
  [{ local: [{ ...program, workload: 'spiffe://elsewhere/agent' }] }, 'local.0.workload', /must be spiffe:/],
  [{ local: [{ ...program, workload: 'spiffe://sallyport.internal/sallyport' }] }, 'local.0.workload', /must be spiffe:/],
  [{ local: [program, { ...program, tenant: 'b' }] }, 'local.1.executable', /earlier entry/],
]

test('settings that are well-formed and yet wrong are refused, with the key at fault', () => {
  for (const [written, path, why] of refused) {
    const error = (() => {
      try {
        settleIdentity(identitySettings.parse(written))
      } catch (thrown) {
        return thrown
      }
      return undefined
    })()
    assert.ok(error instanceof IdentitySettingsError, `${path} ${why}`)
    assert.deepEqual([error.path.join('.'), why.test(error.message)], [`identity.${path}`, true], error.message)
  }
})

test('private issuers are let in where that is written', () => {
  for (const url of ['http://127.0.0.1:8443', 'http://localhost:1', 'https://10.1.2.3', 'http://issuer.cluster.local', 'https://100.64.0.1']) {
    assert.equal(settleIdentity(identitySettings.parse({ oidc: [{ ...issuer, issuer: url, allow_private: true }] })).oidc[0]?.issuer, url)
  }
})

const pieces = (text: string): readonly Piece[] => workloadTemplate(text, 'td') as readonly Piece[]

test('claims make a SPIFFE id or none', () => {
  const cases: readonly (readonly [template: string, claims: Claims, id: string | undefined])[] = [
    ['spiffe://td/ci/{repo}', { repo: 'acme/app' }, 'spiffe://td/ci/acme/app'],
    ['spiffe://td/{a}/{b}', { a: 'x', b: 'y/z' }, 'spiffe://td/x/y/z'],
    ['spiffe://td/{a}/{b}', { a: 'x/y', b: 'z' }, undefined],
    ['spiffe://td/{https://x.example/role}', { 'https://x.example/role': 'r' }, 'spiffe://td/r'],
    ['spiffe://td/{k8s/ns}/x', { k8s: { ns: 'prod' } }, 'spiffe://td/prod/x'],
    ['spiffe://td/{a}', { a: '' }, undefined],
    ['spiffe://td/{a}', { a: '/' }, undefined],
    ['spiffe://td/{a}', { a: 'x/' }, undefined],
    ['spiffe://td/{a}', { a: '..' }, undefined],
    ['spiffe://td/{a}', { a: 'x%2f' }, undefined],
    ['spiffe://td/{a}', { a: 'ä' }, undefined],
    ['spiffe://td/{a}', { a: 7 }, undefined],
    ['spiffe://td/{a}', { a: ['x'] }, undefined],
    ['spiffe://td/{a}', { a: 'sallyport' }, undefined],
    ['spiffe://td/{a}', { a: 'x'.repeat(2048) }, undefined],
    ['spiffe://td/{a}', {}, undefined],
    ['spiffe://td/{constructor}', {}, undefined],
  ]
  for (const [template, claims, id] of cases) assert.equal(workloadOf(pieces(template), claims, 'td'), id, template)
  for (const wrong of ['spiffe://td/', 'spiffe://td', 'spiffe://td//a', 'spiffe://td/a/', 'spiffe://td/{', 'spiffe://td/{}', 'spiffe://td/a{b}', 'spiffe://td/{a b}', 'spiffe://td/..', 'spiffe://td/a?b', '{a}']) {
    assert.equal(typeof workloadTemplate(wrong, 'td'), 'string', wrong)
  }
})

test('claims make the name of a user or none', () => {
  const user = userTemplate('{iss}#{sub}') as readonly Piece[]
  assert.equal(userOf(user, { iss: 'https://i.example', sub: 'alice' }), 'https://i.example#alice')
  for (const sub of ['', 'a b', 'a\nb', 'a\u202Eb', 'x'.repeat(300), 7, null, undefined]) assert.equal(userOf(user, { iss: 'https://i.example', sub }), undefined, String(sub))
  assert.equal(claimOf({ a: { b: 1 }, 'a/b': 2 }, 'a/b'), 2)
})

test('the settings that docs/identity.md shows are good ones', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/identity.md'), 'utf8')
  const shown = [...page.matchAll(/```yaml\n(identity:\n[^`]*)```/g)].map(([, text]) => (parse(text as string) as { identity: unknown }).identity)
  assert.ok(shown.length >= 5)
  for (const one of shown) settleIdentity(identitySettings.parse(one))
})
