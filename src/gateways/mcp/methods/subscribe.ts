import { refuse, Refused } from '../../../contract/verdict.ts'
import { object } from '../../../formats/tree.ts'
import { answerOf, errorEvent } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { treeEvent } from './leaves.ts'
import { NEVER } from '../servers/link.ts'
import { askOnce } from './once.ts'
import { checkSpelling, holdersOf, readReading, uriOf } from './read.ts'
import { subscribeReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import type { Session } from '../callers/sessions.ts'

/** Resources that one session, or one stream, may be told of. */
export const MOST_SUBSCRIBED = 100
const LEAVE_MS = 10_000

/** `resources/subscribe` and `resources/unsubscribe`: what the session's stream tells of. */
export async function subscribeDoing(request: Request): Promise<Doing> {
  const { desk, principal, exchange, params, id, method, signal, session } = request
  const uri = uriOf(params, id)
  const [holder, other] = await holdersOf(request, uri)
  if (holder === undefined || other !== undefined || session === undefined) throw new RpcMistake(INVALID_PARAMS, 'this is no resource of one server here', id, object({ uri }))
  checkSpelling(uri, holder, id)
  const { server } = holder
  const reading = subscribeReading(server, uri, holder.listed)
  // Whoever may not read it does not hear of its changes either.
  const refusal = desk.visible(principal, exchange, readReading(server, uri, holder.listed)) ? undefined : refuse('denied', { detail: 'it may not be read' })
  const target = targetOf(server, reading.resource)
  const wanted = method === 'resources/subscribe'
  return {
    reading,
    ...(refusal && { refusal }),
    candidates: [target],
    dial: () =>
      askOnce(target, signal, desk.clock, async (both) => {
        const done = treeEvent(object({ result: new Map() }), 'tool_result')
        if (session.subscribed.has(uri) === wanted) return done
        if (!wanted) {
          session.subscribed.get(uri)?.leave()
          session.subscribed.delete(uri)
          return done
        }
        if (session.subscribed.size >= MOST_SUBSCRIBED) throw new Refused(refuse('concurrency', { say: 'Too many resources are subscribed to.' }))
        const { link } = server.connection(principal)
        const answer = await link.request(method, object({ uri }), { signal: both, timeoutMs: server.settings.timeoutMs })
        if ('error' in answer) return errorEvent(answer.error, 'tool_result')
        keep(session, server, uri, () => leaveResource(server, request, uri))
        return done
      }),
    answer: answerOf,
  }
}

/** A session that ended meanwhile, or was asked twice at once, holds nothing. */
function keep(session: Session, server: Server, uri: string, leave: () => void): void {
  if (session.over || session.subscribed.has(uri)) leave()
  else session.subscribed.set(uri, { server, leave })
}

/** Tells the server that this caller needs to hear of a resource no more. */
export function leaveResource(server: Server, { principal }: Pick<Request, 'principal'>, uri: string): void {
  server.connection(principal).link.request('resources/unsubscribe', object({ uri }), { signal: NEVER, timeoutMs: LEAVE_MS }).catch(() => undefined)
}
