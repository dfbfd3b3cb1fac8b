import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'
import { startHouse, type TestHouse } from './house.ts'
import { startAuthorizationServer, type AuthorizationServer } from './mcp/authorization.ts'
import { startRemote, type RemoteServer } from './mcp/remote.ts'
import { freePort, sealOf } from './probe.ts'

/** MCP clients that log people in: official clients, a simulated authorization server, the whole firewall and a real server behind it. */
let house: TestHouse
let server: AuthorizationServer
let remote: RemoteServer
const closing: (() => Promise<void>)[] = []

before(async () => {
  ;[server, remote] = [await startAuthorizationServer(), await startRemote(true)]
  const data = `127.0.0.1:${await freePort()}`
  house = await startHouse({
    data,
    config: () => `
identity:
  public_url: http://${data}
  oidc:
    - { issuer: "${server.issuer}", audience: sallyport, allow_private: true, for: clients, workload: "spiffe://sallyport.internal/app/{client_id}", user: "{sub}@example.com", scopes: { "math:read": [long], "math:add": [add] } }
guardrails: [{ use: prompt_injection, layers: [rules] }]
mcpServers:
  remote: { url: "${remote.url}" }
  other: { url: "${remote.url}" }
`,
  })
})
after(async () => {
  await Promise.all(closing.map((close) => close()))
  await house.stop()
  await remote.stop()
  await server.stop()
})

/** What an SDK client is given to log in with. Its user opens the page, agrees, and comes back with a code. */
function login() {
  const kept: { tokens?: unknown; client?: unknown; verifier?: string; came?: URLSearchParams } = {}
  const provider = {
    redirectUrl: 'http://localhost:1/callback',
    clientMetadata: { client_name: 'test', redirect_uris: ['http://localhost:1/callback'], token_endpoint_auth_method: 'none' },
    clientInformation: () => kept.client,
    saveClientInformation: (client: unknown) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens: unknown) => void (kept.tokens = tokens),
    saveCodeVerifier: (verifier: string) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier ?? '',
    async redirectToAuthorization(url: URL) {
      const reply = await fetch(url, { redirect: 'manual' })
      kept.came = new URL(reply.headers.get('location') ?? '').searchParams
    },
  }
  return { kept, provider: provider as never }
}

const endpoint = (name: string): URL => new URL(`${house.dataUrl}/mcp/${name}`)

const HELLO = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }

async function post(name: string, token: string | undefined, more: Readonly<Record<string, string>> = {}, body: unknown = HELLO): Promise<Response> {
  return await fetch(endpoint(name), {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more },
    body: JSON.stringify(body),
  })
}

test('a client of the last revision finds out where to log in, does so, and is told when it needs more', async () => {
  const { kept, provider } = login()
  const transport = new StreamableHTTPClientTransport(endpoint('remote'), { authProvider: provider })
  const first = new Client({ name: 'test', version: '1' })
  closing.push(() => first.close())
  await assert.rejects(first.connect(transport as never))
  assert.deepEqual(server.asked.find(({ path }) => path === '/authorize')?.params['resource'], endpoint('remote').href)
  assert.equal(server.asked.find(({ path }) => path === '/authorize')?.params['scope'], 'math:read')
  await transport.finishAuth(kept.came?.get('code') ?? '')
  const client = new Client({ name: 'test', version: '1' })
  closing.push(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(endpoint('remote'), { authProvider: provider }) as never)
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ['long'])
  const said = (await client.callTool({ name: 'long', arguments: { bytes: 3 } })) as { content: readonly { text: string }[] }
  assert.equal(said.content[0]?.text, 'xxx')
  const call = (await house.receipts()).find(({ action }) => action === 'mcp.call') as unknown as { workload: string; chain: readonly string[] }
  assert.match(call.workload, /^spiffe:\/\/sallyport.internal\/app\/registered-/)
  assert.deepEqual(call.chain, ['ada@example.com'])
  await assert.rejects(client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }))
})

