import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Agent, fetch as undiciFetch } from 'undici'
import { ran } from '../src/cli/run.fixture.ts'
import { isRefusal } from '../src/contract/verdict.ts'
import { systemClock } from '../src/edge/clock.ts'
import { makeDialer } from '../src/edge/dial/dialer.ts'
import type { Ticket } from '../src/gateways/mcp/oauth/consent.ts'
import { consentPage, saidPage } from '../src/gateways/mcp/oauth/pages.ts'
import { makeSignIns, type SignInPlace } from '../src/gateways/mcp/oauth/signing.ts'
import { startHouse, type TestHouse } from './house.ts'
import { startAuthorizationServer, type AuthorizationServer } from './mcp/authorization.ts'
import { makeBrowser, type Browser } from './mcp/browser.ts'
import { startGuarded, type Guarded } from './mcp/guarded.ts'
import { startRemote, type RemoteServer } from './mcp/remote.ts'
import { freePort, sealOf } from './probe.ts'

/** People whose clients hide their tokens agree by signing in: an identity provider, an authorization server, a browser, the firewall between them. */
let house: TestHouse
let idp: AuthorizationServer
let server: AuthorizationServer
let remote: RemoteServer
let guard: Guarded
const closing: (() => Promise<void>)[] = []

const issuerLine = (audience: string, more: string): string => `{ issuer: "${idp.issuer}", audience: ${audience}, allow_private: true, user: "{sub}@example.com", ${more} }`

before(async () => {
  ;[idp, server, remote] = [await startAuthorizationServer(), await startAuthorizationServer(), await startRemote(true)]
  guard = await startGuarded(server, remote)
  const data = `127.0.0.1:${await freePort()}`
  house = await startHouse({
    data,
    env: { GATE_SECRET: 'between idp and us' },
    config: () => `
identity:
  public_url: http://${data}
  oidc:
    - ${issuerLine('sallyport', 'for: clients, workload: "spiffe://sallyport.internal/app/{client_id}", client_id: gate, client_secret: "env:GATE_SECRET"')}
guardrails: [{ use: prompt_injection, layers: [rules] }]
mcpServers:
  sums: { url: "${guard.url}", oauth: { issuer: "${server.issuer}", client_id: sallyport, allow_private: true } }
`,
  })
})
after(async () => {
  await Promise.all(closing.map((close) => close()))
  await house.stop()
  await guard.stop()
  await remote.stop()
  await server.stop()
  await idp.stop()
})

const tokenOf = (sub: string, app: string): Promise<string> => idp.sign({ sub, client_id: app, aud: 'sallyport' })
const init = (token: string): { requestInit: RequestInit } => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } })

async function connect(token: string, url = `${house.dataUrl}/mcp/sums`): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  closing.push(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(url), init(token)) as never)
  return client
}

/** The address that a caller is told. */
async function refusedAt(token: string): Promise<string> {
  const error = await connect(token).then((client) => client.listTools()).then(() => undefined, (thrown: unknown) => thrown as Error & { data?: { code?: string } })
  assert.equal(error?.data?.code, 'consent_required', String(error))
  return /http\S+\/mcp-oauth\/start\?ticket=[\w-]+/.exec(error.message)?.[0] ?? ''
}

/** Presses "Agree and sign in". */
async function signIn(browser: Browser, url: string): Promise<Response> {
  const { form, action } = await browser.open(url)
  return await browser.go(action, { ...form, decision: `sign in ${idp.issuer}` })
}

/** Goes to the identity provider, and gives where it sends the browser. */
async function back(browser: Browser, reply: Response): Promise<string> {
  assert.equal(reply.status, 303, await reply.clone().text())
  return (await browser.go(reply.headers.get('location') ?? '')).headers.get('location') ?? ''
}

const receiptOf = async (reply: Response) => (await sealOf(house, reply.headers.get('x-sallyport-id'))) as unknown as Record<string, unknown>

