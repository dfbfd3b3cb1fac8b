import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openConsenting, type Consenting } from '../src/consenting.ts'
import type { Dial } from '../src/contract/dial.ts'
import type { Principal } from '../src/contract/principal.ts'
import { isRefusal, Refused } from '../src/contract/verdict.ts'
import { makeDialer, type DialerOptions } from '../src/edge/dial/dialer.ts'
import { systemClock as clock } from '../src/edge/clock.ts'
import { wantedOf } from '../src/gateways/mcp/oauth/authenticate.ts'
import { shownOf, type Ticket } from '../src/gateways/mcp/oauth/consent.ts'
import { asked, type Target } from '../src/gateways/mcp/oauth/discovery.ts'
import { OAuthProblem } from '../src/gateways/mcp/oauth/places.ts'
import type { GrantRow } from '../src/store/interfaces.ts'
import { startAuthorizationServer, type AuthorizationServer } from './mcp/authorization.ts'

/** What servers, authorization servers and browsers may do wrong to a gateway that gets tokens for its callers. */
interface World {
  readonly server: AuthorizationServer
  /** What the MCP server got, without and with tokens. */
  readonly seen: string[]
  readonly url: string
  readonly rows: Map<string, GrantRow>
  readonly folder: string
  /** Replaces what the MCP server says of itself. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  consenting: Consenting
  /** Another gateway with the same state, as after a restart. */
  again(): Consenting
  /** Whether the settings of servers are still those of the target. */
  stands: boolean
  /** Milliseconds that the clock is ahead. */
  ahead: number
  target(oauth?: Partial<Target['oauth']>): Target
}

async function listening(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const http = createServer(answer).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.close()
    http.closeAllConnections()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

async function world(t: TestContext, resolve?: DialerOptions['resolve']): Promise<World> {
  const server = await startAuthorizationServer()
  const seen: string[] = []
  const origin: string = await listening(t, (request, response) => {
    if (made.instead?.(request, response) === true) return
    if (request.url === '/.well-known/oauth-protected-resource/mcp') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource: `${origin}/mcp`, authorization_servers: [server.issuer], scopes_supported: ['mail'] }))
    } else if (request.url === '/mcp') {
      const { authorization = '' } = request.headers
      seen.push(authorization)
      if (server.live.has(authorization.replace('Bearer ', ''))) response.end('{}')
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="x, y", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end()
    } else response.writeHead(404).end()
  })
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-oauth-'))
  const rows = new Map<string, GrantRow>()
  const key = (...parts: readonly string[]): string => JSON.stringify(parts)
  const store = {
    get: (...parts: readonly string[]) => Promise.resolve(rows.get(key(...parts))),
    put: (row: GrantRow) => Promise.resolve(void rows.set(key(row.tenant, row.owner, row.server), row)),
    drop: (...parts: readonly string[]) => Promise.resolve(rows.delete(key(...parts))),
    list: (subject?: string) => Promise.resolve([...rows.values()].filter((row) => subject === undefined || row.subject === subject)),
  }
  const opened: Consenting[] = []
  const again = (): Consenting => {
    const one = openConsenting({ store, folder, clock: { ...clock, monotonic: () => clock.monotonic() + made.ahead, wall: () => clock.wall() + made.ahead }, newId: () => 'x', audit: { act: () => Promise.resolve() }, origin: () => 'http://127.0.0.1:8080', stands: () => made.stands, ...(resolve && { resolve }) })
    opened.push(one)
    return one
  }
  t.after(async () => {
    await Promise.all(opened.map((one) => one.close()))
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const made: World = {
    server, seen, url: `${origin}/mcp`, rows, folder, instead: undefined, consenting: again(), again, stands: true, ahead: 0,
    target: (oauth = {}) => ({ server: 'mail', url: made.url, oauth: { register: true, allowPrivate: true, ...oauth } }),
  }
  return made
}

const who = (workload: string, user?: string): Principal => ({ tenant: 'default', workload, chain: user === undefined ? [] : [user], roles: [], proof: { kind: 'api_key', id: workload }, scope: { rights: [] } })
const ADA = who('key:a', 'ada')

/** One request of a caller; the refusal where there is one. */
async function call(t: TestContext, { consenting }: World, target: Target, principal = ADA): Promise<number | Refused> {
  const dialer = makeDialer({ origins: [{ origin: new URL(target.url).origin }] })
  t.after(() => dialer.close())
  try {
    const reply = await consenting.way(target, () => principal, dialer.dial)({ method: 'POST', url: target.url, fields: [], body: '{}', signal: new AbortController().signal, timeouts: { connectMs: 5_000, headMs: 5_000 } })
    await reply.body.whole(1_000)
    return reply.status
  } catch (error) {
    assert.ok(error instanceof Refused, String(error))
    return error
  }
}

async function ticketOf(t: TestContext, made: World, target: Target, principal = ADA) {
  const refused = await call(t, made, target, principal)
  assert.ok(refused instanceof Refused)
  assert.equal(refused.refusal.refuse, 'consent_required')
  const ticket = made.consenting.consents.find(new URL(refused.refusal.url ?? '').searchParams.get('ticket') ?? '')
  assert.ok(ticket)
  return ticket
}

/** A browser: goes where it is sent, and comes back. */
async function browse(url: string): Promise<URLSearchParams> {
  const reply = await fetch(url, { redirect: 'manual' })
  assert.equal(reply.status, 302, await reply.text())
  return new URL(reply.headers.get('location') ?? '').searchParams
}

/** A person agrees to what the page shows. */
async function agree({ consenting: { consents } }: World, ticket: Ticket, principal: Principal) {
  return await consents.agree(ticket, principal, shownOf(await consents.look(ticket)))
}

async function agreed(t: TestContext, made: World, target: Target, principal = ADA) {
  const ticket = await ticketOf(t, made, target, principal)
  const { url, state, cookie } = await agree(made, ticket, principal)
  const came = await browse(url)
  assert.equal(came.get('state'), state)
  return { url, state, cookie, came, back: { state, code: came.get('code') ?? '', iss: came.get('iss') ?? '' } }
}

async function consented(t: TestContext, made: World, target: Target, principal = ADA): Promise<void> {
  const { back, cookie } = await agreed(t, made, target, principal)
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken), JSON.stringify(taken))
  await taken.finish()
}

