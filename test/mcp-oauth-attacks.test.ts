import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { isRefusal, Refused } from '../src/contract/verdict.ts'
import { wantedOf } from '../src/gateways/mcp/oauth/authenticate.ts'
import { shownOf } from '../src/gateways/mcp/oauth/consent.ts'
import { ADA, agree, agreed, call, consented, listening, problem, ticketOf, who, world } from './mcp/oauth_world.ts'

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

test('WWW-Authenticate: what is ambiguous, broken or huge says nothing that it should not', () => {
  const said = (...values: readonly string[]) => wantedOf(values.map((value) => ['www-authenticate', value]))
  assert.deepEqual(said('Basic realm="Bearer scope=\\"evil\\""', 'DPoP algs="ES256", scope="evil", Bearer scope="a b a"'), { scopes: ['a', 'b'] })
  assert.deepEqual(said('Bearer scope="a", scope="b", error="insufficient_scope", Basic scope="c"'), { scopes: ['a'], error: 'insufficient_scope' })
  assert.deepEqual(said('Negotiate abc==, Bearer error=invalid_token'), { error: 'invalid_token' })
  for (const value of ['', ',,,', '"', 'Bearer scope="', 'Bearer scope="a', 'Bearer scope=', 'Bearer scope="\u0001"', `Bearer scope="${'x'.repeat(9_000)}"`, 'Basic scope="a"', `${'"\\'.repeat(4_000)}`]) assert.deepEqual(said(value), {}, value.slice(0, 40))
})
