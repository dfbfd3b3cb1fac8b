import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

/** A server of the generation with sessions that asks its callers for things, made with the official SDK of then. */
export function askingServer(): McpServer {
  const made = new McpServer({ name: 'asking', version: '1' }, { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } })
  const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })
  const inputSchema = { message: z.string() }
  made.registerTool('elicit', { description: 'Asks the user.', inputSchema }, async ({ message }) =>
    text(JSON.stringify(await made.server.elicitInput({ message, requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } }))),
  )
  made.registerTool('elicit_twice', { description: 'Asks the user, and then again.', inputSchema }, async ({ message }) => {
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } }
    const first = await made.server.elicitInput({ message, requestedSchema })
    const second = await made.server.elicitInput({ message: `${message} And then?`, requestedSchema })
    return text(`${String(first.content?.['name'])}, ${String(second.content?.['name'])}`)
  })
  made.registerTool('visit', { description: 'Sends the user somewhere.', inputSchema: { url: z.string() } }, async ({ url }) =>
    text((await made.server.elicitInput({ mode: 'url', message: 'Please log in.', url, elicitationId: 'e1' })).action),
  )
  made.registerTool('go_first', { description: 'Sends the user somewhere before anything else.', inputSchema: { url: z.string() } }, ({ url }) => {
    throw new UrlElicitationRequiredError([{ mode: 'url', message: 'Please log in.', url, elicitationId: 'e2' }])
  })
  made.registerTool('sample', { description: 'Asks the model.', inputSchema }, async ({ message }) => {
    const { content } = await made.server.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: message } }], maxTokens: 10 })
    return text(JSON.stringify(content))
  })
  made.registerTool('sample_tools', { description: 'Asks the model, with tools.', inputSchema }, async ({ message }) => {
    const tools = [{ name: 'anything', inputSchema: { type: 'object' as const } }]
    return text(JSON.stringify(await made.server.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: message } }], maxTokens: 10, tools })))
  })
  made.registerTool('roots', { description: 'Asks for folders.' }, async () => text(JSON.stringify(await made.server.listRoots())))
  made.registerTool('progress', { description: 'Says how far it is.', inputSchema }, async ({ message }, { _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken
    if (progressToken !== undefined) for (const progress of [1, 2]) await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 2, message } })
    return text(progressToken === undefined ? 'not wanted' : 'done')
  })
  made.registerTool('log', { description: 'Logs.', inputSchema }, async ({ message }, { sendNotification }) => {
    await sendNotification({ method: 'notifications/message', params: { level: 'warning', data: message } })
    return text('logged')
  })
  made.registerTool('change', { description: 'Says that its tools changed.' }, () => (made.server.sendToolListChanged(), text('said')))
  return made
}

export interface AskingHttp {
  readonly url: string
  /** Of HTTP+SSE: where its stream is. */
  readonly sseUrl: string
  stop(): Promise<void>
}

/** Behind streamable HTTP at `url`, and behind HTTP+SSE at `sseUrl`. */
export async function startAsking(): Promise<AskingHttp> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const streams = new Map<string, SSEServerTransport>()
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://here')
    if (pathname === '/sse') {
      if (request.method !== 'GET') return void response.writeHead(405).end()
      const transport = new SSEServerTransport('/messages', response)
      streams.set(transport.sessionId, transport)
      return askingServer().connect(transport as never)
    }
    if (pathname === '/messages') return void (await streams.get(searchParams.get('sessionId') ?? '')?.handlePostMessage(request, response))
    const id = request.headers['mcp-session-id']
    let transport = typeof id === 'string' ? sessions.get(id) : undefined
    if (transport === undefined) {
      const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID(), onsessioninitialized: (session) => void sessions.set(session, made) })
      transport = made
      await askingServer().connect(made as never)
    }
    await transport.handleRequest(request, response)
  }
  const http = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    url: `${origin}/mcp`,
    sseUrl: `${origin}/sse`,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

if (import.meta.main) await askingServer().connect(new StdioServerTransport() as never)