/** What a person would read, who opens the page of a server that cannot be trusted. */
async function problem(t: TestContext, made: World, target = made.target()): Promise<string> {
  const ticket = await ticketOf(t, made, target)
  const error: unknown = await agree(made, ticket, ADA).then(() => undefined, (thrown: unknown) => thrown)
  assert.ok(error instanceof Refused, 'it was trusted')
  assert.equal(error.refusal.refuse, 'consent_failed')
  return error.refusal.say ?? ''
}

test('each caller uses a server with the token that a person got for it, renewed when it ends', async (t) => {
  const made = await world(t)
  const target = made.target()
  await consented(t, made, target)
  assert.equal(await call(t, made, target), 200)
  // Consent to one caller is none to another, of the same person or of the same agent.
  for (const other of [who('key:b', 'ada'), who('key:a', 'bob'), who('key:a'), { ...ADA, tenant: 'other' }]) assert.ok((await call(t, made, target, other)) instanceof Refused)
  const authorize = made.server.asked.find(({ path }) => path === '/authorize')?.params ?? {}
  assert.deepEqual([authorize['resource'], authorize['scope'], authorize['code_challenge_method'], authorize['redirect_uri']], [made.url, 'mail', 'S256', 'http://127.0.0.1:8080/mcp-oauth/callback'])
  const exchanged = made.server.asked.find(({ path }) => path === '/token')?.params ?? {}
  assert.deepEqual([exchanged['resource'], exchanged['grant_type']], [made.url, 'authorization_code'])
  // The server takes the token no more: one renewal, however many wait for it.
  const last = made.seen.findLast((one) => one !== '')?.replace('Bearer ', '') ?? ''
  made.server.live.delete(last)
  made.server.asked.length = 0
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => call(t, made, target))), [200, 200, 200, 200])
  assert.deepEqual(made.server.asked.map(({ params }) => params['grant_type']), ['refresh_token'])
  // Nothing of it can be read where it is kept.
  for (const { content } of made.rows.values()) assert.ok(!Buffer.from(content).toString('latin1').includes('access'))
  assert.match(readFileSync(join(made.folder, 'grants-key'), 'utf8'), /^sallyport-grants /)
  // Taken back at the authorization server: a person is asked again.
  made.server.live.clear()
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}'), true)
  assert.equal(((await call(t, made, target)) as Refused).refusal.refuse, 'consent_required')
  assert.equal(made.rows.size, 0)
})

