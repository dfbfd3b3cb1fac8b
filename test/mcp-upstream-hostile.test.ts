import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Exchange } from '../src/contract/exchange.ts'
import type { Principal } from '../src/contract/principal.ts'
import { Refused } from '../src/contract/verdict.ts'
import { systemClock } from '../src/edge/clock.ts'
import { makeDialer } from '../src/edge/dial/dialer.ts'
import { startProgram } from '../src/edge/spawn/program.ts'
import { fromPlain, toPlain } from '../src/formats/json.ts'
import type { TreeObject } from '../src/formats/tree.ts'
import { questionOf } from '../src/gateways/mcp/asks/questions.ts'
import { Rounds } from '../src/gateways/mcp/asks/rounds.ts'
import type { Review } from '../src/gateways/mcp/pins/review.ts'
import type { Answer } from '../src/gateways/mcp/rpc.ts'
import { connectionOver } from '../src/gateways/mcp/servers/connection.ts'
import { serverForEach } from '../src/gateways/mcp/servers/each.ts'
import { eitherLink } from '../src/gateways/mcp/servers/either.ts'
import { httpLink, type HttpParts } from '../src/gateways/mcp/servers/http.ts'
import { offersOf } from '../src/gateways/mcp/servers/introduce.ts'
import { listItems } from '../src/gateways/mcp/servers/items.ts'
import type { AskOptions, Introduction, Link, ServerEvent } from '../src/gateways/mcp/servers/link.ts'
import { sseLink } from '../src/gateways/mcp/servers/sse.ts'
import { stdioLink } from '../src/gateways/mcp/servers/stdio.ts'
import { settleMcpServers } from '../src/gateways/mcp/settings.ts'
import { linkTo, readyServers } from '../src/tooling.ts'
import { until } from './probe.ts'

