import type { Clock } from '../../../contract/clock.ts'
import { costOf, NO_USAGE, type Attempt, type Candidate, type Usage } from '../../../contract/exchange.ts'
import { Refused, refuse, type Refusal } from '../../../contract/verdict.ts'
import { Inexpressible } from '../dialect.ts'
import type { FallbackCause, Retries } from '../settings.ts'
import type { Admission } from './breaker.ts'
import type { Fault } from './fault.ts'
import type { Prepared } from './source.ts'

/** What the caller is told in the end: the first target's last fault, and of targets that were skipped the soonest. */
export interface Story {
  fail(place: number, fault: Fault): void
  inexpressible(error: Inexpressible): void
  /** Place of the first target that failed. */
  began(): number | undefined
  skip(admission: Extract<Admission, { allowed: false }>): void
  refusal(stopped: 'caller' | 'total' | undefined): Refused
}

export const OVER_TIME: Fault = { code: 'upstream_timeout', cause: 'timeout', retry: 'never', trips: false, detail: 'the limit over all attempts was reached' }

export function newStory(): Story {
  let first: { readonly place: number; readonly fault: Fault } | undefined
  let unsaid: Refusal | undefined
  let paused: number | undefined
  let open: number | undefined
  const later: string[] = []
  return {
    fail(place, fault) {
      if (first === undefined || first.place === place) first = { place, fault }
      else later.push(fault.detail)
    },
    inexpressible(error) {
      unsaid ??= refuse('inexpressible', { param: error.field, say: error.message })
    },
    began: () => first?.place,
    skip({ why, wait }) {
      if (why === 'rate_paused') paused = Math.min(paused ?? wait, wait)
      else open = Math.min(open ?? wait, wait)
    },
    refusal(stopped) {
      if (stopped === 'caller') return new Refused(refuse('cancelled'))
      if (first !== undefined) return new Refused(refusalOf(first.fault, later))
      if (stopped === 'total') return new Refused(refusalOf(OVER_TIME))
      if (paused !== undefined) return new Refused(refuse('upstream_rate', { retryAfterMs: Math.ceil(paused), detail: 'every target asked to be left alone for a while' }))
      if (open !== undefined) return new Refused(refuse('no_candidate', { retryAfterMs: Math.ceil(open), detail: 'every breaker is open' }))
      return new Refused(unsaid ?? refuse('no_candidate'))
    },
  }
}

export function refusalOf(fault: Fault, later: readonly string[] = []): Refusal {
  return refuse(fault.code, {
    detail: [fault.detail, ...later].join(' | ').slice(0, 2_000),
    ...(fault.upstream !== undefined && { upstream: fault.upstream }),
    ...(fault.retryAfterMs !== undefined && { retryAfterMs: fault.retryAfterMs }),
  })
}

/** The request for one target, or undefined where its dialect cannot say it. */
export function prepare(options: { readonly prepare: (candidate: Candidate) => Prepared }, candidate: Candidate, story: Story): Prepared | undefined {
  try {
    return options.prepare(candidate)
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error
    story.inexpressible(error)
    return undefined
  }
}

/**
 * Whether the next target may be asked. What blames the request ends the call, unless it was a fallback that did: it
 * may only lack what the first target has. A refusal of the content ends it always: it is not shopped around.
 */
export function mayGoOn(fault: Fault, fallbackOn: ReadonlySet<FallbackCause>, isFallback: boolean): boolean {
  if (fault.cause === 'caller' || fault.cause === 'context_length') return isFallback && fault.code !== 'content_policy'
  return fallbackOn.has(fault.cause)
}

/**
 * How long to wait before the same target is asked again, in milliseconds; undefined = it is not. Full jitter between
 * a quarter of the step and the whole: never a tight loop, never a herd.
 */
export function retryWait(fault: Fault, retried: number, isLast: boolean, { retries, random }: { readonly retries: Retries; readonly random: () => number }): number | undefined {
  if (retried + 1 >= retries.attempts) return undefined
  if (fault.retry === 'never' || (fault.retry === 'last' && !isLast)) return undefined
  if (fault.retry !== 'backoff' && retried > 0) return undefined
  if (fault.retryAfterMs !== undefined) return fault.retryAfterMs <= retries.cap ? fault.retryAfterMs + 1 : undefined
  const step = Math.min(retries.cap, retries.base * 2 ** retried)
  return step * (0.25 + 0.75 * random())
}

export interface RecordParts {
  readonly outcome: Attempt['outcome']
  readonly startedAt: number
  readonly took: number
  readonly usage: Usage
  readonly model: string | undefined
  readonly firstByte: number | undefined
  readonly fault: Fault | undefined
}

export function recordOf(candidate: Candidate, { outcome, startedAt, took, usage, model, firstByte, fault }: RecordParts): Attempt {
  return {
    candidate: candidate.id,
    role: candidate.role,
    model: model ?? candidate.model,
    outcome,
    ...(fault !== undefined && { code: fault.code }),
    ...(fault?.status !== undefined && { status: fault.status }),
    usage,
    ...(candidate.price !== undefined && { cost: costOf(usage, candidate.price) }),
    startedAt,
    ...(firstByte !== undefined && { firstByte }),
    took,
  }
}

export function skipped(candidate: Candidate, code: string, clock: Clock): Attempt {
  return { candidate: candidate.id, role: candidate.role, model: candidate.model, outcome: 'skipped', code, usage: NO_USAGE, cost: 0, startedAt: clock.wall(), took: 0 }
}