test('CVE-2025-6514: an authorization endpoint that is no http address opens nothing', async (t) => {
  const made = await world(t)
  for (const endpoint of ['a:$(id>/tmp/x)?', 'file:///bin/sh', 'javascript:alert(1)', 'http://127.0.0.1:1/a b', 'http://user:pass@127.0.0.1:1/', 'http://127.0.0.1:1/#x', '/authorize', 'cmd.exe', 'https://'])  {
    made.server.metadata = { authorization_endpoint: endpoint }
    assert.match(await problem(t, made), /authorization endpoint/, endpoint)
  }
})

test('CVE-2026-51994: resource_metadata leads to nothing inside', async (t) => {
  const made = await world(t)
  let asked = 0
  const inside = await listening(t, (_request, response) => {
    asked++
    response.end('{}')
  })
  let named = ''
  made.instead = (request, response) => request.url === '/mcp' && (response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${named}"` }).end(), true)
  for (named of [`${inside}/x`, 'http://169.254.169.254/latest/meta-data/', 'https://169.254.169.254/', 'https://[fd00::1]/', 'https://10.0.0.1/', 'https://localhost/', 'https://2130706433/', 'https://0x7f.1/', 'file:///etc/passwd', 'gopher://127.0.0.1/', '//127.0.0.1/']) {
    assert.match(await problem(t, made, made.target({ allowPrivate: false })), /resource_metadata/, named)
  }
  assert.equal(asked, 0)
})

test('DNS rebinding: a metadata host that resolves to this machine is not dialled', async (t) => {
  let address = '127.0.0.1'
  const made = await world(t, (_name, done) => done(null, [{ address, family: address.includes(':') ? 6 : 4 }]))
  made.instead = (request, response) => request.url === '/mcp' && (response.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="https://rebind.example/x"' }).end(), true)
  for (address of ['127.0.0.1', '169.254.169.254', '10.1.2.3', '::1']) assert.match(await problem(t, made, made.target({ allowPrivate: false })), /cannot be asked/, address)
})

test('redirects are not followed, neither for metadata nor with a code', async (t) => {
  const made = await world(t)
  const stolen: string[] = []
  const thief = await listening(t, (request, response) => {
    stolen.push(request.url ?? '')
    response.end('{}')
  })
  const redirect = (response: ServerResponse): boolean => (response.writeHead(307, { location: `${thief}/` }).end(), true)
  made.instead = (request, response) => request.url?.startsWith('/.well-known') === true && redirect(response)
  assert.match(await problem(t, made), /status 307/)
  made.instead = undefined
  made.server.instead = (request, response) => request.url?.startsWith('/.well-known') === true && redirect(response)
  assert.match(await problem(t, made), /status 307/)
  made.server.instead = undefined
  const { back, cookie } = await agreed(t, made, made.target())
  made.server.instead = (request, response) => request.url === '/token' && redirect(response)
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  await assert.rejects(taken.finish(), Refused)
  assert.deepEqual([stolen, made.rows.size], [[], 0])
})

test('mix-up: an answer of another authorization server, or of nobody, takes no code anywhere', async (t) => {
  const made = await world(t)
  const cases: readonly (readonly [string | undefined, boolean])[] = [['https://evil.example', true], [`${made.server.issuer}/`, true], [made.server.issuer.toUpperCase(), true], [undefined, true], ['https://evil.example', false]]
  for (const [iss, promised] of cases) {
    made.server.metadata = { authorization_response_iss_parameter_supported: promised }
    const { back: { state, code }, cookie } = await agreed(t, made, made.target({ issuer: made.server.issuer }))
    made.server.asked.length = 0
    const taken = made.consenting.consents.take({ state, code, ...(iss !== undefined && { iss }) }, () => cookie)
    assert.ok(isRefusal(taken) && taken.refuse === 'consent_failed', String(iss))
    assert.match(taken.say ?? '', /another authorization server/)
    assert.deepEqual(made.server.asked, [])
  }
  made.server.metadata = {}
  // An error of somebody else is not shown either.
  const { back: { state }, cookie } = await agreed(t, made, made.target())
  const taken = made.consenting.consents.take({ state, error: 'visit_evil_example', iss: 'https://evil.example' }, () => cookie)
  assert.ok(isRefusal(taken) && !JSON.stringify(taken).includes('evil'))
})

test('mix-up: credentials go to the issuer that they are for, and tokens to the address that they are for', async (t) => {
  const made = await world(t)
  assert.match(await problem(t, made, { ...made.target({ clientId: 'us', issuer: 'http://127.0.0.1:9', register: false }), secret: 'hush' }), /does not name the authorization server/)
  assert.ok(!JSON.stringify(made.server.asked).includes('hush'))
  await consented(t, made, made.target())
  // The name now stands for another server.
  const tokens: string[] = []
  const other = await listening(t, (request, response) => {
    tokens.push(request.headers.authorization ?? '')
    response.writeHead(401).end()
  })
  assert.ok((await call(t, made, { ...made.target(), url: `${other}/mcp` })) instanceof Refused)
  assert.ok((await call(t, made, made.target({ issuer: 'http://127.0.0.1:9' }))) instanceof Refused)
  assert.deepEqual(tokens, [''])
})

test('code injection: a code with the state of somebody else comes to nothing', async (t) => {
  const made = await world(t)
  const [victim, attacker] = [await agreed(t, made, made.target()), await agreed(t, made, made.target(), who('key:evil'))]
  // The attacker's browser has the attacker's cookie only.
  const cookieOf = (state: string): string | undefined => (state === attacker.state ? attacker.cookie : undefined)
  const stolen = made.consenting.consents.take({ ...attacker.back, state: victim.state }, cookieOf)
  assert.ok(isRefusal(stolen) && stolen.refuse === 'consent_failed')
  // In the attacker's own flow the victim's code fails at the authorization server: the verifier is another.
  const injected = made.consenting.consents.take({ ...attacker.back, code: victim.back.code }, cookieOf)
  assert.ok(!isRefusal(injected))
  await assert.rejects(injected.finish(), Refused)
  assert.equal(made.rows.size, 0)
})

test('confused deputy: without the consent cookie of this browser nothing is taken, and nothing used up', async (t) => {
  const made = await world(t)
  const { back, cookie } = await agreed(t, made, made.target())
  for (const other of [undefined, '', 'x', `${cookie}x`]) assert.ok(isRefusal(made.consenting.consents.take(back, () => other)))
  assert.ok(!isRefusal(made.consenting.consents.take(back, () => cookie)))
})

test('a state is good once', async (t) => {
  const made = await world(t)
  const { back, cookie } = await agreed(t, made, made.target())
  assert.ok(!isRefusal(made.consenting.consents.take(back, () => cookie)))
  const again = made.consenting.consents.take(back, () => cookie)
  assert.ok(isRefusal(again) && again.refuse === 'consent_failed')
})

test('an authorization server without PKCE, under another name, or for another resource is not used', async (t) => {
  const made = await world(t)
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ code_challenge_methods_supported: undefined }, /PKCE/],
    [{ code_challenge_methods_supported: ['plain'] }, /PKCE/],
    [{ issuer: 'https://evil.example' }, /calls itself something else/],
    [{ issuer: `${made.server.issuer}/` }, /calls itself something else/],
    [{ token_endpoint: 'file:///x' }, /token endpoint/],
    [{ response_types_supported: ['token'] }, /no codes/],
    [{ registration_endpoint: undefined }, /registers nobody/],
    [{ authorization_endpoint: undefined }, /not usable/],
  ]
  for (const [metadata, said] of cases) {
    made.server.metadata = metadata
    assert.match(await problem(t, made), said)
  }
  made.server.metadata = {}
  const { origin } = new URL(made.url)
  for (const resource of ['https://elsewhere.example/mcp', `${origin}/mc`, `${origin}/mcp/more`, 'nonsense', `${origin}/mcp#x`]) {
    made.instead = (request, response) => request.url?.startsWith('/.well-known') === true && (response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource, authorization_servers: [made.server.issuer] })), true)
    assert.match(await problem(t, made), /another resource/, resource)
  }
})