/** Servers that mean harm, and servers that callers could turn against each other: each test is one way that was open once. */
const folder = mkdtempSync(join(tmpdir(), 'upstream-hostile-'))
const closing: (() => Promise<unknown>)[] = []
after(async () => {
  for (const close of closing.reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
})

const SPOUTING = join(import.meta.dirname, 'mcp/spouting.ts')
const options = (more: Partial<AskOptions> = {}): AskOptions => ({ signal: new AbortController().signal, timeoutMs: 20_000, ...more })
const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject
const call = (link: Link, name: string, args: object = {}, more: Partial<AskOptions> = {}): Promise<Answer> => link.request('tools/call', tree({ name, arguments: args }), options(more))
const codeOf = (asked: Promise<unknown>): Promise<string> => asked.then(() => 'answered', (error: unknown) => (error instanceof Refused ? error.refusal.refuse : String(error)))
function textOf(answer: Answer): string {
  const { content } = toPlain('result' in answer ? answer.result : new Map()) as { readonly content?: readonly { readonly text: string }[] }
  return content?.[0]?.text ?? JSON.stringify(answer)
}

function program(): { readonly link: Link; readonly events: ServerEvent[] } {
  const events: ServerEvent[] = []
  const spec = { command: process.execPath, args: [SPOUTING], env: { PATH: process.env['PATH'] ?? '' }, cwd: folder, home: folder, lineBytes: 65_536 }
  const link = stdioLink({ clock: systemClock, version: '1', offers: new Map(), on: (event) => void events.push(event), spec, start: startProgram, startMs: 20_000 })
  closing.push(() => link.close())
  return { link, events }
}

test('callers that cancel, or ask for what is too large or broken, do not end the program that others use', async () => {
  const { link, events } = program()
  const pid = textOf(await call(link, 'pid'))
  for (let count = 0; count < 40; count++) {
    const stop = new AbortController()
    const cancelled = codeOf(call(link, 'never', {}, { signal: stop.signal }))
    stop.abort()
    assert.equal(await cancelled, 'cancelled')
    assert.equal(await codeOf(call(link, 'huge')), 'upstream_too_large')
    assert.equal(await codeOf(call(link, 'unreadable')), 'upstream_malformed')
  }
  assert.equal(textOf(await call(link, 'pid')), pid)
  assert.deepEqual(events.filter(({ kind }) => kind === 'ended'), [])
  // Answers to what nobody ever asked still end it.
  await codeOf(call(link, 'stray', { count: 100 }))
  await until('its end', () => events.find(({ kind }) => kind === 'ended'))
})

for (const [name, what] of [['blank', 'empty lines'], ['endless', 'a line'], ['notices', 'long messages']] as const) {
  test(`a program that writes ${what} without end is ended`, async () => {
    const { link, events } = program()
    assert.match(textOf(await call(link, 'pid')), /^\d+$/)
    const failed = codeOf(call(link, name))
    await until('its end', () => events.find(({ kind }) => kind === 'ended'), 2_000)
    assert.match(await failed, /^upstream_(?:cut|too_large)$/)
  })
}

test('what a program was handed to keep is in no log, and of what it breaks only so much', async () => {
  const settings = settleMcpServers({ spouting: { command: process.execPath, args: [SPOUTING], env: { TOKEN: 'env:SPOUTING_TOKEN' }, sandbox: 'off' } })
  const token = 'no-shape-that-anybody-knows'
  const { ready } = readyServers(settings, { PATH: process.env['PATH'], SPOUTING_TOKEN: token }, folder, folder, [])
  const told: ServerEvent[] = []
  const link = linkTo(ready[0] as never, { clock: systemClock, version: '1', on: (_, event) => void told.push(event) })
  closing.push(() => link.close())
  await call(link, 'pid')
  const said = await until('what it said', () => told.find(({ kind }) => kind === 'said'))
  assert.match(JSON.stringify(said), /\[credential\] is what it was handed/)
  await call(link, 'stray', { count: 30 })
  assert.ok(!JSON.stringify(told).includes(token))
  assert.equal(told.filter(({ kind }) => kind === 'broke_protocol').length, 20)
})

interface Asked {
  readonly id?: number
  readonly method: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const json = (response: ServerResponse, value: unknown, status = 200, more: Readonly<Record<string, string>> = {}): void => void response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(value))
const SESSIONS = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'hostile', version: '1' } }
const events = (response: ServerResponse): ServerResponse => response.writeHead(200, { 'content-type': 'text/event-stream' })
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`

/** A server behind HTTP that does with each message what `answer` does. */
async function behind(answer: (asked: Asked) => void): Promise<HttpParts & { readonly told: ServerEvent[] }> {
  const http = createServer((request, response) => {
    const chunks: Buffer[] = []
    response.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const message = (chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())) as { readonly id?: number; readonly method?: string }
      answer({ ...message, method: message.method ?? request.method ?? '', request, response })
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`
  const { dial, close } = makeDialer({ origins: [{ origin: new URL(url).origin, allowPrivate: true }] })
  closing.push(async () => {
    await close()
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
  })
  const told: ServerEvent[] = []
  return { clock: systemClock, version: '1', offers: new Map(), on: (one) => void told.push(one), url, fields: [], dial, answerBytes: 1_000_000, told }
}
function kept(link: Link): Link {
  closing.push(() => link.close())
  return link
}
/** As much as is taken, for as long as it is. */
function pour(response: ServerResponse, piece: string): void {
  while (!response.destroyed && response.write(piece));
  if (!response.destroyed) response.once('drain', () => pour(response, piece))
}

test('a session that its server has forgotten is opened once, however many callers notice', async () => {
  let opened = 0
  const link = kept(httpLink(await behind(({ id, method, request, response }) => {
    if (method === 'server/discover') return void response.writeHead(404).end()
    if (method === 'initialize') return json(response, { jsonrpc: '2.0', id, result: SESSIONS }, 200, { 'mcp-session-id': `s${++opened}` })
    if (id === undefined) return void response.writeHead(202).end()
    if (request.headers['mcp-session-id'] === 's1') return void response.writeHead(404).end()
    json(response, { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: String(request.headers['mcp-session-id']) }] } })
  })))
  await link.introduction(options())
  const said = await Promise.all(Array.from({ length: 30 }, () => call(link, 'any')))
  assert.deepEqual(new Set(said.map(textOf)), new Set(['s2']))
  assert.equal(opened, 2)
})