test('whoever the caller acts for agrees by signing in, without a credential of the caller', async () => {
  const token = await tokenOf('ada', 'editor')
  const browser = makeBrowser()
  const url = await refusedAt(token)
  const { page, reply } = await browser.open(url)
  assert.ok(page.includes(`Agree and sign in at ${new URL(idp.issuer).host}`), page)
  assert.ok((reply.headers.get('content-security-policy') ?? '').includes(idp.issuer))
  const sent = await signIn(browser, url)
  const at = new URL(sent.headers.get('location') ?? '')
  assert.equal(at.origin, idp.issuer)
  const asked = Object.fromEntries(at.searchParams)
  assert.deepEqual([asked['client_id'], asked['scope'], asked['code_challenge_method'], asked['redirect_uri'], asked['resource']], ['gate', 'openid', 'S256', `${house.dataUrl}/mcp-oauth/signed-in`, undefined])
  assert.ok((asked['nonce'] ?? '').length >= 43 && (asked['state'] ?? '').length >= 43 && asked['nonce'] !== asked['state'])
  const signedIn = await browser.go(await back(browser, sent))
  assert.equal(signedIn.status, 303, await signedIn.clone().text())
  assert.ok((signedIn.headers.get('location') ?? '').startsWith(`${server.issuer}/authorize?`))
  const { workload, chain, action, outcome, proof } = await receiptOf(signedIn)
  assert.deepEqual([workload, chain, action, outcome, String(proof).split(':')[0]], ['spiffe://sallyport.internal/app/editor', ['ada@example.com'], 'mcp.consent', 'answered', 'oidc'])
  const done = await browser.follow(signedIn)
  assert.equal(done.status, 200, await done.clone().text())
  // Nobody stays signed in.
  assert.deepEqual([...browser.cookies.keys()], [])
  const told = idp.asked.filter(({ path }) => path === '/token')
  assert.deepEqual(told.map(({ authorization, params }) => [authorization, params['grant_type']]), [[`Basic ${Buffer.from('gate:between+idp+and+us').toString('base64')}`, 'authorization_code']])

  const client = await connect(token)
  const sum = (await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } })) as { content: readonly { text: string }[] }
  assert.equal(sum.content[0]?.text, '42')
  // Another caller of the same person, and the same caller of another.
  for (const other of [await tokenOf('ada', 'other'), await tokenOf('bob', 'editor')]) await refusedAt(other)
  const written = house.logs.join('\n') + JSON.stringify(await house.receipts())
  for (const secret of [...idp.live, ...server.live, asked['nonce'] ?? 'x', asked['state'] ?? 'x', 'between idp and us']) assert.ok(!written.includes(secret))
})

test('confused deputy: whoever signs in as somebody else agrees to nothing', async () => {
  const url = await refusedAt(await tokenOf('mallory', 'editor'))
  // The victim got the link of somebody else's caller, and signs in as herself.
  for (const [user, more] of [['ada', {}], ['Mallory', {}], ['mallory', { sub: 'mallory ' }]] as const) {
    idp.user = user
    idp.idClaims = more
    const browser = makeBrowser()
    const reply = await browser.go(await back(browser, await signIn(browser, url)))
    assert.deepEqual([reply.status, reply.headers.get('location')], [401, null], await reply.clone().text())
    const { outcome, code } = await receiptOf(reply)
    assert.deepEqual([outcome, code], ['refused', 'unauthenticated'])
  }
  idp.user = 'ada'
  idp.idClaims = {}
})

