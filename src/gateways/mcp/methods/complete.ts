import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { answerOf, errorEvent } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { whose } from '../callers/endpoint.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent } from './leaves.ts'
import { askOnce } from './once.ts'
import { isTexts } from './prompt.ts'
import { holdersOf, resourceOf } from './read.ts'
import { askingReading, type AskingReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

const MOST_VALUES = 100

/** What is being completed: an argument of a prompt, or of a resource template. */
interface Reference {
  readonly server: Server
  readonly resource: AskingReading['resource']
  /** As its server knows it. */
  readonly ref: TreeObject
}

/** `completion/complete`: what could stand where a person is typing. @throws {RpcMistake} for parameters that are none. */
export async function completeDoing(request: Request): Promise<Doing> {
  const { desk, principal, params, id, signal } = request
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  for (const key of params.keys()) if (key !== 'ref' && key !== 'argument' && key !== 'context' && key !== '_meta') throw wrong(`the parameter ${JSON.stringify(key.slice(0, 64))} is not known`)
  const [ref, argument, context] = [params.get('ref'), params.get('argument'), params.get('context')]
  if (!isObject(argument) || argument.size !== 2 || typeof argument.get('name') !== 'string' || typeof argument.get('value') !== 'string') throw wrong('"argument" must have a name and a value')
  if (context !== undefined && (!isObject(context) || [...context.keys()].some((key) => key !== 'arguments') || (context.has('arguments') && !isTexts(context.get('arguments'))))) throw wrong('"context" must hold arguments, which are texts')
  if (!isObject(ref)) throw wrong('"ref" must say what is completed')
  const about = await referenceOf(request, ref)
  if (about === undefined) throw wrong('"ref" must name a prompt, or a resource template, of one server here')
  const { server, resource } = about
  const reading = askingReading({ server, action: 'mcp.complete', resource, args: object({ argument, ...(context !== undefined && { context }) }) })
  const target = targetOf(server, resource)
  return {
    reading,
    candidates: [target],
    dial: (permitted) =>
      askOnce(target, signal, desk.clock, async (both) => {
        const sent = object({ ref: about.ref, ...Object.fromEntries((permitted as AskingReading).args) })
        const answer = await server.connection(principal).link.request('completion/complete', sent, { signal: both, timeoutMs: server.settings.timeoutMs })
        if ('error' in answer) return errorEvent(answer.error, 'tool_result')
        if (!isCompletion(answer.result.get('completion'))) throw malformed('completion/complete: no completion')
        return treeEvent(object({ result: answer.result }), 'tool_result')
      }),
    answer: answerOf,
  }
}

async function referenceOf(request: Request, ref: TreeObject): Promise<Reference | undefined> {
  const [type, name, uri] = [ref.get('type'), ref.get('name'), ref.get('uri')]
  if (type === 'ref/prompt' && typeof name === 'string' && name.length <= 256) {
    const named = whose(request.endpoint, name)
    return named && { server: named.server, resource: { type: 'Prompt', id: named.name, attributes: { server: named.server.settings.name } }, ref: object({ type, name: named.name }) }
  }
  if (type !== 'ref/resource' || typeof uri !== 'string' || !/^[\x21-\x7e]{1,2048}$/.test(uri)) return undefined
  const [holder, other] = await holdersOf(request, uri)
  return holder === undefined || other !== undefined ? undefined : { server: holder.server, resource: resourceOf(holder.server, uri, holder.listed), ref: object({ type, uri }) }
}

function isCompletion(value: Tree | undefined): boolean {
  const values = isObject(value) ? value.get('values') : undefined
  return Array.isArray(values) && values.length <= MOST_VALUES && values.every((one) => typeof one === 'string')
}
