import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, type Refusal } from '../contract/verdict.ts'
import { makeDialer, type Dialer } from '../edge/dial/dialer.ts'
import { issuerOf, jws, signingKey, type Listening, type SigningKey } from './issuing.fixture.ts'
import { makeKeySets } from './jwks.ts'
import { makeOidc, type Oidc } from './oidc.ts'
import { identitySettings, IdentitySettingsError, settleIdentity, type SettledIdentity } from './settings.ts'

/** Tokens of applications that people log in with: whose they are, where they are good, and for which tools. */
const clock = { wall: () => Date.now(), monotonic: () => performance.now(), timer: () => () => undefined }
const PUBLIC = 'https://gate.example'
let key: SigningKey
let issuer: Listening
let dialer: Dialer
let oidc: Oidc
let settled: SettledIdentity

before(async () => {
  key = await signingKey('k')
  issuer = await issuerOf([key])
  dialer = makeDialer({ origins: [{ origin: issuer.url }] })
  oidc = makeOidc({ keys: makeKeySets({ dial: dialer.dial, clock, on: () => undefined }), clock })
  settled = settleIdentity(identitySettings.parse({
    public_url: PUBLIC,
    oidc: [
      { issuer: issuer.url, audience: 'sallyport', allow_private: true, for: 'clients', workload: 'spiffe://sallyport.internal/app/{client_id}', user: '{email}', scopes: { 'files:read': ['read_*'], 'files:write': ['write_*', 'read_file'] } },
      { issuer: issuer.url, audience: 'ci', allow_private: true, workload: 'spiffe://sallyport.internal/ci' },
    ],
  }))
})
after(async () => {
  await dialer.close()
  issuer.close()
})

function token(claims: Readonly<Record<string, unknown>>): string {
  const now = Math.floor(Date.now() / 1000)
  return jws({ alg: 'ES256', kid: 'k', typ: 'at+jwt' }, { iss: issuer.url, sub: 'u1', email: 'ada@example.com', client_id: 'editor', iat: now, exp: now + 60, ...claims }, key.private)
}
const who = (claims: Readonly<Record<string, unknown>>): Promise<Principal | Refusal> => oidc.verify(token(claims), settled)

test('the application acts for who logged in with it, with the tools that its scopes name', async () => {
  const found = (await who({ aud: 'sallyport', scope: 'openid files:read' })) as Principal
  assert.deepEqual([found.workload, found.chain, found.scope.tools, found.scope.audience], ['spiffe://sallyport.internal/app/editor', ['ada@example.com'], ['read_*'], undefined])
  assert.deepEqual(found.vouched?.map(({ kind }) => kind), ['oidc'])
  const listed = (await who({ aud: ['sallyport'], scp: ['files:read', 'files:write'] })) as Principal
  assert.deepEqual(listed.scope.tools, ['read_*', 'write_*', 'read_file'])
  assert.deepEqual(((await who({ aud: 'sallyport' })) as Principal).scope.tools, [])
  const alone = (await who({ aud: 'sallyport', sub: 'editor' })) as Principal
  assert.deepEqual([alone.workload, alone.chain], ['spiffe://sallyport.internal/app/editor', []])
})

test('a token whose audience is one MCP endpoint is good there and nowhere else', async () => {
  assert.equal(((await who({ aud: `${PUBLIC}/mcp/files` })) as Principal).scope.audience, 'mcp:files')
  assert.equal(((await who({ aud: `${PUBLIC}/mcp` })) as Principal).scope.audience, 'mcp')
  assert.equal(((await who({ aud: 'ci' })) as Principal).scope.audience, undefined)
})

test('a token of another audience, or of several, is nobody\'s', async () => {
  const audiences = [undefined, 'elsewhere', `${PUBLIC}/`, PUBLIC, `${PUBLIC}/mcpx`, `${PUBLIC}/mcp/`, `${PUBLIC}/mcp/files/x`, `${PUBLIC}/mcp/files?x`, `${PUBLIC}.evil.example/mcp/files`, 'https://evil.example/mcp/files', 'HTTPS://gate.example/mcp/files', [`${PUBLIC}/mcp/files`, 'elsewhere'], []]
  for (const aud of audiences) assert.ok(isRefusal(await who({ aud })), JSON.stringify(aud))
  assert.ok(isRefusal(await oidc.verify(token({ aud: `${PUBLIC}/mcp/files` }), settleIdentity(identitySettings.parse({ oidc: [{ issuer: issuer.url, audience: 'x', allow_private: true, for: 'clients', workload: 'spiffe://sallyport.internal/app' }] })))))
})

test('a token without a name for its user, or a client with no SPIFFE id, is nobody\'s', async () => {
  assert.ok(isRefusal(await who({ aud: 'sallyport', email: undefined })))
  assert.ok(isRefusal(await who({ aud: 'sallyport', client_id: 'a b' })))
  assert.ok(isRefusal(await oidc.user(token({ aud: 'sallyport' }), settled)))
})

test('settings that leave open what counts do not stand', () => {
  const entry = { issuer: 'https://issuer.example', audience: 'a', workload: 'spiffe://sallyport.internal/app' }
  const wrong: readonly (readonly [string, readonly object[]])[] = [
    ['scopes', [{ ...entry, scopes: { a: ['b'] } }]],
    ['tools', [{ ...entry, for: 'clients', scopes: { a: ['b'] }, tools: ['c'] }]],
    ['for', [{ ...entry, for: 'clients' }, { ...entry, audience: 'b', for: 'clients' }]],
  ]
  for (const [at, oidcEntries] of wrong) assert.throws(() => settleIdentity(identitySettings.parse({ oidc: oidcEntries })), (error: unknown) => error instanceof IdentitySettingsError && error.path.at(-1) === at, at)
  for (const url of ['https://gate.example/', 'https://gate.example/x', 'ftp://gate.example', 'https://u@gate.example']) assert.equal(identitySettings.safeParse({ public_url: url }).success, false, url)
})