test('a server that has changed is met anew: sessions of a life before, sessions where there were none, and none where there were', async () => {
  let era: 'first' | 'second' | 'modern' | 'changed' = 'first'
  const failed = (id: number | undefined, code: number) => ({ jsonrpc: '2.0', id: id ?? null, error: { code, message: 'Bad Request: no valid session' } })
  const link = kept(httpLink(await behind(({ id, method, request, response }) => {
    if (id === undefined) return void response.writeHead(202).end()
    const result = { content: [{ type: 'text', text: era }] }
    if (era === 'modern') {
      if (method === 'initialize') return json(response, failed(id, -32601), 404)
      if (request.headers['mcp-protocol-version'] !== '2026-07-28') return json(response, failed(undefined, -32022), 400)
      return json(response, { jsonrpc: '2.0', id, result: method === 'server/discover' ? { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {}, ttlMs: 0, cacheScope: 'private' } : { resultType: 'complete', ...result } })
    }
    if (method === 'initialize') return json(response, { jsonrpc: '2.0', id, result: SESSIONS }, 200, { 'mcp-session-id': era })
    if (request.headers['mcp-session-id'] !== era) return json(response, failed(undefined, -32000), 400)
    json(response, { jsonrpc: '2.0', id, result })
  })))
  const heals = async (): Promise<void> => {
    for (let tries = 0; tries < 4; tries++) if ((await codeOf(call(link, 'any'))) === 'answered') break
    assert.equal(textOf(await call(link, 'any')), era)
  }
  for (const next of ['first', 'second', 'modern', 'changed', 'modern'] as const) {
    era = next
    await heals()
  }
})

test('a server that stalls while it is met does not keep anybody from leaving', async () => {
  let asked = false
  const link = httpLink(await behind(() => void (asked = true)))
  const met = codeOf(link.introduction(options({ timeoutMs: 600_000 })))
  await until('it was asked', () => asked || undefined)
  await link.close()
  assert.equal(await met, 'draining')
})

for (const [what, make] of [['streamable HTTP', httpLink], ['HTTP+SSE', sseLink]] as const) {
  test(`a server that asks a thousand things and takes no answer has no thousand connections (${what})`, async () => {
    let open = 0
    let most = 0
    let stream: ServerResponse | undefined
    const pings = Array.from({ length: 1_500 }, (_, id) => event({ jsonrpc: '2.0', id: `p${id}`, method: 'ping' })).join('')
    const link = kept(make(await behind(({ id, method, response }) => {
      const reply = (result: object): void => (stream === undefined ? json(response, { jsonrpc: '2.0', id, result }) : (response.writeHead(202).end(), void stream.write(event({ jsonrpc: '2.0', id, result }))))
      if (method === 'GET' && make === sseLink) return void (stream = events(response)).write('event: endpoint\ndata: /mcp\n\n')
      if (method === 'server/discover' || method === 'GET') return void response.writeHead(404).end()
      if (method === 'initialize') return reply(SESSIONS)
      if (method === 'notifications/initialized') return void response.writeHead(202).end()
      if (method !== 'tools/call') return void (most = Math.max(most, ++open))
      const to = stream ?? events(response)
      if (stream !== undefined) response.writeHead(202).end()
      to.write(pings)
      // After as many of them as there will be.
      void until('answers', () => most >= 256 || undefined).then(() => new Promise((resolve) => setTimeout(resolve, 200))).finally(() => {
        to.write(event({ jsonrpc: '2.0', id, result: { content: [] } }))
        if (stream === undefined) to.end()
      }).catch(() => undefined)
    })))
    assert.equal(await codeOf(call(link, 'any')), 'answered')
    assert.equal(most, 256)
  })
}

test('an event\'s id that no header field can say leads nowhere', async () => {
  for (const id of ['a\u0001b', 'x'.repeat(20_000), 'ä']) {
    const lasts: unknown[] = []
    const link = kept(httpLink(await behind(({ id: asked, method, request, response }) => {
      if (method === 'GET') lasts.push(request.headers['last-event-id'])
      if (method === 'server/discover' || method === 'GET') return void response.writeHead(404).end()
      if (method === 'initialize') return json(response, { jsonrpc: '2.0', id: asked, result: SESSIONS })
      if (method !== 'tools/call') return void response.writeHead(202).end()
      events(response).end(`id: ${id}\ndata:\n\n`)
    })))
    assert.equal(await codeOf(call(link, 'any')), 'upstream_cut')
    assert.deepEqual(lasts, [])
  }
})

