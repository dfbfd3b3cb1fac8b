import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { ran } from '../src/cli/run.fixture.ts'
import { IdentityError, openIdentity, type Identity, type TlsOptions } from '../src/client/identity.ts'
import { requestBy } from '../src/identity/ca/openssl.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'

const PATH = '/agents/researcher'
const ID = `spiffe://sallyport.internal${PATH}`

async function houseFor(t: TestContext): Promise<TestHouse> {
  const house = await startHouse({ listen: 'secure: "127.0.0.1:0"' })
  t.after(() => house.stop())
  return house
}

async function tokenFor(house: TestHouse, more: object = {}): Promise<string> {
  return ((await house.admin('POST', 'identity/tokens', { id: PATH, roles: ['researcher'], ...more })) as { token: string }).token
}

interface Said {
  readonly status: number
  readonly body: { readonly error?: { readonly code: string; readonly message: string; readonly param?: string } } & Record<string, unknown>
}

/** One call to the secure listener, as a workload or as nobody. */
function call(house: TestHouse, path: string, body: unknown, tls: Partial<TlsOptions> = {}): Promise<Said> {
  return new Promise((resolve, reject) => {
    const sending = request(`${house.secureUrl}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false, rejectUnauthorized: tls.ca !== undefined, ...tls }, (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve({ status: reply.statusCode ?? 0, body: JSON.parse(text) as Said['body'] }))
    })
    sending.on('error', reject)
    sending.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

const CHAT = { model: 'practice', messages: [{ role: 'user', content: 'hello' }] }

test('a workload enrols, calls with its certificate, renews, and loses all of it when it is revoked', async (t) => {
  const house = await houseFor(t)
  const identity = await openIdentity({ token: await tokenFor(house) })
  t.after(() => identity.close())
  assert.equal(identity.id, ID)
  assert.equal(identity.url, house.secureUrl)
  const first = identity.tls()
  assert.equal((await call(house, '/v1/chat/completions', CHAT, first)).status, 200)
  assert.equal((await call(house, '/v1/chat/completions', CHAT)).status, 401)
  let rotated = 0
  identity.on('rotated', () => void rotated++)
  await identity.renew()
  assert.equal(rotated, 1)
  assert.notEqual(identity.tls().key, first.key)
  for (const tls of [first, identity.tls()]) assert.equal((await call(house, '/v1/chat/completions', CHAT, tls)).status, 200)
  await house.admin('POST', 'identity/revoke', { what: ID })
  for (const tls of [first, identity.tls()]) assert.equal((await call(house, '/v1/chat/completions', CHAT, tls)).status, 401)
  await assert.rejects(identity.renew(), (error) => error instanceof IdentityError && error.code === 'revoked' && error.status === 401 && error.id !== undefined)
  const receipts = (await house.receipts()) as unknown as readonly Record<string, unknown>[]
  const of = (action: string): unknown[] => receipts.filter((one) => one['action'] === action).map(({ workload, outcome, proof, policies }) => [workload, outcome, String(proof).split(':')[0], policies])
  assert.deepEqual(of('identity.enrol'), [[ID, 'answered', 'enrolment', ['base.enrolment']]])
  assert.deepEqual(of('identity.renew'), [[ID, 'answered', 'mtls', ['base.renewal']]])
  assert.deepEqual(of('identity.bundle'), [['anonymous', 'answered', 'none', ['base.bundle']]])
})

test('a scope of routes does not keep a workload from renewing', async (t) => {
  const house = await houseFor(t)
  const identity = await openIdentity({ token: await tokenFor(house, { routes: ['elsewhere'] }) })
  t.after(() => identity.close())
  assert.equal((await call(house, '/v1/chat/completions', CHAT, identity.tls())).status, 403)
  await identity.renew()
})

test('enrolment: what is refused, how the caller hears of it, and that the token is still good then', async (t) => {
  const house = await houseFor(t)
  const token = await tokenFor(house)
  const csr = requestBy(house.folder, 'ec:P-256')
  const weak = requestBy(house.folder, 'rsa:1024')
  const rows: readonly (readonly [name: string, body: unknown, status: number, code: string, param?: string])[] = [
    ['no JSON', '{', 400, 'bad_json'],
    ['a list', '[]', 400, 'bad_request'],
    ['a duplicate key', `{"token":"a","token":"b","csr":"c"}`, 400, 'bad_json'],
    ['no request', { token }, 400, 'bad_request', 'csr'],
    ['no token', { csr }, 400, 'bad_request', 'token'],
    ['something more', { token, csr, id: '/admin' }, 400, 'unknown_field', 'id'],
    ['a token that is none', { token: 'x', csr }, 403, 'enrolment_refused'],
    ['a token that was cut', { token: token.slice(0, -2), csr }, 403, 'enrolment_refused'],
    ['a weak key', { token, csr: weak }, 403, 'enrolment_refused', 'csr'],
    ['no request at all', { token, csr: 'x' }, 403, 'enrolment_refused', 'csr'],
    ['too long a request', { token, csr: 'x'.repeat(9000) }, 400, 'bad_request', 'csr'],
    ['a huge body', { token, csr: 'x'.repeat(20_000) }, 413, 'body_too_large'],
  ]
  for (const [name, body, status, code, param] of rows) {
    const said = await call(house, '/identity/enrol', body)
    assert.deepEqual([said.status, said.body.error?.code, said.body.error?.param], [status, code, param], name)
  }
  assert.equal((await call(house, '/identity/nowhere', {})).status, 404)
  assert.equal((await call(house, '/identity/bundle', {})).status, 405)
  assert.equal((await call(house, '/identity/renew', { csr })).status, 401)
  const said = await Promise.all([call(house, '/identity/enrol', { token, csr }), call(house, '/identity/enrol', { token, csr })])
  assert.deepEqual(said.map((one) => one.status).sort(), [200, 403])
  // Why is in the record, and the caller does not hear it.
  assert.deepEqual(said.flatMap(({ body }) => (body.error === undefined ? [] : [[body.error.code, body.error.message]])), [['enrolment_refused', 'This enrolment was refused.']])
})

test('an API key renews nothing', async (t) => {
  const house = await houseFor(t)
  const reply = await fetch(`${house.dataUrl}/identity/renew`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` }, body: JSON.stringify({ csr: requestBy(house.folder, 'ec:P-256') }) })
  assert.equal(reply.status, 401)
})