test('a call that needs another scope says which', async () => {
  const token = await server.sign({ sub: 'ada', client_id: 'editor', scope: 'math:read', aud: 'sallyport' })
  const session = (await post('remote', token)).headers.get('mcp-session-id') ?? ''
  const call = (name: string): Promise<Response> => post('remote', token, { 'mcp-session-id': session }, { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name, arguments: { a: 1, b: 2 } } })
  const refused = await call('add')
  assert.equal(refused.status, 403)
  assert.equal(refused.headers.get('www-authenticate'), `Bearer error="insufficient_scope", resource_metadata="${house.dataUrl}/.well-known/oauth-protected-resource/mcp/remote", scope="math:add"`)
  assert.equal(((await refused.json()) as { error: { data: { code: string } } }).error.data.code, 'out_of_scope')
  // No scope opens it: the model reads that it is denied.
  const denied = await call('never')
  assert.deepEqual([denied.status, denied.headers.get('www-authenticate')], [200, null])
})

test('a client of the next revision logs in too', async () => {
  const { kept, provider } = login()
  const transport = new ModernTransport(endpoint('remote'), { authProvider: provider })
  const first = new ModernClient({ name: 'test', version: '1' })
  closing.push(() => first.close())
  await assert.rejects(first.connect(transport))
  await transport.finishAuth(kept.came as URLSearchParams)
  const client = new ModernClient({ name: 'test', version: '1' })
  closing.push(() => client.close())
  await client.connect(new ModernTransport(endpoint('remote'), { authProvider: provider }))
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ['long'])
})

test('where to log in is said to everybody, and leaves a receipt', async () => {
  for (const [path, resource] of [['/mcp/remote', '/mcp/remote'], ['/mcp/no-such-server', '/mcp/no-such-server'], ['/mcp', '/mcp'], ['', '/mcp']] as const) {
    const reply = await fetch(`${house.dataUrl}/.well-known/oauth-protected-resource${path}`)
    assert.deepEqual(await reply.json(), { resource: house.dataUrl + resource, authorization_servers: [server.issuer], scopes_supported: ['math:read', 'math:add'], bearer_methods_supported: ['header'] })
    assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).outcome, 'answered')
  }
  for (const path of ['/mcp/', '/mcp/a/b', 'x', '/mcp/a?b', '/mcp/%61']) assert.equal((await fetch(`${house.dataUrl}/.well-known/oauth-protected-resource${path}`)).status, 404, path)
  assert.equal((await fetch(`${house.dataUrl}/.well-known/oauth-protected-resource`, { method: 'POST' })).status, 405)
})

test('nobody, and who has a wrong token, hears where to log in', async () => {
  const metadata = `resource_metadata="${house.dataUrl}/.well-known/oauth-protected-resource/mcp/remote"`
  const nobody = await post('remote', undefined)
  assert.deepEqual([nobody.status, nobody.headers.get('www-authenticate')], [401, `Bearer ${metadata}, scope="math:read"`])
  const wrong = await post('remote', 'nonsense')
  assert.deepEqual([wrong.status, wrong.headers.get('www-authenticate')], [401, `Bearer error="invalid_token", ${metadata}, scope="math:read"`])
  const spoilt = await post('remote"x', undefined)
  assert.equal(spoilt.headers.get('www-authenticate'), `Bearer resource_metadata="${house.dataUrl}/.well-known/oauth-protected-resource", scope="math:read"`)
})

