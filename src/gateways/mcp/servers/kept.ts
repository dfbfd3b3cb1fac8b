import type { Clock } from '../../../contract/clock.ts'
import type { DialReply } from '../../../contract/dial.ts'
import { floodGauge } from './flood.ts'
import { isStream, messagesIn, type Post, type Streamed } from './posts.ts'
import type { Message } from '../rpc.ts'

export interface KeptParts<Known> {
  readonly clock: Clock
  readonly post: Post
  /** Opens it; `last` is the last event that was seen of the one before. */
  open(known: Known, last: string | undefined, signal: AbortSignal): Promise<DialReply>
  take(message: Message, known: Known): void
}

/** A stream that is opened again whenever it ends, until nobody needs it. */
export interface KeptStream<Known> {
  /** Begins anew, for this acquaintance. */
  restart(known: Known): void
  /** Resolves when it has been opened, or turned out not to be there, for the first time since it began. Never rejects. */
  opened(): Promise<void>
  end(): void
}

/** Pauses before it is opened again, in milliseconds: doubled while it brings nothing. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

export function streamKept<Known>({ clock, post, open, take }: KeptParts<Known>): KeptStream<Known> {
  let stop = new AbortController()
  let opened = Promise.withResolvers<void>()

  async function run(known: Known, { signal }: AbortController, { resolve: isOpen }: typeof opened): Promise<void> {
    const seen: Streamed = { last: undefined }
    let pause = FIRST_PAUSE
    while (!signal.aborted) {
      const brought = await once(known, seen, signal, isOpen).catch(() => false)
      isOpen()
      // A server that has no such stream says so; it is not asked again and again.
      if (brought === undefined) return
      pause = brought ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, pause * 2)
      await new Promise<void>((resolve) => {
        const over = (): void => {
          cancel()
          signal.removeEventListener('abort', over)
          resolve()
        }
        const cancel = clock.timer(pause, over)
        signal.addEventListener('abort', over, { once: true })
      })
    }
  }

  /** Whether it brought anything; undefined where there is no such stream. Rejects where too much comes of it. */
  async function once(known: Known, seen: Streamed, signal: AbortSignal, isOpen: () => void): Promise<boolean | undefined> {
    const reply = await open(known, seen.last, signal)
    isOpen()
    if (reply.status !== 200 || !isStream(reply)) {
      reply.abort()
      return reply.status >= 500 || reply.status === 429 ? false : undefined
    }
    let brought = false
    for await (const message of messagesIn(reply, post, seen, floodGauge(clock))) {
      if (signal.aborted) return false
      brought = true
      take(message, known)
    }
    return brought
  }

  return {
    restart(known) {
      stop.abort()
      opened.resolve()
      stop = new AbortController()
      opened = Promise.withResolvers()
      void run(known, stop, opened)
    },
    opened: () => opened.promise,
    end() {
      stop.abort()
      opened.resolve()
    },
  }
}
