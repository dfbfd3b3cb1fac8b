import { object } from '../../formats/tree.ts'
import { answerOf, errorEvent } from './call.ts'
import type { Doing, Request } from './desk.ts'
import { treeEvent } from './leaves.ts'
import type { AskOptions, Link } from './link.ts'
import { plainReading } from './reading.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcMistake } from './rpc.ts'
import { askSeveral } from './several.ts'
import { targetsOf } from './targets.ts'

/** Of log messages, the least severe first (RFC 5424). */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

export function isLevel(value: unknown): value is string {
  return typeof value === 'string' && LEVELS.includes(value)
}

/** Whether a message of this level is wanted by who asked for that one; what has no known level is not. */
export function reaches(level: unknown, asked: string): boolean {
  return isLevel(level) && LEVELS.indexOf(level) >= LEVELS.indexOf(asked)
}

/** The least severe level that each connection was asked for: its callers share it, and are each told what they asked for. */
const told = new WeakMap<Link, { readonly level: string; readonly asOf: number }>()

/** Asks a server of a revision with sessions for messages of this level, unless it sends them already. */
export async function askLevel(link: Link, level: string, options: AskOptions): Promise<void> {
  const before = told.get(link)
  // A server that was started anew knows nothing of it.
  if (before !== undefined && before.asOf === link.changes() && reaches(level, before.level)) return
  const { capabilities } = await link.introduction(options)
  if (!capabilities.has('logging')) return
  const least = before !== undefined && reaches(level, before.level) ? before.level : level
  const asOf = link.changes()
  const answer = await link.request('logging/setLevel', object({ level: least }), options)
  if (!('error' in answer)) told.set(link, { level: least, asOf })
}

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
