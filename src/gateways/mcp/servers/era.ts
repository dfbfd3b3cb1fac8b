import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { ASKING, withMeta } from './asides.ts'
import { malformed } from './introduce.ts'
import type { AskOptions, Introduction } from './link.ts'
import { CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, MODERN, PROTOCOL_VERSION, SERVER_INFO, TASKS, UPSTREAM_REVISIONS } from '../revisions.ts'
import { HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_CAPABILITY, REFUSED, UNSUPPORTED_VERSION, type Answer } from '../rpc.ts'

/** What a server without sessions is told with each request. */
export interface Speaking {
  readonly version: string
  /** Capabilities that servers may be offered at all. */
  readonly offers: TreeObject
}

/** Times that a server may ask for more before it answers. */
const MOST_ROUNDS = 16
const MOST_INPUTS = 16
const LONGEST_STATE = 65_536

/** Parameters as revision 2026-07-28 wants them: each request says who speaks, how, and what can be asked of it. */
export function spoken({ version, offers }: Speaking, params: TreeObject, beside?: AskOptions['beside']): TreeObject {
  let made = withMeta(params, PROTOCOL_VERSION, MODERN)
  made = withMeta(made, CLIENT_INFO, object({ name: 'sallyport', version }))
  const can = offered(offers, beside?.capabilities)
  made = withMeta(made, CLIENT_CAPABILITIES, takesTasks(beside?.capabilities) ? new Map([...can, ['extensions', object({ [TASKS]: new Map() })]]) : can)
  return beside?.logLevel === undefined ? made : withMeta(made, LOG_LEVEL, beside.logLevel)
}

/** What of the offers this caller can be asked for. */
function offered(offers: TreeObject, capabilities: TreeObject | undefined): TreeObject {
  return new Map([...offers].filter(([key]) => capabilities?.has(key) === true))
}

/**
 * What the answer to `server/discover` says: a server of revision 2026-07-28, or undefined for one of those before it,
 * which knows no such method and says so in its own way.
 * @throws {Refused} for a server with which nothing is spoken in common.
 */
export function discoveryOf(answer: Answer): Introduction | undefined {
  if ('error' in answer) {
    const { code, data } = answer.error
    if (code === HEADER_MISMATCH || code === MISSING_CAPABILITY) throw malformed(`server/discover: error ${code}`)
    if (code === UNSUPPORTED_VERSION && isObject(data)) known(data.get('supported'))
    return undefined
  }
  const { result } = answer
  const [versions, capabilities, instructions, meta] = ['supportedVersions', 'capabilities', 'instructions', '_meta'].map((key) => result.get(key))
  if (!known(versions).includes(MODERN)) return undefined
  if (!isObject(capabilities)) throw malformed('server/discover: no capabilities')
  if (instructions !== undefined && (typeof instructions !== 'string' || instructions.length > LONGEST_STATE)) throw malformed('server/discover: instructions')
  const info = isObject(meta) ? meta.get(SERVER_INFO) : undefined
  const named = isObject(info) && typeof info.get('name') === 'string' && typeof info.get('version') === 'string'
  return { protocol: MODERN, capabilities, info: named ? info : object({ name: 'unnamed', version: '0' }), ...(instructions !== undefined && { instructions }) }
}

/** The revisions that a server names. @throws {Refused} where none of them is spoken here. */
function known(versions: Tree | undefined): readonly Tree[] {
  if (!Array.isArray(versions)) return []
  if (versions.length > 0 && !versions.some((one) => one === MODERN || (typeof one === 'string' && UPSTREAM_REVISIONS.has(one)))) throw malformed('server/discover: a revision that is not spoken here')
  return versions
}

type Send = (params: TreeObject) => Promise<Answer>

/**
 * A request to a server of revision 2026-07-28. Where it needs something of the caller, that is asked beside, and the
 * request goes out again with the answers; a caller that comes back by itself is told what is needed instead.
 */
export async function askModern(method: string, params: TreeObject, { beside, rounds }: Pick<AskOptions, 'beside' | 'rounds'>, send: Send, signal: AbortSignal): Promise<Answer> {
  // Gone in this revision: whether somebody is there shows with the next request, and each request says what it wants logged.
  if (method === 'ping' || method === 'logging/setLevel') return { result: new Map() }
  let answer = await send(params)
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if ('error' in answer) return answer
    const { result } = answer
    const type = result.get('resultType') ?? 'complete'
    // A task tells what it needs where another answer would ask for it.
    if (type === 'complete') return method === 'tasks/get' ? answer : plain(answer)
    if (type === 'task' && method === 'tools/call' && takesTasks(beside?.capabilities)) return answer
    if (type !== 'input_required' || !ASKING.has(method)) throw malformed(`${method}: a result of no known type`)
    const required = requiredOf(method, result)
    if (rounds === true) return answer
    const responses: TreeObject = new Map()
    for (const [key, { method: asked, params: about }] of required.requests) {
      const said: Answer = beside === undefined ? { error: { code: METHOD_NOT_FOUND, message: 'Nobody is there to be asked.' } } : await beside.asked(asked, about, signal, key)
      if ('error' in said) return { error: { code: REFUSED, message: `The server asked for what it is not given (${asked}): ${said.error.message}` } }
      responses.set(key, said.result)
    }
    answer = await send(new Map([...params, ...(responses.size > 0 ? ([['inputResponses', responses]] as const) : []), ...(required.state === undefined ? [] : ([['requestState', required.state]] as const))]))
  }
  throw malformed(`${method}: it asks for more again and again`)
}

/** What a server needs before it can answer. */
export interface Required {
  readonly requests: ReadonlyMap<string, { readonly method: string; readonly params: TreeObject }>
  readonly state: string | undefined
}

/** @throws {Refused} for a result that asks for nothing, or in no known way. */
export function requiredOf(method: string, result: TreeObject): Required {
  const wrong = (what: string): Error => malformed(`${method}: input_required, ${what}`)
  const [requests = new Map<string, Tree>(), state] = [result.get('inputRequests'), result.get('requestState')]
  if (!isObject(requests) || requests.size > MOST_INPUTS) throw wrong('no requests, or too many')
  if (state !== undefined && (typeof state !== 'string' || state.length > LONGEST_STATE)) throw wrong('a state that is none')
  if (requests.size === 0 && state === undefined) throw wrong('nothing')
  const read = [...requests].map(([key, one]) => {
    const [asked, about = new Map<string, Tree>()] = isObject(one) ? [one.get('method'), one.get('params')] : []
    if (typeof asked !== 'string' || !isObject(about) || key.length > 256) throw wrong('a request that is none')
    return [key, { method: asked, params: about }] as const
  })
  return { requests: new Map(read), state }
}

/** An answer without what only the revision without sessions says: a server of another one cannot borrow its meaning. */
export function plain(answer: Answer): Answer {
  if ('error' in answer || !OWN.some((key) => answer.result.has(key))) return answer
  const result = new Map(answer.result)
  for (const key of OWN) result.delete(key)
  return { result }
}

const OWN = ['resultType', 'inputRequests', 'requestState'] as const

/** Whether this caller takes tasks in place of results. */
export function takesTasks(capabilities: TreeObject | undefined): boolean {
  const extensions = capabilities?.get('extensions')
  return isObject(extensions) && isObject(extensions.get(TASKS))
}
