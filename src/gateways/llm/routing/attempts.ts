import type { Clock } from '../../../contract/clock.ts'
import { NO_USAGE, type Attempt, type Candidate } from '../../../contract/exchange.ts'
import type { Reply } from '../../../contract/reply.ts'
import { Refused } from '../../../contract/verdict.ts'
import type { FallbackCause, Retries, Timeouts } from '../settings.ts'
import type { LlmEvent } from './event.ts'
import { UpstreamFailed, type Fault } from './fault.ts'
import type { Health } from './health.ts'
import { runMirror, type MirrorRecord } from './mirror.ts'
import { mayGoOn, newStory, OVER_TIME, prepare, recordOf, refusalOf, retryWait, skipped } from './story.ts'
import { REPLY_LIMITS, type ReplyLimits } from './received.ts'
import { openSource, type Prepared, type Source } from './source.ts'

export interface AttemptsOptions {
  /** Permitted targets in order. Mirrors get a copy; the one named `larger` is asked only when a context is too long. */
  readonly candidates: readonly Candidate[]
  readonly larger?: string
  /** @throws {Inexpressible} when the target's dialect cannot say the request: the next one may. */
  readonly prepare: (candidate: Candidate) => Prepared
  readonly timeouts: Timeouts
  readonly retries: Retries
  /** Faults after which the next target is tried. */
  readonly fallbackOn: ReadonlySet<FallbackCause>
  readonly health: Health
  readonly clock: Clock
  readonly random: () => number
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal
  readonly estimatedInput: number
  readonly limits?: ReplyLimits
  /**
   * The reader of the events understands `restarts`, so that fail-over stays possible after content that was never
   * released. Otherwise handing out content ends it.
   */
  readonly restartable?: boolean
  /** Takes the answers of mirrors, for comparison. */
  readonly keep?: (record: MirrorRecord) => void
}

export interface LlmReply extends Reply {
  readonly events: AsyncIterable<LlmEvent>
}

/** One try that is under way; `close` writes its record, once. */
interface Current {
  readonly candidate: Candidate
  readonly source: Source
  /** Monotonic. */
  readonly started: number
  firstByte: number | undefined
  close(outcome: Attempt['outcome'], fault?: Fault): void
}

/**
 * Sends a call to its targets, one after the other, until one answers: retries, fail-over, breakers, mirrors and the
 * limit over all. Dials at once. The events throw `Refused`; of several faults it is the first target's, because a
 * fallback's complaint says nothing about what the caller should do.
 */
