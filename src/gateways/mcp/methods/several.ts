import { NO_USAGE, type Action, type Attempt, type Candidate } from '../../../contract/exchange.ts'
import type { Permit } from '../../../contract/gateway.ts'
import type { Reply } from '../../../contract/reply.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { routeOf, targetOf, type Doing, type Request } from '../callers/desk.ts'
import type { TreeEvent } from './leaves.ts'
import { listReading, plainReading } from './reading.ts'
import { answerOf } from './results.ts'
import type { AskOptions } from '../servers/link.ts'
import type { Server } from '../servers/server.ts'

/** What one of several servers said. */
export interface Said<T> {
  readonly server: Server
  readonly said: T
}

export interface Several<T> {
  readonly action: Action
  /** Asks one of them; rejects with `Refused`. */
  readonly ask: (server: Server, options: AskOptions) => Promise<T>
  /** The one answer, of what was said, in the order of the servers. */
  readonly merge: (said: readonly Said<T>[]) => TreeEvent
}

/**
 * A request to a whole place: a question to all its servers that policy permits, at once. One that fails is left out, and
 * the receipt's attempts say so; where all fail, the first one's failure is the answer.
 */
export function severalDoing<T>(request: Request, asking: Several<T>): Doing {
  const { endpoint, method } = request
  return {
    reading: plainReading({ endpoint, action: asking.action, method, effect: 'dial' }),
    ...targetsOf(request),
    dial: (_, permit) => askSeveral(request, asking, permit),
    answer: answerOf,
  }
}

function askSeveral<T>({ endpoint: { servers }, desk: { clock }, signal }: Request, { ask, merge }: Several<T>, permit: Permit): Reply {
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
      const said = await ask(server, { signal: controller.signal, timeoutMs: server.settings.timeoutMs })
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

/**
 * The servers that a request to a whole place goes to, each a target that policy decides about. Where all servers are one
 * place, those that the caller may not use at their own are left out: a policy that names a server's gateway holds here too.
 */
function targetsOf({ desk, endpoint, principal, exchange, method }: Request): Pick<Doing, 'candidates' | 'refusal'> {
  const targets = endpoint.servers.map((server) => ({ server, reading: listReading(server, method) }))
  const open = endpoint.prefixed ? targets.filter(({ reading }) => desk.visible(principal, exchange, reading)) : targets
  // Nothing is no target: policy would have nothing to decide about.
  if (open.length === 0) return { candidates: targets.map(({ server, reading }) => targetOf(server, reading.resource)), refusal: refuse('denied', { detail: 'none of the servers' }) }
  return { candidates: open.map(({ server, reading }) => targetOf(server, reading.resource)) }
}
