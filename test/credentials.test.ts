import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openIdentity, type Identity } from '../src/client/identity.ts'
import { certificateFor } from '../src/edge/certificate.fixture.ts'
import { issuerOf, jws, publicPem, signingKey, type Listening, type SigningKey } from '../src/identity/issuing.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf } from './probe.ts'

/**
 * Good and forged credentials over real sockets, with the receipt that each leaves. src/identity/credentials.test.ts has
 * the long table; here it is seen that the whole house keeps to it.
 */
let house: TestHouse
let folder: string
let issuer: Listening
let down: Listening
let key: SigningKey
let own: Identity
let narrow: Identity
let revoked: Identity

const DOMAIN = 'sallyport.internal'

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-credentials-'))
  key = await signingKey('k')
  issuer = await issuerOf([key])
  down = await issuerOf([key])
  down.close()
  house = await startHouse({
    listen: `secure: "127.0.0.1:0", local: "${join(folder, 'socket')}"`,
    config: () => `
identity:
  oidc:
    - { issuer: "${issuer.url}", audience: sallyport, allow_private: true, workload: "spiffe://${DOMAIN}/ci/{repository}", match: { repository: "acme/*" }, roles: [ci] }
    - { issuer: "${down.url}", audience: sallyport, allow_private: true, workload: "spiffe://${DOMAIN}/down/{sub}" }
  local:
    - { executable: "${realpathSync(process.execPath)}", uid: ${process.getuid?.() ?? 0}, workload: "spiffe://${DOMAIN}/local/tester", user: tester@here }
`,
  })
  const enrol = async (id: string, more: object = {}): Promise<Identity> => openIdentity({ token: ((await house.admin('POST', 'identity/tokens', { id, ...more })) as { token: string }).token })
  own = await enrol('/agents/own')
  narrow = await enrol('/agents/narrow', { models: ['another-*'] })
  revoked = await enrol('/agents/revoked')
  await house.admin('POST', 'identity/revoke', { what: revoked.id })
})