test('an ID token that is not exactly what was asked for signs nobody in', async () => {
  const url = await refusedAt(await tokenOf('ada', 'table'))
  const { privateKey } = await generateKeyPair('ES256')
  const { publicKey, privateKey: carried } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const now = Math.floor(Date.now() / 1000)
  const cases: readonly (readonly [what: string, claims: Readonly<Record<string, unknown>>, token?: AuthorizationServer['idToken']])[] = [
    ['another nonce', { nonce: 'x' }],
    ['no nonce', { nonce: undefined }],
    ['a list as nonce', { nonce: ['x'] }],
    ['another client', { aud: 'somebody' }],
    ['the audience of access tokens', { aud: 'sallyport' }],
    ['several audiences', { aud: ['gate', 'somebody'] }],
    ['made for another client', { azp: 'somebody' }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['ended', { exp: now - 120 }],
    ['no end', { exp: undefined }],
    ['not made yet', { iat: now + 600 }],
    ['no moment', { iat: undefined }],
    ['nobody', { sub: undefined }],
    ['no ID token', {}, () => Promise.resolve(undefined)],
    ['none', {}, (token) => Promise.resolve(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1] ?? ''}.`)],
    ['an access token', {}, (_token, claims) => idp.sign(claims)],
    ['another key', {}, (_token, claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'as' }).sign(privateKey)],
    ['a key that it brings', {}, (_token, claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', jwk }).sign(carried)],
    ['changed', {}, (token, claims) => Promise.resolve([token.split('.')[0], Buffer.from(JSON.stringify({ ...claims, sub: 'ada' })).toString('base64url'), 'AAAA'].join('.'))],
  ]
  for (const [what, claims, token] of cases) {
    idp.idClaims = claims
    idp.idToken = token
    const browser = makeBrowser()
    const reply = await browser.go(await back(browser, await signIn(browser, url)))
    assert.ok([400, 401].includes(reply.status) && reply.headers.get('location') === null, `${what}: ${reply.status}`)
  }
  idp.idClaims = {}
  idp.idToken = undefined
  const browser = makeBrowser()
  assert.equal((await browser.follow(await signIn(browser, url))).status, 200)
})

test('who comes back comes back once, in the same browser, and from the issuer that was asked', async () => {
  const url = await refusedAt(await tokenOf('ada', 'returning'))
  const browser = makeBrowser()
  const first = await back(browser, await signIn(browser, url))
  for (const stranger of [makeBrowser()]) assert.equal((await stranger.go(first)).status, 400)
  const mixed = makeBrowser()
  const elsewhere = (await back(mixed, await signIn(mixed, url))).replace(encodeURIComponent(idp.issuer), encodeURIComponent('https://evil.example'))
  assert.equal((await mixed.go(elsewhere)).status, 400)
  // The other callback does not take it, nor this one what is for the other.
  assert.equal((await browser.go(first.replace('/signed-in', '/callback'))).status, 400)
  const denied = makeBrowser()
  const state = new URL(await back(denied, await signIn(denied, url))).searchParams.get('state') ?? ''
  assert.equal((await denied.go(`${house.dataUrl}/mcp-oauth/signed-in?${new URLSearchParams({ state, error: 'access_denied', iss: idp.issuer }).toString()}`)).status, 400)
  // Two at once: one of them is let in.
  const both = await Promise.all([browser.go(first), browser.go(first)])
  assert.deepEqual(both.map(({ status }) => status).sort(), [303, 400])
  const on = both.find(({ status }) => status === 303)?.headers.get('location') ?? ''
  assert.equal((await browser.go((await browser.go(on)).headers.get('location')?.replace('/callback', '/signed-in') ?? '')).status, 400)
  // An issuer that promises to say who it is, and does not.
  idp.iss = false
  const silent = makeBrowser()
  assert.equal((await silent.go(await back(silent, await signIn(silent, url)))).status, 400)
  idp.iss = true
  for (const path of ['', '?state=', '?state=a&state=b', '?code=x']) assert.equal((await browser.go(`${house.dataUrl}/mcp-oauth/signed-in${path}`)).status, 400, path)
  assert.equal((await browser.go(`${house.dataUrl}/mcp-oauth/signed-in?state=x`, {})).status, 405)
})

test('who was revoked signs in for nothing', async () => {
  const url = await refusedAt(await tokenOf('eve', 'editor'))
  idp.user = 'eve'
  const browser = makeBrowser()
  const at = await back(browser, await signIn(browser, url))
  await house.admin('POST', 'identity/revoke', { what: 'eve@example.com' })
  const reply = await browser.go(at)
  assert.deepEqual([reply.status, (await receiptOf(reply))['code']], [401, 'revoked'])
  idp.user = 'ada'
})

test('a token for one endpoint shows whose caller it is on the page of that server, and on no other', async () => {
  const token = (path: string): Promise<string> => idp.sign({ sub: 'ada', client_id: 'bound', aud: house.dataUrl + path })
  const url = await refusedAt(await token('/mcp/sums'))
  const browser = makeBrowser()
  const { page, form, action } = await browser.open(url)
  assert.ok(page.includes('<b>spiffe://sallyport.internal/app/bound</b>, acting for <b>ada@example.com</b>'), page)
  const shown = async (path: string): Promise<Response> => await browser.go(action, { ...form, decision: 'allow', credential: await token(path) })
  const refused = await shown('/mcp/other')
  assert.deepEqual([refused.status, refused.headers.get('location')], [403, null])
  const { code, outcome, route } = await receiptOf(refused)
  assert.deepEqual([code, outcome, route], ['out_of_scope', 'refused', 'mcp:sums'])
  assert.equal((await browser.follow(await shown('/mcp/sums'))).status, 200)
  await (await connect(await token('/mcp/sums'))).listTools()
})

test('nobody signs in for a caller that acts for nobody, nor at an issuer that settings do not name', async () => {
  const browser = makeBrowser()
  const { page, form, action } = await browser.open(await refusedAt(house.key))
  assert.ok(!page.includes('Agree and sign in'))
  const reply = await browser.go(action, { ...form, decision: `sign in ${idp.issuer}` })
  assert.deepEqual([reply.status, reply.headers.get('location')], [400, null])
  const other = await browser.open(await refusedAt(await tokenOf('ada', 'elsewhere')))
  for (const issuer of ['https://evil.example', server.issuer, `${idp.issuer}/`, '']) {
    const refused = await browser.go(action, { ...other.form, decision: `sign in ${issuer}` })
    assert.deepEqual([refused.status, refused.headers.get('location')], [400, null], issuer)
  }
  // Another page, or one without the cookie, begins nothing.
  for (const [more, status] of [[{ origin: 'https://evil.example' }, 403], [{ 'sec-fetch-site': 'same-site' }, 400], [{ cookie: '' }, 400]] as const) {
    assert.equal((await browser.go(action, { ...other.form, decision: `sign in ${idp.issuer}` }, more)).status, status)
  }
})

test('an operator vouches for who has nothing to show: once, for one caller', async () => {
  const env = { SALLYPORT_HOME: house.state }
  const key = await house.newKey({ name: 'headless' })
  const url = await refusedAt(key)
  const said = JSON.parse((await ran(['mcp', 'consent', url, '--json'], { env })).out) as { readonly server: string; readonly caller: string; readonly url: string; readonly code: string }
  assert.deepEqual([said.server, said.url], ['sums', url])
  const browser = makeBrowser()
  const stranger = await browser.open(await refusedAt(await house.newKey({ name: 'stranger' })))
  assert.equal((await browser.go(stranger.action, { ...stranger.form, decision: 'allow', credential: said.code })).status, 401)
  const { form, action } = await browser.open(url)
  const agreed = await browser.go(action, { ...form, decision: 'allow', credential: said.code })
  assert.equal(agreed.status, 303, await agreed.clone().text())
  const { workload, proof } = await receiptOf(agreed)
  assert.deepEqual([workload, String(proof).split(':')[0]], [said.caller, 'admin'])
  const again = await browser.open(url)
  assert.equal((await browser.go(action, { ...again.form, decision: 'allow', credential: said.code })).status, 401)
  assert.equal((await browser.follow(agreed)).status, 200)
  await (await connect(key)).listTools()
  assert.match((await ran(['mcp', 'consent', url], { env })).err, /Nobody waits/)
  assert.equal((await ran(['mcp', 'consent', 'x'], { env })).code, 2)
  assert.ok(!(house.logs.join('\n') + JSON.stringify(await house.receipts())).includes(said.code))
})

test('who asks again with another credential is not held to the first, which was revoked since', async () => {
  const jtiOf = (token: string): string => (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { readonly jti: string }).jti
  const [first, second] = [await tokenOf('ada', 'renewed'), await tokenOf('ada', 'renewed')]
  const url = await refusedAt(first)
  await house.admin('POST', 'identity/revoke', { what: jtiOf(first) })
  assert.equal(await refusedAt(second), url)
  const { code } = (await house.admin('POST', 'mcp/consent', { ticket: new URL(url).searchParams.get('ticket') })) as { readonly code: string }
  const browser = makeBrowser()
  const { form, action } = await browser.open(url)
  // The other way round: one that was revoked after it asked gets nothing.
  const agreed = await browser.go(action, { ...form, decision: 'allow', credential: code })
  assert.equal(agreed.status, 303, await agreed.clone().text())
  await house.admin('POST', 'identity/revoke', { what: jtiOf(second) })
  assert.equal((await browser.follow(agreed)).status, 401)
  await refusedAt(await tokenOf('ada', 'renewed'))
})

test('nobody signs in at an issuer that settings do not name any more', async () => {
  const http = makeDialer({ origins: [{ origin: idp.issuer }] })
  closing.push(() => http.close())
  const ticket = { id: 'x'.repeat(43), principal: { tenant: 'default', workload: 'key:a', chain: ['ada@example.com'], roles: [], proof: { kind: 'api_key', id: 'a' }, scope: { rights: [] } } } as unknown as Ticket
  const signIns = makeSignIns({ clock: systemClock, consents: { find: () => ticket, ourselves: () => ({ redirect: 'http://127.0.0.1:1/mcp-oauth/callback' }) } })
  const place: SignInPlace = { issuer: idp.issuer, tenant: 'default', clientId: 'gate', scopes: ['openid'], allowPrivate: true, dial: http.dial, verify: () => Promise.resolve({ subject: 'ada@example.com', proof: { kind: 'oidc', id: 'x' } }) }
  for (const [places, good] of [[[], false], [[{ ...place, clientId: 'else' }], false], [[{ ...place, tenant: 'else' }], false], [[place], true]] as const) {
    const { url, cookie } = await signIns.begin(ticket, place, 'shown')
    const came = new URL((await makeBrowser().go(url)).headers.get('location') ?? '').searchParams
    const asked = idp.asked.length
    const taken = await signIns.take({ state: came.get('state') ?? '', code: came.get('code') ?? '', iss: came.get('iss') ?? '' }, () => cookie, places)
    assert.equal(isRefusal(taken), !good)
    assert.equal(idp.asked.length > asked, good)
  }
})

test('pages: nothing that others wrote becomes markup, or looks like something else', () => {
  const evil = `</b><script>x()</script>"'><img src=x onerror=y()>\u202egro.live\u200b\u2066&amp;`
  const page = consentPage({ ticket: evil, nonce: evil, shown: evil, caller: evil, agent: evil, user: evil, server: evil, url: evil, issuer: 'https://xn--e1aybc.example/<b>', scopes: [evil, evil], proof: true, signIns: [`https://idp.example/${evil}`], action: '/x' }) + saidPage(evil, evil, evil)
  assert.deepEqual(page.match(/<script|<img|[\u202e\u200b\u2066]/g), null)
  assert.deepEqual([...new Set([...page.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag))].sort(), ['b', 'body', 'br', 'button', 'code', 'form', 'h1', 'head', 'html', 'input', 'label', 'li', 'meta', 'p', 'small', 'title', 'ul'])
  assert.ok(!/on(?:error|click)=[^&]*"/.test(page) && page.includes('xn--e1aybc.example') && page.includes('&amp;amp;'))
})

interface UrlError extends Error {
  readonly code: number
  readonly data: { readonly elicitations: readonly Readonly<Record<string, string>>[] }
}

async function agree(url: string): Promise<void> {
  const browser = makeBrowser()
  const done = await browser.follow(await signIn(browser, url))
  assert.equal(done.status, 200, await done.text())
}

const forget = (app: string): Promise<unknown> => house.admin('POST', 'mcp/forget', { server: 'sums', caller: `spiffe://sallyport.internal/app/${app}` })

test('a client of the last revision that opens addresses is told which', async () => {
  const token = await tokenOf('ada', 'legacy')
  const made = (): Client => {
    const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: { url: {} } } })
    closing.push(() => client.close())
    return client
  }
  const meet = async (client: Client): Promise<Client> => {
    await client.connect(new StreamableHTTPClientTransport(new URL(`${house.dataUrl}/mcp/sums`), init(token)) as never)
    return client
  }
  const told = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(() => undefined, (thrown: unknown) => thrown as UrlError)
    assert.equal(error?.code, -32042, String(error))
    const [one = {}] = error.data.elicitations
    assert.deepEqual([error.data.elicitations.length, one['mode'], one['message']], [1, 'url', error.message.replace(/^MCP error -32042: /, '')])
    assert.match(one['elicitationId'] ?? '', /^consent-[\w-]{22}$/)
    return one['url'] ?? ''
  }
  await agree(await told(meet(made())))
  const client = await meet(made())
  const add = () => client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }) as Promise<{ content: readonly { text: string }[] }>
  assert.equal((await add()).content[0]?.text, '3')
  await forget('legacy')
  await agree(await told(add()))
  assert.equal((await add()).content[0]?.text, '3')
})

