import { randomBytes } from 'node:crypto'
import { field, type Outlet } from '../contract/arrival.ts'
import type { Clock } from '../contract/clock.ts'
import type { Principal } from '../contract/principal.ts'
import { sseText } from '../formats/sse.ts'
import { AdminError, type AdminAsked } from './admin.ts'

/** What happened, for everybody who watches and may see it. */
export interface FeedEvent<T> {
  /** What the `event:` line says. */
  readonly name: string
  /** Becomes the `data:` line as JSON. */
  readonly data: T
}

export interface FeedOptions<T> {
  readonly clock: Clock
  /** Whether this one is told of that. */
  readonly sees: (operator: Principal, data: T) => boolean
  /** Whether the credential is still good: asked before each event, with each heartbeat and at each `check`. */
  readonly active: (operator: Principal) => boolean
  /** Default 1,000. */
  readonly kept?: number
  /** Default 15,000 ms. */
  readonly heartbeatMs?: number
}

/** Live events over `text/event-stream` (WHATWG HTML, server-sent events). */
export interface Feed<T> {
  /** Never waits. Watchers that are slow miss nothing until they are a whole buffer behind. */
  publish(event: FeedEvent<T>): void
  /**
   * The handler of a streaming route. Begins with `ready`, or goes on after `Last-Event-ID`; where that is no longer
   * known, or the watcher fell behind, a `reset` says that it must ask for everything again. Ends with `end`.
   * @throws {AdminError} 429 when too many watch already.
   */
  stream(asked: AdminAsked, outlet: Outlet, signal: AbortSignal): Promise<void>
  /** Something was lost: everybody who watches, or comes back, must ask for everything again. */
  forget(): void
  /** Ends the streams of those whose credential is no longer good, now. */
  check(): void
  /** Ends all streams, with a word. */
  close(): void
}

const MOST_EACH = 4
const MOST_WATCHERS = 200

interface Watcher {
  readonly operator: Principal
  wake(): void
}

/** One buffer for all: a watcher is a place in it, so that a slow one costs no memory. */
export function makeFeed<T>({ clock, sees, active, kept = 1_000, heartbeatMs = 15_000 }: FeedOptions<T>): Feed<T> {
  // Ids of another run mean nothing here.
  const run = randomBytes(4).toString('hex')
  const events: FeedEvent<T>[] = []
  /** Number of the first event that is kept. */
  let first = 1
  const watchers = new Set<Watcher>()
  let closed = false

  const wakeAll = (): void => {
    for (const one of watchers) one.wake()
  }

  /** Number of the next event to tell; undefined where what came after `id` is no longer known. */
  const placeAfter = (id: string): number | undefined => {
    const [, whose, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id) ?? []
    const next = Number(number) + 1
    return whose === run && next >= first && next <= first + events.length ? next : undefined
  }

  return {
    publish(event) {
      events.push(event)
      if (events.length > kept) {
        events.shift()
        first++
      }
      wakeAll()
    },
    async stream({ operator, fields }, outlet, signal) {
      if (closed) throw new AdminError(503, 'The gateway is shutting down.', 'draining')
      const own = [...watchers].filter((one) => one.operator.proof.id === operator.proof.id).length
      if (own >= MOST_EACH || watchers.size >= MOST_WATCHERS) throw new AdminError(429, `Too many watch already: ${MOST_EACH} with one key, ${MOST_WATCHERS} in all.`, 'too_many_watchers')
      let wake = Promise.withResolvers<void>()
      const watcher: Watcher = { operator, wake: () => wake.resolve() }
      watchers.add(watcher)
      let beat = false
      let stopBeat: () => void = () => undefined
      const beating = (): void => {
        stopBeat = clock.timer(heartbeatMs, () => {
          beat = true
          watcher.wake()
          beating()
        })
      }
      signal.addEventListener('abort', watcher.wake, { once: true })
      try {
        outlet.head(200, [['content-type', 'text/event-stream'], ['cache-control', 'no-store'], ['x-accel-buffering', 'no']])
        const last = field(fields, 'last-event-id')
        let next = last === undefined || last === '' ? first + events.length : placeAfter(last)
        if (next === undefined) {
          next = first + events.length
          await outlet.write(textOf(`${run}-${next - 1}`, 'reset', {}))
        } else if (last === undefined || last === '') await outlet.write(textOf(`${run}-${next - 1}`, 'ready', {}))
        beating()
        for (;;) {
          if (signal.aborted) return outlet.end()
          if (closed || !active(operator)) return outlet.end(sseText('end', JSON.stringify({ reason: closed ? 'draining' : 'credential' })))
          if (next < first) {
            next = first + events.length
            await outlet.write(textOf(`${run}-${next - 1}`, 'reset', {}))
            continue
          }
          const event = events[next - first]
          if (event !== undefined) {
            next++
            if (sees(operator, event.data)) await outlet.write(textOf(`${run}-${next - 1}`, event.name, event.data))
            continue
          }
          if (beat) {
            beat = false
            await outlet.write(': \n\n')
            continue
          }
          await wake.promise
          wake = Promise.withResolvers<void>()
        }
      } catch (error) {
        // Whoever hung up cannot be told anything.
        if (!signal.aborted) throw error
      } finally {
        stopBeat()
        signal.removeEventListener('abort', watcher.wake)
        watchers.delete(watcher)
      }
    },
    forget() {
      first += events.length + 1
      events.length = 0
      wakeAll()
    },
    check: wakeAll,
    close() {
      closed = true
      wakeAll()
    },
  }
}

function textOf(id: string, name: string, data: unknown): string {
  return `id: ${id}\n${sseText(name, JSON.stringify(data))}`
}
