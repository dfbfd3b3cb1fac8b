import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { HELLO, META, MODERN, rawCaller, textOf, type RawCaller, type Said } from './mcp/caller.ts'
import { startFixture, type Fixture } from './mcp/conformance/fixture.ts'
import { FINE, startHostile, WRONGS, type HostileServer } from './mcp/hostile.ts'
import { freePort, raw, sealOf, seals, until } from './probe.ts'

/** Known attacks on MCP clients, servers and gateways, by the names that they have elsewhere. */
let house: TestHouse
let hostile: HostileServer
let fixture: Fixture
let caller: RawCaller
/** Whatever somebody fetched because a schema named it. */
const fetched: string[] = []
const listener = createServer((request, response) => {
  fetched.push(request.url ?? '')
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
})
const unruly = join(import.meta.dirname, 'mcp/unruly.ts')

before(async () => {
  hostile = await startHostile()
  fixture = await startFixture()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const schemas = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/schema.json`
  house = await startHouse({
    env: { HOSTILE_TOKEN: 'the-server-credential' },
    config(at) {
      mkdirSync(join(at.folder, 'policy'))
      writeFileSync(join(at.folder, 'policy', 'own.cedar'), POLICY)
      const program = `command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(unruly)}]`
      return `
policy: { folders: [./policy] }
guardrails:
  - { use: prompt_injection, layers: [rules] }
limits: { body_bytes: 64KB }
tools:
  unruly/typed: { parameters: { count: Long } }
mcpServers:
  unruly: { ${program}, timeout: 30s, env: { SCHEMA_URL: "${schemas}" } }
  changing: { ${program}, timeout: 30s }
  hostile: { url: "${hostile.url}", timeout: 1s, result_bytes: 1MB, headers: { Authorization: "Bearer env:HOSTILE_TOKEN" } }
  fixture: { url: "${fixture.url}", asks: [elicitation] }
`
    },
  })
  caller = rawCaller(house)
})
after(async () => {
  await house.stop()
  await hostile.stop()
  await fixture.stop()
  listener.closeAllConnections()
  await new Promise((resolve) => listener.close(resolve))
})

const POLICY = `@id("all") permit (principal, action, resource);
@id("not-this") @message("Nobody calls this.")
forbid (principal, action == Action::"mcp.call", resource is Tool) when { resource.id == "forbidden" };
`
const as = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` })
const codeOf = ({ body }: Said): string | undefined => body?.error?.data?.code ?? body?.result?._meta?.['sallyport/code']
/** What reached the server, by its own account. */
const called = async (): Promise<readonly string[]> => textOf(await caller.call('unruly', await caller.session('unruly'), 'called')).split(',')

test('CVE-2025-49596, CVE-2025-66414: a page that rebinds its name to this machine is nobody', async () => {
  const body = JSON.stringify(HELLO)
  const port = new URL(house.dataUrl).port
  const head = (host: string, more = ''): string => `POST /mcp/unruly HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${house.key}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`
  const table: readonly (readonly [what: string, request: string, status: number])[] = [
    ['its own name', head(`evil.example:${port}`), 421],
    ['its own name, and where it came from', head(`evil.example:${port}`, `Origin: http://evil.example:${port}\r\n`), 421],
    ['a name that only looks like ours', head(`127.0.0.1.evil.example:${port}`), 421],
    ['our name, from a page', head(`127.0.0.1:${port}`, 'Origin: http://evil.example\r\n'), 403],
    ['our name, from a page of a sandbox', head(`127.0.0.1:${port}`, 'Origin: null\r\n'), 403],
    ['our name, from another port', head(`127.0.0.1:${port}`, 'Origin: http://127.0.0.1:1\r\n'), 403],
    ['two hosts', head(`127.0.0.1:${port}`, 'Host: evil.example\r\n'), 400],
    ['ours', head(`127.0.0.1:${port}`), 200],
    ['ours by its name', head(`localhost:${port}`), 200],
  ]
  for (const [what, request, status] of table) {
    const said = await raw(house.dataUrl, [request])
    assert.deepEqual([said.status, /^mcp-session-id:/im.test(said.head)], [status, status === 200], what)
  }
})