test('metadata that are too large, ambiguous or none are refused', async (t) => {
  const made = await world(t)
  const bodies = [`{"resource":"${made.url}","x":"${'x'.repeat(70_000)}","authorization_servers":["${made.server.issuer}"]}`, `{"resource":"${made.url}","authorization_servers":["https://evil.example"],"authorization_servers":["${made.server.issuer}"]}`, '[]', '{}', 'x', '{"resource":1,"authorization_servers":[]}', '['.repeat(100)]
  for (const body of bodies) {
    made.instead = (request, response) => request.url?.startsWith('/.well-known') === true && (response.setHeader('content-type', 'application/json').end(body), true)
    assert.match(await problem(t, made), /cannot be asked|not usable/, body.slice(0, 60))
  }
})

test('a server that wants more scopes is used further when a person has agreed to them', async (t) => {
  const made = await world(t)
  await consented(t, made, made.target())
  made.instead = (request, response) => request.url === '/mcp' && (response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="send"' }).end(), true)
  made.server.asked.length = 0
  await ticketOf(t, made, made.target())
  await agreed(t, made, made.target())
  assert.equal(made.server.asked.find(({ path }) => path === '/authorize')?.params['scope'], 'mail send')
  // What it has, and is refused nonetheless, is no matter of consent.
  made.instead = (request, response) => request.url === '/mcp' && (response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="mail"' }).end(), true)
  assert.equal(await call(t, made, made.target()), 403)
})

test('consent phishing: what a server asks for after the page was shown is not agreed to', async (t) => {
  const made = await world(t)
  const ticket = await ticketOf(t, made, made.target())
  const { consents } = made.consenting
  const shown = shownOf(await consents.look(ticket))
  // While the person reads, the server wants more; then it names somebody else to log in at.
  made.instead = (request, response) => request.url === '/mcp' && (response.writeHead(401, { 'www-authenticate': `Bearer scope="mail everything", resource_metadata="${new URL(made.url).origin}/.well-known/oauth-protected-resource/mcp"` }).end(), true)
  await ticketOf(t, made, made.target())
  for (const seen of [shown, '', 'x']) {
    const error: unknown = await consents.agree(ticket, ADA, seen).then(() => undefined, (thrown: unknown) => thrown)
    assert.ok(error instanceof Refused && /has changed since this page was shown/.test(error.refusal.say ?? ''), seen)
  }
  assert.ok(!made.server.asked.some(({ path }) => path === '/register'))
  const { url } = await agree(made, ticket, ADA)
  assert.equal(new URL(url).searchParams.get('scope'), 'mail everything')
})

test('mix-up: an authorization server that does not say who it is counts only where settings name it', async (t) => {
  const made = await world(t)
  for (const metadata of [{ authorization_response_iss_parameter_supported: false }, { authorization_response_iss_parameter_supported: undefined }]) {
    made.server.metadata = metadata
    assert.match(await problem(t, made), /RFC 9207/)
  }
  made.server.iss = false
  const target = made.target({ issuer: made.server.issuer })
  const { back: { state, code }, cookie } = await agreed(t, made, target)
  const taken = made.consenting.consents.take({ state, code }, () => cookie)
  assert.ok(!isRefusal(taken))
  await taken.finish()
  assert.equal(await call(t, made, target), 200)
})

test('a neighbour on a shared host gets no token for all of it', async (t) => {
  const made = await world(t)
  const { origin } = new URL(made.url)
  let at = ''
  const metadata = (resource: string): void => {
    made.instead = (request, response) => {
      if (request.url === '/mcp') return response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${origin}${at}"` }).end(), true
      return request.url === at && (response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource, authorization_servers: [made.server.issuer] })), true)
    }
  }
  for (at of ['/mcp/metadata', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource?x']) {
    metadata(`${origin}/`)
    assert.match(await problem(t, made), /another resource/, at)
  }
  // Whoever holds the root of the host may say so.
  at = '/.well-known/oauth-protected-resource'
  for (const resource of [origin, `${origin}/`]) {
    metadata(resource)
    assert.equal(new URL((await agreed(t, made, made.target(), who(resource))).url).searchParams.get('resource'), resource)
  }
})