test('a stream of a server\'s own that never stops is let go', async () => {
  let flooded: ServerResponse | undefined
  const link = kept(httpLink(await behind(({ id, method, response }) => {
    if (method === 'server/discover') return void response.writeHead(404).end()
    if (method === 'initialize') return json(response, { jsonrpc: '2.0', id, result: SESSIONS })
    if (method !== 'GET') return void response.writeHead(202).end()
    flooded = events(response)
    pour(flooded, event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(500_000) } }))
  })))
  await link.introduction(options())
  const end = link.heard(() => undefined)
  await until('it is let go', () => flooded?.destroyed || undefined)
  end()
})

test('HTTP+SSE: thousands of calls are no flood, and what nobody asked for is', async () => {
  let stream: ServerResponse | undefined
  const parts = await behind(({ id, method, response }) => {
    if (method === 'GET') return void (stream = events(response)).write('event: endpoint\ndata: /mcp\n\n')
    response.writeHead(202).end()
    if (method === 'initialize') stream?.write(event({ jsonrpc: '2.0', id, result: SESSIONS }))
    else if (method === 'tools/call') stream?.write(event({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'fine' }] } }))
  })
  const link = kept(sseLink(parts))
  await link.introduction(options())
  const first = stream as unknown as ServerResponse
  for (let round = 0; round < 25; round++) for (const said of await Promise.all(Array.from({ length: 100 }, () => call(link, 'any')))) assert.equal(textOf(said), 'fine')
  assert.equal(stream, first)
  for (const piece of [event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(500_000) } }), `: ${'x'.repeat(100_000)}\n`, ': x\n\ndata: \n\n'.repeat(1_000)]) {
    await link.introduction(options())
    const flooded = stream as unknown as ServerResponse
    pour(flooded, piece)
    await until('it is let go', () => flooded.destroyed || undefined)
  }
  assert.equal(textOf(await call(link, 'any')), 'fine')
})

test('who leaves while a server is met takes nobody along, and a server that changes its transport is met by the other', async () => {
  let way: 'http' | 'sse' = 'http'
  let stream: ServerResponse | undefined
  let held: (() => void) | undefined
  let holds = true
  const parts = await behind(({ id, method, request, response }) => {
    const result = method === 'initialize' ? SESSIONS : { content: [{ type: 'text', text: way }] }
    const isOther = way === 'http' ? request.method === 'GET' || request.url !== '/mcp' : request.method !== 'GET' && request.url === '/mcp'
    if (isOther || method === 'server/discover') return void response.writeHead(405).end()
    if (method === 'GET') return void (stream = events(response)).write('event: endpoint\ndata: /messages\n\n')
    if (id === undefined) return void response.writeHead(202).end()
    const reply = (): void => {
      if (way === 'http') return json(response, { jsonrpc: '2.0', id, result })
      response.writeHead(202).end()
      stream?.write(event({ jsonrpc: '2.0', id, result }))
    }
    if (holds) held = reply
    else reply()
  })
  const link = kept(eitherLink(() => httpLink(parts), () => sseLink(parts)))
  const stop = new AbortController()
  const first = codeOf(call(link, 'any', {}, { signal: stop.signal }))
  const second = call(link, 'any')
  await until('it is being met', () => held)
  stop.abort()
  assert.equal(await first, 'cancelled')
  holds = false
  held?.()
  assert.equal(textOf(await second), 'http')
  for (const next of ['http', 'sse', 'http'] as const) {
    const made = next === 'sse' ? kept(eitherLink(() => httpLink(parts), () => sseLink(parts))) : link
    way = next
    assert.equal(textOf(await call(made, 'any')), next)
    if (next !== 'sse') continue
    way = 'http'
    stream?.destroy()
    for (let tries = 0; tries < 4; tries++) if ((await codeOf(call(made, 'any'))) === 'answered') break
    assert.equal(textOf(await call(made, 'any')), 'http')
  }
})