for (const server of ['unruly', 'hostile'] as const) {
  test(`CVE-2026-25536: callers who share a server, with the same ids at the same time, get their own answers (${server})`, async () => {
    const keys = await Promise.all(['first', 'second', 'third'].map((name) => house.newKey({ name: `shared-${server}-${name}` })))
    const sessions = await Promise.all(keys.map((key) => caller.session(server, as(key))))
    const asked = keys.flatMap((key, who) =>
      Array.from({ length: 10 }, (_, at) => {
        const text = `for ${who}, number ${at}`
        // Later ones are answered earlier, so that order finds nobody's answer.
        const params = server === 'unruly' ? { name: 'later', arguments: { text, ms: (10 - at) * 5 + who } } : { name: FINE, arguments: {} }
        return caller.post(server, { jsonrpc: '2.0', id: at, method: 'tools/call', params }, { ...as(key), 'mcp-session-id': sessions[who] as string }).then((said) => {
          assert.deepEqual([said.body?.id, textOf(said)], [at, server === 'unruly' ? text : 'fine'])
        })
      }),
    )
    await Promise.all(asked)
  })
}

test('CVE-2026-52869, GHSA-953h: a session is of use to nobody but who opened it', async () => {
  const stranger = as(await house.newKey({ name: 'thief' }))
  const id = await caller.session('unruly')
  const own = await caller.session('unruly', stranger)
  const waiting = caller.post('unruly', { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'later', arguments: { text: 'unharmed', ms: 400 } } }, { 'mcp-session-id': id })
  const stolen = { ...stranger, 'mcp-session-id': id }
  for (const [what, said] of [
    ['resumed', await caller.post('unruly', { jsonrpc: '2.0', id: 1, method: 'ping' }, stolen)],
    ['listened to', await caller.post('unruly', undefined, { ...stolen, 'last-event-id': '0', accept: 'text/event-stream' }, 'GET')],
    ['ended', await caller.post('unruly', undefined, stolen, 'DELETE')],
    ['cancelled in', await caller.post('unruly', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }, stolen)],
  ] as const) {
    assert.ok(said.status === 404 || said.status === 405, `${what}: ${said.status}`)
  }
  // The same id in a session of one's own is another request.
  assert.equal((await caller.post('unruly', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }, { ...stranger, 'mcp-session-id': own })).status, 202)
  assert.equal(textOf(await waiting), 'unharmed')
  assert.equal((await caller.post('unruly', { jsonrpc: '2.0', id: 2, method: 'ping' }, { 'mcp-session-id': id })).status, 200)
})

test('CVE-2026-59951, CVE-2026-67430: a thousand sessions by one caller are a hundred, and others have theirs', async () => {
  const greedy = as(await house.newKey({ name: 'thousand' }))
  const mine = await caller.session('unruly')
  const statuses: number[] = []
  for (let round = 0; round < 20; round++) statuses.push(...(await Promise.all(Array.from({ length: 50 }, async () => (await caller.post('unruly', HELLO, greedy)).status))))
  assert.deepEqual([statuses.filter((one) => one === 200).length, statuses.filter((one) => one === 429).length], [100, 900])
  assert.equal(textOf(await caller.call('unruly', mine, 'echo', { still: 'here' })), '{"still":"here"}')
  await caller.session('unruly', as(await house.newKey({ name: 'somebody else' })))
})

