import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createMcpHandler, hostHeaderValidationResponse, isLegacyRequest, localhostAllowedHostnames, localhostAllowedOrigins, originValidationResponse, WebStandardStreamableHTTPServerTransport, type EventStore, type JSONRPCMessage } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { tasksOf } from './tasks.ts'
import { fixtureServer, type Announce } from './tools.ts'

export interface Fixture {
  readonly url: string
  stop(): Promise<void>
}

/**
 * The fixture behind streamable HTTP on a free port: revision 2026-07-28 without sessions, those before it with, as the
 * SDK serves them side by side. `sessionsOnly`: as a server that knows nothing of the former.
 */
export async function startFixture({ sessionsOnly = false } = {}): Promise<Fixture> {
  const aboutTasks = tasksOf()
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const modern = createMcpHandler(() => fixtureServer({ tools: () => modern.notify.toolsChanged(), prompts: () => modern.notify.promptsChanged() }, true), { legacy: 'reject', keepAliveMs: 0 })

  async function open(): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: eventsKept(),
      retryInterval: 50,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    const announce: Announce = { tools: () => server.sendToolListChanged(), prompts: () => server.sendPromptListChanged() }
    const server = fixtureServer(announce)
    await server.connect(transport)
    return transport
  }

  async function answer(request: Request): Promise<Response> {
    const rejected = hostHeaderValidationResponse(request, localhostAllowedHostnames()) ?? originValidationResponse(request, localhostAllowedOrigins())
    if (rejected !== undefined) return rejected
    if (!sessionsOnly && !(await isLegacyRequest(request))) return (await aboutTasks(request)) ?? modern.fetch(request)
    const id = request.headers.get('mcp-session-id')
    if (id === null) return (await open()).handleRequest(request)
    return sessions.get(id)?.handleRequest(request) ?? Response.json({ jsonrpc: '2.0', id: null, error: { code: -32001, message: 'There is no such session.' } }, { status: 404 })
  }

  const http = createServer((request, response) => void answer(webRequest(request, response)).then((answered) => send(answered, response)))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async stop() {
      await modern.close()
      await Promise.all([...sessions.values()].map((one) => one.close()))
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** Events of one session, in order, so that a stream which was closed can go on. */
function eventsKept(): EventStore {
  const kept: { readonly stream: string; readonly message: JSONRPCMessage }[] = []
  return {
    storeEvent: (stream, message) => Promise.resolve(String(kept.push({ stream, message }) - 1)),
    async replayEventsAfter(last, { send: say }) {
      const from = Number(last)
      const stream = kept[from]?.stream ?? ''
      for (const [index, { stream: of, message }] of kept.entries()) if (index > from && of === stream) await say(String(index), message)
      return stream
    },
    getStreamIdForEventId: (id) => Promise.resolve(kept[Number(id)]?.stream),
  }
}

function webRequest(request: IncomingMessage, response: ServerResponse): Request {
  const stop = new AbortController()
  response.on('close', () => stop.abort())
  const headers = new Headers()
  for (let index = 0; index < request.rawHeaders.length; index += 2) headers.append(request.rawHeaders[index] as string, request.rawHeaders[index + 1] as string)
  const hasBody = request.method === 'POST'
  return new Request(`http://${request.socket.localAddress}:${request.socket.localPort}${request.url}`, {
    method: request.method ?? 'GET',
    headers,
    signal: stop.signal,
    ...(hasBody && { body: Readable.toWeb(request) as ReadableStream<Uint8Array>, duplex: 'half' }),
  } as RequestInit)
}

async function send(answered: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answered.status, [...answered.headers].flat())
  response.flushHeaders()
  try {
    for await (const chunk of answered.body ?? []) response.write(chunk)
  } catch {
    // The one who asked has gone.
  }
  response.end()
}

if (import.meta.main) serveStdio(() => {
  const server = fixtureServer({ tools: () => server.sendToolListChanged(), prompts: () => server.sendPromptListChanged() })
  return server
})
