import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TaskingServer {
  readonly url: string
  /** The answers that callers gave to its tasks. */
  readonly given: unknown[]
  stop(): Promise<void>
}

interface Asked {
  readonly id: number
  readonly method: string
  readonly params: { readonly name?: string; readonly taskId?: string; readonly inputResponses?: unknown; readonly _meta: Readonly<Record<string, { readonly extensions?: object }>> }
}

const EXTENSION = 'io.modelcontextprotocol/tasks'
const TIMES = { createdAt: '2026-11-21T00:00:00Z', lastUpdatedAt: '2026-11-21T00:00:00Z', ttlMs: 60_000, pollIntervalMs: 10 }

/** A server of revision 2026-07-28 whose calls become tasks, under ids that anybody could guess. */
export async function startTasking(): Promise<TaskingServer> {
  const given: unknown[] = []
  const states = new Map<string, string>()

  function answer({ method, params }: Asked): object {
    const { taskId = '' } = params
    switch (method) {
      case 'server/discover':
        return { supportedVersions: ['2026-07-28'], capabilities: { tools: {}, extensions: { [EXTENSION]: {} } }, _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tasking', version: '1' } } }
      case 'tools/list':
        return { tools: ['work', 'ask', 'leak'].map((name) => ({ name, inputSchema: { type: 'object' } })) }
      case 'tools/call': {
        if (params._meta['io.modelcontextprotocol/clientCapabilities']?.extensions === undefined) return { content: [{ type: 'text', text: 'at once' }] }
        states.set(String(states.size + 1), params.name ?? '')
        return { resultType: 'task', taskId: String(states.size), status: 'working', ...TIMES }
      }
      case 'tasks/cancel':
        states.set(taskId, 'cancelled')
        return {}
      case 'tasks/update':
        given.push(params.inputResponses)
        states.set(taskId, 'work')
        return {}
      default: {
        const state = states.get(taskId)
        if (state === 'cancelled') return { taskId, status: 'cancelled', ...TIMES }
        if (state === 'ask') return { taskId, status: 'input_required', ...TIMES, inputRequests: { who: { method: 'elicitation/create', params: { message: 'Who are you?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } }, more: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } } } }
        const text = state === 'leak' ? `the key is ghp_${'a1B2c3D4e5F6'.repeat(3)}` : 'done'
        return { taskId, status: 'completed', ...TIMES, result: { content: [{ type: 'text', text }] } }
      }
    }
  }

  const http = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const asked = JSON.parse(body) as Asked
      const result = { resultType: 'complete', ...answer(asked) }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result }))
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    given,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
