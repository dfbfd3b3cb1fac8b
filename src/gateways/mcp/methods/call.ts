import { createHash } from 'node:crypto'
import type { Reading } from '../../../contract/exchange.ts'
import { undoOf } from '../../../contract/shown.ts'
import type { ToolFacts } from '../../../contract/tool.ts'
import { refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import { argumentValues, declaredArguments } from '../../../formats/arguments.ts'
import { writeJson } from '../../../formats/json.ts'
import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import { askServer, requiredEvent } from '../asks/asking.ts'
import { routeOf, targetOf, type Doing, type Request } from '../callers/desk.ts'
import { whose } from '../callers/endpoint.ts'
import type { AskOptions, Beside } from '../servers/link.ts'
import { askLevel } from './levels.ts'
import { mirrorProblem } from './mirrored.ts'
import { askOnce } from './once.ts'
import { edited } from './reading.ts'
import { answerOf, errorEvent, resultEvent } from './results.ts'
import { HEADER_MISMATCH, INVALID_PARAMS, RpcMistake, unacceptable } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import { createdTask } from './tasks.ts'
import type { Item } from '../servers/items.ts'

/** Values that a reviewer is shown one by one, besides those that say whom or what it acts on. */
const MOST_VALUES = 200

interface CallReading extends Reading {
  readonly args: TreeObject
}

/** `tools/call`: one tool with its arguments. @throws {RpcMistake} for parameters that are none. */
export function callDoing(request: Request): Doing | Promise<Doing> {
  const { desk, endpoint, principal, exchange, params, id, signal, hears } = request
  const { name: called, args } = callOf(params, id)
  const named = whose(endpoint, called)
  if (named === undefined) throw new RpcMistake(INVALID_PARAMS, 'there is no such tool here', id)
  const { server, name } = named
  const { settings } = server
  const beside = hears?.(server)
  const call: Called = { server, name, called, args, beside, options: { signal, timeoutMs: settings.timeoutMs, ...(beside && { beside }) } }
  const connection = server.connection(principal)
  const known = connection.known('tools', name)
  // What is inferred of a call is inferred from its definition too: a server that just said that its list is another must
  // not have it judged without one. Whoever may not call it has nobody asked.
  if (known !== undefined || connection.barred('tools', name) !== undefined || !desk.visible(principal, exchange, callReading(server, name, args, desk.tool(name, settings.name)))) return doingOf(request, call, known)
  return connection.item('tools', name, call.options).then(
    (found) => doingOf(request, call, found),
    (error: unknown) => {
      if (!(error instanceof Refused)) throw error
      return { ...doingOf(request, call, undefined), refusal: error.refusal }
    },
  )
}

/** A call, and whose it is. */
interface Called {
  readonly server: Server
  /** As its server calls it, and as the caller does. */
  readonly name: string
  readonly called: string
  readonly args: TreeObject
  readonly beside: Beside | undefined
  readonly options: AskOptions
}

function doingOf(request: Request, { server, name, called, args, beside, options }: Called, known: Item | undefined): Doing {
  const { desk, principal, id, signal, mirrors } = request
  const { settings } = server
  const connection = server.connection(principal)
  const reading = callReading(server, name, args, desk.tool(name, settings.name), known?.definition)
  const unlike = known && mirrors && mirrorProblem(known, args, mirrors)
  const mistake = unlike === undefined ? undefined : new RpcMistake(HEADER_MISMATCH, unlike, id)
  const refusal = mistake ? unacceptable(mistake) : reading.problem !== undefined ? refuse('denied', { detail: `${name}: ${reading.problem}` }) : known === undefined ? connection.barred('tools', name) : argumentProblem(known, args, server)
  return {
    reading,
    ...(refusal && { refusal }),
    ...(mistake && { mistake }),
    candidates: [targetOf(server, reading.resource)],
    dial: (permitted) =>
      askOnce(targetOf(server, reading.resource), signal, desk.clock, async (both) => {
        const tool = await connection.item('tools', name, { ...options, signal: both })
        if (tool === undefined) return errorEvent({ code: INVALID_PARAMS, message: `There is no tool ${JSON.stringify(called)} here.` }, 'tool_result')
        const other = mirrors && mirrorProblem(tool, args, mirrors)
        if (other !== undefined) return errorEvent({ code: HEADER_MISMATCH, message: unacceptable({ code: HEADER_MISMATCH, message: other }).say as string }, 'tool_result')
        // What guardrails took out may be what the schema asks for; and until now nobody may have known the tool.
        const sent = (permitted as CallReading).args
        const wrong = argumentProblem(tool, sent, server)
        if (wrong !== undefined) throw new Refused(wrong)
        if (beside?.logLevel !== undefined) await askLevel(connection.link, beside.logLevel, { ...options, signal: both })
        const answer = await askServer(request, server, object({ name, arguments: sent }), { ...options, signal: both })
        if ('required' in answer) return requiredEvent(answer)
        return 'result' in answer && answer.result.get('resultType') === 'task' ? createdTask(request, server, name, answer.result) : resultEvent(answer)
      }),
    answer: answerOf,
  }
}

function argumentProblem(tool: Item, args: TreeObject, { settings }: Server): Refusal | undefined {
  const schema = tool.schema()
  if (schema.unusable !== undefined) return refuse('denied', { say: 'The schema of this tool is not usable.', detail: `${tool.name}: ${schema.unusable}` })
  const wrong = schema.check(args, settings.unknownArguments === 'refuse')
  if (wrong === undefined) return undefined
  const { path, problem, unknown } = wrong
  // Names are the caller's, or the schema's; no value is told.
  const say = path === '' ? `The arguments are not acceptable: ${problem}.` : `The argument ${JSON.stringify(path.slice(0, 200))} ${problem}.`
  return refuse(unknown === true ? 'unknown_field' : 'bad_request', { param: path, say })
}

function callOf(params: TreeObject, id: Request['id']): { readonly name: string; readonly args: TreeObject } {
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  // `_meta` is between this gateway and the caller: none of it goes on.
  // Nor does the wish for a task, which callers of an older revision have: here servers say what becomes one.
  for (const key of params.keys()) if (key !== 'name' && key !== 'arguments' && key !== 'task' && key !== '_meta') throw wrong(`the parameter ${JSON.stringify(key.slice(0, 64))} is not known`)
  const [name, args = new Map()] = [params.get('name'), params.get('arguments')]
  if (typeof name !== 'string' || name === '' || name.length > 128) throw wrong('"name" must be the name of a tool')
  if (!isObject(args)) throw wrong('"arguments" must be an object')
  return { name, args }
}

/** A call as policy decides about it. `problem`: arguments on which policy relies cannot be read as they are declared. */
export function callReading(server: Server, name: string, args: TreeObject, facts: ToolFacts, definition?: TreeObject): CallReading & { readonly problem?: string } {
  const declared = declaredArguments(args, facts)
  const made = readingOf(server, name, args, facts, typeof declared === 'string' ? {} : declared, definition)
  return typeof declared === 'string' ? { ...made, problem: declared } : made
}

function readingOf(server: Server, name: string, args: TreeObject, facts: ToolFacts, declared: Reading['parameters'], definition: TreeObject | undefined): CallReading {
  const text = writeJson(args)
  const route = routeOf(server)
  const reading: CallReading = {
    action: 'mcp.call',
    resource: { type: 'Tool', id: name, attributes: { ...facts.attributes, server: server.settings.name } },
    route,
    gateway: route,
    direction: 'outbound',
    effect: 'dial',
    // Only what is known to read may be under way before its intent is on disk.
    overlapsIntent: facts.effects.length > 0 && facts.effects.every((one) => one === 'read'),
    stream: false,
    segments: args.size === 0 ? [] : [{ origin: 'tool_call', text, path: ['arguments'], group: 'call' }],
    effects: facts.effects,
    parameters: { ...declared, tool: name, argumentBytes: text.length },
    subordinates: [],
    estimate: { input: 0, output: 0, choices: 1 },
    call: { tool: name, server: server.settings.name, arguments: text, ...(definition && { offered: () => ({ schema: definition.get('inputSchema'), annotations: definition.get('annotations') }) }) },
    args,
    apply: (edits) => (edits.length === 0 ? reading : readingOf(server, name, edited(text, edits), facts, declared, definition)),
    fingerprint: () => createHash('sha256').update(`mcp.call\n${route}\n${name}\n`).update(text).digest('base64'),
    show: () => ({
      body: text,
      values: argumentValues(args, facts, MOST_VALUES).map((one) => ({ ...one, sources: [] })),
      ...(facts.class && { class: facts.class }),
      undo: undoOf(facts.class),
    }),
  }
  return reading
}