after(async () => {
  for (const one of [own, narrow, revoked]) one.close()
  issuer.close()
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

function token(claims: object = {}, header: object = {}, by: Parameters<typeof jws>[2] = key.private): string {
  const now = Math.floor(Date.now() / 1000)
  return jws({ alg: 'ES256', typ: 'JWT', kid: 'k', ...header }, { iss: issuer.url, aud: 'sallyport', sub: 'job', jti: 'run-7', iat: now, exp: now + 300, repository: 'acme/app', ...claims }, by)
}

type Way = 'plain' | 'secure' | 'local'
interface Row {
  readonly name: string
  readonly way: Way
  readonly with: () => { readonly headers?: Readonly<Record<string, string>>; readonly tls?: object }
  /** Status, code of the receipt (none = answered), workload, kind of proof. */
  readonly gives: readonly [status: number, code: string | undefined, workload: RegExp, proof: RegExp]
}

const bearer = (text: string): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${text}` } })
const NOBODY = /^unknown$/
const refused = (code = 'unauthenticated', status = 401): Row['gives'] => [status, code, NOBODY, /^none$/]

const rows: readonly Row[] = [
  { name: 'a key', way: 'plain', with: () => bearer(house.key), gives: [200, undefined, /^key:/, /^api_key:/] },
  { name: 'a key over TLS', way: 'secure', with: () => bearer(house.key), gives: [200, undefined, /^key:/, /^api_key:/] },
  { name: 'no credential', way: 'plain', with: () => ({}), gives: refused() },
  { name: 'no certificate', way: 'secure', with: () => ({}), gives: refused() },
  { name: 'a certificate', way: 'secure', with: () => ({ tls: own.tls() }), gives: [200, undefined, /\/agents\/own$/, /^mtls:/] },
  { name: 'a certificate of the same place, for less', way: 'secure', with: () => ({ tls: narrow.tls() }), gives: [403, 'out_of_scope', /\/agents\/narrow$/, /^mtls:/] },
  { name: 'a certificate that was revoked', way: 'secure', with: () => ({ tls: revoked.tls() }), gives: [401, 'revoked', /\/agents\/revoked$/, /^mtls:/] },
  { name: 'a certificate that signed itself', way: 'secure', with: () => ({ tls: { ...certificateFor(['a.example']), ca: own.tls().ca, checkServerIdentity: own.tls().checkServerIdentity } }), gives: refused() },
  { name: 'a certificate and a key', way: 'secure', with: () => ({ ...bearer(house.key), tls: own.tls() }), gives: refused() },
  { name: "a certificate and an SDK's placeholder", way: 'secure', with: () => ({ ...bearer('unused'), tls: own.tls() }), gives: [200, undefined, /\/agents\/own$/, /^mtls:/] },
  { name: "an issuer's token", way: 'plain', with: () => bearer(token()), gives: [200, undefined, /\/ci\/acme\/app$/, /^oidc:run-7$/] },
  { name: 'the same again', way: 'plain', with: () => bearer(token()), gives: [200, undefined, /\/ci\/acme\/app$/, /^oidc:run-7$/] },
  { name: 'a token that has expired', way: 'plain', with: () => bearer(token({ exp: 1 })), gives: refused() },
  { name: 'a token for another audience', way: 'plain', with: () => bearer(token({ aud: 'elsewhere' })), gives: refused() },
  { name: 'a token of another repository', way: 'plain', with: () => bearer(token({ repository: 'evil/app' })), gives: refused() },
  { name: 'a token that nobody signed', way: 'plain', with: () => bearer(token({}, { alg: 'none' }, undefined)), gives: refused() },
  { name: 'a token under the public key as a secret', way: 'plain', with: () => bearer(token({}, { alg: 'HS256' }, { hmac: publicPem(key.private) })), gives: refused() },
  { name: 'a token by another key', way: 'plain', with: () => bearer(token({}, {}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)), gives: refused() },
  { name: 'an oversized token', way: 'plain', with: () => bearer(token({ filler: 'x'.repeat(9000) })), gives: refused() },
  { name: 'a token of an issuer that is down', way: 'plain', with: () => bearer(token({ iss: down.url })), gives: refused('identity_unavailable', 503) },
  { name: 'a token as DPoP', way: 'plain', with: () => ({ headers: { authorization: `DPoP ${token()}` } }), gives: refused() },
  { name: 'a program at the local socket', way: 'local', with: () => ({}), gives: [200, undefined, /\/local\/tester$/, /^local:pid:/] },
  { name: 'a program at the local socket with a key', way: 'local', with: () => bearer(house.key), gives: [200, undefined, /^key:/, /^api_key:/] },
  { name: 'a program at the local socket with a bad key', way: 'local', with: () => bearer('sp_bad'), gives: refused() },
]

function call(way: Way, { headers = {}, tls = {} }: ReturnType<Row['with']>): Promise<{ readonly status: number; readonly id: string; readonly text: string }> {
  const path = '/v1/chat/completions'
  const { ca, checkServerIdentity } = own.tls()
  const options: RequestOptions & object = { method: 'POST', path, agent: false, headers: { 'content-type': 'application/json', ...headers } }
  return new Promise((resolve, reject) => {
    const sending =
      way === 'local' ? httpRequest({ ...options, socketPath: join(folder, 'socket') }) : way === 'secure' ? httpsRequest(`${house.secureUrl}${path}`, { ...options, ca, checkServerIdentity, ...tls }) : httpRequest(`${house.dataUrl}${path}`, options)
    sending.on('error', reject)
    sending.on('response', (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve({ status: reply.statusCode ?? 0, id: String(reply.headers['x-sallyport-id']), text }))
    })
    sending.end(JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'hello' }] }))
  })
}

describe('credentials, over real sockets', () => {
  for (const row of rows) {
    test(row.name, { skip: row.way === 'local' && process.platform !== 'linux' }, async () => {
      const [status, code, workload, proof] = row.gives
      const answer = await call(row.way, row.with())
      const receipt = (await sealOf(house, answer.id)) as unknown as { readonly code?: string; readonly workload: string; readonly proof: string; readonly chain: readonly string[]; readonly outcome: string }
      assert.deepEqual([answer.status, receipt.code, receipt.outcome], [status, code, code === undefined ? 'answered' : 'refused'], answer.text)
      assert.match(receipt.workload, workload)
      assert.match(receipt.proof, proof)
      if (workload.source.includes('tester')) assert.deepEqual(receipt.chain, ['tester@here'])
      assert.doesNotMatch(answer.text, /certificate|issuer|signature/i)
    })
  }
})

test('nothing of a credential stands in the log or in a receipt', async () => {
  const everything = JSON.stringify([house.logs, await house.receipts()])
  assert.doesNotMatch(everything, /eyJ[A-Za-z0-9_-]{20}|BEGIN [A-Z ]*PRIVATE KEY/)
  assert.equal(everything.includes(house.key), false)
})
