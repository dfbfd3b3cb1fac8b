import type { Clock } from '../../../contract/clock.ts'
import { NO_USAGE, type Attempt, type Candidate } from '../../../contract/exchange.ts'
import type { Reply } from '../../../contract/reply.ts'
import { Refused } from '../../../contract/verdict.ts'
import type { TreeEvent } from './leaves.ts'

/** A question to one server, answered in one piece; asked with the first read of `events`. `work` rejects with `Refused`. */
export function askOnce(candidate: Candidate, signal: AbortSignal, clock: Clock, work: (signal: AbortSignal) => Promise<TreeEvent>): Reply {
  // Both signals in one. `AbortSignal.any`, and an abort of what has ended, would cost more than the rest of this.
  const controller = new AbortController()
  const stopped = (): void => controller.abort(signal.reason)
  const attempts: Attempt[] = []
  let over = false

  async function* events(): AsyncGenerator<TreeEvent> {
    const startedAt = clock.wall()
    const began = clock.monotonic()
    const attempt = (outcome: Attempt['outcome'], code?: string): void =>
      void attempts.push({ candidate: candidate.id, role: candidate.role, model: candidate.model, outcome, ...(code !== undefined && { code }), usage: NO_USAGE, cost: 0, startedAt, took: clock.monotonic() - began })
    let event: TreeEvent
    if (signal.aborted) stopped()
    signal.addEventListener('abort', stopped, { once: true })
    try {
      event = await work(controller.signal)
    } catch (error) {
      attempt(controller.signal.aborted ? 'cancelled' : 'failed', error instanceof Refused ? error.refusal.refuse : 'step_failed')
      throw error
    } finally {
      over = true
      signal.removeEventListener('abort', stopped)
    }
    attempt('answered')
    yield event
  }

  return {
    events: events(),
    attempts: () => attempts,
    usage: () => NO_USAGE,
    released: () => undefined,
    abort() {
      if (!over) controller.abort()
    },
    finished: () => Promise.resolve(),
  }
}