test('CVE-2026-27896: members that only a sloppy reader takes for others are refused, and nothing reaches the server', async () => {
  const id = await caller.session('unruly')
  const call = (members: string): string => `{"jsonrpc":"2.0","id":1,${members}}`
  const params = '"params":{"name":"forbidden","arguments":{}}'
  const bodies: readonly string[] = [
    call(`"method":"ping","Method":"tools/call",${params}`),
    call(`"method":"ping","METHOD":"tools/call",${params}`),
    call(`"method":"ping","method":"tools/call",${params}`),
    call(`"method":"ping","\\u006dethod":"tools/call",${params}`),
    call(`"method":"tools/call","params":{"name":"echo"},"Params":{"name":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo"},"param\u017f":{"name":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo"},"param\\u017f":{"name":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo","Name":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo","NAME":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo","name":"forbidden"}`),
    call(`"method":"tools/call","params":{"name":"echo","argument\u017f":{"a":1}}`),
    call(`"method":"tools/call","params":{"name":"echo","tas\u212a":{"ttl":1}}`),
    call(`"method":"tool\u017f/call",${params}`),
    call(`"method":"Tools/Call",${params}`),
    call(`"method":"tools/call\\u0000",${params}`),
    `{"jsonrpc":"2.0","id":1,"ID":2,"method":"tools/call",${params}}`,
    `{"jsonrpc":"2.0","j\u017fonrpc":"2.0","id":1,"method":"tools/call",${params}}`,
  ]
  for (const body of bodies) {
    const said = await caller.post('unruly', body, { 'mcp-session-id': id })
    assert.ok(said.body?.error !== undefined, `${body}: ${JSON.stringify(said.body)}`)
    assert.equal((await sealOf(house, said.headers.get('x-sallyport-id'))).outcome, 'refused', body)
  }
  // In arguments, names on which policy relies have one spelling.
  for (const args of ['{"count":1,"Count":5}', '{"count":1,"COUNT":5}', '{"count":1,"count":5}']) {
    const said = await caller.post('unruly', call(`"method":"tools/call","params":{"name":"typed","arguments":${args}}`), { 'mcp-session-id': id })
    assert.ok(said.body?.error !== undefined || said.body?.result?.isError === true, `${args}: ${JSON.stringify(said.body)}`)
  }
  assert.ok(!(await called()).some((one) => one === 'forbidden' || one === 'typed'))
})