export function attempt(options: AttemptsOptions): LlmReply {
  const { clock, health, signal, retries, limits = REPLY_LIMITS } = options
  const records: Attempt[] = []
  const mirrors: Promise<void>[] = []
  let current: Current | undefined
  let answeredBy: Current | undefined
  let stopped: 'caller' | 'total' | undefined
  let wake: (() => void) | undefined
  let released = false

  function stop(why: 'caller' | 'total'): void {
    if (stopped !== undefined) return
    stopped = why
    current?.source.abort()
    wake?.()
  }

  const hungUp = (): void => stop('caller')
  if (signal.aborted) stopped = 'caller'
  else signal.addEventListener('abort', hungUp, { once: true })
  const restTotal = clock.timer(options.timeouts.total, () => stop('total'))

  function begin(candidate: Candidate, prepared: Prepared): Current {
    const { breaker, latency } = health.of(candidate.id)
    const startedAt = clock.wall()
    const started = clock.monotonic()
    latency.begin()
    const source = openSource({ candidate, prepared, timeouts: options.timeouts, limits, clock, estimatedInput: options.estimatedInput })
    let closed = false
    const made: Current = {
      candidate,
      source,
      started,
      firstByte: undefined,
      close(outcome, fault) {
        if (closed) return
        closed = true
        const took = clock.monotonic() - started
        if (outcome === 'answered') breaker.succeeded()
        else if (outcome === 'failed' && fault?.trips === true) breaker.failed()
        else breaker.neither()
        if (fault?.cause === 'rate_limited' && fault.retryAfterMs !== undefined) breaker.pause(fault.retryAfterMs)
        latency.end(made.firstByte ?? (fault?.cause === 'timeout' ? took : undefined))
        records.push(recordOf(candidate, { outcome, startedAt, took, usage: source.usage(), model: source.model(), firstByte: made.firstByte, fault }))
      },
    }
    return made
  }

  /** Waits, unless somebody stops the call first. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.timer(ms, () => {
        wake = undefined
        resolve()
      })
      wake = () => {
        cancel()
        resolve()
      }
    })
  }

  async function* run(): AsyncGenerator<LlmEvent, undefined> {
    const queue = options.candidates.filter((one) => one.role !== 'mirror' && one.id !== options.larger)
    const larger = options.candidates.find((one) => one.id === options.larger && one.role !== 'mirror')
    const story = newStory()
    let handedOut = false
    for (let place = 0; place < queue.length; place++) {
      const candidate = queue[place] as Candidate
      const prepared = prepare(options, candidate, story)
      if (prepared === undefined) {
        records.push(skipped(candidate, 'inexpressible', clock))
        continue
      }
      let retried = 0
      for (;;) {
        if (stopped !== undefined) throw story.refusal(stopped)
        const admission = health.of(candidate.id).breaker.admit()
        if (!admission.allowed) {
          if (admission.why === 'rate_paused' && admission.wait <= retries.cap && place === queue.length - 1 && retried < retries.attempts) {
            retried++
            await pause(admission.wait + 1)
            continue
          }
          records.push(skipped(candidate, admission.why, clock))
          story.skip(admission)
          break
        }
        const now = begin(candidate, prepared)
        current = now
        let fault: Fault
        try {
          let preamble: LlmEvent[] | undefined = []
          for (;;) {
            const batch = await now.source.next()
            if (batch === undefined) break
            for (const event of batch) {
              if (preamble !== undefined) {
                preamble.push(event)
                if (event.kind === 'preamble') continue
                now.firstByte = clock.monotonic() - now.started
                const held = preamble
                preamble = undefined
                answeredBy = now
                startMirrors(candidate)
                if (handedOut) Object.assign(held[0] as LlmEvent, { restarts: true })
                handedOut = true
                for (const one of held) yield one
              } else yield event
            }
          }
          for (const one of preamble ?? []) yield one
          answeredBy = now
          now.close('answered')
          return undefined
        } catch (error) {
          if (!(error instanceof UpstreamFailed)) {
            // A defect of ours says nothing about the target.
            now.close('failed')
            throw error
          }
          fault = error.fault
        } finally {
          // Also when the reader of the events left in the middle.
          now.source.abort()
          if (stopped !== undefined) now.close(stopped === 'caller' ? 'cancelled' : 'failed', stopped === 'total' ? OVER_TIME : undefined)
        }
        if (stopped !== undefined) throw story.refusal(stopped)
        now.close('failed', fault)
        story.fail(place, fault)
        if (handedOut && (released || options.restartable !== true)) throw new Refused(refusalOf(fault))
        const wait = retryWait(fault, retried, place === queue.length - 1, options)
        if (wait === undefined) {
          if (fault.cause === 'context_length' && larger !== undefined && candidate !== larger) queue.splice(place + 1, queue.length, larger)
          else if (!mayGoOn(fault, options.fallbackOn, story.began() !== place)) throw story.refusal(undefined)
          break
        }
        retried++
        await pause(wait)
      }
    }
    throw story.refusal(undefined)
  }

  function startMirrors(beside: Candidate): void {
    if (mirrors.length > 0) return
    for (const candidate of options.candidates) {
      if (candidate.role !== 'mirror') continue
      mirrors.push(
        runMirror({ options, limits, candidate, beside }).then(({ attempt: record, answer }) => {
          records.push(record)
          if (answer !== undefined) options.keep?.(answer)
        }, ignore),
      )
    }
  }

  const events = run()
  // The call goes out now, while the intent is being written; whoever asks for the first event takes this one.
  let ahead: Promise<IteratorResult<LlmEvent, undefined>> | undefined = events.next()
  ahead.catch(ignore)
  let over = false

  function finish(): void {
    if (over) return
    over = true
    restTotal()
    signal.removeEventListener('abort', hungUp)
  }

  function abort(): void {
    if (over) return
    stop('caller')
    current?.close('cancelled')
    finish()
    events.return(undefined).catch(ignore)
  }

  return {
    events: {
      [Symbol.asyncIterator]: () => ({
        async next() {
          try {
            const step = await (ahead ?? events.next())
            ahead = undefined
            if (step.done === true) finish()
            return step
          } catch (error) {
            ahead = undefined
            finish()
            throw error
          }
        },
        return() {
          abort()
          return Promise.resolve({ done: true as const, value: undefined })
        },
      }),
    },
    attempts: () => records.slice(),
    usage: () => (answeredBy ?? current)?.source.usage() ?? NO_USAGE,
    released: () => void (released = true),
    abort,
    finished: () => Promise.all(mirrors).then(ignore),
  }
}

function ignore(): void {
  return undefined
}
