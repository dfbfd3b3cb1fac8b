import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Arrival, Fields, Outlet } from '../../contract/arrival.ts'
import type { Exchange } from '../../contract/exchange.ts'
import type { Guarded } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import type { ExchangeToken, TokenRequest } from '../../contract/token.ts'
import { isRefusal, refuse } from '../../contract/verdict.ts'
import { isTokenPath, tokenErrand } from './errand.ts'
import { mistakeOf } from './mistake.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:ietf:params:oauth:token-type:'
const caller: Principal = { tenant: 'acme', workload: 'w', chain: [], roles: [], proof: { kind: 'mtls', id: '1' }, scope: { rights: [] } }
const exchange = { id: 'x-1', gateway: 'token', startedAt: 0, epoch: 'e' } satisfies Exchange
const FORM = [['Content-Type', 'application/x-www-form-urlencoded']] as const

interface Answer {
  status?: number
  fields?: Fields
  body?: Record<string, unknown>
}

function outletFor(answer: Answer): Outlet {
  return {
    committed: false,
    head: (status, fields) => void Object.assign(answer, { status, fields }),
    write: () => undefined,
    end: (text) => void Object.assign(answer, { body: JSON.parse(String(text)) as unknown }),
    cut: () => undefined,
    stop: () => undefined,
  }
}

interface Sent {
  readonly body?: string
  readonly fields?: Fields
  readonly verb?: string
  readonly target?: string
  readonly exchange?: ExchangeToken
}

/** Takes a request as far as the spine would, where policy has nothing against it. */
async function sent({ body = '', fields = FORM, verb = 'POST', target = '/token', exchange: with_ }: Sent): Promise<Answer & { asked?: TokenRequest }> {
  const answer: Answer & { asked?: TokenRequest } = {}
  const arrival: Arrival = {
    verb,
    target,
    fields,
    body: { whole: () => Promise.resolve(Buffer.from(body)), stream: () => (async function* () {})() },
    gone: new AbortController().signal,
    peer: { address: '127.0.0.1', port: 1 },
  }
  const trade: ExchangeToken = async (request, who, at) => {
    answer.asked = request
    return with_ === undefined ? { facts: { audience: request.audience, token: 'j', task: 't' }, mint: () => Promise.resolve({ token: 'a.b.c', type: 'DPoP', expiresIn: 300, scope: 'model:small' }) } : await with_(request, who, at)
  }
  const errand = tokenErrand({ identify: () => caller, exchange: trade }, arrival, outletFor(answer))
  const reading = await errand.read(caller, exchange)
  if (isRefusal(reading)) await errand.refuse(reading, exchange)
  else await errand.deliver({ exchange, reading, events: (async function* () {})() } satisfies Guarded)
  return answer
}

const good = { grant_type: GRANT, audience: 'llm', scope: 'model:small' }
const form = (more: Readonly<Record<string, string | undefined>> = {}): string => new URLSearchParams(Object.entries({ ...good, ...more }).filter((one): one is [string, string] => one[1] !== undefined)).toString()

test('the answer is that of RFC 8693, and kept nowhere', async () => {
  const { status, fields, body } = await sent({ body: form() })
  assert.equal(status, 200)
  assert.deepEqual(body, { access_token: 'a.b.c', issued_token_type: `${TYPE}access_token`, token_type: 'DPoP', expires_in: 300, scope: 'model:small' })
  assert.deepEqual(fields, [['x-sallyport-id', 'x-1'], ['x-request-id', 'x-1'], ['content-type', 'application/json'], ['cache-control', 'no-store'], ['pragma', 'no-cache']])
})

test('everything that may be asked for arrives', async () => {
  const { asked, body } = await sent({
    body: form({ audience: 'mcp:files', scope: 'tool:read_file model:gpt-5.1 route:a/b tool:read_file model:g*', subject_token: 'u.u.u', subject_token_type: `${TYPE}id_token`, actor_token: 'w.w.w', actor_token_type: `${TYPE}jwt`, requested_token_type: `${TYPE}jwt`, expires_in: '60', may_act: 'spiffe://test.internal/next' }),
    fields: [['content-type', 'application/x-www-form-urlencoded; charset=UTF-8']],
  })
  assert.deepEqual(asked, {
    subject: { token: 'u.u.u', type: 'id_token' },
    actor: 'w.w.w',
    audience: 'mcp:files',
    scope: [{ kind: 'tool', name: 'read_file' }, { kind: 'model', name: 'gpt-5.1' }, { kind: 'route', name: 'a/b' }, { kind: 'model', name: 'g*' }],
    lifetime: 60,
    mayAct: 'spiffe://test.internal/next',
  })
  assert.equal(body?.['issued_token_type'], `${TYPE}jwt`)
})

test('what OAuth does not know is passed over, and so is what is empty', async () => {
  const { asked } = await sent({ body: `${form()}&client_id=me&subject_token=&subject_token_type=&x` })
  assert.deepEqual(asked, { audience: 'llm', scope: [{ kind: 'model', name: 'small' }] })
})

