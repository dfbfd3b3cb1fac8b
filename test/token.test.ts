import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { openIdentity } from '../src/client/identity.ts'
import { issuerOf, jws, signingKey, type Listening, type SigningKey } from '../src/identity/issuing.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf } from './probe.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:ietf:params:oauth:token-type:'

let house: TestHouse
let issuer: Listening
let signer: SigningKey
before(async () => {
  signer = await signingKey('k1')
  issuer = await issuerOf([signer])
  house = await startHouse({
    listen: 'secure: "127.0.0.1:0"',
    config: ({ practiceUrl, folder }) => {
      writeFileSync(
        join(folder, 'more.cedar'),
        `@id("no-mail-for-agents") @message("Nobody's agent writes mail.")
forbid (principal, action == Action::"token.exchange", resource)
when { context.parameters has audience && context.parameters.audience == "mcp:mail" && context.parameters has subject };
permit (principal is Workload, action == Action::"token.exchange", resource) when { principal.proof != "none" };
permit (principal is Workload, action in [Action::"llm.generate", Action::"llm.list", Action::"tool.propose", Action::"guard.evaluate", Action::"identity.enrol", Action::"identity.renew", Action::"identity.bundle"], resource);
`.replaceAll('\npermit', () => `\n@id("p${randomUUID().slice(0, 8)}")\npermit`),
      )
      return `
identity:
  task_tokens: { unbound: false }
  oidc:
    - { issuer: "${issuer.url}", audience: sallyport, for: users, allow_private: true }
providers:
  sim: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  big: { match: { models: [large] }, targets: [{ provider: sim, model: large }] }
  default: { targets: [{ provider: sim, model: small }] }
policy: { folders: ["${folder}"] }
`
    },
  })
})
after(async () => {
  await house.stop()
  issuer.close()
})

const userToken = (sub: string, more: object = {}): string => {
  const now = Math.floor(Date.now() / 1000)
  return jws({ alg: 'ES256', kid: signer.kid, typ: 'JWT' }, { iss: issuer.url, aud: 'sallyport', sub, iat: now, exp: now + 200, ...more }, signer.private)
}

