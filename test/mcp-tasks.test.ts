import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { startTasking, type TaskingServer } from './mcp/tasking.ts'
import { sealOf } from './probe.ts'

/** The extension for tasks: a call that becomes one is its caller's, whatever the server chose as its id. */
let house: TestHouse
let server: TaskingServer

before(async () => {
  server = await startTasking()
  house = await startHouse({
    config(at) {
      mkdirSync(join(at.folder, 'policy'))
      writeFileSync(join(at.folder, 'policy', 'own.cedar'), '@id("all") permit (principal, action, resource);\n')
      return `policy: { folders: [./policy] }\nmcpServers:\n  tasking: { url: "${server.url}", asks: [elicitation] }\n`
    },
  })
})
after(async () => {
  await house.stop()
  await server.stop()
})

interface Result {
  readonly resultType?: string
  readonly taskId?: string
  readonly status?: string
  readonly content?: unknown
  readonly result?: unknown
  readonly inputRequests?: Readonly<Record<string, unknown>>
  readonly capabilities?: { readonly extensions?: object }
}
interface Said {
  readonly status: number
  readonly exchange: string | null
  readonly result?: Result
  readonly error?: { readonly code: number }
}

async function ask(method: string, params: Readonly<Record<string, unknown>>, { key = house.key, tasks = true, place = '/mcp/tasking' } = {}): Promise<Said> {
  const name = params['name'] ?? params['taskId']
  const reply = await fetch(house.dataUrl + place, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${key}`, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': name }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, ...(tasks && { extensions: { 'io.modelcontextprotocol/tasks': {} } }) } } } }),
  })
  return { status: reply.status, exchange: reply.headers.get('x-sallyport-id'), ...((await reply.json()) as object) }
}
const call = async (name: string, more = {}): Promise<string> => String((await ask('tools/call', { name, arguments: {} }, more)).result?.taskId)

test('a call becomes a task where the caller takes tasks, and its result is looked at', async () => {
  assert.deepEqual((await ask('server/discover', {})).result?.capabilities?.extensions, { 'io.modelcontextprotocol/tasks': {} })
  const plain = await ask('tools/call', { name: 'work', arguments: {} }, { tasks: false })
  assert.deepEqual([plain.result?.resultType, plain.result?.content], ['complete', [{ type: 'text', text: 'at once' }]])
  const made = await ask('tools/call', { name: 'work', arguments: {} })
  assert.deepEqual([made.result?.resultType, made.result?.status], ['task', 'working'])
  const got = await ask('tasks/get', { taskId: made.result?.taskId })
  assert.deepEqual([got.result?.resultType, got.result?.status, got.result?.taskId, got.result?.result], ['complete', 'completed', made.result?.taskId, { content: [{ type: 'text', text: 'done' }] }])
  const receipt = await sealOf(house, got.exchange)
  assert.deepEqual([receipt.action, receipt.outcome], ['mcp.task', 'answered'])
  assert.doesNotMatch(JSON.stringify(await ask('tasks/get', { taskId: await call('leak') })), /ghp_/)
})

test('nobody names another\'s task, nor a server\'s own id', async () => {
  const taskId = await call('work')
  const stranger = await house.newKey({ name: 'stranger' })
  for (const [id, key] of [[taskId, stranger], ['1', house.key], [`${taskId}A`, house.key], [taskId.slice(0, -4), house.key]] as const) {
    for (const method of ['tasks/get', 'tasks/cancel']) assert.deepEqual((await ask(method, { taskId: id }, { key })).error?.code, -32602, `${method} ${id}`)
  }
  assert.equal((await ask('tasks/get', { taskId })).result?.status, 'completed')
})

test('what a task asks is decided one by one, its answers are looked at, and it can be cancelled', async () => {
  const taskId = await call('ask')
  const waiting = await ask('tasks/get', { taskId })
  assert.deepEqual([waiting.result?.status, Object.keys(waiting.result?.inputRequests ?? {})], ['input_required', ['who']])
  await ask('tasks/update', { taskId, inputResponses: { who: { action: 'accept', content: { name: 'Ada' } } } })
  assert.deepEqual(server.given.at(-1), { who: { action: 'accept', content: { name: 'Ada' } } })
  assert.equal((await ask('tasks/get', { taskId })).result?.status, 'completed')
  const other = await call('work', { place: '/mcp/tasking' })
  assert.equal((await ask('tasks/cancel', { taskId: other })).error, undefined)
  assert.equal((await ask('tasks/get', { taskId: other })).result?.status, 'cancelled')
})

test('without the extension there are no tasks', async () => {
  const taskId = await call('work')
  const said = await ask('tasks/get', { taskId }, { tasks: false })
  assert.deepEqual([said.status, said.error?.code], [400, -32021])
  assert.equal((await ask('tasks/list', {})).error?.code, -32601)
})
