import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Refused } from '../src/contract/verdict.ts'
import { systemClock } from '../src/edge/clock.ts'
import { makeDialer } from '../src/edge/dial/dialer.ts'
import { startProgram } from '../src/edge/spawn/program.ts'
import { fromPlain, toPlain } from '../src/formats/json.ts'
import type { TreeObject } from '../src/formats/tree.ts'
import { eitherLink } from '../src/gateways/mcp/servers/either.ts'
import { httpLink, type HttpParts } from '../src/gateways/mcp/servers/http.ts'
import { offersOf } from '../src/gateways/mcp/servers/introduce.ts'
import type { AskOptions, Beside, Link } from '../src/gateways/mcp/servers/link.ts'
import type { Answer } from '../src/gateways/mcp/rpc.ts'
import { sseLink } from '../src/gateways/mcp/servers/sse.ts'
import { stdioLink } from '../src/gateways/mcp/servers/stdio.ts'
import { startAsking, type AskingHttp } from './mcp/asking.ts'
import { startFixture, type Fixture } from './mcp/conformance/fixture.ts'
import { until } from './probe.ts'

/** Connections to real servers of both generations, over every transport: what they say and ask finds its request. */
let asking: AskingHttp
let fixture: Fixture
let folder: string
const open: (() => Promise<unknown>)[] = []
const problems: string[] = []

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'upstreams-'))
  asking = await startAsking()
  fixture = await startFixture()
})
after(async () => {
  await Promise.all(open.map((close) => close()))
  await asking.stop()
  await fixture.stop()
  rmSync(folder, { recursive: true, force: true })
})

const common = {
  clock: systemClock,
  version: '1',
  offers: offersOf(['sampling', 'elicitation', 'roots']),
  on: (event: { readonly kind: string; readonly problem?: string }) => void (event.kind === 'broke_protocol' && problems.push(event.problem ?? '')),
}

function parts(url: string): HttpParts {
  const { dial, close } = makeDialer({ origins: [{ origin: new URL(url).origin, allowPrivate: true }] })
  open.push(close)
  return { ...common, url, fields: [], dial, answerBytes: 1_000_000 }
}

function kept(link: Link): Link {
  open.unshift(() => link.close())
  return link
}

function stdio(program: string): Link {
  const spec = { command: process.execPath, args: [join(import.meta.dirname, program)], env: { PATH: process.env['PATH'] ?? '' }, cwd: folder, home: folder, lineBytes: 1_000_000 }
  return kept(stdioLink({ ...common, spec, start: startProgram, startMs: 20_000 }))
}

interface Caller extends Beside {
  readonly heard: { readonly method: string; readonly params: unknown }[]
  readonly questions: { readonly method: string; readonly params: unknown }[]
}

/** A caller that agrees to everything. */
function caller(more: Partial<Beside> = {}): Caller {
  const heard: Caller['heard'] = []
  const questions: Caller['questions'] = []
  const answers: Readonly<Record<string, unknown>> = {
    'elicitation/create': { action: 'accept', content: { name: 'Ada', username: 'ada', email: 'ada@example.com' } },
    'sampling/createMessage': { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'none' },
    'roots/list': { roots: [{ uri: 'file:///home/ada' }] },
  }
  return {
    heard,
    questions,
    capabilities: offersOf(['sampling', 'elicitation', 'roots']),
    told: (method, params) => void heard.push({ method, params: toPlain(params) }),
    asked(method, params) {
      questions.push({ method, params: toPlain(params) })
      return Promise.resolve({ result: fromPlain(answers[method]) as TreeObject })
    },
    ...more,
  }
}

const options = (more: Partial<AskOptions> = {}): AskOptions => ({ signal: new AbortController().signal, timeoutMs: 20_000, ...more })
async function call(link: Link, name: string, args: unknown, beside?: Beside): Promise<Answer> {
  return link.request('tools/call', fromPlain({ name, arguments: args }) as TreeObject, options(beside && { beside }))
}
function textOf(answer: Answer): string {
  const said = toPlain('error' in answer ? (answer.error as never) : answer.result) as { readonly content?: readonly { readonly text: string }[] }
  return said.content?.map(({ text }) => text).join('\n') ?? JSON.stringify(said)
}

interface Row {
  readonly what: string
  readonly protocol: string
  readonly link: () => Link
}

