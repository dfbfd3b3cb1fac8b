import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ran } from '../src/cli/run.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { startAuthorizationServer, type AuthorizationServer } from './mcp/authorization.ts'
import { startGuarded, type Guarded } from './mcp/guarded.ts'
import { startRemote, type RemoteServer } from './mcp/remote.ts'
import { sealOf } from './probe.ts'

/** A caller uses a server in a person's name: the official client and server, a simulated authorization server, a browser by hand. */
let house: TestHouse
let server: AuthorizationServer
let remote: RemoteServer
let guard: Guarded
const clients: Client[] = []

before(async () => {
  ;[server, remote] = [await startAuthorizationServer(), await startRemote(true)]
  guard = await startGuarded(server, remote)
  house = await startHouse({
    env: { SUMS_SECRET: 'between us' },
    config: () => `
guardrails: [{ use: prompt_injection, layers: [rules] }]
mcpServers:
  sums: { url: "${guard.url}", oauth: { issuer: "${server.issuer}", client_id: sallyport, client_secret: "env:SUMS_SECRET", allow_private: true } }
`,
  })
})
after(async () => {
  await Promise.all(clients.map((one) => one.close()))
  await house.stop()
  await guard.stop()
  await remote.stop()
  await server.stop()
})

async function connect(key: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  clients.push(client)
  await client.connect(new StreamableHTTPClientTransport(new URL(`${house.dataUrl}/mcp/sums`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }) as never)
  return client
}

/** The address that a caller is told. */
async function refusedAt(key: string): Promise<string> {
  // Who has met the server before is refused at the first question.
  const error = await connect(key).then((client) => client.listTools()).then(() => undefined, (thrown: unknown) => thrown as Error & { data?: { code?: string } })
  assert.equal(error?.data?.code, 'consent_required', String(error))
  const url = /http\S+\/mcp-oauth\/start\?ticket=[\w-]+/.exec(error?.message ?? '')?.[0]
  assert.ok(url !== undefined && url.startsWith(house.dataUrl), error?.message)
  return url
}

const hidden = (page: string, name: string): string => new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1] ?? ''
const cookiesOf = (reply: Response): string => reply.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')

/** A person opens the page; gives the form, and what the browser keeps. */
async function open(url: string) {
  const reply = await fetch(url)
  const page = await reply.text()
  return { reply, page, cookies: cookiesOf(reply), form: { ticket: hidden(page, 'ticket'), nonce: hidden(page, 'nonce'), shown: hidden(page, 'shown') } }
}

async function send(form: Readonly<Record<string, string>>, cookies: string, more: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await fetch(`${house.dataUrl}/mcp-oauth/start`, { method: 'POST', redirect: 'manual', headers: { origin: house.dataUrl, 'sec-fetch-site': 'same-origin', ...(cookies !== '' && { cookie: cookies }), ...more }, body: new URLSearchParams(form) })
}

/** Goes to the authorization server, which agrees, and gives where it sends the browser. */
async function goneTo(reply: Response): Promise<string> {
  assert.equal(reply.status, 303, await reply.clone().text())
  return (await fetch(reply.headers.get('location') ?? '', { redirect: 'manual' })).headers.get('location') ?? ''
}