test('the client believes only the house that made the token', async (t) => {
  const [house, other] = [await houseFor(t), await houseFor(t)]
  const token = await tokenFor(house)
  await assert.rejects(openIdentity({ token, url: other.secureUrl }), (error) => error instanceof IdentityError && error.code === 'wrong_house')
  await assert.rejects(openIdentity({ token, url: 'http://gate.example' }), (error) => error instanceof IdentityError && error.code === 'insecure')
  await assert.rejects(openIdentity({ token: 'spe_x' }), (error) => error instanceof IdentityError && error.code === 'bad_token')
  await assert.rejects(openIdentity({}), (error) => error instanceof IdentityError && error.code === 'no_identity')
  const identity = await openIdentity({ token })
  identity.close()
  // Another workload of the same trust domain has a certificate of the same roots.
  assert.match(identity.tls().checkServerIdentity('here', { subjectaltname: `URI:${ID}` } as never)?.message ?? '', /not spiffe:\/\/sallyport\.internal\/sallyport/)
})

test('an identity in a folder is found again, followed by others, and private', async (t) => {
  const house = await houseFor(t)
  const folder = join(house.folder, 'id')
  const token = await tokenFor(house)
  const identity = await openIdentity({ folder, token })
  t.after(() => identity.close())
  assert.deepEqual(readdirSync(folder).sort(), ['bundle.pem', 'identity.json', 'key.pem', 'svid.pem'])
  for (const [file, mode] of [['key.pem', 0o600], ['identity.json', 0o600], ['svid.pem', 0o644], ['bundle.pem', 0o644]] as const) assert.equal(statSync(join(folder, file)).mode & 0o777, mode, file)
  assert.match(execFileSync('openssl', ['verify', '-CAfile', 'bundle.pem', 'svid.pem'], { cwd: folder, encoding: 'utf8' }), /OK/)
  // The house is in this process, which must go on meanwhile.
  const { stdout: curl } = await promisify(execFile)('curl', ['-sS', '--max-time', '20', '--cacert', 'bundle.pem', '--cert', 'svid.pem', '--key', 'key.pem', '-H', 'content-type: application/json', '-d', JSON.stringify(CHAT), `${house.secureUrl}/v1/chat/completions`], { cwd: folder })
  assert.match(curl, /choices/)
  // The token was used: only what lies in the folder makes this work.
  const again: Identity = await openIdentity({ folder, token })
  t.after(() => again.close())
  const follower = await openIdentity({ folder })
  t.after(() => follower.close())
  assert.deepEqual([again.id, follower.tls().cert], [ID, identity.tls().cert])
  const moved = new Promise<void>((resolve) => void follower.once('rotated', resolve))
  await identity.renew()
  await moved
  assert.equal(follower.tls().cert, identity.tls().cert)
  assert.equal(readFileSync(join(folder, 'svid.pem'), 'utf8'), identity.tls().cert)
})