const sessions: readonly Row[] = [
  { what: 'a program', protocol: '2025-11-25', link: () => stdio('mcp/asking.ts') },
  { what: 'streamable HTTP', protocol: '2025-11-25', link: () => kept(httpLink(parts(asking.url))) },
  { what: 'HTTP+SSE', protocol: '2025-11-25', link: () => kept(sseLink(parts(asking.sseUrl))) },
  { what: 'HTTP+SSE that nobody named', protocol: '2025-11-25', link: () => kept(eitherLink(() => httpLink(parts(asking.sseUrl)), () => sseLink(parts(asking.sseUrl)))) },
]

for (const { what, protocol, link: make } of sessions) {
  test(`with sessions, ${what}: questions, progress and log messages reach whose call they belong to`, async () => {
    const link = make()
    const ada = caller({ progress: true })
    assert.equal((await link.introduction(options())).protocol, protocol)
    assert.equal(textOf(await call(link, 'elicit', { message: 'Who are you?' }, ada)), '{"action":"accept","content":{"name":"Ada","username":"ada","email":"ada@example.com"}}')
    assert.equal(textOf(await call(link, 'sample', { message: 'What is the capital of France?' }, ada)), '{"type":"text","text":"Paris"}')
    assert.match(textOf(await call(link, 'roots', {}, ada)), /file:\/\/\/home\/ada/)
    assert.deepEqual(ada.questions.map(({ method }) => method), ['elicitation/create', 'sampling/createMessage', 'roots/list'])
    assert.equal(textOf(await call(link, 'progress', { message: 'working' }, ada)), 'done')
    assert.equal(textOf(await call(link, 'progress', { message: 'working' }, caller())), 'not wanted')
    assert.equal(textOf(await call(link, 'log', { message: 'a word' }, ada)), 'logged')
    assert.deepEqual(ada.heard.map(({ method }) => method), ['notifications/progress', 'notifications/progress', 'notifications/message'])
    // Whoever cannot be asked is not asked, and nobody else in their place.
    assert.match(textOf(await call(link, 'elicit', { message: 'Who?' }, caller({ capabilities: new Map() }))), /takes no such request/)
    assert.match(textOf(await call(link, 'elicit', { message: 'Who?' })), /takes no such request/)
  })
}

const shared = sessions.filter(({ what }) => what !== 'streamable HTTP')
for (const { what, link: make } of shared) {
  test(`with sessions, ${what}: a question that could be about two callers is asked of neither`, async () => {
    const link = make()
    await link.introduction(options())
    let answer: (said: Answer) => void = () => undefined
    const waiting = caller({ asked: () => new Promise<Answer>((resolve) => (answer = resolve)) })
    const other = caller()
    const first = call(link, 'elicit', { message: 'Who?' }, waiting)
    await until('the first was asked', () => (answer.length > 0 ? true : undefined))
    assert.match(textOf(await call(link, 'elicit', { message: 'Who?' }, other)), /on whose account/)
    assert.deepEqual(other.questions, [])
    answer({ result: fromPlain({ action: 'decline' }) as TreeObject })
    assert.match(textOf(await first), /decline/)
    // One caller's own calls may stand for each other.
    const own = caller({ caller: 'ada', asked: () => new Promise<Answer>((resolve) => (answer = resolve)) })
    answer = () => undefined
    const third = call(link, 'elicit', { message: 'Who?' }, own)
    await until('the third was asked', () => (answer.length > 0 ? true : undefined))
    assert.match(textOf(await call(link, 'elicit', { message: 'Who?' }, caller({ caller: 'ada' }))), /accept/)
    answer({ result: fromPlain({ action: 'cancel' }) as TreeObject })
    await third
  })
}

const modern: readonly Row[] = [
  { what: 'a program', protocol: '2026-07-28', link: () => stdio('mcp/conformance/fixture.ts') },
  { what: 'streamable HTTP', protocol: '2026-07-28', link: () => kept(httpLink(parts(fixture.url))) },
]