test('a caller uses a server in the name of the person who agreed to it, and no other caller does', async () => {
  const opened = await open(await refusedAt(house.key))
  assert.equal(opened.reply.status, 200, opened.page)
  for (const shown of ['sums', guard.url, '<code>sums</code>', new URL(server.issuer).host]) assert.ok(opened.page.includes(shown), shown)
  const headers = opened.reply.headers
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.deepEqual([headers.get('x-frame-options'), headers.get('cache-control')], ['DENY', 'no-store'])
  assert.ok(!opened.page.includes('<script') && !opened.page.includes(house.key))
  for (const cookie of headers.getSetCookie()) assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax/)

  const agreed = await send({ ...opened.form, decision: 'allow', credential: house.key }, opened.cookies)
  const back = await goneTo(agreed)
  assert.ok(back.startsWith(`${house.dataUrl}/mcp-oauth/callback?`))
  const done = await fetch(back, { headers: { cookie: cookiesOf(agreed) } })
  const text = await done.text()
  assert.equal(done.status, 200, text)
  const { action, route, outcome } = (await sealOf(house, done.headers.get('x-sallyport-id'))) as unknown as Record<string, string>
  assert.deepEqual([action, route, outcome], ['mcp.consent', 'mcp:sums', 'answered'])
  assert.equal(server.asked.find(({ path }) => path === '/token')?.authorization, `Basic ${Buffer.from('sallyport:between+us').toString('base64')}`)

  const client = await connect(house.key)
  const sum = (await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } })) as { content: readonly { text: string }[] }
  assert.equal(sum.content[0]?.text, '42')
  assert.ok(guard.tokens.filter((one) => one !== '').every((one) => server.live.has(one)))
  // What a server sets in its answers is for the gateway, not for callers.
  const plain = await fetch(`${house.dataUrl}/mcp/sums`, { method: 'POST', headers: { authorization: `Bearer ${house.key}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }) })
  assert.equal(plain.status, 200)
  assert.ok(!JSON.stringify([...plain.headers]).includes('upstream'))
  await refusedAt(await house.newKey({ name: 'another' }))
  // A state is good once, and a ticket ends with what it was for.
  assert.equal((await fetch(back, { headers: { cookie: cookiesOf(agreed) } })).status, 400)
  assert.equal((await open(`${house.dataUrl}/mcp-oauth/start?ticket=${opened.form.ticket}`)).reply.status, 404)
  // Neither tokens nor codes stand in the log or in receipts.
  const written = house.logs.join('\n') + JSON.stringify(await house.receipts())
  for (const secret of [...server.live, new URL(back).searchParams.get('code') ?? 'x', opened.form.ticket]) assert.ok(!written.includes(secret))
})

test('an operator sees what was agreed to, and ends it', async () => {
  const env = { SALLYPORT_HOME: house.state }
  const listed = JSON.parse((await ran(['mcp', 'grants', '--json'], { env })).out) as readonly { server: string; issuer: string }[]
  assert.deepEqual(listed.map(({ server: name, issuer }) => [name, issuer]), [['sums', server.issuer]])
  assert.match((await ran(['mcp', 'grants'], { env })).out, /sums +key:/)
  const [told, met] = [server.asked.length, guard.methods.length]
  assert.match((await ran(['mcp', 'forget', 'sums'], { env })).out, /1 grant was forgotten/)
  // The session that was opened with it ends as well, and nobody is asked for that.
  assert.deepEqual([guard.methods.slice(met), guard.tokens.slice(met)], [['DELETE'], ['']])
  await refusedAt(house.key)
  assert.ok(server.asked.slice(told).some(({ path }) => path === '/revoke'))
  assert.notEqual((await ran(['mcp', 'forget', 'sums'], { env })).code, 0)
})

test('confused deputy: nobody agrees for somebody else, from another page, or in another browser', async () => {
  const { form, cookies } = await open(await refusedAt(house.key))
  const stranger = await house.newKey({ name: 'stranger' })
  const allow = { ...form, decision: 'allow', credential: house.key }
  const table: readonly (readonly [what: string, sent: Promise<Response>, status: number])[] = [
    ['another caller', send({ ...allow, credential: stranger }, cookies), 401],
    ['no credential', send({ ...allow, credential: '' }, cookies), 401],
    ['a key that is none', send({ ...allow, credential: 'x' }, cookies), 401],
    ['no cookie', send(allow, ''), 400],
    ['another nonce', send({ ...allow, nonce: 'x' }, cookies), 400],
    ['another page', send(allow, cookies, { origin: 'https://evil.example' }), 403],
    ['another site', send(allow, cookies, { 'sec-fetch-site': 'cross-site' }), 400],
    ['another ticket', send({ ...allow, ticket: 'x'.repeat(43) }, cookies), 404],
    ['JSON', fetch(`${house.dataUrl}/mcp-oauth/start`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }), 400],
    ['too much', send({ ...allow, x: 'x'.repeat(20_000) }, cookies), 413],
  ]
  for (const [what, sent, status] of table) {
    const reply = await sent
    assert.deepEqual([reply.status, reply.headers.get('location')], [status, null], `${what}: ${await reply.text()}`)
  }
  const agreed = await send(allow, cookies)
  const back = await goneTo(agreed)
  // The victim's browser: it never agreed.
  for (const cookie of ['', 'sallyport-consent-x=y']) assert.equal((await fetch(back, { headers: { ...(cookie !== '' && { cookie }) } })).status, 400)
  const twice = await fetch(`${back}&state=${new URL(back).searchParams.get('state') ?? ''}`, { headers: { cookie: cookiesOf(agreed) } })
  assert.equal(twice.status, 400)
  const mixed = back.replace(encodeURIComponent(server.issuer), encodeURIComponent('https://evil.example'))
  const reply = await fetch(mixed, { headers: { cookie: cookiesOf(agreed) } })
  assert.deepEqual([reply.status, (await reply.text()).includes('another authorization server')], [400, true])
  await refusedAt(house.key)
})

test('whoever is asked may say no', async () => {
  const { form, cookies } = await open(await refusedAt(house.key))
  const reply = await send({ ...form, decision: 'deny' }, cookies)
  assert.deepEqual([reply.status, reply.headers.get('location')], [200, null])
  assert.equal((await open(`${house.dataUrl}/mcp-oauth/start?ticket=${form.ticket}`)).reply.status, 404)
})

test('our description as a client is there where authorization servers can fetch it', async () => {
  assert.equal((await fetch(`${house.dataUrl}/mcp-oauth/client.json`)).status, 404)
  const far = await startHouse({ config: () => 'identity: { public_url: "https://gate.example" }\n' })
  try {
    const described = (await (await fetch(`${far.dataUrl}/mcp-oauth/client.json`)).json()) as Record<string, unknown>
    assert.deepEqual([described['client_id'], described['redirect_uris']], ['https://gate.example/mcp-oauth/client.json', ['https://gate.example/mcp-oauth/callback']])
  } finally {
    await far.stop()
  }
})