test('a client of the next revision has its user agree on the way, and the call goes on', async () => {
  const token = await tokenOf('ada', 'modern')
  const opened: string[] = []
  let answer: (url: string) => Promise<'accept' | 'decline'> = () => Promise.resolve('decline')
  const client = new ModernClient({ name: 'test', version: '1' }, { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } })
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    const { url } = params as { readonly url: string }
    opened.push(url)
    return { action: await answer(url) }
  })
  closing.push(() => client.close())
  await agree(await refusedAt(token))
  await client.connect(new ModernTransport(new URL(`${house.dataUrl}/mcp/sums`), init(token)))
  const add = () => client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }) as Promise<{ content: readonly { text: string }[]; isError?: boolean; _meta?: Record<string, unknown> }>
  assert.equal((await add()).content[0]?.text, '3')
  await forget('modern')
  // Whose user will not is told so, and not asked for ever.
  const refused = await add()
  assert.deepEqual([refused.isError, refused._meta?.['sallyport/code'], opened.length], [true, 'consent_required', 1])
  answer = (url) => agree(url).then(() => 'accept')
  assert.equal((await add()).content[0]?.text, '3')
  assert.deepEqual([opened.length, opened[1]], [2, opened[0]])
})

test('over TLS: cookies that are this host\'s alone, and an authorization server that fetches what we say of ourselves', async () => {
  const port = await freePort()
  const origin = `https://localhost:${port}`
  const far = await startHouse({
    listen: `secure: "127.0.0.1:${port}"`,
    config: () => `
identity:
  public_url: ${origin}
  oidc:
    - ${issuerLine('sallyport', 'for: clients, workload: "spiffe://sallyport.internal/app/{client_id}", client_id: gate')}
guardrails: [{ use: prompt_injection, layers: [rules] }]
mcpServers:
  sums: { url: "${guard.url}", oauth: { allow_private: true } }
`,
  })
  try {
    const { pem } = (await far.admin('GET', 'identity/bundle')) as { readonly pem: string }
    const agent = new Agent({ connect: { ca: pem } })
    closing.push(() => agent.close())
    const get = (url: string, more: RequestInit): Promise<Response> => undiciFetch(url, { ...more, dispatcher: agent } as never) as unknown as Promise<Response>
    server.metadata = { client_id_metadata_document_supported: true }
    const fetched: string[] = []
    server.fetch = async (url) => (fetched.push(url), await (await get(url, {})).json())
    const token = await tokenOf('ada', 'editor')
    const call = async (): Promise<unknown> => await (await connect(token, `${far.dataUrl}/mcp/sums`)).callTool({ name: 'add', arguments: { a: 4, b: 4 } })
    const said = await call().then(() => '', String)
    const url = /https:\S+\/mcp-oauth\/start\?ticket=[\w-]+/.exec(said)?.[0] ?? ''
    assert.ok(url.startsWith(origin), said)
    const browser = makeBrowser(get)
    const { form, action, reply } = await browser.open(url)
    for (const cookie of reply.headers.getSetCookie()) assert.match(cookie, /^__Host-sallyport-form-[\w-]{16}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/)
    // A neighbour under the same domain can only plant cookies without the prefix.
    const tossed = [...browser.cookies].map(([key, value]) => `${key.split(' ')[1]?.replace('__Host-', '') ?? ''}=${value}`).join('; ')
    assert.equal((await browser.go(action, { ...form, decision: `sign in ${idp.issuer}` }, { cookie: tossed })).status, 400)
    const sent = await browser.go(action, { ...form, decision: `sign in ${idp.issuer}` })
    assert.ok([...browser.cookies.keys()].every((key) => key.startsWith(`localhost:${port} __Host-sallyport-`)))
    const done = await browser.follow(sent)
    assert.equal(done.status, 200, await done.clone().text())
    assert.deepEqual(fetched, [`${origin}/mcp-oauth/client.json`])
    assert.equal(server.asked.findLast(({ path }) => path === '/token')?.params['client_id'], `${origin}/mcp-oauth/client.json`)
    const sum = (await call()) as { content: readonly { text: string }[] }
    assert.equal(sum.content[0]?.text, '8')
  } finally {
    server.metadata = {}
    await far.stop()
  }
})

test('settings of signing in that cannot be meant are refused', async () => {
  const start = (line: string, env = {}): Promise<void> => startHouse({ env, config: () => `identity: { oidc: [${line}] }\n` }).then((made) => made.stop())
  await assert.rejects(start(issuerLine('sallyport', 'workload: "spiffe://sallyport.internal/x", client_id: gate')), /workloads alone/)
  await assert.rejects(start(issuerLine('sallyport', 'for: users, client_secret: "env:X"')), /belongs to a client_id/)
  await assert.rejects(start(issuerLine('sallyport', 'for: users, client_id: gate, client_secret: "env:NOT_SET"')), /NOT_SET is not set/)
  await assert.rejects(start(`${issuerLine('sallyport', 'for: users, client_id: gate')}, ${issuerLine('other', 'for: users, client_id: gate')}`), /earlier entry of this issuer/)
  await start(issuerLine('sallyport', 'for: both, workload: "spiffe://sallyport.internal/x", client_id: gate, client_secret: "env:IS_SET"'), { IS_SET: 'x' })
})
