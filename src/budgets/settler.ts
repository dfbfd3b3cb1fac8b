import type { CounterRow } from '../contract/budget.ts'
import type { Clock } from '../contract/clock.ts'
import type { Counters } from '../store/interfaces.ts'

/** Takes settlements at once and hands them to the store in the background, in order, until it has them. */
export interface Settler {
  push(id: string, rows: readonly CounterRow[]): void
  flush(): Promise<void>
}

const AT_ONCE = 256
const RETRY_MS = 1000

/**
 * The store applies each id once, so trying again is safe. Nothing is dropped while the process lives: what the store
 * does not get, it charges at the estimate after a restart.
 */
export function makeSettler(counters: Pick<Counters, 'settle'>, clock: Clock, onError: (error: unknown) => void): Settler {
  let waiting: { readonly id: string; readonly rows: readonly CounterRow[] }[] = []
  let running: Promise<boolean> | undefined
  let due = false

  const round = async (): Promise<boolean> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, AT_ONCE)
      waiting = waiting.slice(AT_ONCE)
      const results = await Promise.allSettled(batch.map(async ({ id, rows }) => await counters.settle(id, rows)))
      const failed = results.flatMap((result, index) => (result.status === 'rejected' ? [{ entry: batch[index] as (typeof batch)[number], reason: result.reason as unknown }] : []))
      if (failed.length > 0) {
        waiting.unshift(...failed.map((one) => one.entry))
        onError(failed[0]?.reason)
        return false
      }
    }
    return true
  }
  const start = (): Promise<boolean> => {
    running ??= round().finally(() => (running = undefined))
    return running
  }
  const schedule = (ms: number): void => {
    if (due) return
    due = true
    clock.timer(ms, () => {
      due = false
      void start().then((done) => {
        if (!done) schedule(RETRY_MS)
      })
    })
  }
  return {
    push(id, rows) {
      waiting.push({ id, rows })
      schedule(0)
    },
    async flush() {
      while (running !== undefined) await running
      if (!(await start())) throw new Error('the store did not take all settlements')
    },
  }
}
