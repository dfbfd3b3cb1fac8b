import { withinScope } from '../../contract/principal.ts'
import { object } from '../../formats/tree.ts'
import { answerOf, callReading } from './call.ts'
import { targetOf, type Doing, type Request } from './desk.ts'
import { treeEvent } from './leaves.ts'
import { askOnce } from './once.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from './rpc.ts'
import type { Item } from './items.ts'

/** `tools/list`, cut to what the caller may call: one question to policy for each tool. All of it is one page. */
export function listDoing(request: Request): Doing {
  const { desk, server, principal, params, id, signal } = request
  for (const key of params.keys()) if (key !== 'cursor' && key !== '_meta') throw new RpcMistake(INVALID_PARAMS, `the parameter ${JSON.stringify(key.slice(0, 64))} is not known`, id)
  if (params.has('cursor')) throw new RpcMistake(INVALID_PARAMS, 'there is one page only, so no cursor leads to another', id)
  const reading = plainReading({ server, action: 'mcp.list', method: 'tools/list', effect: 'dial' })
  const target = targetOf(server, reading.resource)
  return {
    reading,
    candidates: [target],
    dial: () =>
      askOnce(target, signal, desk.clock, async (both) => {
        const tools = await server.connection(principal).list('tools', { signal: both, timeoutMs: server.settings.timeoutMs })
        return treeEvent(object({ result: object({ tools: tools.filter((one) => isVisible(request, one)).map(({ definition }) => definition) }) }), 'tool_definition')
      }),
    answer: answerOf,
  }
}

function isVisible({ desk, server, principal, exchange }: Request, { name }: Item): boolean {
  if (!withinScope(principal.scope.tools, name)) return false
  return desk.visible(principal, exchange, callReading(server, name, new Map(), desk.tool(name, server.settings.name)))
}