test('after a rotation of the CA, old certificates go on and the client learns of the new root when it renews', async (t) => {
  const house = await houseFor(t)
  const identity = await openIdentity({ token: await tokenFor(house) })
  t.after(() => identity.close())
  await house.admin('POST', 'identity/rotate', {})
  await assert.rejects(house.admin('POST', 'identity/rotate', {}), /409/)
  assert.equal((await call(house, '/v1/chat/completions', CHAT, identity.tls())).status, 200)
  await identity.renew()
  assert.equal(identity.tls().ca.match(/BEGIN CERTIFICATE/g)?.length, 2)
  const bundle = (await (await fetch(`${house.dataUrl}/identity/bundle`)).json()) as { keys: unknown[]; spiffe_sequence: number }
  assert.deepEqual([bundle.keys.length, bundle.spiffe_sequence], [2, 2])
  await house.admin('POST', 'identity/rotate', { compromised: true })
  assert.equal((await call(house, '/v1/chat/completions', CHAT, { ...identity.tls(), ca: undefined as never, checkServerIdentity: () => undefined })).status, 401)
})

test('on the command line: token, enrol, list, bundle, revoke, rotate', async (t) => {
  const house = await houseFor(t)
  const env = { SALLYPORT_HOME: house.state }
  const cwd = house.folder
  const token = await ran(['identity', 'token', '--id', PATH, '--role', 'researcher', '--tool', 'search*', '--ttl', '5m'], { env, cwd })
  assert.deepEqual([token.code, token.out.trim().split('\n').length], [0, 1])
  assert.match(token.err, new RegExp(`Token for ${ID} \\(tenant default\\), good once, until`))
  const enrol = await ran(['identity', 'enrol', '--token', '-', '--out', join(cwd, 'mine')], { env, cwd, stdin: token.out })
  assert.deepEqual([enrol.code, enrol.err], [0, ''])
  assert.equal(new X509Certificate(readFileSync(join(cwd, 'mine', 'svid.pem'))).subjectAltName, `URI:${ID}`)
  const twice = await ran(['identity', 'enrol', '--token', '-', '--out', join(cwd, 'other')], { env, cwd, stdin: token.out })
  assert.equal(twice.code, 3)
  assert.match(twice.err, /This enrolment was refused\. \(enrolment_refused, receipt [0-9a-f-]+\)/)
  assert.ok(!existsSync(join(cwd, 'other')))
  const list = await ran(['identity', 'list'], { env, cwd })
  assert.match(list.out, new RegExp(`${ID} +default +active +\\S+ +1 +\\S+ \\S+ +researcher`))
  const shown = await ran(['identity', 'bundle', '--json'], { env, cwd })
  assert.deepEqual(JSON.parse(shown.out), await (await fetch(`${house.dataUrl}/identity/bundle`)).json())
  const rotate = await ran(['identity', 'rotate'], { env, cwd })
  assert.match(rotate.out, /^CA [0-9a-f]{32} signs from .* UTC on\.\n$/)
  assert.match((await ran(['identity', 'bundle'], { env, cwd })).out, /bundle 2\n[\s\S]*signing[\s\S]*next/)
  const revoke = await ran(['identity', 'revoke', ID], { env, cwd })
  assert.deepEqual([revoke.code, revoke.out], [0, `${ID} is revoked.\n`])
  const rows: readonly (readonly [argv: readonly string[], code: number, err: RegExp])[] = [
    [['identity', 'revoke', ID], 3, /revoked before/],
    [['identity', 'rotate'], 3, /waits for its turn/],
    [['identity', 'token'], 2, /--id is missing/],
    [['identity', 'token', '--id', '/x', '--ttl', '2h'], 2, /ttl/],
    [['identity', 'token', '--id', 'x/../y'], 3, /no path of a workload's SPIFFE id/],
    [['identity', 'enrol', '--token', 'nowhere', '--out', 'x'], 3, /token cannot be read/],
    [['identity', 'enrol', '--token', '-', '--out', 'x'], 3, /there is no token/],
    [['agent'], 2, /--folder is missing/],
    [['agent', '--folder', 'nothing'], 3, /There is no identity in .*nothing\. \(no_identity\)/],
  ]
  for (const [argv, code, err] of rows) {
    const said = await ran(argv, { env, cwd })
    assert.equal(said.code, code, argv.join(' '))
    assert.match(said.err, err, argv.join(' '))
  }
  mkdirSync(join(cwd, 'empty'))
  assert.match((await ran(['identity', 'list'], { env: { SALLYPORT_HOME: join(cwd, 'empty') }, cwd })).err, /nothing runs on .*sallyport up/)
})

test('the agent keeps an identity until it is told to stop, and needs its token only once', async (t) => {
  const house = await houseFor(t)
  const folder = join(house.folder, 'agent')
  const file = join(house.folder, 'token')
  writeFileSync(file, `${await tokenFor(house)}\n`)
  const run = (): Promise<{ code: number; lines: string[] }> => {
    const stop = new AbortController()
    const heard = (text: string): void => void (text.includes('"ready"') && stop.abort('SIGTERM'))
    return ran(['agent', '--folder', folder, '--token', file, '--json'], { cwd: '/', signal: stop.signal, heard }).then(({ code, out }) => ({ code, lines: out.trim().split('\n') }))
  }
  for (const turn of [1, 2]) {
    const { code, lines } = await run()
    assert.equal(code, 0, String(turn))
    const { expires, renews, ...said } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    assert.deepEqual(said, { event: 'ready', id: ID, folder })
    assert.ok(Number(renews) < Number(expires))
  }
})

test('identities renew by themselves; revoked ones, and those that nobody renewed in time, end', async (t) => {
  const house = await startHouse({ listen: 'secure: "127.0.0.1:0"' })
  let stopped = false
  t.after(() => (stopped ? undefined : house.stop()))
  /** As if the certificate had three seconds left. */
  const shortLived = async (path: string): Promise<Identity> => {
    const folder = join(house.folder, path)
    const made = await openIdentity({ folder, token: await tokenFor(house, { id: path }) })
    made.close()
    const file = join(folder, 'identity.json')
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), expires: Date.now() + 3000 }))
    const identity = await openIdentity({ folder, renew: true })
    t.after(() => identity.close())
    return identity
  }
  const told = (identity: Identity, event: 'rotated' | 'ended'): Promise<IdentityError | undefined> => new Promise((resolve) => void identity.once(event, (error?: IdentityError) => resolve(error)))
  const [good, revoked] = [await shortLived('/good'), await shortLived('/revoked')]
  const outcomes = [told(good, 'rotated'), told(revoked, 'ended')]
  await house.admin('POST', 'identity/revoke', { what: revoked.id })
  assert.deepEqual((await Promise.all(outcomes)).map((error) => error?.code), [undefined, 'revoked'])
  assert.ok(good.expires > Date.now() + 3_000_000)
  const alone = await shortLived('/alone')
  let failures = 0
  alone.on('failed', () => void failures++)
  const left = told(alone, 'ended')
  const alive = setInterval(() => undefined, 1000)
  stopped = true
  await house.stop()
  assert.equal((await left)?.code, 'expired')
  clearInterval(alive)
  assert.ok(failures > 0)
})
