import { createInterface } from 'node:readline'

/**
 * A small server over standard streams that has everything callers can list, and tells of changes when it is asked to:
 * `node telling.ts NAME`. Two of them have one resource in common.
 */
const [name = 'one'] = process.argv.slice(2)
const say = (message: object): void => void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const schema = (properties: object): object => ({ type: 'object', properties })
const subscribed = new Set<string>()
const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`

interface Params {
  readonly uri?: string
  readonly name?: string
  readonly arguments?: Readonly<Record<string, string>>
  readonly argument?: { readonly value: string }
  readonly level?: string
  readonly _meta?: { readonly progressToken?: unknown }
}

const TOOLS = [
  { name: 'touch', inputSchema: schema({ uri: { type: 'string' } }) },
  { name: 'work', inputSchema: schema({ say: { type: 'string' } }) },
  { name: 'count', inputSchema: schema({}) },
  { name: 'routed', inputSchema: schema({ region: { type: 'string', 'x-mcp-header': 'Region' } }) },
  { name: 'misrouted', inputSchema: schema({ list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Bad' } } }) },
]

const answers: Readonly<Record<string, (params: Params) => object>> = {
  initialize: () => ({
    protocolVersion: '2025-11-25',
    capabilities: { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true }, prompts: { listChanged: true }, completions: {}, logging: {}, tasks: { list: {} } },
    serverInfo: { name, version: '1' },
    instructions: `I am ${name}.`,
  }),
  'tools/list': () => ({ tools: TOOLS }),
  'resources/list': () => ({ resources: ['shared', name, 'secret', 'blob'].map((one) => ({ name: one, uri: one === 'shared' ? 'test://shared' : `test://${name}/${one}` })) }),
  'resources/templates/list': () => ({ resourceTemplates: [{ name: 'row', uriTemplate: `db://${name}/{id}` }] }),
  'resources/read': ({ uri = '' }) => ({ contents: [uri.endsWith('/blob') ? { uri, mimeType: 'text/plain', blob: Buffer.from(`the key is ${SECRET}`).toString('base64') } : { uri, text: uri.endsWith('/secret') ? `the key is ${SECRET}` : `${name} has ${uri}` }] }),
  'resources/subscribe': ({ uri = '' }) => (subscribed.add(uri), {}),
  'resources/unsubscribe': ({ uri = '' }) => (subscribed.delete(uri), {}),
  'prompts/list': () => ({ prompts: [{ name: 'greet', arguments: [{ name: 'who' }] }, { name: 'hidden' }] }),
  'prompts/get': ({ arguments: args }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Greet ${args?.['who']}` } }] }),
  'completion/complete': ({ argument }) => ({ completion: { values: ['paris', 'park'].filter((one) => one.startsWith(argument?.value ?? '')) } }),
  'logging/setLevel': () => ({}),
  'tools/call': (params) => ({ content: [{ type: 'text', text: called(params) }] }),
}

function called({ name: tool, arguments: args = {}, _meta }: Params): string {
  if (tool === 'touch') {
    for (const kind of ['tools', 'prompts', 'resources']) say({ method: `notifications/${kind}/list_changed`, params: { secret: SECRET } })
    say({ method: 'notifications/resources/updated', params: { uri: args['uri'], title: SECRET } })
  }
  if (tool === 'work') {
    const progressToken = _meta?.progressToken
    for (const progress of [1, 2]) if (progressToken !== undefined) say({ method: 'notifications/progress', params: { progressToken, progress, total: 2, ...(args['say'] !== undefined && { message: args['say'] }) } })
    for (const level of ['debug', 'error']) say({ method: 'notifications/message', params: { level, data: args['say'] ?? level } })
  }
  return tool === 'count' ? [...subscribed].join() : `${name} did ${tool}`
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params = {} } = JSON.parse(line) as { id?: number; method: string; params?: Params }
  if (id === undefined) return
  const answer = answers[method]
  say(answer === undefined ? { id, error: { code: -32601, message: 'no such method' } } : { id, result: answer(params) })
})
