import { refuse, Refused } from '../../../contract/verdict.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { answerOf } from './results.ts'
import type { Doing, Request } from '../callers/desk.ts'
import type { Endpoint } from '../callers/endpoint.ts'
import { takesTasks } from '../servers/era.ts'
import { treeEvent } from './leaves.ts'
import type { Introduction } from '../servers/link.ts'
import { MODERN, SERVER_INFO, SESSION_REVISIONS, TASKS } from '../revisions.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake, type Answer } from '../rpc.ts'
import { severalDoing, type Said } from './several.ts'

/** What of a server's capabilities is served here, and which of their parts. */
const SERVED: Readonly<Record<string, readonly string[]>> = { tools: ['listChanged'], resources: ['listChanged', 'subscribe'], prompts: ['listChanged'], completions: [], logging: [] }

/** `initialize`: meets the servers, says what of them can be used here, and opens a session. */
export function initializeDoing(request: Request): Doing {
  const { desk, endpoint, params, id, principal } = request
  const [asked, capabilities = new Map()] = [params.get('protocolVersion'), params.get('capabilities')]
  if (typeof asked !== 'string') throw new RpcMistake(INVALID_PARAMS, '"protocolVersion" must be a text', id)
  if (!isObject(capabilities)) throw new RpcMistake(INVALID_PARAMS, '"capabilities" must be an object', id)
  const protocol = SESSION_REVISIONS.find((one) => one === asked) ?? SESSION_REVISIONS[0]
  let opened = ''
  return {
    ...meeting(request, ({ info, ...more }) => object({ protocolVersion: protocol, ...more, serverInfo: info })),
    answer(event) {
      const answer = answerOf(event)
      const session = desk.sessions.open(principal, endpoint.route, protocol, capabilities)
      if (session === undefined) throw new Refused(refuse('concurrency', { say: 'Too many sessions are open.' }))
      opened = session.id
      return answer
    },
    fields: () => [['mcp-session-id', opened]],
  }
}

/** `server/discover`: the same for a caller that opens no session. */
export function discoverDoing(request: Request): Doing {
  return meeting(request, ({ info, capabilities, ...more }, said) => object({ supportedVersions: [MODERN, ...SESSION_REVISIONS], capabilities: extended(capabilities, said), ...more, _meta: object({ [SERVER_INFO]: info }) }))
}

interface Introduced {
  readonly capabilities: TreeObject
  readonly info: Tree
  readonly instructions?: Tree
}

function meeting(request: Request, result: (introduced: Introduced, said: readonly Said<Introduction>[]) => TreeObject): Doing {
  const { endpoint, principal } = request
  return severalDoing(request, {
    action: 'mcp.connect',
    ask: (server, { signal }) => server.connection(principal).introduction({ signal, timeoutMs: server.settings.startMs }),
    // Whatever they say of themselves reaches the model: it is a definition, like those of their tools.
    merge: (said) => treeEvent(object({ result: result(introduced(endpoint, said), said) }), 'tool_definition'),
  })
}

function introduced({ prefixed }: Endpoint, said: readonly Said<Introduction>[]): Introduced {
  const capabilities = served(said.map((one) => one.said.capabilities))
  const [first] = said
  if (!prefixed && first !== undefined) {
    const { info, instructions } = first.said
    return { capabilities, info, ...(instructions !== undefined && { instructions }) }
  }
  const told = said.flatMap(({ server, said: { instructions } }) => (instructions === undefined ? [] : [`${server.settings.name}:\n${instructions}`]))
  return { capabilities, info: object({ name: 'sallyport', version: '1' }), ...(told.length > 0 && { instructions: told.join('\n\n') }) }
}

/** What any of the servers offers and is served here: what is not served is not announced. */
function served(offered: readonly TreeObject[]): TreeObject {
  const all: TreeObject = new Map()
  for (const [key, parts] of Object.entries(SERVED)) {
    const own = offered.map((one) => one.get(key)).filter(isObject)
    if (own.length > 0) all.set(key, new Map(parts.filter((part) => own.some((one) => one.get(part) === true)).map((part) => [part, true])))
  }
  return all
}

/** Tasks are passed on between callers and servers of the revision whose extension they are. */
function extended(capabilities: TreeObject, said: readonly Said<Introduction>[]): TreeObject {
  const some = said.some((one) => one.said.protocol === MODERN && takesTasks(one.said.capabilities))
  return some ? new Map([...capabilities, ['extensions', object({ [TASKS]: new Map() })]]) : capabilities
}

/** Whatever is answered here without the server. */
export function ownDoing({ endpoint, method }: Pick<Request, 'endpoint' | 'method'>, answer: Answer = { result: new Map() }): Doing {
  return { reading: plainReading({ endpoint, action: 'mcp.connect', method, effect: 'none' }), candidates: [], answer: () => answer }
}