const rows: readonly (readonly [what: string, sent: Sent, status: number, error: string])[] = [
  ['another verb', { verb: 'GET' }, 405, 'invalid_request'],
  ['a query', { target: '/token?scope=model:small', body: form() }, 400, 'invalid_request'],
  ['JSON', { fields: [['content-type', 'application/json']], body: '{}' }, 415, 'invalid_request'],
  ['no content type', { fields: [], body: form() }, 415, 'invalid_request'],
  ['another charset', { fields: [['content-type', 'application/x-www-form-urlencoded; charset=utf-16']], body: form() }, 415, 'invalid_request'],
  ['a compressed body', { fields: [...FORM, ['content-encoding', 'gzip']], body: form() }, 415, 'invalid_request'],
  ['nothing', { body: '' }, 400, 'unsupported_grant_type'],
  ['another grant', { body: form({ grant_type: 'client_credentials' }) }, 400, 'unsupported_grant_type'],
  ['the grant in capitals', { body: form({ grant_type: GRANT.toUpperCase() }) }, 400, 'unsupported_grant_type'],
  ['no audience', { body: form({ audience: undefined }) }, 400, 'invalid_target'],
  ['two audiences', { body: `${form()}&audience=guard` }, 400, 'invalid_target'],
  ['one audience twice', { body: `${form()}&audience=llm` }, 400, 'invalid_target'],
  ['two audiences in one', { body: form({ audience: 'llm guard' }) }, 400, 'invalid_target'],
  ['all servers', { body: form({ audience: 'mcp:*' }) }, 400, 'invalid_target'],
  ['no server', { body: form({ audience: 'mcp:' }) }, 400, 'invalid_target'],
  ['an audience that there is not', { body: form({ audience: 'admin' }) }, 400, 'invalid_target'],
  ['a resource', { body: form({ resource: 'https://api.test/' }) }, 400, 'invalid_target'],
  ['no scope', { body: form({ scope: undefined }) }, 400, 'invalid_scope'],
  ['a scope of another kind', { body: form({ scope: 'admin:all' }) }, 400, 'invalid_scope'],
  ['a scope without a kind', { body: form({ scope: 'small' }) }, 400, 'invalid_scope'],
  ['a scope without a name', { body: form({ scope: 'model:' }) }, 400, 'invalid_scope'],
  ['a star inside a name', { body: form({ scope: 'model:a*b' }) }, 400, 'invalid_scope'],
  ['two stars', { body: form({ scope: 'model:a**' }) }, 400, 'invalid_scope'],
  ['two spaces', { body: form({ scope: 'model:a  model:b' }) }, 400, 'invalid_scope'],
  ['a quote in a name', { body: form({ scope: 'model:"' }) }, 400, 'invalid_scope'],
  ['letters that are not ASCII', { body: form({ scope: 'tool:réad' }) }, 400, 'invalid_scope'],
  ['65 names', { body: form({ scope: Array.from({ length: 65 }, (_, at) => `tool:t${at}`).join(' ') }) }, 400, 'invalid_scope'],
  ['an endless name', { body: form({ scope: `tool:${'t'.repeat(257)}` }) }, 400, 'invalid_scope'],
  ['a subject without its type', { body: form({ subject_token: 'u' }) }, 400, 'invalid_request'],
  ['a type without its subject', { body: form({ subject_token_type: `${TYPE}jwt` }) }, 400, 'invalid_request'],
  ['a refresh token', { body: form({ subject_token: 'u', subject_token_type: `${TYPE}refresh_token` }) }, 400, 'invalid_request'],
  ['a SAML assertion', { body: form({ subject_token: 'u', subject_token_type: `${TYPE}saml2` }) }, 400, 'invalid_request'],
  ['a type named like something of every object', { body: form({ subject_token: 'u', subject_token_type: 'constructor' }) }, 400, 'invalid_request'],
  ['an endless subject', { body: form({ subject_token: 'u'.repeat(8193), subject_token_type: `${TYPE}jwt` }) }, 400, 'invalid_request'],
  ['an actor without its type', { body: form({ actor_token: 'u' }) }, 400, 'invalid_request'],
  ['a secret in the form', { body: form({ client_id: 'a', client_secret: 'b' }) }, 400, 'invalid_request'],
  ['an id token', { body: form({ requested_token_type: `${TYPE}id_token` }) }, 400, 'invalid_request'],
  ['six minutes', { body: form({ expires_in: '360' }) }, 400, 'invalid_request'],
  ['no time', { body: form({ expires_in: '0' }) }, 400, 'invalid_request'],
  ['half a second', { body: form({ expires_in: '0.5' }) }, 400, 'invalid_request'],
  ['a time in hexadecimal', { body: form({ expires_in: '0x1' }) }, 400, 'invalid_request'],
  ['somebody with a space', { body: form({ may_act: 'a b' }) }, 400, 'invalid_request'],
  ['a parameter twice', { body: `${form()}&scope=model:large` }, 400, 'invalid_scope'],
  ['a parameter that nobody knows, twice', { body: `${form()}&x=1&x=2` }, 400, 'invalid_request'],
  ['a parameter twice, once by another spelling', { body: `${form()}&s%63ope=model:large` }, 400, 'invalid_scope'],
  ['33 parameters', { body: Array.from({ length: 33 }, (_, at) => `p${at}=1`).join('&') }, 400, 'invalid_request'],
  ['a broken escape', { body: `${form()}&x=%` }, 400, 'invalid_request'],
  ['bytes that are no UTF-8', { body: `${form()}&x=%ff` }, 400, 'invalid_request'],
  ['a line break', { body: `${form()}&x=%0a` }, 400, 'invalid_request'],
  ['a character that nobody sees', { body: `${form()}&x=%e2%80%8b` }, 400, 'invalid_request'],
  ['raw bytes', { body: `${form()}&x=é` }, 400, 'invalid_request'],
  ['more than is held', { body: form(), exchange: () => Promise.resolve(refuse('exchange_refused', { param: 'scope', say: 'More than "held".' })) }, 400, 'invalid_scope'],
  ['a bad proof', { body: form(), exchange: () => Promise.resolve(refuse('exchange_refused', { param: 'DPoP' })) }, 400, 'invalid_dpop_proof'],
  ['a bad subject', { body: form(), exchange: () => Promise.resolve(refuse('exchange_refused', { param: 'subject_token' })) }, 400, 'invalid_request'],
  ['keys that cannot be had', { body: form(), exchange: () => Promise.resolve(refuse('identity_unavailable', { param: 'DPoP' })) }, 503, 'temporarily_unavailable'],
]