test('a token of another audience is refused', async () => {
  const token = (aud: unknown): Promise<string> => server.sign({ sub: 'ada', client_id: 'editor', scope: 'math:read', aud })
  for (const aud of ['https://elsewhere.example/mcp/remote', `${house.dataUrl}/mcp/remote/`, house.dataUrl, ['sallyport', 'elsewhere'], undefined]) {
    const reply = await post('remote', await token(aud))
    assert.equal(reply.status, 401, JSON.stringify(aud))
    assert.match(reply.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
  }
  assert.equal((await post('remote', await token('sallyport'))).status, 200)
  assert.equal((await post('remote', await token(endpoint('remote').href))).status, 200)
  const other = await post('other', await token(endpoint('remote').href))
  assert.equal(other.status, 401)
  assert.match(other.headers.get('www-authenticate') ?? '', /error="invalid_token", resource_metadata="[^"]+\/mcp\/other"/)
  const chat = await fetch(`${house.dataUrl}/v1/models`, { headers: { authorization: `Bearer ${await token(endpoint('remote').href)}` } })
  assert.equal(chat.status, 403)
})

test('audience: a token for all servers at one place is good there alone, and one of any other spelling nowhere', async () => {
  const token = (aud: string): Promise<string> => server.sign({ sub: 'ada', client_id: 'editor', scope: 'math:read math:add', aud })
  const at = async (path: string, aud: string, body: unknown = HELLO, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
    await fetch(house.dataUrl + path, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${await token(aud)}`, ...more }, body: JSON.stringify(body) })
  const all = `${house.dataUrl}/mcp`
  const met = await at('/mcp', all)
  assert.equal(met.status, 200, await met.clone().text())
  const called = await at('/mcp', all, { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'remote__add', arguments: { a: 1, b: 2 } } }, { 'mcp-session-id': met.headers.get('mcp-session-id') ?? '' })
  assert.equal(((await called.json()) as { result?: { content: readonly { text: string }[] } }).result?.content[0]?.text, '3')
  const { port } = new URL(all)
  const elsewhere: readonly (readonly [path: string, aud: string])[] = [
    ['/mcp/remote', all],
    ['/mcp', endpoint('remote').href],
    ...[`${all}/`, all.replace('/mcp', '/MCP'), `${all}?`, `${all}#`, all.replace('http:', 'HTTP:'), all.replace('http:', 'https:'), all.replace(port, String(Number(port) + 1)), all.replace('127.0.0.1', 'localhost'), all.replace('//', '//x@'), ` ${all}`, `${all}/../mcp`, '/mcp', ''].map((aud) => ['/mcp', aud] as const),
  ]
  for (const [path, aud] of elsewhere) {
    const reply = await at(path, aud)
    assert.equal(reply.status, 401, `${aud} at ${path}`)
    assert.match(reply.headers.get('www-authenticate') ?? '', /^Bearer error="invalid_token", resource_metadata="/)
  }
  for (const path of ['/v1/models', '/identity/renew']) assert.ok((await fetch(house.dataUrl + path, { headers: { authorization: `Bearer ${await token(all)}` } })).status >= 400, path)
  // A session of one place is none at another, nor for another token's holder.
  const foreign = await at('/mcp/remote', 'sallyport', { jsonrpc: '2.0', id: 2, method: 'tools/list' }, { 'mcp-session-id': met.headers.get('mcp-session-id') ?? '' })
  assert.ok(foreign.status >= 400, String(foreign.status))
})

test('token passthrough: nothing that a caller presents reaches a server', async () => {
  const token = await server.sign({ sub: 'ada', client_id: 'editor', scope: 'math:read math:add', aud: 'sallyport' })
  remote.seen.length = 0
  const planted = { 'x-upstream-authorization': 'planted', cookie: 'planted=1', 'proxy-authorization': 'Basic planted', 'x-forwarded-authorization': 'planted', 'x-secret': 'planted', 'mcp-param-token': 'planted' }
  const opened = await post('remote', token, planted)
  assert.equal(opened.status, 200, await opened.clone().text())
  const called = await post('remote', token, { 'x-api-key': token, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '', ...planted }, { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'add', arguments: { a: 1, b: 2 } } })
  assert.equal(called.status, 200, await called.clone().text())
  assert.ok(remote.seen.length > 0)
  const all = JSON.stringify(remote.seen)
  assert.ok(!all.includes('planted') && !all.includes(token.slice(0, 40)) && !/authorization|cookie|x-api-key/.test(all), all)
})
