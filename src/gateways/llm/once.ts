import { BodyError, field, type Fields } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import { DialError } from '../../contract/dial.ts'
import { costOf, NO_USAGE, type Attempt, type Candidate, type Usage } from '../../contract/exchange.ts'
import type { Reply, ReplyEvent } from '../../contract/reply.ts'
import { refuse, Refused, type Refusal } from '../../contract/verdict.ts'
import { masked } from './providers/mask.ts'
import type { Upstream } from './targets.ts'

/** One small call that is answered in one piece: embeddings, a count, a pass-through. */
export interface Once {
  readonly candidates: readonly Candidate[]
  readonly upstream: (candidate: Candidate) => Upstream
  readonly request: (candidate: Candidate) => { readonly method: string; readonly url: string; readonly fields: Fields; readonly body?: string | Uint8Array }
  /** The answer as an event, and what it cost; throws {Refused} for an answer that cannot be understood. */
  readonly read: (answer: OnceAnswer, candidate: Candidate) => { readonly event: ReplyEvent; readonly usage: Usage }
  readonly signal: AbortSignal
  readonly connectMs: number
  readonly answerMs: number
  readonly replyBytes: number
  readonly clock: Clock
}

export interface OnceAnswer {
  readonly status: number
  readonly type: string
  readonly bytes: Uint8Array
}

/**
 * Asks the candidates in order until one answers; what a caller caused is not asked again elsewhere. The dial starts
 * with the first read of `events`.
 */
export function sendOnce(once: Once): Reply {
  const attempts: Attempt[] = []
  const controller = new AbortController()
  const signal = AbortSignal.any([once.signal, controller.signal])
  let used = NO_USAGE

  async function* events(): AsyncGenerator<ReplyEvent> {
    let refusal: Refusal = refuse('no_candidate')
    for (const candidate of once.candidates) {
      if (candidate.role === 'mirror') continue
      const outcome = await ask(once, candidate, signal)
      attempts.push(outcome.attempt)
      if ('event' in outcome) {
        used = outcome.attempt.usage
        yield outcome.event
        return
      }
      if (attempts.length === 1 || outcome.refusal.refuse === 'cancelled') refusal = outcome.refusal
      if (outcome.final) break
    }
    throw new Refused(refusal)
  }

  return {
    events: events(),
    attempts: () => attempts,
    usage: () => used,
    released: () => undefined,
    abort: () => controller.abort(),
    finished: () => Promise.resolve(),
  }
}

type Outcome = { readonly attempt: Attempt } & ({ readonly event: ReplyEvent } | { readonly refusal: Refusal; readonly final: boolean })

async function ask(once: Once, candidate: Candidate, signal: AbortSignal): Promise<Outcome> {
  const startedAt = once.clock.wall()
  const began = once.clock.monotonic()
  const attempt = (outcome: Attempt['outcome'], more: Partial<Attempt> = {}): Attempt => ({
    candidate: candidate.id,
    role: candidate.role,
    model: candidate.model,
    outcome,
    usage: NO_USAGE,
    startedAt,
    took: once.clock.monotonic() - began,
    ...more,
  })
  const failed = (fault: Refusal, final: boolean, status?: number): Outcome => {
    const refusal = signal.aborted ? refuse('cancelled') : fault
    return {
      attempt: attempt(signal.aborted ? 'cancelled' : 'failed', { code: refusal.refuse, cost: 0, ...(status !== undefined && { status }) }),
      refusal,
      final: final || signal.aborted,
    }
  }
  try {
    const request = once.request(candidate)
    const reply = await once.upstream(candidate).dial({ ...request, signal, timeouts: { connectMs: once.connectMs, headMs: once.answerMs } })
    const bytes = await reply.body.whole(once.replyBytes)
    if (reply.status === 429) return failed(refuse('upstream_rate'), false, reply.status)
    if (reply.status >= 500) return failed(refuse('upstream_error'), false, reply.status)
    if (reply.status === 401 || reply.status === 403) return failed(refuse('upstream_auth'), false, reply.status)
    if (reply.status >= 400) return failed(refuse('upstream_refused', { upstream: { status: reply.status, message: masked(said(bytes), request.fields) } }), true, reply.status)
    const { event, usage } = once.read({ status: reply.status, type: field(reply.fields, 'content-type') ?? '', bytes }, candidate)
    return { attempt: attempt('answered', { usage, status: reply.status, ...(candidate.price !== undefined && { cost: costOf(usage, candidate.price) }) }), event }
  } catch (error) {
    if (error instanceof Refused) return failed(error.refusal, false)
    if (error instanceof BodyError) return failed(refuse(error.kind === 'too_large' ? 'upstream_too_large' : 'upstream_cut'), false)
    if (error instanceof DialError) return failed(refuse(error.fault.endsWith('timeout') ? 'upstream_timeout' : 'upstream_error', { detail: error.fault }), false)
    throw error
  }
}

/** The first words of a provider's refusal, for the caller: its own request was at fault. */
function said(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 500)).toString('utf8').replace(/[\u0000-\u001f\u007f]+/g, ' ')
}
