import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { ran } from '../src/cli/run.fixture.ts'
import { issuerOf, jws, signingKey, type Listening, type SigningKey } from '../src/identity/issuing.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf } from './probe.ts'

/** What no roster and no keyring knows can be revoked all the same: workloads and users of issuers, tokens, tasks. */
let house: TestHouse
let issuer: Listening
let signer: SigningKey
before(async () => {
  signer = await signingKey('k1')
  issuer = await issuerOf([signer])
  house = await startHouse({
    listen: 'secure: "127.0.0.1:0"',
    gapMs: 40,
    config: ({ practiceUrl }) => `
identity:
  oidc:
    - { issuer: "${issuer.url}", audience: gate, workload: "spiffe://sallyport.internal/ci/{sub}", allow_private: true }
    - { issuer: "${issuer.url}", audience: people, for: users, allow_private: true }
providers: { sim: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY } }
routes: { default: { targets: [{ provider: sim, model: practice }] } }
guardrails: [{ use: prompt_injection, mode: shadow, layers: [rules] }]
`,
  })
})
after(async () => {
  await house.stop()
  issuer.close()
})

const tokenOf = (aud: string, sub: string, more: object = {}): string => {
  const now = Math.floor(Date.now() / 1000)
  return jws({ alg: 'ES256', kid: signer.kid, typ: 'JWT' }, { iss: issuer.url, aud, sub, iat: now, exp: now + 280, ...more }, signer.private)
}
const statusOf = async (token: string): Promise<number> => {
  const reply = await house.chat('hello', {}, token)
  await reply.text()
  return reply.status
}
const cli = (...args: string[]) => ran(['identity', ...args], { env: { SALLYPORT_HOME: house.state }, cwd: house.folder })

test('a workload of an issuer is revoked and lifted on the command line; its open stream ends at once', async () => {
  const token = tokenOf('gate', 'build')
  const id = 'spiffe://sallyport.internal/ci/build'
  assert.equal(await statusOf(token), 200)
  const streaming = await house.chat(`repeat: ${Array.from({ length: 400 }, (_, n) => `word${n}`).join(' ')}`, { stream: true }, token)
  assert.equal(streaming.status, 200)
  const reader = (streaming.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  const said = await cli('revoke', id, '--for', '10m')
  assert.equal(said.code, 0, said.err)
  assert.match(said.out, /^spiffe:\/\/sallyport\.internal\/ci\/build is refused until 20/)
  let text = ''
  for (let step = await reader.read(); !step.done; step = await reader.read()) text += Buffer.from(step.value).toString()
  assert.match(text, /revoked/)
  assert.deepEqual([await statusOf(token), await statusOf(tokenOf('gate', 'build')), await statusOf(tokenOf('gate', 'other'))], [401, 401, 200])
  assert.match((await cli('list')).out, /ci\/build +refused/)
  assert.equal((await cli('revoke', id, '--lift')).code, 0)
  assert.equal(await statusOf(token), 200)
  assert.equal((await cli('revoke', id, '--lift')).code, 3)
  for (const args of [['revoke', id, '--for', 'soon'], ['revoke', id, '--for', '1h', '--lift'], ['revoke', id, '--for', '10ms']]) assert.equal((await cli(...args)).code, 2)
})

test('a user, a token of an issuer, a task and a task token can each be revoked by the id that receipts name', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const send = async (path: string, token: string, body: string, type: string, more: object = {}): Promise<Response> => {
    const proof = await new SignJWT({ htm: 'POST', htu: `${house.dataUrl}${path}`, jti: randomUUID(), ...more }).setIssuedAt().setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk }).sign(privateKey)
    return await fetch(`${house.dataUrl}${path}`, { method: 'POST', headers: { authorization: `${'ath' in more ? 'DPoP' : 'Bearer'} ${token}`, dpop: proof, 'content-type': type }, body })
  }
  const rows = [
    ['the user', () => `${issuer.url}#ada`],
    ['the token of the user', () => 'user-token-1'],
    ['the token of the workload', () => 'workload-token-1'],
    ['the task', (task: string) => String(decodeJwt(task)['txn'])],
    ['the task token', (task: string) => String(decodeJwt(task).jti)],
    ['the workload', () => 'spiffe://sallyport.internal/ci/deploy'],
  ] as const
  for (const [what, idOf] of rows) {
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience: 'llm', scope: 'model:practice', subject_token: tokenOf('people', 'ada', { jti: 'user-token-1' }), subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' })
    const minted = (await (await send('/token', tokenOf('gate', 'deploy', { jti: 'workload-token-1' }), form.toString(), 'application/x-www-form-urlencoded')).json()) as { access_token: string }
    const task = minted.access_token
    assert.ok(task, `${what}: ${JSON.stringify(minted)}`)
    const chat = async (): Promise<number> => (await send('/v1/chat/completions', task, JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'hello' }] }), 'application/json', { ath: createHash('sha256').update(task).digest('base64url') })).status
    assert.equal(await chat(), 200, what)
    const id = idOf(task)
    await house.admin('POST', 'identity/revoke', { what: id })
    assert.equal(await chat(), 401, what)
    await house.admin('POST', 'identity/lift', { what: id })
    assert.equal(await chat(), 200, what)
  }
})

test('an API key that is revoked as if it were a token is refused too, and so is an enrolled workload, until it is lifted', async () => {
  const made = (await house.admin('POST', 'keys', { name: 'k' })) as { key: string; facts: { id: string } }
  for (const what of [made.facts.id, `key:${made.facts.id}`]) {
    await house.admin('POST', 'identity/revoke', { what })
    assert.equal(await statusOf(made.key), 401, what)
    await house.admin('POST', 'identity/lift', { what })
    assert.equal(await statusOf(made.key), 200, what)
  }
  for (const what of ['', ' ', 'a b', 'a\u0007', 'x'.repeat(2049)]) await assert.rejects(house.admin('POST', 'identity/revoke', { what }), /400/, JSON.stringify(what))
})

test('nobody on the list comes back by enrolling', async () => {
  const { token } = (await house.admin('POST', 'identity/tokens', { id: '/agents/back' })) as { token: string }
  await house.admin('POST', 'identity/revoke', { what: 'spiffe://sallyport.internal/agents/back', for: 60_000 })
  const reply = await fetch(`${house.dataUrl}/identity/enrol`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token, csr: 'x' }) })
  assert.deepEqual([reply.status, ((await reply.json()) as { error: { code: string; param?: string } }).error.param], [403, undefined])
})

test('the receipt of a refused call names who was revoked, by whatever they proved it', async () => {
  const made = (await house.admin('POST', 'keys', { name: 'gone' })) as { key: string; facts: { id: string } }
  await house.admin('DELETE', `keys/${made.facts.id}`)
  const old = await house.newKey({ name: 'old', expires: 1000 })
  const listed = tokenOf('gate', 'named')
  await house.admin('POST', 'identity/revoke', { what: 'spiffe://sallyport.internal/ci/named' })
  const rows = [[made.key, `key:${made.facts.id}`, 'key_revoked'], [old, `key:${old.split('_')[1]}`, 'key_expired'], [listed, 'spiffe://sallyport.internal/ci/named', 'revoked'], [`${made.key.slice(0, -1)}x`, 'unknown', 'unauthenticated']] as const
  for (const [credential, workload, code] of rows) {
    const reply = await house.chat('hello', {}, credential)
    const seal = await sealOf(house, reply.headers.get('x-sallyport-id') ?? '')
    assert.deepEqual([reply.status, seal.workload, seal.code, seal.outcome], [401, workload, code, 'refused'])
  }
})