test('what was forgotten while a browser was away comes to nothing, however long that took', async (t) => {
  const made = await world(t)
  const ticket = await ticketOf(t, made, made.target())
  made.ahead += 14 * 60_000
  const { url, state, cookie } = await agree(made, ticket, ADA)
  const code = (await browse(url)).get('code') ?? ''
  // The link is over by itself, and the person still there.
  made.ahead += 5 * 60_000
  await ticketOf(t, made, made.target(), who('key:else'))
  await made.consenting.forget('default/ada')
  const taken = made.consenting.consents.take({ state, code, iss: made.server.issuer }, () => cookie)
  if (!isRefusal(taken)) await assert.rejects(taken.finish(), Refused)
  assert.equal(made.rows.size, 0)
})

test('what is forgotten while a code is on its way comes to nothing', async (t) => {
  const made = await world(t)
  const { back, cookie } = await agreed(t, made, made.target())
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  const [finished] = await Promise.allSettled([taken.finish(), made.consenting.forget('default/ada')])
  assert.equal(finished.status, 'rejected')
  assert.equal(made.rows.size, 0)
})

test('whoever uses a grant is told when it ends, and nobody else', async (t) => {
  const made = await world(t)
  const told: unknown[] = []
  const over = made.consenting.onEnd('mail', (owner) => told.push(owner))
  made.consenting.onEnd('other', (owner) => told.push(owner))
  await consented(t, made, made.target())
  await consented(t, made, made.target(), who('key:b', 'bob'))
  await made.consenting.forget('default/ada')
  assert.deepEqual(told, [{ tenant: 'default', subject: 'default/ada', key: '["ada","key:a"]' }])
  // The authorization server ends one: whoever agrees next may have another account there.
  await consented(t, made, made.target())
  made.server.live.clear()
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}'), true)
  assert.ok((await call(t, made, made.target())) instanceof Refused)
  assert.equal(told.length, 2)
  over()
  await made.consenting.forget('default/bob')
  assert.equal(told.length, 2)
})

