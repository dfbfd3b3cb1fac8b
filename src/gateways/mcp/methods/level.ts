import { object } from '../../../formats/tree.ts'
import { errorEvent } from './results.ts'
import type { Doing, Request } from '../callers/desk.ts'
import { treeEvent } from './leaves.ts'
import { askLevel, isLevel, LEVELS } from './levels.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcMistake } from '../rpc.ts'
import { severalDoing } from './several.ts'

/** `logging/setLevel`: what this session is told from now on. */
export function levelDoing(request: Request): Doing {
  const { principal, params, id, session } = request
  const level = params.get('level')
  if (!isLevel(level)) throw new RpcMistake(INVALID_PARAMS, `"level" must be one of ${LEVELS.join(', ')}`, id)
  const doing = severalDoing(request, {
    action: 'mcp.connect',
    async ask(server, options) {
      const { link } = server.connection(principal)
      const { capabilities } = await link.introduction(options)
      if (!capabilities.has('logging')) return false
      await askLevel(link, level, options)
      return true
    },
    merge: (said) => (said.some((one) => one.said) ? treeEvent(object({ result: new Map() }), 'tool_result') : errorEvent({ code: METHOD_NOT_FOUND, message: 'The server sends no log messages.' }, 'tool_result')),
  })
  return {
    ...doing,
    answer(event) {
      const answer = doing.answer(event)
      if (session !== undefined && 'result' in answer) session.logLevel = level
      return answer
    },
  }
}