/** An agent with a key pair of its own. */
async function agent() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const proof = (path: string, verb: string, token?: string): Promise<string> =>
    new SignJWT({ htm: verb, htu: `${house.dataUrl}${path}`, jti: randomUUID(), ...(token !== undefined && { ath: createHash('sha256').update(token).digest('base64url') }) })
      .setIssuedAt()
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(privateKey)
  const calling = async (path: string, token: string, body?: unknown, verb = 'POST'): Promise<Response> =>
    fetch(`${house.dataUrl}${path}`, {
      method: verb,
      headers: { authorization: `DPoP ${token}`, dpop: await proof(path, verb, token), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proof,
    calling,
    chat: (token: string, model = 'small', more: object = {}) => calling('/v1/chat/completions', token, { model, messages: [{ role: 'user', content: 'hello' }], ...more }),
    /** `token`: the agent's own task token, else it shows its API key. */
    async exchange(form: Readonly<Record<string, string>>, { key = house.key, token }: { readonly key?: string; readonly token?: string } = {}): Promise<{ readonly status: number; readonly id: string; readonly said: Record<string, never> & { access_token: string; error: string; error_description: string } }> {
      const reply = await fetch(`${house.dataUrl}/token`, {
        method: 'POST',
        headers: { authorization: token === undefined ? `Bearer ${key}` : `DPoP ${token}`, dpop: await proof('/token', 'POST', token) },
        body: new URLSearchParams({ grant_type: GRANT, audience: 'llm', scope: 'model:small', ...form }),
      })
      return { status: reply.status, id: reply.headers.get('x-sallyport-id') ?? '', said: (await reply.json()) as never }
    },
  }
}

interface Known {
  readonly chain: readonly string[]
  readonly workload: string
  readonly proof: string
  readonly policies: readonly string[]
  readonly context: { readonly parameters: Readonly<Record<string, unknown>> }
}
const receipt = async (id: string): Promise<Known> => (await sealOf(house, id)) as unknown as Known

test('an API key and a user become a task token; the receipts of both calls name the workload and the user', async () => {
  const me = await agent()
  const { status, said, id } = await me.exchange({ subject_token: userToken('ada'), subject_token_type: `${TYPE}id_token` })
  assert.equal(status, 200, JSON.stringify(said))
  const { access_token: token, ...rest } = said
  assert.deepEqual(rest, { issued_token_type: `${TYPE}access_token`, token_type: 'DPoP', expires_in: rest['expires_in'], scope: 'model:small' })
  assert.ok(Number(rest['expires_in']) > 190 && Number(rest['expires_in']) <= 200)
  const user = `${issuer.url}#ada`
  const { workload, context } = await receipt(id)
  assert.match(workload, /^key:/)
  assert.deepEqual([context.parameters['subject'], context.parameters['bound'], context.parameters['task']], [user, 'dpop', decodeJwt(token)['txn']])
  const reply = await me.chat(token)
  assert.equal(reply.status, 200, await reply.text())
  const called = await receipt(reply.headers.get('x-sallyport-id') ?? '')
  assert.deepEqual([called.workload, called.chain, called.proof], [workload, [user], `task_token:${decodeJwt(token).jti}`])
  const everything = JSON.stringify([await house.receipts(), house.logs])
  assert.ok(!everything.includes(token.slice(-40)) && !everything.includes(token.slice(60, 120)))
})

test('a token is for its names and its audience only', async () => {
  const me = await agent()
  const { said } = await me.exchange({})
  const token = said.access_token
  assert.equal((await me.chat(token, 'small')).status, 200)
  assert.equal((await me.chat(token, 'large')).status, 403)
  const list = (await (await me.calling('/v1/models', token, undefined, 'GET')).json()) as { data: { id: string }[] }
  assert.deepEqual(list.data.map(({ id }) => id), ['small'])
  assert.equal((await me.calling('/guard', token, { input: 'x' })).status, 403)
  const { said: other } = await me.exchange({ audience: 'guard', scope: 'route:guard' })
  assert.equal((await me.calling('/guard', other.access_token, { input: 'x' })).status, 200)
  assert.equal((await me.chat(other.access_token)).status, 403)
  const { said: third } = await me.exchange({ audience: 'guard' })
  assert.equal((await me.calling('/v1/models', third.access_token, undefined, 'GET')).status, 403)
})

test('tools that a model proposes are held against the token', async () => {
  const me = await agent()
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }]
  const asking = { tools, tool_choice: 'required' }
  const { said } = await me.exchange({ scope: 'model:small tool:get_weather' })
  const allowed = await me.chat(said.access_token, 'small', asking)
  assert.equal(allowed.status, 200)
  assert.match(await allowed.text(), /get_weather/)
  const { said: without } = await me.exchange({ scope: 'model:small tool:read' })
  const denied = await me.chat(without.access_token, 'small', asking)
  assert.equal(denied.status, 403, await denied.text())
})

test('a found token, a found proof and both together are of no use', async () => {
  const [me, thief] = [await agent(), await agent()]
  const { said } = await me.exchange({})
  const token = said.access_token
  assert.equal((await thief.chat(token)).status, 401)
  assert.equal((await house.chat('hi', { model: 'small' }, token)).status, 401)
  const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'x' }] })
  const proof = await me.proof('/v1/chat/completions', 'POST', token)
  const send = (): Promise<Response> => fetch(`${house.dataUrl}/v1/chat/completions`, { method: 'POST', headers: { authorization: `DPoP ${token}`, dpop: proof, 'content-type': 'application/json' }, body })
  assert.deepEqual([(await send()).status, (await send()).status], [200, 401])
  assert.equal((await thief.exchange({}, { token })).status, 401)
  const laundered = await thief.exchange({ subject_token: token, subject_token_type: `${TYPE}access_token` }, { key: await house.newKey({ name: 'thief' }) })
  assert.deepEqual([laundered.status, laundered.said.error], [400, 'invalid_request'])
})

