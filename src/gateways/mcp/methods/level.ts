import { object } from '../../../formats/tree.ts'
import { answerOf, errorEvent } from './results.ts'
import type { Doing, Request } from '../callers/desk.ts'
import { treeEvent } from './leaves.ts'
import { askLevel, isLevel, LEVELS } from './levels.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcMistake } from '../rpc.ts'
import { askSeveral } from './several.ts'
import { targetsOf } from './targets.ts'

/** `logging/setLevel`: what this session is told from now on. */
export function levelDoing(request: Request): Doing {
  const { desk, endpoint, principal, params, id, signal, method, session } = request
  const level = params.get('level')
  if (!isLevel(level)) throw new RpcMistake(INVALID_PARAMS, `"level" must be one of ${LEVELS.join(', ')}`, id)
  return {
    reading: plainReading({ endpoint, action: 'mcp.connect', method, effect: 'dial' }),
    ...targetsOf(request),
    dial: (_, permit) =>
      askSeveral({
        servers: endpoint.servers,
        permit,
        signal,
        clock: desk.clock,
        async ask(server, both) {
          const options = { signal: both, timeoutMs: server.settings.timeoutMs }
          const { link } = server.connection(principal)
          const { capabilities } = await link.introduction(options)
          if (!capabilities.has('logging')) return false
          await askLevel(link, level, options)
          return true
        },
        merge: (said) => (said.some((one) => one.said) ? treeEvent(object({ result: new Map() }), 'tool_result') : errorEvent({ code: METHOD_NOT_FOUND, message: 'The server sends no log messages.' }, 'tool_result')),
      }),
    answer(event) {
      const answer = answerOf(event)
      if (session !== undefined && 'result' in answer) session.logLevel = level
      return answer
    },
  }
}
