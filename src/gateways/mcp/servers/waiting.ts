import type { Clock } from '../../../contract/clock.ts'
import { endedBy, refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import type { Asides } from './asides.ts'
import { deadline } from './deadline.ts'
import type { AskOptions } from './link.ts'
import { notificationText, requestText, type Answer, type Id } from '../rpc.ts'

/** Requests that wait for one server. */
const MOST_WAITING = 1_024

/** Ends the wait for one answer. */
export type Settle = (answer: Answer | Refusal) => void

export interface Waiting {
  readonly clock: Clock
  readonly asides: Asides
  /** What waits on this connection, by its ids: whoever hears an answer settles it. */
  readonly pending: Map<Id, Settle>
  readonly id: number
  readonly method: string
  readonly params: TreeObject
  readonly options: AskOptions
  /** Sends the request; `settle` takes why that could not be done. */
  send(text: string, settle: Settle): void
  /** Nobody waits for the answer any more; `text` tells the server so, where it may be told. */
  left(text: string | undefined): void
}

/** Asks on a connection that many requests share. Rejects with `Refused`: too late, cancelled, too many, or what it is settled with. */
export function waitFor({ clock, asides, pending, id, method, params, options: { signal, timeoutMs, beside }, send, left }: Waiting): Promise<Answer> {
  if (signal.aborted) return Promise.reject(new Refused(endedBy(signal)))
  if (pending.size >= MOST_WAITING) return Promise.reject(new Refused(refuse('concurrency', { detail: 'too many requests wait for the server' })))
  return new Promise((resolve, reject) => {
    const leave = (refusal: Refusal): void => {
      // A client must not cancel what it introduced itself with.
      left(method === 'initialize' ? undefined : notificationText('notifications/cancelled', object({ requestId: id, reason: refusal.refuse })))
      settle(refusal)
    }
    const limit = deadline(clock, timeoutMs, () => leave(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: method })))
    const aside = asides.enter({ id, method, params, beside, hold: limit.hold })
    const aborted = (): void => leave(endedBy(signal))
    const settle = (answer: Answer | Refusal): void => {
      if (!pending.delete(id)) return
      limit.end()
      aside.leave()
      signal.removeEventListener('abort', aborted)
      if ('refuse' in answer) reject(new Refused(answer))
      else resolve(answer)
    }
    pending.set(id, settle)
    signal.addEventListener('abort', aborted, { once: true })
    send(requestText(id, method, aside.params), settle)
  })
}
