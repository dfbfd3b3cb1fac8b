import { refuse, type Refusal } from '../../../contract/verdict.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { answerOf, errorEvent } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { whose } from '../callers/endpoint.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent } from './leaves.ts'
import { askOnce } from './once.ts'
import { isTexts, promptReading } from './prompt.ts'
import { holdersOf, readReading } from './read.ts'
import { ambiguity, misspelling } from './uris.ts'
import { askingReading, type AskingReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

const MOST_VALUES = 100

/** What is being completed: an argument of a prompt, or of a resource template. */
interface Reference {
  readonly server: Server
  readonly resource: AskingReading['resource']
  /** Using it: what may not be had is not completed. */
  readonly using: AskingReading
  readonly barred: Refusal | undefined
  /** As its server knows it. */
  readonly ref: TreeObject
}

/** `completion/complete`: what could stand where a person is typing. @throws {RpcMistake} for parameters that are none. */
export async function completeDoing(request: Request): Promise<Doing> {
  const { desk, principal, exchange, params, id, signal } = request
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  for (const key of params.keys()) if (key !== 'ref' && key !== 'argument' && key !== 'context' && key !== '_meta') throw wrong(`the parameter ${JSON.stringify(key.slice(0, 64))} is not known`)
  const [ref, argument, context] = [params.get('ref'), params.get('argument'), params.get('context')]
  if (!isObject(argument) || argument.size !== 2 || typeof argument.get('name') !== 'string' || typeof argument.get('value') !== 'string') throw wrong('"argument" must have a name and a value')
  if (context !== undefined && (!isObject(context) || [...context.keys()].some((key) => key !== 'arguments') || (context.has('arguments') && !isTexts(context.get('arguments'))))) throw wrong('"context" must hold arguments, which are texts')
  if (!isObject(ref)) throw wrong('"ref" must say what is completed')
  const about = await referenceOf(request, ref)
  if (about === undefined) throw wrong('"ref" must name a prompt, or a resource template, of one server here')
  const { server, resource, using } = about
  const refusal = desk.visible(principal, exchange, using) ? about.barred : refuse('denied', { detail: 'what is completed may not be had' })
  const reading = askingReading({ server, action: 'mcp.complete', resource, args: object({ argument, ...(context !== undefined && { context }) }) })
  const target = targetOf(server, resource)
  return {
    reading,
    ...(refusal && { refusal }),
    candidates: [target],
    dial: (permitted) =>
      askOnce(target, signal, desk.clock, async (both) => {
        const connection = server.connection(principal)
        const options = { signal: both, timeoutMs: server.settings.timeoutMs }
        // Until now nobody may have asked what its prompts are.
        if (resource.type === 'Prompt' && (await connection.item('prompts', resource.id, options)) === undefined) return errorEvent({ code: INVALID_PARAMS, message: 'There is no such prompt here.' }, 'tool_result')
        const sent = object({ ref: about.ref, ...Object.fromEntries((permitted as AskingReading).args) })
        const answer = await connection.link.request('completion/complete', sent, options)
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
    if (named === undefined) return undefined
    const using = promptReading(named.server, named.name, new Map())
    return { server: named.server, resource: using.resource, using, barred: named.server.connection(request.principal).barred('prompts', named.name), ref: object({ type, name: named.name }) }
  }
  if (type !== 'ref/resource' || typeof uri !== 'string' || !/^[\x21-\x7e]{1,2048}$/.test(uri)) return undefined
  const plain = uri.replace(/\{[^{}]*\}/g, 'x')
  if (ambiguity(plain) !== undefined) return undefined
  const [holder, other] = await holdersOf(request, uri)
  if (holder === undefined || other !== undefined || (!holder.exact && misspelling(plain, false) !== undefined)) return undefined
  const { server, listed } = holder
  const using = readReading(server, uri, listed)
  const connection = server.connection(request.principal)
  return { server, resource: using.resource, using, barred: connection.barred('templates', uri) ?? connection.barred('resources', uri), ref: object({ type, uri }) }
}

function isCompletion(value: Tree | undefined): boolean {
  const values = isObject(value) ? value.get('values') : undefined
  return Array.isArray(values) && values.length <= MOST_VALUES && values.every((one) => typeof one === 'string')
}
