import type { Clock } from '../../../contract/clock.ts'
import { NO_USAGE, type Attempt, type Candidate } from '../../../contract/exchange.ts'
import type { Permit } from '../../../contract/gateway.ts'
import type { Reply } from '../../../contract/reply.ts'
import { Refused } from '../../../contract/verdict.ts'
import { routeOf } from '../callers/desk.ts'
import type { TreeEvent } from './leaves.ts'
import type { Server } from '../servers/server.ts'

/** What one of several servers said. */
export interface Said<T> {
  readonly server: Server
  readonly said: T
}

export interface Several<T> {
  readonly servers: readonly Server[]
  readonly permit: Permit
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Asks one of them; rejects with `Refused`. */
  readonly ask: (server: Server, signal: AbortSignal) => Promise<T>
  /** The one answer, of what was said, in the order of the servers. */
  readonly merge: (said: readonly Said<T>[]) => TreeEvent
}

/**
 * A question to all servers that policy permits, at once. One that fails is left out, and the receipt's attempts say
 * so; where all fail, the first one's failure is the answer.
 */
export function askSeveral<T>({ servers, permit, signal, clock, ask, merge }: Several<T>): Reply {
  const controller = new AbortController()
  const stopped = (): void => controller.abort(signal.reason)
  const attempts: Attempt[] = []
  let over = false

  async function one(candidate: Candidate, server: Server): Promise<Said<T> | Error> {
    const startedAt = clock.wall()
    const began = clock.monotonic()
    const attempt = (outcome: Attempt['outcome'], code?: string): void =>
      void attempts.push({ candidate: candidate.id, role: candidate.role, model: candidate.model, outcome, ...(code !== undefined && { code }), usage: NO_USAGE, cost: 0, startedAt, took: clock.monotonic() - began })
    try {
      const said = await ask(server, controller.signal)
      attempt('answered')
      return { server, said }
    } catch (error) {
      attempt(controller.signal.aborted ? 'cancelled' : 'failed', error instanceof Refused ? error.refusal.refuse : 'step_failed')
      return error as Error
    }
  }

  async function* events(): AsyncGenerator<TreeEvent> {
    if (signal.aborted) stopped()
    signal.addEventListener('abort', stopped, { once: true })
    try {
      const byRoute = new Map(servers.map((server) => [routeOf(server), server]))
      const asked = await Promise.all(permit.candidates.flatMap((candidate) => {
        const server = byRoute.get(candidate.id)
        return server === undefined ? [] : [one(candidate, server)]
      }))
      const said = asked.filter((answer): answer is Said<T> => !(answer instanceof Error))
      const failed = asked.find((answer) => answer instanceof Error)
      if (failed !== undefined && (said.length === 0 || !(failed instanceof Refused))) throw failed
      yield merge(said)
    } finally {
      over = true
      signal.removeEventListener('abort', stopped)
    }
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