test('an agent hands its task to another, which can do no more', async () => {
  const [planner, coder] = [await agent(), await agent()]
  const made = (await house.admin('POST', 'keys', { name: 'coder', models: ['small', 'practice'] })) as { key: string; facts: { id: string } }
  const first = await planner.exchange({ scope: 'model:small model:large', subject_token: userToken('bob'), subject_token_type: `${TYPE}jwt`, may_act: `key:${made.facts.id}` })
  assert.equal(first.status, 200, JSON.stringify(first.said))
  const form = { subject_token: first.said.access_token, subject_token_type: `${TYPE}access_token` }
  const more = await coder.exchange({ ...form, scope: 'model:large' }, { key: made.key })
  assert.deepEqual([more.status, more.said.error], [400, 'invalid_scope'])
  const second = await coder.exchange({ ...form, scope: 'model:small' }, { key: made.key })
  assert.equal(second.status, 200, JSON.stringify(second.said))
  const reply = await coder.chat(second.said.access_token)
  assert.equal(reply.status, 200)
  const { workload, chain } = await receipt(reply.headers.get('x-sallyport-id') ?? '')
  assert.deepEqual([workload, chain[0]], [`key:${made.facts.id}`, `${issuer.url}#bob`])
  assert.match(chain[1] ?? '', /^key:/)
  const narrower = await coder.exchange({}, { token: second.said.access_token })
  assert.equal(narrower.status, 200, JSON.stringify(narrower.said))
  assert.equal(decodeJwt(narrower.said.access_token)['txn'], decodeJwt(first.said.access_token)['txn'])
})

test('policy has the last word, and the refusal is one of OAuth with an id', async () => {
  const me = await agent()
  const mail = { audience: 'mcp:mail', scope: 'tool:send' }
  const denied = await me.exchange({ ...mail, subject_token: userToken('ada'), subject_token_type: `${TYPE}jwt` })
  assert.deepEqual([denied.status, denied.said.error, denied.said.error_description], [403, 'unauthorized_client', "Nobody's agent writes mail. (denied)"])
  assert.deepEqual((await receipt(denied.id)).policies, ['no-mail-for-agents'])
  assert.equal((await me.exchange(mail)).status, 200)
})

test('forged, foreign and ended users are nobody', async () => {
  const me = await agent()
  const other = await signingKey('k1')
  const now = Math.floor(Date.now() / 1000)
  const good = userToken('eve')
  for (const [what, token] of [
    ['somebody else signed', jws({ alg: 'ES256', kid: 'k1' }, { iss: issuer.url, aud: 'sallyport', sub: 'eve', iat: now, exp: now + 60 }, other.private)],
    ['nobody signed', jws({ alg: 'none' }, { iss: issuer.url, aud: 'sallyport', sub: 'eve', iat: now, exp: now + 60 })],
    ['ended', userToken('eve', { iat: now - 900, exp: now - 300 })],
    ['another audience', userToken('eve', { aud: 'other' })],
    ['another issuer', userToken('eve', { iss: 'https://issuer.test' })],
    ['cut', good.slice(0, -4)],
    ['an API key', house.key],
    ['nonsense', 'x'],
  ] as const) {
    const { status, said, id } = await me.exchange({ subject_token: token, subject_token_type: `${TYPE}jwt` })
    assert.deepEqual([status, said.error], [400, 'invalid_request'], what)
    const { workload } = await receipt(id)
    assert.match(workload, /^key:/, what)
  }
  assert.equal((await house.chat('x', {}, good)).status, 401, 'a user calls nothing by himself')
})

test('a key that is revoked takes its task tokens with it', async () => {
  const me = await agent()
  const made = (await house.admin('POST', 'keys', { name: 'gone' })) as { key: string; facts: { id: string } }
  const { said } = await me.exchange({}, { key: made.key })
  assert.equal((await me.chat(said.access_token)).status, 200)
  await house.admin('DELETE', `keys/${made.facts.id}`)
  assert.equal((await me.chat(said.access_token)).status, 401)
})

