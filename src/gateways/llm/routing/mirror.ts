import type { Clock } from '../../../contract/clock.ts'
import type { Attempt, Candidate } from '../../../contract/exchange.ts'
import type { Timeouts } from '../settings.ts'
import { Inexpressible } from '../dialect.ts'
import { UpstreamFailed, type Fault } from './fault.ts'
import type { Health } from './health.ts'
import type { ReplyLimits } from './received.ts'
import { openSource, type Prepared } from './source.ts'
import { recordOf, skipped } from './story.ts'

/** A mirror's answer, for comparison with the one that the caller got. */
export interface MirrorRecord {
  readonly candidate: string
  /** Target whose answer the caller got. */
  readonly beside: string
  readonly outcome: Attempt['outcome']
  /** Text per channel, cut at a bound. */
  readonly said: readonly { readonly channel: string; readonly text: string }[]
  readonly calls: readonly string[]
}

/** Characters of a mirror's answer that are kept. */
const MOST_KEPT = 262_144
export interface MirrorOptions {
  readonly prepare: (candidate: Candidate) => Prepared
  readonly timeouts: Timeouts
  readonly health: Health
  readonly clock: Clock
  readonly estimatedInput: number
}

/** Sends a copy in the background. Nothing of it reaches the caller; a hang-up of the caller does not end it. */
export async function runMirror({
  options,
  limits,
  candidate,
  beside,
}: {
  readonly options: MirrorOptions
  readonly limits: ReplyLimits
  readonly candidate: Candidate
  readonly beside: Candidate
}): Promise<{ readonly attempt: Attempt; readonly answer?: MirrorRecord }> {
  const { clock, timeouts, estimatedInput } = options
  const prepared = preparedFor(options, candidate)
  if (prepared === undefined) return { attempt: skipped(candidate, 'inexpressible', clock) }
  // Nothing between here and the try may throw: a place that is taken and never left is lost for good.
  if (!options.health.mirrors.enter()) return { attempt: skipped(candidate, 'mirrors_busy', clock) }
  const startedAt = clock.wall()
  const started = clock.monotonic()
  const source = openSource({ candidate, prepared, timeouts, limits, clock, estimatedInput })
  const rest = clock.timer(timeouts.total, () => source.abort())
  const said = new Map<string, string>()
  const calls: string[] = []
  let kept = 0
  let firstByte: number | undefined
  let fault: Fault | undefined
  let outcome: Attempt['outcome'] = 'answered'
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      for (const event of batch) {
        if (event.kind !== 'preamble') firstByte ??= clock.monotonic() - started
        for (const { name } of event.proposals) calls.push(name)
        for (const { channel, text, whole } of event.leaves) {
          if (kept + text.length > MOST_KEPT || (whole && said.has(channel))) continue
          kept += text.length
          said.set(channel, (said.get(channel) ?? '') + text)
        }
      }
    }
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error
    fault = error.fault
    outcome = 'failed'
  } finally {
    options.health.mirrors.leave()
    rest()
    source.abort()
  }
  return {
    attempt: recordOf(candidate, { outcome, startedAt, took: clock.monotonic() - started, usage: source.usage(), model: source.model(), firstByte, fault }),
    answer: { candidate: candidate.id, beside: beside.id, outcome, said: [...said].map(([channel, text]) => ({ channel, text })), calls },
  }
}

function preparedFor(options: MirrorOptions, candidate: Candidate): Prepared | undefined {
  try {
    return options.prepare(candidate)
  } catch (error) {
    if (error instanceof Inexpressible) return undefined
    throw error
  }
}