const INTRODUCTION: Introduction = { protocol: '2025-11-25', capabilities: new Map(), info: tree({ name: 'fake', version: '1' }) }
function fake(more: Partial<Link> = {}): Link {
  return { introduction: () => Promise.resolve(INTRODUCTION), request: () => Promise.resolve({ result: new Map() }), changes: () => 0, heard: () => () => undefined, close: () => Promise.resolve(), ...more }
}
const review: Review = {
  generation: () => 0,
  ready: () => Promise.resolve(),
  introduction: (seen) => Promise.resolve(seen),
  items: (_, listed) => Promise.resolve({ usable: new Map(listed.map((one) => [one.name, one])), barred: () => undefined }),
}
const principal = (workload: string): Principal => ({ tenant: 'default', workload, chain: [], roles: [], proof: { kind: 'none', id: '' }, scope: { rights: [] } })
const [settings] = settleMcpServers({ fake: { url: 'https://mcp.example.com/mcp' } })
const each = (most: number, link: () => Link) => serverForEach({ settings: settings as never, review, clock: systemClock, nameOf: ({ workload }) => workload, link, most, close: () => Promise.resolve() })

test('a caller\'s own connection is not closed for another\'s while the server is being met', async () => {
  let closed = 0
  const server = each(1, () => fake({ introduction: () => new Promise(() => undefined), close: () => (closed++, Promise.resolve()) }))
  void server.connection(principal('a')).introduction(options())
  // As far as the first question.
  await new Promise((resolve) => setImmediate(resolve))
  assert.throws(() => server.connection(principal('b')), Refused)
  assert.equal(closed, 0)
})

test('callers that come in turns start no more programs than end', () => {
  let started = 0
  const server = each(3, () => (started++, fake({ close: () => new Promise(() => undefined) })))
  assert.throws(() => {
    for (let count = 0; count < 100; count++) server.connection(principal(`p${count}`))
  }, Refused)
  assert.equal(started, 6)
})

test('a server that lists something else to each of a thousand callers does not fill memory with it', async () => {
  const large = (count: number): string => `${count}${'x'.repeat(250_000)}`
  let asked = 0
  const server = each(1_000, () => fake({ request: () => Promise.resolve({ result: tree({ tools: Array.from({ length: 20 }, (_, at) => ({ name: `t${at}`, description: large(asked++), inputSchema: { type: 'object' } })) }) }) }))
  const connections = Array.from({ length: 20 }, (_, count) => server.connection(principal(`p${count}`)))
  for (const one of connections) assert.equal((await one.all('tools', options())).length, 20)
  assert.ok(connections.reduce((sum, one) => sum + one.size(), 0) <= 64 * 1024 * 1024)
  assert.equal(connections[0]?.size(), 0)
  // Who was forgotten asks anew, and nothing else happens to it.
  assert.equal((await connections[0]?.all('tools', options()))?.length, 20)
  await server.close()
})

test('pages of what nobody can use, and pages that come slowly, end like others', async () => {
  let pages = 0
  const unusable = fake({ request: () => Promise.resolve({ result: tree({ tools: [{ name: 'not a name', description: 'x'.repeat(1_000_000) }], nextCursor: String(++pages) }) }) })
  assert.equal(await codeOf(listItems(unusable, 'tools', options())), 'upstream_malformed')
  assert.ok(pages < 12, String(pages))
  pages = 0
  const slow = fake({
    request: (_, __, { signal }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve({ result: tree({ tools: [], nextCursor: String(++pages) }) }), 60)
        signal.addEventListener('abort', () => (clearTimeout(timer), reject(new Refused({ refuse: 'cancelled' } as never))))
      }),
  })
  assert.equal(await codeOf(listItems(slow, 'tools', options({ timeoutMs: 100 }))), 'upstream_timeout')
  assert.ok(pages < 100, String(pages))
  assert.equal(connectionOver(fake(), review, 1).size(), 0)
})