test('one token can be revoked by its id: those made from it go too, the others stay', async () => {
  const me = await agent()
  const [first, other] = [(await me.exchange({})).said.access_token, (await me.exchange({})).said.access_token]
  const second = (await me.exchange({}, { token: first })).said.access_token
  assert.equal((await me.chat(second)).status, 200)
  await house.admin('POST', 'identity/revoke', { what: decodeJwt(first).jti })
  assert.deepEqual([(await me.chat(first)).status, (await me.chat(second)).status, (await me.chat(other)).status], [401, 401, 200])
})

test('over mTLS the certificate is the key: nothing else has to be proven', async (t) => {
  const { token: enrolment } = (await house.admin('POST', 'identity/tokens', { id: '/agents/worker' })) as { token: string }
  const worker = await openIdentity({ token: enrolment })
  t.after(() => worker.close())
  const send = (path: string, type: string, body: string, bearer?: string): Promise<{ readonly status: number; readonly body: Record<string, never> }> =>
    new Promise((resolve, reject) => {
      const sending = request(`${house.secureUrl}${path}`, { method: 'POST', agent: false, headers: { 'content-type': type, ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) }, ...worker.tls() }, (reply) => {
        let text = ''
        reply.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve({ status: reply.statusCode ?? 0, body: JSON.parse(text) as never }))
      })
      sending.on('error', reject)
      sending.end(body)
    })
  const { status, body } = await send('/token', 'application/x-www-form-urlencoded', new URLSearchParams({ grant_type: GRANT, audience: 'llm', scope: 'model:small' }).toString())
  assert.equal(status, 200, JSON.stringify(body))
  const token = String(body['access_token'])
  assert.equal(String(body['token_type']), 'Bearer')
  const chat = (model: string) => JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }] })
  assert.equal((await send('/v1/chat/completions', 'application/json', chat('small'), token)).status, 200)
  assert.equal((await send('/v1/chat/completions', 'application/json', chat('large'), token)).status, 403)
  assert.equal((await house.chat('x', { model: 'small' }, token)).status, 401)
})

test('strangers, the anonymous and the unbound get nothing', async () => {
  const form = new URLSearchParams({ grant_type: GRANT, audience: 'llm', scope: 'model:small' })
  const bare = await fetch(`${house.dataUrl}/token`, { method: 'POST', body: form })
  assert.deepEqual([bare.status, ((await bare.json()) as { error: string }).error], [401, 'invalid_client'])
  assert.match(bare.headers.get('www-authenticate') ?? '', /DPoP/)
  const unbound = await fetch(`${house.dataUrl}/token`, { method: 'POST', headers: { authorization: `Bearer ${house.key}` }, body: form })
  assert.deepEqual([unbound.status, ((await unbound.json()) as { error: string }).error], [400, 'invalid_dpop_proof'])
  const large = await fetch(`${house.dataUrl}/token`, { method: 'POST', headers: { authorization: `Bearer ${house.key}`, 'content-type': 'application/x-www-form-urlencoded' }, body: `${form.toString()}&x=${'x'.repeat(33_000)}` })
  assert.equal(large.status, 413)
})

test('the example of docs/token-exchange.md works as it stands', async (t) => {
  const plain = await startHouse()
  t.after(() => plain.stop())
  const [, example = ''] = /```js\n([^]*?)```/.exec(readFileSync('docs/token-exchange.md', 'utf8')) ?? []
  // Outside the repository there would be no jose.
  const file = join('node_modules', `.example-${randomUUID()}.mjs`)
  t.after(() => rmSync(file, { force: true }))
  writeFileSync(file, example.replace('http://127.0.0.1:8080', plain.dataUrl))
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env: { ...process.env, KEY: plain.key }, timeout: 60_000 })
  assert.match(stdout, /^200 /)
})

test('the keys that sign lie in the state folder, for their owner only', () => {
  const file = join(house.state, 'task.keys')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /"kid"/)
})
