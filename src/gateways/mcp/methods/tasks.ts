import type { Effect } from '../../../contract/exchange.ts'
import { isNumber, isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { answerOf, errorEvent, resultProblem } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { takesTasks } from '../servers/era.ts'
import { shownBy } from '../asks/initiated.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent, type TreeEvent } from './leaves.ts'
import type { AskOptions, Beside } from '../servers/link.ts'
import { askOnce } from './once.ts'
import { askingReading, type AskingReading } from './reading.ts'
import { CLIENT_CAPABILITIES, TASKS } from '../revisions.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_CAPABILITY, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

const LONGEST_ID = 1_024
const MOST_RESPONSES = 64
const STATES: ReadonlySet<string> = new Set(['working', 'input_required', 'completed', 'cancelled', 'failed'])
/** What of a task is passed on, besides what its state brings. */
const PARTS = ['status', 'statusMessage', 'createdAt', 'lastUpdatedAt', 'ttlMs', 'pollIntervalMs']

/** A call that became a task, as its caller may know it. @throws {Refused} for one that is none. */
export function createdTask({ desk, principal }: Pick<Request, 'desk' | 'principal'>, server: Server, tool: string, result: TreeObject): TreeEvent {
  const id = result.get('taskId')
  if (typeof id !== 'string' || id === '' || id.length > LONGEST_ID) throw malformed('tools/call: a task without an id')
  const shown = desk.tasks.shown(principal, { server: server.settings.name, tool, id })
  return treeEvent(object({ result: object({ resultType: 'task', taskId: shown, ...partsOf(result) }) }), 'tool_result')
}

function partsOf(task: TreeObject): Readonly<Record<string, Tree | undefined>> {
  const status = task.get('status')
  if (typeof status !== 'string' || !STATES.has(status)) throw malformed('a task of no known status')
  for (const key of ['statusMessage', 'createdAt', 'lastUpdatedAt']) if (task.has(key) && typeof task.get(key) !== 'string') throw malformed(`a task whose ${key} is no text`)
  for (const key of ['ttlMs', 'pollIntervalMs']) if (task.has(key) && task.get(key) !== null && !isNumber(task.get(key))) throw malformed(`a task whose ${key} is no number`)
  return Object.fromEntries(PARTS.map((key) => [key, task.get(key)]))
}

/**
 * `tasks/get`, `tasks/update` and `tasks/cancel` of the extension of revision 2026-07-28: how a call goes that became a
 * task, for who made it.
 */
export function taskDoing(request: Request): Doing {
  const { desk, endpoint, principal, params, id, method, signal } = request
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  const capabilities = capabilitiesOf(params)
  if (!takesTasks(capabilities)) throw new RpcMistake(MISSING_CAPABILITY, `"_meta" must declare the extension ${TASKS}`, id, object({ requiredCapabilities: object({ extensions: object({ [TASKS]: new Map() }) }) }))
  const updates = method === 'tasks/update'
  for (const key of params.keys()) if (key !== 'taskId' && key !== '_meta' && !(updates && key === 'inputResponses')) throw wrong(`the parameter ${JSON.stringify(key.slice(0, 64))} is not known`)
  const [name, responses = new Map<string, Tree>()] = [params.get('taskId'), params.get('inputResponses')]
  const task = typeof name === 'string' && name.length <= LONGEST_ID * 4 ? desk.tasks.of(principal, name) : undefined
  const server = task && endpoint.servers.find((one) => one.settings.name === task.server)
  if (task === undefined || server === undefined) throw wrong('there is no such task')
  if (!isObject(responses) || responses.size > MOST_RESPONSES || ![...responses.values()].every(isObject)) throw wrong('"inputResponses" must be answers by their keys')
  const facts = desk.tool(task.tool, server.settings.name)
  const effects: readonly Effect[] = updates ? facts.effects : ['read']
  const reading = askingReading({
    server,
    action: 'mcp.task',
    resource: { type: 'Tool', id: task.tool, attributes: { ...facts.attributes, server: server.settings.name } },
    args: object(updates ? { inputResponses: responses } : {}),
    effects,
  })
  const target = targetOf(server, reading.resource)
  return {
    reading,
    candidates: [target],
    dial: (permitted) =>
      askOnce(target, signal, desk.clock, async (both) => {
        const options: AskOptions = { signal: both, timeoutMs: server.settings.timeoutMs, beside: quietly(capabilities) }
        const answer = await server.connection(principal).link.request(method, new Map([['taskId', task.id], ...(permitted as AskingReading).args]), options)
        if ('error' in answer) return errorEvent(answer.error, 'tool_result')
        if (method !== 'tasks/get') return treeEvent(object({ result: new Map() }), 'tool_result')
        return gotten(request, server, answer.result, name as string, capabilities)
      }),
    answer: answerOf,
  }
}

/** What a task says of itself: its result is that of its call, and what it asks its caller is decided one by one. */
async function gotten(request: Request, server: Server, task: TreeObject, name: string, capabilities: TreeObject): Promise<TreeEvent> {
  const parts = partsOf(task)
  const [result, error, requests] = [task.get('result'), task.get('error'), task.get('inputRequests')]
  const told = { taskId: name, ...parts }
  switch (parts['status']) {
    case 'completed': {
      const problem = isObject(result) ? resultProblem(result) : 'no result'
      if (problem !== undefined) throw malformed(`tasks/get: ${problem}`)
      return treeEvent(object({ result: object({ ...told, result }) }), 'tool_result')
    }
    case 'failed':
      if (!isObject(error)) throw malformed('tasks/get: failed without an error')
      return treeEvent(object({ result: object({ ...told, error }) }), 'tool_result')
    case 'input_required': {
      if (!isObject(requests) || requests.size > MOST_RESPONSES) throw malformed('tasks/get: no requests, or too many')
      const asked = await shown(request, server, requests, capabilities)
      // Each was an exchange of its own.
      const event = treeEvent(object({ result: object(told) }), 'tool_result')
      return withRequests(event, asked)
    }
    default:
      return treeEvent(object({ result: object(told) }), 'tool_result')
  }
}

/** The questions that policy and guards let through, as they left them: what they did not stays unasked. */
async function shown({ desk, principal, exchange, method }: Request, server: Server, requests: TreeObject, capabilities: TreeObject): Promise<TreeObject> {
  const asked: TreeObject = new Map()
  for (const [key, one] of requests) {
    const [question, about = new Map<string, Tree>()] = isObject(one) ? [one.get('method'), one.get('params')] : []
    if (typeof question !== 'string' || !isObject(about) || key.length > 256) throw malformed('tasks/get: a request that is none')
    const left = await shownBy({ pass: desk.pass, clock: desk.clock, server, principal, exchange, method, capabilities }, question, about)
    if (left instanceof Map) asked.set(key, object({ method: question, ...(left.size > 0 && { params: left }) }))
  }
  return asked
}

function withRequests(event: TreeEvent, asked: TreeObject): TreeEvent {
  const result = event.tree.get('result') as TreeObject
  return {
    ...event,
    rewrite: (texts) => withRequests(event.rewrite(texts) as TreeEvent, asked),
    tree: object({ result: new Map([...result, ['inputRequests', asked]]) }),
  }
}

function capabilitiesOf(params: TreeObject): TreeObject {
  const meta = params.get('_meta')
  const said = isObject(meta) ? meta.get(CLIENT_CAPABILITIES) : undefined
  return isObject(said) ? said : new Map<string, Tree>()
}

/** The server hears what the caller can do, and nothing is said to the caller but the answer. */
function quietly(capabilities: TreeObject): Beside {
  return { capabilities, told: () => undefined, asked: () => Promise.resolve({ error: { code: METHOD_NOT_FOUND, message: 'Nobody is there to be asked.' } }) }
}
