import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import { askServer, requiredEvent } from '../asks/asking.ts'
import { answerOf, contentProblem, errorEvent } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { whose } from '../callers/endpoint.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent } from './leaves.ts'
import { askOnce } from './once.ts'
import { askingReading, type AskingReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

const MOST_MESSAGES = 1_000
const MOST_ARGUMENTS = 100

/** Getting a prompt, as policy decides about it. */
export function promptReading(server: Server, name: string, args: TreeObject): AskingReading {
  return askingReading({ server, action: 'mcp.prompt', resource: { type: 'Prompt', id: name, attributes: { server: server.settings.name } }, args })
}

/** `prompts/get`: one prompt with its arguments. @throws {RpcMistake} for parameters that are none. */
export function promptDoing(request: Request): Doing {
  const { desk, endpoint, principal, params, id, signal, hears } = request
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  for (const key of params.keys()) if (key !== 'name' && key !== 'arguments' && key !== '_meta') throw wrong(`the parameter ${JSON.stringify(key.slice(0, 64))} is not known`)
  const [called, args = new Map()] = [params.get('name'), params.get('arguments')]
  if (typeof called !== 'string' || called === '' || called.length > 256) throw wrong('"name" must be the name of a prompt')
  if (!isTexts(args)) throw wrong('"arguments" must be an object of texts')
  const named = whose(endpoint, called)
  if (named === undefined) throw wrong('there is no such prompt here')
  const { server, name } = named
  const reading = promptReading(server, name, args)
  const connection = server.connection(principal)
  const refusal = connection.barred('prompts', name)
  const target = targetOf(server, reading.resource)
  const beside = hears?.(server)
  return {
    reading,
    ...(refusal && { refusal }),
    candidates: [target],
    dial: (permitted) =>
      askOnce(target, signal, desk.clock, async (both) => {
        const options = { signal: both, timeoutMs: server.settings.timeoutMs, ...(beside && { beside }) }
        if ((await connection.item('prompts', name, options)) === undefined) return errorEvent({ code: INVALID_PARAMS, message: `There is no prompt ${JSON.stringify(called)} here.` }, 'document')
        const sent = (permitted as AskingReading).args
        const answer = await askServer(request, server, object({ name, ...(sent.size > 0 && { arguments: sent }) }), options)
        if ('required' in answer) return requiredEvent(answer)
        if ('error' in answer) return errorEvent(answer.error, 'document')
        const problem = messagesProblem(answer.result)
        if (problem !== undefined) throw malformed(`prompts/get: ${problem}`)
        return treeEvent(object({ result: answer.result }), 'document')
      }),
    answer: answerOf,
  }
}

export function isTexts(value: unknown): value is TreeObject {
  if (!(value instanceof Map) || value.size > MOST_ARGUMENTS) return false
  for (const one of value.values()) if (typeof one !== 'string') return false
  return true
}

function messagesProblem(result: TreeObject): string | undefined {
  const messages = result.get('messages')
  if (!Array.isArray(messages) || messages.length > MOST_MESSAGES) return 'no messages, or too many'
  for (const message of messages) {
    if (!isObject(message) || (message.get('role') !== 'user' && message.get('role') !== 'assistant')) return 'a message that is none'
    const problem = contentProblem([message.get('content') ?? null])
    if (problem !== undefined) return problem
  }
  return undefined
}
