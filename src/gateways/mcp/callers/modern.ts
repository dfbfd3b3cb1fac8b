import { field, type Fields } from '../../../contract/arrival.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { CLIENT_CAPABILITIES, CLIENT_INFO, MODERN, PROTOCOL_VERSION, SESSION_REVISIONS } from '../revisions.ts'
import { HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, NO_RESOURCE, RpcMistake, UNSUPPORTED_VERSION, type Answer, type Id, type Message } from '../rpc.ts'


/** What of a request the header Mcp-Name repeats. */
const NAMED: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' }
/** Answers that may be kept: one that was cut for one caller is nobody else's. */
const KEPT: ReadonlySet<string> = new Set(['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'])

/**
 * True for a message of the revision without sessions; false for one of those before it. What the header fields say must
 * agree with the message, because others on the way may go by them.
 * @throws {RpcMistake}
 */
export function isModern(message: Exclude<Message, { kind: 'answer' }>, fields: Fields): boolean {
  const id = message.kind === 'request' ? message.id : undefined
  const named = single(fields, 'mcp-protocol-version', id)
  const meta = message.params.get('_meta')
  const claimed = isObject(meta) ? meta.get(PROTOCOL_VERSION) : undefined
  if (claimed === undefined) {
    if (named === undefined || !isLater(named)) return false
    if (message.kind === 'notification') return supported(named, id)
    if (message.method === 'initialize') throw mismatch('initialize belongs to revisions with sessions, the header names another', id)
    throw new RpcMistake(INVALID_PARAMS, `"_meta" must name the revision, as ${PROTOCOL_VERSION}`, id)
  }
  if (typeof claimed !== 'string') throw new RpcMistake(INVALID_PARAMS, `"_meta" must name the revision, as ${PROTOCOL_VERSION}`, id)
  if (named !== undefined && named !== claimed) throw mismatch('the header MCP-Protocol-Version names another revision than the message', id)
  supported(claimed, id)
  const method = single(fields, 'mcp-method', id)
  if (method !== undefined && method !== message.method) throw mismatch('the header Mcp-Method names another method than the message', id)
  if (message.kind === 'notification') return true
  if (!isObject((meta as TreeObject).get(CLIENT_CAPABILITIES))) throw new RpcMistake(INVALID_PARAMS, `"_meta" must hold ${CLIENT_CAPABILITIES}`, id)
  const info = (meta as TreeObject).get(CLIENT_INFO)
  if (info !== undefined && !isObject(info)) throw new RpcMistake(INVALID_PARAMS, `${CLIENT_INFO} must be an object`, id)
  if (named === undefined) throw mismatch('the header MCP-Protocol-Version is missing', id)
  if (method === undefined) throw mismatch('the header Mcp-Method is missing', id)
  checkName(message.method, message.params, fields, id)
  return true
}

/** Later revisions are no older ones, even those that are not known yet. */
function isLater(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version > SESSION_REVISIONS[0]
}

function supported(version: string, id: Id | undefined): true {
  if (version === MODERN) return true
  const data = object({ supported: [MODERN, ...SESSION_REVISIONS], requested: version.slice(0, 64) })
  throw new RpcMistake(UNSUPPORTED_VERSION, 'this revision is not spoken here', id, data)
}

function checkName(method: string, params: TreeObject, fields: Fields, id: Id | undefined): void {
  const source = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined
  const value = source === undefined ? undefined : params.get(source)
  if (typeof value !== 'string') return
  const header = single(fields, 'mcp-name', id)
  if (header === undefined) throw mismatch('the header Mcp-Name is missing', id)
  if (decoded(header) !== value) throw mismatch('the header Mcp-Name names something else than the message', id)
}

/** Values that headers cannot hold travel as base64 of their UTF-8. */
export function decoded(header: string): string | undefined {
  const inside = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(header)?.[1]
  if (inside === undefined) return header
  const bytes = Buffer.from(inside, 'base64')
  const text = bytes.toString('utf8')
  return bytes.toString('base64') === inside && Buffer.from(text).equals(bytes) ? text : undefined
}

/** @throws {RpcMistake} where it stands twice: two readers could go by different ones. */
export function single(fields: Fields, name: string, id: Id | undefined): string | undefined {
  let count = 0
  for (const [key] of fields) if (key.length === name.length && key.toLowerCase() === name) count++
  if (count > 1) throw new RpcMistake(INVALID_REQUEST, `the header ${name} stands there twice`, id)
  return field(fields, name)
}

function mismatch(problem: string, id: Id | undefined): RpcMistake {
  return new RpcMistake(HEADER_MISMATCH, problem, id)
}

/** An answer as this revision has it: every result says that it is one, and how long it may be kept. */
export function modernAnswer(method: string, answer: Answer): Answer {
  // Resources that are not there have no code of their own any more.
  if ('error' in answer) return answer.error.code === NO_RESOURCE ? { error: { ...answer.error, code: INVALID_PARAMS } } : answer
  // Servers cannot say this by themselves: links take it out of what they answer.
  const type = answer.result.get('resultType')
  if (type === 'input_required' || type === 'task') return answer
  const more: [string, Tree][] = [['resultType', 'complete'], ...(KEPT.has(method) ? ([['ttlMs', 0], ['cacheScope', 'private']] as [string, Tree][]) : [])]
  return { result: new Map([...answer.result, ...more]) }
}
