import type { Work } from './work.ts'

/** Longer than this nobody else waits. */
const SLICE_MS = 3

/** Everybody's work that takes long, one slice of it in each turn of the event loop. */
export interface Turns {
  /** Begins at once. @returns undefined where one slice was enough; else a promise of the end, which rejects with what the work throws. */
  begin(work: Work): Promise<void> | undefined
  /** Begins when others had their turn. */
  queue(work: Work): Promise<void>
}

interface Waiting {
  readonly work: Work
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** @param clock milliseconds. */
export function turns(clock: () => number): Turns {
  const waiting: Waiting[] = []

  /** @returns whether that was all of it. */
  const slice = (work: Work): boolean => {
    const began = clock()
    do if (work.next().done === true) return true
    while (clock() - began < SLICE_MS)
    return false
  }

  const turn = (): void => {
    const one = waiting.shift()
    if (one === undefined) return
    try {
      if (slice(one.work)) one.done()
      else waiting.push(one)
    } catch (error) {
      one.failed(error)
    }
    if (waiting.length > 0) setImmediate(turn)
  }

  const queue = (work: Work): Promise<void> =>
    new Promise((done, failed) => {
      if (waiting.push({ work, done, failed }) === 1) setImmediate(turn)
    })

  return { queue, begin: (work) => (slice(work) ? undefined : queue(work)) }
}
