import { refuse, Refused } from '../../../contract/verdict.ts'
import { object } from '../../../formats/tree.ts'
import { answerOf, errorEvent } from './results.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { treeEvent } from './leaves.ts'
import { NEVER, type Link } from '../servers/link.ts'
import { askOnce } from './once.ts'
import { checkSpelling, holdersOf, readReading, uriOf } from './read.ts'
import { subscribeReading } from './reading.ts'
import { INVALID_PARAMS, RpcMistake } from '../rpc.ts'
import type { Session, Subscribed } from '../callers/sessions.ts'

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
        const had = session.subscribed.get(uri)
        if (had === undefined && !wanted) return done
        const { link } = server.connection(principal)
        // A server whose settings changed meanwhile, or a connection that nobody used, knows nothing of it.
        if (wanted && had?.link === link) return done
        had?.leave()
        session.subscribed.delete(uri)
        if (!wanted) return done
        if (session.subscribed.size >= MOST_SUBSCRIBED) throw new Refused(refuse('concurrency', { say: 'Too many resources are subscribed to.' }))
        const answer = await link.request(method, object({ uri }), { signal: both, timeoutMs: server.settings.timeoutMs })
        if ('error' in answer) return errorEvent(answer.error, 'tool_result')
        keep(session, uri, { server, link, leave: () => leaveResource(link, uri) })
        return done
      }),
    answer: answerOf,
  }
}

/** A session that ended meanwhile, or was asked twice at once, holds nothing. */
function keep(session: Session, uri: string, subscribed: Subscribed): void {
  if (session.over || session.subscribed.has(uri)) subscribed.leave()
  else session.subscribed.set(uri, subscribed)
}

/**
 * Tells the server that this caller needs to hear of a resource no more: on the connection on which it said so. One that
 * ended meanwhile is not opened again for it, nor is a server that is in use no more.
 */
export function leaveResource(link: Link, uri: string): void {
  link.request('resources/unsubscribe', object({ uri }), { signal: NEVER, timeoutMs: LEAVE_MS }).catch(() => undefined)
}
