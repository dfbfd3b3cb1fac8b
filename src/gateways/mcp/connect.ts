import { refuse, Refused } from '../../contract/verdict.ts'
import { object } from '../../formats/tree.ts'
import { answerOf } from './call.ts'
import { targetOf, type Doing, type Request } from './desk.ts'
import { treeEvent } from './leaves.ts'
import type { Introduction } from './link.ts'
import { askOnce } from './once.ts'
import { MODERN, SERVER_INFO, SESSION_REVISIONS } from './revisions.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake, type Answer } from './rpc.ts'

/** `initialize`: meets the server, says what of it can be used here, and opens a session. */
export function initializeDoing({ desk, server, params, id, signal, principal }: Request): Doing {
  const asked = params.get('protocolVersion')
  if (typeof asked !== 'string') throw new RpcMistake(INVALID_PARAMS, '"protocolVersion" must be a text', id)
  const protocol = SESSION_REVISIONS.find((one) => one === asked) ?? SESSION_REVISIONS[0]
  const reading = plainReading({ server, action: 'mcp.connect', method: 'initialize', effect: 'dial' })
  const target = targetOf(server, reading.resource)
  let opened = ''
  return {
    reading,
    candidates: [target],
    dial: () =>
      askOnce(target, signal, desk.clock, async (both) => {
        const introduction = await server.connection(principal).introduction({ signal: both, timeoutMs: server.settings.startMs })
        // Whatever it says of itself reaches the model: it is a definition, like those of its tools.
        return treeEvent(object({ result: object({ protocolVersion: protocol, ...introduced(introduction) }) }), 'tool_definition')
      }),
    answer(event) {
      const answer = answerOf(event)
      const session = desk.sessions.open(principal, server.settings.name, protocol)
      if (session === undefined) throw new Refused(refuse('concurrency', { say: 'Too many sessions are open.' }))
      opened = session.id
      return answer
    },
    fields: () => [['mcp-session-id', opened]],
  }
}

function introduced({ capabilities, info, instructions }: Introduction) {
  return {
    // What a server offers beyond tools is not served yet, and what is not served is not announced.
    capabilities: object({ ...(capabilities.has('tools') && { tools: new Map() }) }),
    serverInfo: info,
    ...(instructions !== undefined && { instructions }),
  }
}

/** `server/discover`: the same for a caller that opens no session. */
export function discoverDoing({ desk, server, principal, signal }: Request): Doing {
  const reading = plainReading({ server, action: 'mcp.connect', method: 'server/discover', effect: 'dial' })
  const target = targetOf(server, reading.resource)
  return {
    reading,
    candidates: [target],
    dial: () =>
      askOnce(target, signal, desk.clock, async (both) => {
        const { serverInfo, ...more } = introduced(await server.connection(principal).introduction({ signal: both, timeoutMs: server.settings.startMs }))
        return treeEvent(object({ result: object({ supportedVersions: [MODERN, ...SESSION_REVISIONS], ...more, _meta: object({ [SERVER_INFO]: serverInfo }) }) }), 'tool_definition')
      }),
    answer: answerOf,
  }
}

/** Whatever is answered here without the server. */
export function ownDoing({ server, method }: Pick<Request, 'server' | 'method'>, answer: Answer = { result: new Map() }): Doing {
  return { reading: plainReading({ server, action: 'mcp.connect', method, effect: 'none' }), candidates: [], answer: () => answer }
}
