import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import * as z from 'zod'

export interface RemoteServer {
  readonly url: string
  /** Header fields of every request so far. */
  readonly seen: IncomingHttpHeaders[]
  /** Forgets all sessions, as a server that was started anew. */
  forget(): void
  stop(): Promise<void>
}

/** An MCP server behind streamable HTTP, made with the official SDK, with sessions. */
export async function startRemote(json: boolean): Promise<RemoteServer> {
  const seen: IncomingHttpHeaders[] = []
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const http = createServer((request, response) => {
    seen.push(request.headers)
    const id = request.headers['mcp-session-id']
    void (async () => {
      let transport = typeof id === 'string' ? sessions.get(id) : undefined
      if (typeof id === 'string' && transport === undefined) {
        response.writeHead(404).end('{}')
        return
      }
      if (transport === undefined) {
        const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID(), enableJsonResponse: json, onsessioninitialized: (session) => void sessions.set(session, made) })
        transport = made
        await server().connect(made as never)
      }
      await transport.handleRequest(request, response)
    })()
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen,
    forget: () => sessions.clear(),
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

function server(): McpServer {
  const made = new McpServer({ name: 'remote', version: '1' })
  made.registerTool('add', { description: 'Adds two numbers.', inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }))
  made.registerTool('long', { description: 'Says much.', inputSchema: { bytes: z.number() } }, ({ bytes }) => ({ content: [{ type: 'text', text: 'x'.repeat(bytes) }] }))
  return made
}