test('a renewal that ends after the name has come to stand for another server gives that one nothing, and its token to nobody', async (t) => {
  const made = await world(t)
  const first = made.target()
  made.server.lifetime = 1
  await consented(t, made, first)
  let renewal: ServerResponse | undefined
  made.server.instead = (request, response) => request.url === '/token' && renewal === undefined && ((renewal = response), true)
  const waiting = call(t, made, first)
  while (renewal === undefined) await new Promise((resolve) => setImmediate(resolve))
  // Meanwhile settings name another server, and the person agrees to that one.
  made.server.lifetime = 300
  const seen: string[] = []
  const other: string = await listening(t, (request, response) => {
    if (request.url === '/.well-known/oauth-protected-resource/mcp') return response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource: `${other}/mcp`, authorization_servers: [made.server.issuer] }))
    seen.push(request.headers.authorization ?? '')
    return response.writeHead(seen.at(-1) === '' ? 401 : 200).end()
  })
  const second = { ...first, url: `${other}/mcp` }
  await consented(t, made, second)
  assert.equal(await call(t, made, second), 200)
  renewal.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"late","token_type":"Bearer"}')
  assert.ok((await waiting) instanceof Refused)
  const [token = 'x'] = seen.filter((one) => one !== '')
  assert.ok(!made.seen.includes(token) && !made.seen.includes('Bearer late'))
  assert.equal(await call(t, made, second), 200)
})

test('an authorization server that forgets its clients costs an agreement, not the server', async (t) => {
  const made = await world(t)
  await consented(t, made, made.target())
  const forgetful = (request: IncomingMessage, response: ServerResponse): boolean => request.url === '/token' && (response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}'), true)
  const registrations = (): number => made.server.asked.filter(({ path }) => path === '/register').length
  assert.equal(registrations(), 1)
  made.server.live.clear()
  made.server.instead = forgetful
  assert.equal(((await call(t, made, made.target())) as Refused).refusal.refuse, 'consent_required')
  assert.equal(made.rows.size, 0)
  made.server.instead = undefined
  const { back, cookie } = await agreed(t, made, made.target())
  assert.equal(registrations(), 2)
  made.server.instead = forgetful
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  await assert.rejects(taken.finish(), Refused)
  made.server.instead = undefined
  await consented(t, made, made.target())
  assert.equal(registrations(), 3)
  // One that settings name is not ours to replace: an operator has to look.
  const named = made.target({ issuer: made.server.issuer, clientId: 'us', register: false })
  await consented(t, made, named)
  made.server.live.clear()
  made.server.instead = forgetful
  assert.equal(((await call(t, made, named)) as Refused).refusal.refuse, 'upstream_auth')
  assert.equal(made.rows.size, 1)
})