test('agentgateway 1.4.0, truncatedBody: what cannot be read whole is not decided on', async () => {
  const id = await caller.session('unruly')
  const head = (more: string): string => `POST /mcp/unruly HTTP/1.1\r\nHost: ${new URL(house.dataUrl).host}\r\nAuthorization: Bearer ${house.key}\r\nMcp-Session-Id: ${id}\r\nContent-Type: application/json\r\n${more}\r\n`
  const call = (padding: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"pad":"${padding}"}}}`
  const long = call('x'.repeat(70_000))
  const hidden = `{"jsonrpc":"2.0","id":1,"method":"ping"${' '.repeat(70_000)},"method":"tools/call","params":{"name":"forbidden"}}`
  assert.equal((await caller.post('unruly', long, { 'mcp-session-id': id })).status, 413)
  assert.equal((await caller.post('unruly', hidden, { 'mcp-session-id': id })).status, 413)
  const chunks = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
  assert.equal((await raw(house.dataUrl, [head('Transfer-Encoding: chunked\r\n'), chunks(long)])).status, 413)
  for (const [what, status, body, more] of [
    ['packed', 415, call(''), 'Content-Encoding: gzip\r\n'],
    ['no UTF-8', 400, Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"'), Buffer.from([0xc0, 0xae]), Buffer.from('"}}}')]), ''],
    ['UTF-16', 400, Buffer.from(call(''), 'utf16le'), ''],
    ['half a surrogate', 400, call('\\ud800'), ''],
    ['something after it', 400, `${call('')}${call('')}`, ''],
  ] as const) {
    const said = await raw(house.dataUrl, [head(`Content-Length: ${Buffer.byteLength(body)}\r\n${more}`), body])
    assert.equal(said.status, status, `${what}: ${said.body}`)
  }
  // Less than was announced: whoever asked is not answered as if it were all.
  const before = (await called()).filter((one) => one === 'echo').length
  const short = await raw(house.dataUrl, [head(`Content-Length: ${call('').length + 10}\r\nConnection: close\r\n`), call('')]).then(({ status }) => status, () => 0)
  assert.notEqual(short, 200)
  assert.equal((await called()).filter((one) => one === 'echo').length, before)
})

test('CVE-2026-110279, X-Upstream-Authorization: nothing that a caller presents goes on to a server, in any header', async () => {
  const id = await caller.session('hostile')
  const from = hostile.seen.length
  const secret = 'stolen-or-forged'
  const headers: Record<string, string> = { 'mcp-session-id': id, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
  for (const name of ['x-upstream-authorization', 'x-authorization', 'proxy-authorization', 'cookie', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-authorization', 'forwarded', 'router-key', 'mcp-init-host', 'x-mcp-servername', 'x-original-url', 'x-http-method-override']) headers[name] = secret
  for (const send of [() => caller.call('hostile', id, FINE, {}, headers), () => caller.modern('hostile', 'tools/call', { name: FINE, arguments: {} }, { ...headers, 'mcp-session-id': '' })]) assert.equal(textOf(await send()), 'fine')
  const upstream = hostile.seen.slice(from)
  assert.ok(upstream.length >= 2)
  for (const { headers: sent } of upstream) {
    const written = JSON.stringify(sent)
    assert.ok(!written.includes(secret) && !written.includes(house.key) && !written.includes(id), written)
    assert.equal(sent.authorization, 'Bearer the-server-credential')
  }
})

test('GO-2026-5390, hair-pin: this gateway is no server of its own, however its address is written', async () => {
  const port = await freePort()
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '0.0.0.0']) {
    const started = startHouse({ data: `127.0.0.1:${port}`, config: () => `mcpServers: { self: { url: "http://${host}:${port}/mcp/self" } }` })
    await assert.rejects(started.then((wrongly) => wrongly.stop()), /mcpServers|self/, host)
  }
})

test('CVE-2026-53709, CVE-2026-78573: no two installations share a key, and none is open with a known one', async () => {
  const other = await startHouse({ config: () => `mcpServers: { unruly: { command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(unruly)}] } }` })
  try {
    const made = (state: string): readonly string[] => readdirSync(state).filter((name) => /key|secret/i.test(name) && statSync(join(state, name)).isFile()).sort()
    const names = made(house.state)
    assert.ok(names.includes('admin.key') && names.length > 3, String(names))
    for (const name of names) {
      const file = join(house.state, name)
      assert.equal(statSync(file).mode & 0o077, 0, `${name} is for its owner alone`)
      if (made(other.state).includes(name)) assert.notEqual(readFileSync(file, 'utf8'), readFileSync(join(other.state, name), 'utf8'), name)
    }
    const theirs = rawCaller(other)
    for (const key of [house.key, 'sallyport', 'changeme', 'admin', 'my-test-key', '', 'sk-1234', 'null']) {
      assert.equal((await theirs.post('unruly', HELLO, { authorization: `Bearer ${key}` })).status, 401, key)
      assert.equal((await fetch(`${other.adminUrl}/api/keys`, { headers: { authorization: `Bearer ${key}` } })).status, 401, key)
    }
  } finally {
    await other.stop()
  }
})

test('CVE-2026-30623: no request configures a program, and none is started that settings do not name', async () => {
  const trace = join(house.folder, 'started-by-a-request')
  const run = { command: process.execPath, args: ['-e', `require('fs').writeFileSync(${JSON.stringify(trace)}, '')`] }
  const id = await caller.session('unruly')
  for (const [server, body] of [
    ['unruly', { ...HELLO, params: { ...HELLO.params, ...run, mcpServers: { new: run }, _meta: run } }],
    ['new', { ...HELLO, params: { ...HELLO.params, ...run } }],
    ['unruly', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', ...run } }],
    ['unruly', { jsonrpc: '2.0', id: 1, method: 'servers/add', params: { name: 'new', ...run } }],
    [`new?command=${encodeURIComponent(run.command)}`, HELLO],
    ['..%2f..%2fbin%2fsh', HELLO],
  ] as const) {
    const said = await caller.post(server, body, { 'mcp-session-id': id })
    assert.ok(said.body?.error !== undefined || said.body?.result?.['protocolVersion'] !== undefined, JSON.stringify(said.body))
  }
  for (const path of ['mcp', 'mcp/servers', 'mcpServers', 'servers']) {
    for (const verb of ['POST', 'PUT', 'PATCH']) {
      const said = await fetch(`${house.adminUrl}/api/${path}`, { method: verb, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ new: run }) })
      assert.ok(said.status >= 400, `${verb} ${path}: ${said.status}`)
    }
  }
  assert.equal((await caller.post('new', HELLO)).status, 404)
  assert.ok(!existsSync(trace))
})

test('header and body disagree: what a proxy on the way would have let pass is not what is called', async () => {
  const before = (await called()).length
  const params = { name: 'forbidden', arguments: {} }
  for (const headers of [
    { 'mcp-name': 'echo' },
    { 'mcp-name': '=?base64?ZWNobw==?=' },
    { 'mcp-name': 'Forbidden' },
    { 'mcp-name': 'echo', 'mcp-method': 'tools/list' },
    { 'mcp-method': 'tools/list' },
    { 'mcp-method': 'TOOLS/CALL' },
    { 'mcp-protocol-version': '2025-11-25' },
  ]) {
    const said = await caller.modern('unruly', 'tools/call', params, headers)
    assert.deepEqual([said.status, said.body?.error?.code], [400, -32020], JSON.stringify(headers))
  }
  const asIs = await caller.modern('unruly', 'tools/call', params)
  assert.deepEqual([asIs.body?.result?.isError, codeOf(asIs)], [true, 'denied'])
  assert.equal((await called()).length, before)
})

test('theft of requestState and of tasks: what leads back to a request leads nobody else there, nowhere else, and once', async () => {
  const thief = as(await house.newKey({ name: 'state-thief' }))
  const _meta = { ...META, 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } } }
  const ask = (name: string, more: object = {}, headers = {}): Promise<Said> => caller.modern('fixture', 'tools/call', { name, arguments: {}, _meta, ...more }, headers)
  const first = await ask('test_input_required_result_request_state')
  const { requestState, inputRequests } = first.body?.result as unknown as { requestState: string; inputRequests: object }
  const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: { ok: true } }]))
  const back = { inputResponses, requestState }
  for (const [what, said] of [
    ['another caller', await ask('test_input_required_result_request_state', back, thief)],
    ['another tool', await ask('test_input_required_result_tampered_state', back)],
    ['other arguments', await ask('test_input_required_result_request_state', { ...back, arguments: { more: 1 } })],
    ['another server', await caller.modern('unruly', 'tools/call', { name: 'echo', arguments: {}, _meta, ...back })],
    ['altered', await ask('test_input_required_result_request_state', { ...back, requestState: `${requestState.slice(0, -2)}AA` })],
    ['longer', await ask('test_input_required_result_request_state', { ...back, requestState: `${requestState}A` })],
  ] as const) {
    assert.equal(said.body?.error?.code, -32602, `${what}: ${JSON.stringify(said.body)}`)
  }
  assert.equal(textOf(await ask('test_input_required_result_request_state', back)), 'state-ok')
  assert.equal((await ask('test_input_required_result_request_state', back)).body?.error?.code, -32602, 'a second time')

  const task = (await ask('slow_compute', { arguments: { seconds: 60 } })).body?.result as unknown as { taskId: string; status: string }
  assert.equal(task.status, 'working')
  const about = (method: string, more: object = {}, headers = {}): Promise<Said> => caller.modern('fixture', method, { taskId: task.taskId, _meta, ...more }, { 'mcp-name': task.taskId, ...headers })
  assert.equal((await about('tasks/get', {}, thief)).body?.error?.code, -32602)
  assert.equal((await about('tasks/cancel', {}, thief)).body?.error?.code, -32602)
  assert.equal((await about('tasks/update', { inputResponses: {} }, thief)).body?.error?.code, -32602)
  assert.equal((await about('tasks/get')).body?.result?.['status'], 'working')
  assert.equal((await about('tasks/cancel')).body?.result?.resultType, 'complete')
  assert.equal((await about('tasks/get')).body?.result?.['status'], 'cancelled')
})

test('network $ref: a schema never makes anybody fetch anything', async () => {
  const id = await caller.session('unruly')
  const listed = await caller.post('unruly', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'mcp-session-id': id })
  assert.ok(listed.body?.result?.tools?.some(({ name }) => name === 'echo'))
  for (const tool of ['fetched', 'fetched_by_id', 'fetched_dialect']) {
    const said = await caller.call('unruly', id, tool, { a: { any: 'thing' } })
    assert.ok(said.body?.result?.isError === true || textOf(said) === 'called', `${tool}: ${textOf(said)}`)
  }
  assert.equal((await caller.call('unruly', id, 'fetched', { a: 1 })).body?.result?.isError, true)
  assert.deepEqual(fetched, [])
})

test('recursive schemas: they are followed as far as arguments go, and no further', async () => {
  const id = await caller.session('unruly')
  const nested = (deep: number, bottom: object): object => (deep === 0 ? bottom : { name: 'x', child: nested(deep - 1, bottom) })
  assert.equal(textOf(await caller.call('unruly', id, 'recursive', nested(5, { name: 'end' }))), JSON.stringify(nested(5, { name: 'end' })))
  assert.equal((await caller.call('unruly', id, 'recursive', nested(5, { name: 7 }))).body?.result?.isError, true)
  for (const [tool, args] of [['recursive', nested(55, { name: 'end' })], ['tangled', { value: 1 }], ['exploding', { value: 'no number' }]] as const) {
    const said = await caller.call('unruly', id, tool, args)
    assert.equal(said.body?.result?.isError, true, `${tool}: ${textOf(said).slice(0, 200)}`)
  }
  assert.equal(textOf(await caller.call('unruly', id, 'echo', { still: 'here' })), '{"still":"here"}')
})

test('look-alike names: no tool is called by a name that only looks like its own', async () => {
  const id = await caller.session('unruly')
  const before = (await called()).length
  for (const name of ['\u0435cho', 'ech\u043e', '\uff45cho', 'echo\u200b', '\u202eecho', 'e\u0301cho', 'ECHO', 'echo ', ' echo', 'echo\u0000', 'unruly/echo', 'unruly__echo', '../echo', '__proto__', 'constructor', 'toString']) {
    const said = await caller.call('unruly', id, name)
    assert.ok(said.body?.error !== undefined || said.body?.result?.isError === true, `${JSON.stringify(name)}: ${textOf(said)}`)
  }
  assert.equal((await called()).length, before)
})

test('batches: refused in every revision and from either side', async () => {
  const id = await caller.session('unruly')
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  const discover = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: META } }
  for (const body of [[], [ping], [ping, ping], [ping, HELLO], [[ping]], [discover, { ...discover, id: 2 }], Array.from({ length: 500 }, (_, at) => ({ ...ping, id: at }))]) {
    for (const headers of [{ 'mcp-session-id': id }, { 'mcp-protocol-version': MODERN, 'mcp-method': 'server/discover' }]) {
      const said = await caller.post('unruly', body, headers)
      assert.deepEqual([said.status, said.body?.error?.code], [400, -32600], JSON.stringify(body).slice(0, 100))
    }
  }
})

test('a server behind HTTP that floods, stalls, sends 100 MB, misdirects or errs fails that call, in a bounded way', async () => {
  const id = await caller.session('hostile')
  const beside = await caller.session('unruly')
  for (const tool of WRONGS) {
    const before = process.memoryUsage().rss
    const [said, untouched] = await Promise.all([caller.call('hostile', id, tool), caller.call('unruly', beside, 'later', { text: tool, ms: 20 })])
    assert.equal(textOf(untouched), tool)
    assert.equal(said.status, 200, tool)
    assert.match(said.body?.error?.data?.code ?? '', /^upstream_/, `${tool}: ${JSON.stringify(said.body).slice(0, 300)}`)
    assert.match((await sealOf(house, said.body?.error?.data?.id ?? null)).outcome, /^(failed|cut)$/, tool)
    // All of 100 MB was nowhere: not even twice what may be answered stays.
    assert.ok(process.memoryUsage().rss - before < 90e6, `${tool}: ${process.memoryUsage().rss - before}`)
    assert.equal(textOf(await caller.call('hostile', id, FINE)), 'fine', tool)
  }
  assert.ok(hostile.seen.every(({ path }) => path === '/mcp'))
  await until('its connections are let go', () => (hostile.open() <= 4 ? true : undefined))
})

test('a program that sends 100 MB, or talks without end beside its answers, fails one call', async () => {
  const id = await caller.session('changing')
  const beside = await caller.session('unruly')
  const huge = caller.call('changing', id, 'huge', { bytes: 100 * 1024 * 1024 })
  const [waited] = await Promise.all([caller.call('changing', id, 'later', { text: 'waited', ms: 10 }), huge])
  assert.deepEqual([codeOf(await huge), textOf(waited)], ['upstream_too_large', 'waited'])
  assert.equal(textOf(await caller.call('changing', id, 'noise')), 'said much')
  assert.ok(house.logs.filter((line) => line.includes('noise noise')).length < 200)
  assert.equal(textOf(await caller.call('unruly', beside, 'echo', { still: 'here' })), '{"still":"here"}')
  assert.equal(textOf(await caller.call('changing', id, 'echo', { still: 'here' })), '{"still":"here"}')
})

test('a server that changes its tools in mid-session is held to what they are now', async () => {
  const id = await caller.session('changing')
  const beside = await caller.session('unruly')
  assert.equal(textOf(await caller.call('changing', id, 'say', { text: 'before' })), 'before')
  assert.equal(textOf(await caller.call('changing', id, 'swap')), 'swapped')
  const gone = await until('the tool is gone', async () => {
    const said = await caller.call('changing', id, 'say', { text: 'after' })
    return said.body?.error !== undefined || said.body?.result?.isError === true ? said : undefined
  })
  assert.ok(gone.status < 500)
  const otherwise = await caller.call('changing', id, 'echo', { note: 'no count' })
  assert.ok(otherwise.body?.error !== undefined || otherwise.body?.result?.isError === true, textOf(otherwise))
  assert.equal(textOf(await caller.call('unruly', beside, 'say', { text: 'unchanged' })), 'unchanged')
})

test('a server that spawns children and dies leaves none behind, not even those that left its group', async () => {
  const id = await caller.session('changing')
  const mark = crypto.randomUUID()
  assert.equal(textOf(await caller.call('changing', id, 'children', { mark })), '10')
  await until('they run', () => (marked(mark) >= 10 ? true : undefined))
  assert.equal(codeOf(await caller.call('changing', id, 'die')), 'upstream_cut')
  await until('they are gone', () => (marked(mark) === 0 ? true : undefined))
})

/** Processes of this machine with this word among their arguments; their own ids may be of a namespace. */
function marked(word: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
    } catch {
      return false
    }
  }).length
}

test('every refusal above left a receipt, and none says what was refused', async () => {
  const all = await seals(house)
  assert.ok(all.filter(({ outcome }) => outcome === 'refused').length > 50)
  assert.ok(!JSON.stringify(all).includes('what nobody may call'))
})
