import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AuthorizationServer } from './authorization.ts'
import type { RemoteServer } from './remote.ts'

export interface Guarded {
  readonly url: string
  /** What callers presented, empty where nothing. */
  readonly tokens: string[]
  /** Methods of the requests, in their order. */
  readonly methods: string[]
  stop(): Promise<void>
}

/** The official server behind a door that wants tokens of the authorization server. */
export async function startGuarded(server: Pick<AuthorizationServer, 'issuer' | 'live'>, remote: Pick<RemoteServer, 'url'>): Promise<Guarded> {
  const [tokens, methods]: [string[], string[]] = [[], []]
  const http = createServer((request, response) => {
    const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    if (request.url?.startsWith('/.well-known/oauth-protected-resource') === true) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource: `${origin}/mcp`, authorization_servers: [server.issuer], scopes_supported: ['sums'] }))
      return
    }
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    tokens.push(token)
    methods.push(request.method ?? '')
    if (!server.live.has(token)) {
      response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end()
      return
    }
    if (request.method === 'GET') {
      response.writeHead(405).end()
      return
    }
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { authorization: _authorization, host: _host, connection: _connection, 'content-length': _length, 'transfer-encoding': _coding, ...kept } = request.headers
      const reply = await fetch(remote.url, { method: request.method ?? 'GET', headers: kept as Record<string, string>, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) })
      response.writeHead(reply.status, Object.fromEntries([...reply.headers].filter(([name]) => name === 'content-type' || name === 'mcp-session-id').concat([['set-cookie', 'upstream=1'], ['x-upstream-secret', 'upstream']]))).end(Buffer.from(await reply.arrayBuffer()))
    })()
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    tokens,
    methods,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
