import { refuse, Refused } from '../../../contract/verdict.ts'
import type { Clock } from '../../../contract/clock.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import type { Request } from './desk.ts'
import type { Endpoint } from './endpoint.ts'
import { LIST_CHANGED } from '../servers/link.ts'
import { readReading } from '../methods/read.ts'
import { plainReading, subscribeReading } from '../methods/reading.ts'
import { notificationText } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import { ownerOf } from './sessions.ts'
import type { EventStream } from './stream.ts'

/** How long changes are gathered, so that a server that tells a thousand at once is heard once. */
const GATHER_MS = 50

/** What is passed on of what servers tell on no request's account: that something changed, never what. */
export interface Watch {
  /** Whether the caller wants to hear of this change of a list: `tools`, `prompts` or `resources`. */
  lists(kind: string): boolean
  /** Whether the caller is subscribed to this resource of this server. */
  resource(server: Server, uri: string): boolean
  /** Goes with each notification. */
  readonly meta?: TreeObject
}

/** Something that changed: a list, or a resource. */
interface Change {
  readonly method: string
  readonly of?: { readonly server: Server; readonly uri: string }
}

type Watching = Pick<Request, 'desk' | 'endpoint' | 'principal' | 'exchange' | 'signal'>

/**
 * Tells the caller of changes until it leaves, the house closes, or it may no longer: settings and policies of this
 * moment are asked, not those it began under. Resolves when the house closes. @throws {Refused} where it may no longer.
 */
export function watch({ desk, endpoint, principal, exchange, signal }: Watching, wanted: Watch, stream: EventStream): Promise<void> {
  return new Promise((resolve, reject) => {
    // Asked when it is told, once for however many there were: a server that tells without end costs no more than one that tells once.
    const gathered = gather(desk.clock, (change) => {
      const text = told(change)
      if (text !== undefined) stream.send(text)
    })
    const stops = endpoint.servers.map((server) =>
      server.connection(principal).link.heard((method, params) => {
        if (LIST_CHANGED.test(method)) {
          if (wanted.lists(method.split('/')[1] as string)) gathered.add(method, { method })
          return
        }
        const uri = params.get('uri')
        if (method === 'notifications/resources/updated' && typeof uri === 'string' && wanted.resource(server, uri)) gathered.add(`${server.settings.name} ${uri}`, { method, of: { server, uri } })
      }),
    )

    function told({ method, of }: Change): string | undefined {
      const more = wanted.meta && { _meta: wanted.meta }
      if (of === undefined) return notificationText(method, object({ ...more }))
      const { server, uri } = of
      if (!wanted.resource(server, uri) || ![subscribeReading, readReading].every((reading) => desk.now().visible(principal, exchange, reading(server, uri, true)))) return undefined
      return notificationText(method, object({ uri, ...more }))
    }

    const over = (end: () => void): void => {
      for (const stop of stops) stop()
      gathered.end()
      left?.()
      signal.removeEventListener('abort', gone)
      end()
    }
    const gone = (): void => over(() => reject(signal.reason instanceof Error || signal.reason === undefined ? new Refused(refuse('cancelled')) : new Refused(signal.reason)))
    const left = desk.channels.add({
      owner: ownerOf(principal),
      still: () => isServed(endpoint, desk.now().servers) && desk.now().visible(principal, exchange, plainReading({ endpoint, action: 'mcp.connect', method: 'watch', effect: 'none' })),
      end: (why) => over(() => (why === 'over' ? resolve() : reject(new Refused(refuse('denied', { say: 'This is permitted no longer.', detail: 'a channel that policy permits no longer' }))))),
    })
    if (left === undefined) return over(() => reject(new Refused(refuse('concurrency', { say: 'Too many streams are open.' }))))
    if (signal.aborted) return gone()
    signal.addEventListener('abort', gone, { once: true })
  })
}

function isServed({ servers }: Endpoint, now: ReadonlyMap<string, Server>): boolean {
  return servers.every((one) => now.get(one.settings.name) === one)
}

/** Each change once, however often it is told meanwhile. */
function gather(clock: Clock, send: (change: Change) => void): { add(name: string, change: Change): void; end(): void } {
  const waiting = new Map<string, Change>()
  let cancel: (() => void) | undefined
  return {
    add(name, change) {
      waiting.set(name, change)
      cancel ??= clock.timer(GATHER_MS, () => {
        cancel = undefined
        const all = [...waiting.values()]
        waiting.clear()
        for (const one of all) send(one)
      })
    },
    end: () => cancel?.(),
  }
}

