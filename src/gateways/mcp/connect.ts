import { refuse, Refused } from '../../contract/verdict.ts'
import { object } from '../../formats/tree.ts'
import { answerOf } from './call.ts'
import { targetOf, type Doing, type Request } from './desk.ts'
import { treeEvent } from './leaves.ts'
import type { Introduction } from './link.ts'
import { askOnce } from './once.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake, type Answer } from './rpc.ts'

/** Revisions with sessions that callers may speak; older ones promise batches. The first is offered to all others. */
export const SESSION_REVISIONS = ['2025-11-25', '2025-06-18'] as const

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
        const introduction = await server.link.introduction({ signal: both, timeoutMs: server.settings.startMs })
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

/** Whatever is answered here without the server. */
export function ownDoing({ server, method }: Pick<Request, 'server' | 'method'>, answer: Answer = { result: new Map() }): Doing {
  return { reading: plainReading({ server, action: 'mcp.connect', method, effect: 'none' }), candidates: [], answer: () => answer }
}