for (const [what, request, status, error] of rows) {
  test(`refused: ${what}`, async () => {
    const { status: said, body, fields } = await sent(request)
    assert.deepEqual([said, body?.['error']], [status, error])
    assert.match(String(body?.['error_description']), /^[ !#-[\]-~]+$/)
    assert.ok(fields?.some(([name, value]) => name === 'x-sallyport-id' && value === 'x-1'))
  })
}

test('whoever is not known hears which ways there are', () => {
  const { status, body, fields } = mistakeOf(refuse('unauthenticated'))
  assert.deepEqual([status, body.error], [401, 'invalid_client'])
  assert.deepEqual(fields.filter(([name]) => name === 'www-authenticate').map(([, value]) => value), ['Bearer', 'DPoP algs="ES256 ES384 EdDSA"'])
  assert.equal(mistakeOf(refuse('unauthenticated', { param: 'DPoP' })).body.error, 'invalid_dpop_proof')
  assert.equal(mistakeOf(refuse('denied', { say: 'Not "you".' })).body.error_description, "Not 'you'. (denied)")
  assert.equal(mistakeOf(refuse('denied')).body.error, 'unauthorized_client')
})

test('the path is this one', () => {
  assert.deepEqual(['/token', '/token?x', '/token/', '/tokens', '/Token', '/v1/token'].map(isTokenPath), [true, true, false, false, false, false])
})

test('a question to policy that was refused is the same one the next time', async () => {
  const prints: string[] = []
  for (const id of ['1', '2']) {
    const answer: Answer = {}
    const arrival = { verb: 'POST', target: '/token', fields: FORM, body: { whole: () => Promise.resolve(Buffer.from(form())), stream: () => (async function* () {})() }, gone: new AbortController().signal, peer: { address: '', port: 1 } } satisfies Arrival
    const reading = await tokenErrand({ identify: () => caller, exchange: () => Promise.resolve({ facts: { audience: 'llm', token: id, task: id }, mint: () => Promise.reject(new Error('not asked for')) }) }, arrival, outletFor(answer)).read(caller, exchange)
    assert.ok(!isRefusal(reading))
    prints.push(reading.fingerprint())
    assert.ok(!reading.show?.().body.includes(`"${id}"`))
  }
  assert.equal(prints[0], prints[1])
})

test('what people consented to for one key is another question for another key', async () => {
  const of = async (key: string): Promise<readonly [string, string]> => {
    const arrival = { verb: 'POST', target: '/token', fields: FORM, body: { whole: () => Promise.resolve(Buffer.from(form())), stream: () => (async function* () {})() }, gone: new AbortController().signal, peer: { address: '', port: 1 } } satisfies Arrival
    const errand = tokenErrand({ identify: () => caller, exchange: () => Promise.resolve({ facts: { audience: 'llm' }, key, mint: () => Promise.reject(new Error('not asked for')) }) }, arrival, outletFor({}))
    const reading = await errand.read(caller, exchange)
    assert.ok(!isRefusal(reading))
    return [reading.fingerprint(), reading.show?.().body ?? '']
  }
  const [mine, again, theirs] = [await of('k1'), await of('k1'), await of('k2')]
  assert.deepEqual(mine, again)
  assert.notEqual(mine[0], theirs[0])
  assert.match(theirs[1], /k2/)
})