const sealer = { seal: (_: string, __: string, bytes: Uint8Array) => bytes, open: (_: string, __: string, sealed: Uint8Array) => sealed }
const exchange = { epoch: 'one' } as Exchange
const ask = tree({ name: 'any' })
const WAITS: Answer = { result: tree({ resultType: 'input_required', requestState: 'theirs', inputRequests: {} }) }
async function stateOf(rounds: Rounds): Promise<string> {
  const turn = rounds.turn(principal('a'), exchange, 1, 'tools/call', ask)
  const said = await turn.request({ route: 'mcp:fake', link: fake({ request: () => Promise.resolve(WAITS) }), params: ask, options: options(), show: (_, params) => Promise.resolve(params) })
  return 'required' in said ? String(said.required.get('requestState')) : ''
}
const goesOn = (rounds: Rounds, requestState: string) => rounds.turn(principal('a'), exchange, 1, 'tools/call', new Map([...ask, ['requestState', requestState]]))

test('requestState that was used leads nowhere after a restart either', async () => {
  const first = new Rounds(systemClock, sealer)
  const state = await stateOf(first)
  assert.ok(goesOn(first, state).returns)
  assert.throws(() => goesOn(first, state), /does not lead back/)
  assert.throws(() => goesOn(new Rounds(systemClock, sealer), state), /does not lead back/)
})

test('requestState that was used leads nowhere however many came after it', async () => {
  const rounds = new Rounds(systemClock, sealer)
  const state = await stateOf(rounds)
  assert.ok(goesOn(rounds, state).returns)
  const placed = { principal: principal('a'), exchange, method: 'tools/call', params: ask }
  for (let count = 0; count < 100_001; count++) goesOn(rounds, rounds.seal(placed, { kind: 'carried', route: 'mcp:fake', requests: new Map(), state: undefined }).text)
  assert.throws(() => goesOn(rounds, state), /does not lead back/)
})

const CAN = offersOf(['elicitation', 'sampling'])
const passes = (params: object): boolean => 'action' in questionOf('elicitation/create', tree({ message: 'Please.', ...params }), CAN)

test('nobody is sent into the networks around them, or to what is no place', () => {
  const to = (url: string): boolean => passes({ mode: 'url', url, elicitationId: 'e' })
  for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'http://example.com/', 'https://192.168.1.1/', 'https://10.0.0.1/admin', 'https://169.254.169.254/latest/meta-data/', 'https://0x0a000001/', 'https://3232235777/', 'https://[fe80::1]/', 'https://[fd00::1]/', 'https://[::ffff:10.0.0.1]/', 'https://100.64.0.1/', 'https://user@example.com/', 'https://exa mple.com/', 'blob:https://example.com/x', 'view-source:https://example.com']) assert.equal(to(url), false, url)
  for (const url of ['https://example.com/login', 'https://1.1.1.1/', 'http://localhost:8080/login', 'http://127.0.0.1:8080/login', 'https://login.example.internal/']) assert.equal(to(url), true, url)
  // What only looks like another host is shown as what it is.
  const shown = questionOf('elicitation/create', tree({ mode: 'url', message: 'Please.', url: 'https://аpple.com/' }), CAN)
  assert.ok('action' in shown)
  assert.equal(shown.params.get('url'), 'https://xn--pple-43d.com/')
})

test('a form that asks for a secret is asked of nobody', () => {
  const form = (name: string, field: object = {}): boolean => passes({ requestedSchema: { type: 'object', properties: { [name]: { type: 'string', ...field } } } })
  for (const name of ['password', 'Password', 'user_password', 'newPassword', 'password2', 'password_again', 'passphrase', 'apiKey', 'API-KEY', 'api key', 'access_token', 'token', 'client_secret', 'privateKey', 'cardNumber', 'cvv', 'pin', 'otp', 'verification_code', 'ｐａｓｓｗｏｒｄ', 'pass\u200bword', 'seed phrase']) assert.equal(form(name), false, name)
  assert.equal(form('value', { title: 'GitHub token' }), false)
  assert.equal(form('value', { description: 'Please paste your new API key here.' }), false)
  assert.equal(form('value', { format: 'password' }), false)
  for (const name of ['name', 'email', 'max_tokens', 'tokens', 'passport_country', 'key', 'keyboard', 'secretary', 'pinned', 'reset_password_link_sent_to']) assert.equal(form(name), true, name)
  assert.equal(form('rotate_secret', { type: 'boolean' }), true)
  assert.equal(form('name', { description: 'The name of the secret that is to be rotated.' }), true)
})