test('tokens of another type, too long, or with words that terminals obey', async (t) => {
  const made = await world(t)
  const usual = { access_token: 'good', token_type: 'Bearer' }
  const answers: readonly unknown[] = [{ ...usual, token_type: 'DPoP' }, { ...usual, token_type: undefined }, { ...usual, access_token: 'a\r\nx-evil: 1' }, { ...usual, access_token: 'x'.repeat(20_000) }, { ...usual, access_token: '' }, { ...usual, expires_in: -1 }, { ...usual, refresh_token: 'a b' }, { ...usual, padding: 'x'.repeat(70_000) }, [], 'x', null]
  for (const answer of answers) {
    const { back, cookie } = await agreed(t, made, made.target())
    made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)), true)
    const taken = made.consenting.consents.take(back, () => cookie)
    assert.ok(!isRefusal(taken))
    await assert.rejects(taken.finish(), Refused, JSON.stringify(answer).slice(0, 80))
    made.server.instead = undefined
  }
  assert.equal(made.rows.size, 0)
  const { back, cookie } = await agreed(t, made, made.target())
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...usual, scope: 'mail \u001b[2J "x" \u202e' })), true)
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  await taken.finish()
  assert.deepEqual([...made.rows.values()].map(({ scope }) => scope), ['mail'])
})

test('an authorization server that stalls is one that cannot be asked', async () => {
  const stalls = ({ signal }: Parameters<Dial>[0]): Promise<never> => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  await assert.rejects(asked(stalls, { method: 'GET', url: 'https://as.example/x', fields: [] }, AbortSignal.timeout(1)), (error) => error instanceof OAuthProblem && /takes too long/.test(error.message))
})

test('at rest: a grant that was changed, or moved to another owner or server, opens nothing', async (t) => {
  const made = await world(t)
  await consented(t, made, made.target())
  const [[key, row]] = [...made.rows] as [[string, GrantRow]]
  const restarted = (rows: readonly GrantRow[]): void => {
    made.rows.clear()
    for (const one of rows) made.rows.set(JSON.stringify([one.tenant, one.owner, one.server]), one)
    made.consenting = made.again()
  }
  restarted([row])
  assert.equal(await call(t, made, made.target()), 200)
  const changed = Uint8Array.from(row.content)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  restarted([{ ...row, content: changed }])
  assert.ok((await call(t, made, made.target())) instanceof Refused)
  restarted([{ ...row, owner: '["bob","key:a"]' }, { ...row, tenant: 'other' }, { ...row, server: 'calendar' }])
  made.seen.length = 0
  for (const one of [who('key:a', 'bob'), { ...ADA, tenant: 'other' }]) assert.ok((await call(t, made, made.target(), one)) instanceof Refused)
  assert.ok((await call(t, made, { ...made.target(), server: 'calendar' })) instanceof Refused)
  assert.deepEqual(made.seen, ['', '', ''])
  assert.ok(!made.rows.has(key))
})

test('WWW-Authenticate: what is ambiguous, broken or huge says nothing that it should not', () => {
  const said = (...values: readonly string[]) => wantedOf(values.map((value) => ['www-authenticate', value]))
  assert.deepEqual(said('Basic realm="Bearer scope=\\"evil\\""', 'DPoP algs="ES256", scope="evil", Bearer scope="a b a"'), { scopes: ['a', 'b'] })
  assert.deepEqual(said('Bearer scope="a", scope="b", error="insufficient_scope", Basic scope="c"'), { scopes: ['a'], error: 'insufficient_scope' })
  assert.deepEqual(said('Negotiate abc==, Bearer error=invalid_token'), { error: 'invalid_token' })
  for (const value of ['', ',,,', '"', 'Bearer scope="', 'Bearer scope="a', 'Bearer scope=', 'Bearer scope="\u0001"', `Bearer scope="${'x'.repeat(9_000)}"`, 'Basic scope="a"', `${'"\\'.repeat(4_000)}`]) assert.deepEqual(said(value), {}, value.slice(0, 40))
})