for (const { what, protocol, link: make } of modern) {
  test(`without sessions, ${what}: what a server needs is asked, in as many rounds as it takes`, async () => {
    const link = make()
    const ada = caller({ progress: true, logLevel: 'info' })
    const { protocol: spoken, info } = await link.introduction(options())
    assert.deepEqual([spoken, toPlain(info.get('name') ?? null)], [protocol, 'fixture'])
    const tools = await link.request('tools/list', new Map(), options())
    assert.ok('result' in tools && !tools.result.has('resultType'))
    assert.equal(textOf(await call(link, 'test_input_required_result_elicitation', {}, ada)), 'Hello, Ada!')
    assert.equal(textOf(await call(link, 'test_input_required_result_multiple_inputs', {}, ada)), 'all answered')
    assert.equal(textOf(await call(link, 'test_input_required_result_multi_round', {}, ada)), 'all rounds done')
    assert.equal(textOf(await call(link, 'test_input_required_result_request_state', {}, ada)), 'state-ok')
    assert.equal(textOf(await call(link, 'test_input_required_result_capabilities', {}, caller({ capabilities: new Map() }))), 'nobody can be asked')
    assert.match(textOf(await call(link, 'test_sampling', { prompt: 'Capital?' }, caller({ asked: () => Promise.resolve({ error: { code: -1, message: 'no' } }) }))), /not given \(sampling/)
    assert.equal(textOf(await call(link, 'test_header_param', { region: 'Zürich ' }, ada)), '{"region":"Zürich "}')
    assert.equal(textOf(await call(link, 'test_tool_with_progress', {}, ada)), 'done')
    assert.equal(textOf(await call(link, 'test_logging_tool', {}, ada)), 'logged')
    assert.deepEqual(ada.heard.map(({ method }) => method), [...Array.from({ length: 3 }, () => 'notifications/progress'), 'notifications/message'])
    // A caller that comes back by itself is told what is needed, and brings it.
    const first = await link.request('tools/call', fromPlain({ name: 'test_input_required_result_request_state' }) as TreeObject, options({ beside: ada, rounds: true }))
    assert.ok('result' in first)
    const { resultType, requestState } = toPlain(first.result) as { readonly resultType: string; readonly requestState: string }
    assert.equal(resultType, 'input_required')
    const back = { name: 'test_input_required_result_request_state', requestState, inputResponses: { confirm: { action: 'accept', content: { ok: true } } } }
    assert.equal(textOf(await link.request('tools/call', fromPlain(back) as TreeObject, options({ beside: ada, rounds: true }))), 'state-ok')
  })

  test(`without sessions, ${what}: changes are told while anybody listens`, async () => {
    const link = make()
    await link.introduction(options())
    const before = link.changes()
    const told: string[] = []
    const end = link.heard((method) => void told.push(method))
    await until('a change is told', async () => {
      await call(link, 'test_trigger_tool_change', {})
      return told.includes('notifications/tools/list_changed') ? true : undefined
    })
    assert.ok(link.changes() > before)
    end()
  })
}

test('with sessions, streamable HTTP: changes are told on a stream of their own while anybody listens', async () => {
  const link = kept(httpLink(parts(asking.url)))
  await link.introduction(options())
  const told: string[] = []
  const end = link.heard((method) => void told.push(method))
  await until('a change is told', async () => {
    await call(link, 'change', {})
    return told.includes('notifications/tools/list_changed') ? true : undefined
  })
  end()
})

test('a stream that its server closes early is taken up again where it ended', async () => {
  const sessionsOnly = await startSessionsOnly(fixture.url)
  try {
    const link = kept(httpLink(parts(sessionsOnly.url)))
    assert.equal((await link.introduction(options())).protocol, '2025-11-25')
    assert.equal(textOf(await call(link, 'test_reconnection', {})), 'answered after the stream was closed')
  } finally {
    await sessionsOnly.stop()
  }
})

test('HTTP+SSE: an endpoint somewhere else is not written to', async () => {
  let written = 0
  const other = createServer((_, response) => void (written++, response.end()))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}/messages`
  const http = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`event: endpoint\ndata: ${endpoint}\n\n`))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  try {
    const link = kept(sseLink(parts(`http://127.0.0.1:${(http.address() as AddressInfo).port}/sse`)))
    await assert.rejects(link.introduction(options()), (error: unknown) => error instanceof Refused && error.refusal.refuse === 'upstream_malformed')
    assert.equal(written, 0)
  } finally {
    for (const one of [http, other]) {
      one.closeAllConnections()
      await new Promise((resolve) => one.close(resolve))
    }
  }
})

test('servers of either generation broke no rule of ours', () => assert.deepEqual(problems, []))

/** The fixture, as it was before it knew the newest revision. */
async function startSessionsOnly(target: string): Promise<Fixture> {
  const http = createServer((request, response) => {
    if (request.headers['mcp-protocol-version'] === '2026-07-28') return void response.writeHead(400).end('Bad Request: Unsupported protocol version')
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name))) as Record<string, string>
      void fetch(target, { method: request.method ?? 'GET', headers, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) }).then(async (reply) => {
        response.writeHead(reply.status, Object.fromEntries(reply.headers))
        for await (const chunk of reply.body ?? []) response.write(chunk)
        response.end()
      }).catch(() => response.destroy())
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
