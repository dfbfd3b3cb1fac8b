import { setTimeout as pause } from 'node:timers/promises'
import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server'

/** The tasks extension (SEP-2663), which the SDK that the fixture is made with leaves to servers. */
export const TASKS = 'io.modelcontextprotocol/tasks'

interface Task {
  status: 'working' | 'input_required' | 'completed' | 'cancelled' | 'failed'
  readonly createdAt: string
  readonly requests: Map<string, unknown>
  readonly responses: Map<string, Readonly<Record<string, unknown>>>
  wake?: () => void
  result?: unknown
  error?: unknown
}

interface Call {
  readonly id: unknown
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

const PROPERTIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  slow_compute: { seconds: { type: 'number' }, label: { type: 'string' } },
  failing_job: {},
  protocol_error_job: {},
  confirm_delete: { filename: { type: 'string' } },
  multi_input: {},
  test_tool_with_task: {},
}
const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel'])
const text = (said: string, more = {}) => ({ content: [{ type: 'text', text: said }], ...more })
const elicit = (message: string) => ({ method: 'elicitation/create', params: { mode: 'form', message, requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' }, name: { type: 'string' } } } } })

/** Lists the tools whose calls become tasks; calls of them are answered by `tasksOf` before they come here. */
export function listTaskTools(made: McpServer): void {
  for (const [name, properties] of Object.entries(PROPERTIES)) {
    made.registerTool(name, { description: `Takes its time: ${name}.`, inputSchema: fromJsonSchema({ type: 'object', properties } as never) }, () => {
      throw new Error('answered elsewhere')
    })
  }
}

/** Answers requests about tasks; undefined for every other. Whatever headers repeat must agree with the message. */
export function tasksOf(): (request: Request) => Promise<Response | undefined> {
  const tasks = new Map<string, Task>()

  function begin(work: (task: Task) => Promise<unknown>): { readonly taskId: string } & Record<string, unknown> {
    const task: Task = { status: 'working', createdAt: new Date().toISOString(), requests: new Map(), responses: new Map() }
    const taskId = crypto.randomUUID()
    tasks.set(taskId, task)
    void work(task).then(
      (result) => settle(task, 'completed', { result }),
      (error: unknown) => settle(task, 'failed', { error: { code: -32603, message: String(error) } }),
    )
    return { resultType: 'task', taskId, ...shared(task) }
  }

  async function called({ params }: Call): Promise<unknown> {
    const args = (params['arguments'] ?? {}) as Readonly<Record<string, unknown>>
    const takes = extensions(params)[TASKS] !== undefined
    switch (params['name']) {
      case 'slow_compute': {
        const wait = async () => (await pause(Number(args['seconds']) * 1_000, undefined, { ref: false }), text(`computed ${String(args['label'])}`))
        return takes ? begin(wait) : { resultType: 'complete', ...(await wait()) }
      }
      case 'failing_job':
        return takes ? begin(async () => (await pause(50), text('it failed', { isError: true }))) : MISSING
      case 'protocol_error_job':
        return takes ? begin(() => Promise.reject(new Error('broken'))) : MISSING
      case 'confirm_delete':
        return takes ? begin(async (task) => text(`deleted: ${JSON.stringify(await asked(task, { confirm: elicit('Delete it?') }))}`)) : MISSING
      case 'multi_input':
        return takes ? begin(async (task) => text(JSON.stringify(await asked(task, { first: elicit('The first?'), second: elicit('The second?') })))) : MISSING
      default: {
        if (!takes) return MISSING
        const answer = (params['inputResponses'] as Readonly<Record<string, { readonly content?: { readonly name?: string } }>> | undefined)?.['user_name']
        if (answer === undefined) return { resultType: 'input_required', inputRequests: { user_name: elicit('Who are you?') } }
        return begin(() => Promise.resolve(text(`Hello, ${answer.content?.name ?? ''}!`)))
      }
    }
  }

  function about({ method, params }: Call): unknown {
    if (extensions(params)[TASKS] === undefined) return MISSING
    const task = tasks.get(String(params['taskId']))
    if (task === undefined) return { code: -32602, message: 'There is no such task.' }
    if (method === 'tasks/cancel') settle(task, 'cancelled', {})
    if (method === 'tasks/update') {
      for (const [key, value] of Object.entries(params['inputResponses'] ?? {})) if (task.requests.delete(key)) task.responses.set(key, value as Readonly<Record<string, unknown>>)
      task.wake?.()
    }
    if (method !== 'tasks/get') return { resultType: 'complete' }
    const { status, result, error, requests } = task
    return { resultType: 'complete', taskId: params['taskId'], ...shared(task), ...(status === 'completed' && { result }), ...(status === 'failed' && { error }), ...(status === 'input_required' && { inputRequests: Object.fromEntries(requests) }) }
  }

  return async (request) => {
    if (request.method !== 'POST') return undefined
    const call = (await request.clone().json().catch(() => undefined)) as Call | undefined
    if (typeof call?.params !== 'object') return undefined
    const { method, params } = call
    const tool = method === 'tools/call' && Object.hasOwn(PROPERTIES, String(params['name']))
    if (!METHODS.has(method) && !tool) return undefined
    const name = tool ? params['name'] : params['taskId']
    const agrees = request.headers.get('mcp-method') === method && request.headers.get('mcp-name') === name
    const answer = agrees ? await (tool ? called(call) : about(call)) : { code: -32020, message: 'The header fields name something else.' }
    const failed = typeof (answer as { code?: unknown }).code === 'number'
    return Response.json({ jsonrpc: '2.0', id: call.id, ...(failed ? { error: answer } : { result: answer }) }, { status: agrees && answer !== MISSING ? 200 : 400 })
  }
}

const MISSING = { code: -32021, message: 'This needs the tasks extension.', data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } }

function extensions(params: Call['params']): Readonly<Record<string, unknown>> {
  const meta = params['_meta'] as Readonly<Record<string, { readonly extensions?: Readonly<Record<string, unknown>> }>> | undefined
  return meta?.['io.modelcontextprotocol/clientCapabilities']?.extensions ?? {}
}

function shared({ status, createdAt }: Task) {
  return { status, createdAt, lastUpdatedAt: new Date().toISOString(), ttlMs: 60_000, pollIntervalMs: 100 }
}

function settle(task: Task, status: Task['status'], more: Pick<Task, 'result' | 'error'>): void {
  if (task.status === 'working' || task.status === 'input_required') Object.assign(task, more, { status })
}

/** Waits until all of them are answered. */
async function asked(task: Task, requests: Readonly<Record<string, unknown>>): Promise<unknown> {
  for (const [key, request] of Object.entries(requests)) task.requests.set(key, request)
  task.status = 'input_required'
  while (task.requests.size > 0) await new Promise<void>((resolve) => (task.wake = resolve))
  if (task.status === 'input_required') task.status = 'working'
  return Object.fromEntries(task.responses)
}
