import type { Clock } from '../contract/clock.ts'
import { DeskError, type DeskEvent, type Reviewer } from './desk.ts'
import { maySee } from './people.ts'

const MOST_WATCHERS = 64
const MOST_BUFFERED = 256

/** Tells whoever watches; what nobody fetches in time is dropped, so that telling never waits. */
export interface Feed {
  tell(event: DeskEvent): void
  watch(reviewer: Reviewer, signal: AbortSignal): AsyncIterable<DeskEvent>
}

export function makeFeed(clock: Clock): Feed {
  const watchers = new Set<(event: DeskEvent) => void>()
  return {
    tell(event) {
      for (const watcher of watchers) watcher(event)
    },
    watch(reviewer, signal) {
      if (watchers.size >= MOST_WATCHERS) throw new DeskError('unavailable', `There are ${MOST_WATCHERS} watchers already.`)
      const buffer: DeskEvent[] = []
      let missed = 0
      let wake = (): void => undefined
      const watcher = (event: DeskEvent): void => {
        if (!concerns(reviewer, event)) return
        if (buffer.length >= MOST_BUFFERED) {
          buffer.shift()
          missed++
        }
        buffer.push(event)
        wake()
      }
      const end = (): void => {
        watchers.delete(watcher)
        wake()
      }
      // From the call on, not from the first read: what happens between the two is not lost.
      if (!signal.aborted) watchers.add(watcher)
      signal.addEventListener('abort', end, { once: true })
      return {
        async *[Symbol.asyncIterator]() {
          try {
            while (!signal.aborted) {
              if (missed > 0) {
                const events = missed
                missed = 0
                yield { kind: 'missed', at: clock.wall(), events }
              }
              const next = buffer.shift()
              if (next !== undefined) yield next
              else await new Promise<void>((resolve) => (wake = resolve))
            }
          } finally {
            signal.removeEventListener('abort', end)
            end()
          }
        },
      }
    },
  }
}

/** Whether this reviewer is told of it. */
export function concerns(reviewer: Reviewer, event: DeskEvent): boolean {
  switch (event.kind) {
    case 'missed': return true
    case 'alarm': return reviewer.admin || (event.tenant === reviewer.tenant && event.habit.reviewer === reviewer.name)
    case 'released': return maySee(reviewer, event.tenant, event.group)
    default: return maySee(reviewer, event.approval.tenant, event.approval.group)
  }
}
