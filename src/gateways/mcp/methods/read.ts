import { refuse, Refused } from '../../../contract/verdict.ts'
import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import { askServer, requiredEvent } from '../asks/asking.ts'
import { answerOf, errorEvent } from './results.ts'
import type { Connection } from '../servers/connection.ts'
import { targetOf, type Doing, type McpDesk, type Request } from '../callers/desk.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent } from './leaves.ts'
import type { AskOptions } from '../servers/link.ts'
import { askOnce } from './once.ts'
import { askingReading, listReading, type AskingReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import { ambiguity, covers, misspelling, schemeOf } from './uris.ts'

const LONGEST_URI = 2_048
const MOST_CONTENTS = 1_000
/** Addresses that whoever reads them goes out to; others are names that the server gave. */
const WEB = /^(?:https?|wss?|s?ftps?):/i
const VISIBLE = /^[\x21-\x7e]+$/

/** Reading a resource, as policy decides about it. */
export function readReading(server: Server, uri: string, listed: boolean): AskingReading {
  return askingReading({ server, action: 'mcp.read', resource: { type: 'Resource', id: uri, attributes: { server: server.settings.name, scheme: schemeOf(uri), listed } }, args: new Map(), ...(WEB.test(uri) && { call: { tool: 'resources/read', server: server.settings.name, arguments: JSON.stringify({ uri }) } }) })
}

/** `resources/read`: one resource, listed or not. @throws {RpcMistake} for parameters that are none. */
export async function readDoing(request: Request): Promise<Doing> {
  const { desk, principal, params, id, signal, hears } = request
  const uri = uriOf(params, id)
  const [first, second] = await holdersOf(request, uri)
  if (first === undefined) throw new RpcMistake(INVALID_PARAMS, 'no server here has this resource', id, object({ uri }))
  checkSpelling(uri, first, id)
  const reading = readReading(first.server, uri, first.listed)
  // Where all servers are one place, which of them is meant must not depend on who was asked first.
  const refusal = second === undefined ? first.server.connection(principal).barred('resources', uri) : refuse('bad_request', { param: 'uri', say: 'Several servers have a resource of this URI: ask one of them at its own endpoint.' })
  const { server } = first
  const target = targetOf(server, reading.resource)
  const beside = hears?.(server)
  return {
    reading,
    ...(refusal && { refusal }),
    candidates: [target],
    dial: () =>
      askOnce(target, signal, desk.clock, async (both) => {
        const answer = await askServer(request, server, object({ uri }), { signal: both, timeoutMs: server.settings.timeoutMs, ...(beside && { beside }) })
        if ('required' in answer) return requiredEvent(answer)
        if ('error' in answer) return errorEvent(answer.error, 'document')
        const problem = contentsProblem(answer.result)
        if (problem !== undefined) throw malformed(`resources/read: ${problem}`)
        return treeEvent(object({ result: answer.result }), 'document')
      }),
    answer: answerOf,
  }
}

/** A URI among parameters that hold nothing else. @throws {RpcMistake} */
export function uriOf(params: TreeObject, id: Request['id']): string {
  for (const key of params.keys()) if (key !== 'uri' && key !== '_meta') throw new RpcMistake(INVALID_PARAMS, `the parameter ${JSON.stringify(key.slice(0, 64))} is not known`, id)
  const uri = params.get('uri')
  if (typeof uri !== 'string' || uri.length > LONGEST_URI || !VISIBLE.test(uri)) throw new RpcMistake(INVALID_PARAMS, '"uri" must be a URI', id)
  const wrong = ambiguity(uri)
  if (wrong !== undefined) throw new RpcMistake(INVALID_PARAMS, `"uri" ${wrong}`, id)
  return uri
}

/** What its server itself lists is spelled as it may be. @throws {RpcMistake} */
export function checkSpelling(uri: string, { exact, listed }: Holder, id: Request['id']): void {
  const wrong = exact ? undefined : misspelling(uri, listed)
  if (wrong !== undefined) throw new RpcMistake(INVALID_PARAMS, `"uri" ${wrong}: each thing has one spelling here`, id)
}

interface Holder {
  readonly server: Server
  readonly listed: boolean
  /** A list has the very same text. */
  readonly exact: boolean
}

type Looking = Pick<Request, 'principal' | 'exchange' | 'signal' | 'endpoint'> & { readonly desk: Pick<McpDesk, 'visible'> }

/**
 * The servers that a URI can belong to. A server's own endpoint means that server, whatever it lists. Where all servers
 * are one place, those that list it come before those of which a template covers it, and others have it not. Only lists
 * that the caller may see are looked at, and where all servers are one
 * place, one whose resource the caller may not read does not make another's ambiguous.
 */
export async function holdersOf({ desk, principal, exchange, endpoint, signal }: Looking, uri: string): Promise<readonly Holder[]> {
  const looked = await Promise.all(endpoint.servers.map(async (server) => {
    const known = desk.visible(principal, exchange, listReading(server, 'resources/list'))
    const how = known ? await howListed(server.connection(principal), uri, { signal, timeoutMs: server.settings.timeoutMs }) : undefined
    return { server, how, listed: how !== undefined, exact: how === 'listed' || how === 'template' }
  }))
  if (!endpoint.prefixed) return looked
  const listed = looked.filter(({ how }) => how === 'listed')
  const found = listed.length > 0 ? listed : looked.filter(({ how }) => how !== undefined)
  const open = found.filter((one) => desk.visible(principal, exchange, readReading(one.server, uri, one.listed)))
  return open.length > 0 ? open : found.slice(0, 1)
}

/** A server that cannot be asked lists nothing: policy hears that it is not listed. */
async function howListed(connection: Connection, uri: string, options: AskOptions): Promise<'listed' | 'template' | 'covered' | undefined> {
  try {
    const { capabilities } = await connection.introduction(options)
    if (!capabilities.has('resources')) return undefined
    if ((await connection.all('resources', options)).some(({ name }) => name === uri)) return 'listed'
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return undefined
  }
  try {
    const templates = await connection.all('templates', options)
    return templates.some(({ name }) => name === uri) ? 'template' : templates.some(({ name }) => covers(name, uri)) ? 'covered' : undefined
  } catch (error) {
    // Servers without templates often do not know the method either.
    if (!(error instanceof Refused)) throw error
    return undefined
  }
}

function contentsProblem(result: TreeObject): string | undefined {
  const contents = result.get('contents')
  if (!Array.isArray(contents) || contents.length > MOST_CONTENTS) return 'no contents, or too many'
  for (const part of contents) {
    if (!isObject(part) || typeof part.get('uri') !== 'string') return 'a part that is none'
    if (typeof part.get('text') !== 'string' && typeof part.get('blob') !== 'string') return 'a part with neither text nor blob'
  }
  return undefined
}

