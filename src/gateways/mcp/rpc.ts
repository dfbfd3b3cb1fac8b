import { refuse, type Refusal } from '../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import { isObject, object, type Tree, type TreeObject } from '../../formats/tree.ts'

/** An id as JSON-RPC 2.0 and MCP allow it: never null, and a whole number where it is one. */
export type Id = string | number

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: Tree
}

export type Answer = { readonly result: TreeObject } | { readonly error: RpcError }

/** One message, in either direction. */
export type Message =
  | { readonly kind: 'request'; readonly id: Id; readonly method: string; readonly params: TreeObject }
  | { readonly kind: 'notification'; readonly method: string; readonly params: TreeObject }
  | { readonly kind: 'answer'; readonly id: Id | undefined; readonly answer: Answer }

/** Codes of JSON-RPC 2.0, of MCP, and `REFUSED` from the range that is left to implementations. */
export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
export const REFUSED = -32000
export const NO_SESSION = -32001
/** Of revisions with sessions: there is no such resource. */
export const NO_RESOURCE = -32002
export const HEADER_MISMATCH = -32020
export const MISSING_CAPABILITY = -32021
export const UNSUPPORTED_VERSION = -32022

/** Why a text is no message. `id` where it could be read, so that who asked can be told. */
export class RpcMistake extends Error {
  readonly code: number
  readonly id: Id | undefined
  /** What programs read of it. */
  readonly data: TreeObject | undefined
  constructor(code: number, problem: string, id?: Id, data?: TreeObject) {
    super(problem)
    this.code = code
    this.id = id
    this.data = data
  }
}

/** What a mistake in a message comes to. */
export function unacceptable({ code, message }: Pick<RpcMistake, 'code' | 'message'>): Refusal {
  return refuse(code === PARSE_ERROR ? 'bad_json' : 'bad_request', { say: `The message is not acceptable: ${message}.` })
}

const DEEPEST = 64
const MOST_NODES = 200_000
const LONGEST_ID = 256
const METHOD = /^[A-Za-z0-9_$./-]{1,128}$/

/**
 * Reads one JSON-RPC message strictly: exactly the members that its kind has, no batch, no null id, parameters by name.
 * @throws {RpcMistake}
 */
export function readMessage(bytes: Uint8Array | string): Message {
  let tree: Tree
  try {
    tree = parseJson(bytes, { depth: DEEPEST, nodes: MOST_NODES })
  } catch (error) {
    if (error instanceof JsonError) throw new RpcMistake(PARSE_ERROR, `not acceptable JSON: ${error.reason.replaceAll('_', ' ')} at ${error.offset}`)
    throw error
  }
  if (Array.isArray(tree)) throw new RpcMistake(INVALID_REQUEST, 'batches are not taken: send one message at a time')
  if (!isObject(tree)) throw new RpcMistake(INVALID_REQUEST, 'a message is a JSON object')
  const id = idOf(tree)
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_REQUEST, problem, id)
  if (tree.get('jsonrpc') !== '2.0') throw wrong('"jsonrpc" must be "2.0"')
  if (tree.has('id') && id === undefined && !(tree.get('id') === null && tree.has('error'))) throw wrong('"id" must be a text or a whole number')
  if (tree.has('method')) return called(tree, id, wrong)
  if (!tree.has('result') && !tree.has('error')) throw wrong('a message has a "method", a "result" or an "error"')
  return answered(tree, id, wrong)
}

function called(tree: TreeObject, id: Id | undefined, wrong: (problem: string) => RpcMistake): Message {
  only(tree, ['jsonrpc', 'id', 'method', 'params'], wrong)
  const method = tree.get('method')
  if (typeof method !== 'string' || !METHOD.test(method)) throw wrong('"method" must be the name of a method')
  const params = tree.get('params') ?? new Map<string, Tree>()
  if (!isObject(params) || tree.get('params') === null) throw wrong('"params" must be an object')
  return id === undefined ? { kind: 'notification', method, params } : { kind: 'request', id, method, params }
}

function answered(tree: TreeObject, id: Id | undefined, wrong: (problem: string) => RpcMistake): Message {
  only(tree, ['jsonrpc', 'id', 'result', 'error'], wrong)
  const result = tree.get('result')
  if (tree.has('result')) {
    if (tree.has('error')) throw wrong('a message has either a "result" or an "error"')
    if (!isObject(result) || id === undefined) throw wrong('a "result" must be an object and have an "id"')
    return { kind: 'answer', id, answer: { result } }
  }
  const error = tree.get('error')
  if (!isObject(error)) throw wrong('an "error" must be an object')
  only(error, ['code', 'message', 'data'], wrong)
  const [code, message, data] = [error.get('code'), error.get('message'), error.get('data')]
  if (typeof code !== 'number' || !Number.isSafeInteger(code) || typeof message !== 'string') throw wrong('an "error" has a whole "code" and a "message"')
  return { kind: 'answer', id, answer: { error: { code, message, ...(data !== undefined && { data }) } } }
}

function only(tree: TreeObject, known: readonly string[], wrong: (problem: string) => RpcMistake): void {
  for (const key of tree.keys()) if (!known.includes(key)) throw wrong(`the member ${JSON.stringify(key.slice(0, 64))} is not known`)
}

function idOf(tree: TreeObject): Id | undefined {
  const id = tree.get('id')
  if (typeof id === 'string') return id.length <= LONGEST_ID ? id : undefined
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined
}

export function requestText(id: Id, method: string, params: TreeObject): string {
  return writeJson(object({ jsonrpc: '2.0', id, method, ...(params.size > 0 && { params }) }))
}

export function notificationText(method: string, params: TreeObject = new Map()): string {
  return writeJson(object({ jsonrpc: '2.0', method, ...(params.size > 0 && { params }) }))
}

/** Without an id the one who asked cannot be named: the message says null. */
export function answerText(id: Id | undefined, answer: Answer): string {
  if ('result' in answer) return writeJson(object({ jsonrpc: '2.0', id: id ?? null, result: answer.result }))
  const { code, message, data } = answer.error
  return writeJson(object({ jsonrpc: '2.0', id: id ?? null, error: object({ code, message, data }) }))
}
