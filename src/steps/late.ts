import type { Facts, Late } from '../contract/facts.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Reply, ReplyEvent } from '../contract/reply.ts'
import { endedBy, isRefusal, refuse, Refused, type Refusal } from '../contract/verdict.ts'
import { reauthorize } from './authorize.ts'
import type { House } from './house.ts'

/** Guards bound their own time; this is for one that does not. */
const LONGEST_MS = 60_000

/** What guards that look while the upstream is asked come to. */
export interface LateVerdict {
  /** Resolves when the answer may be released. Rejects with `Refused` where it may not, whatever the reason. */
  readonly sure: Promise<void>
  /** The reply's events until something is refused: that ends the upstream at once and comes in their place. */
  over(reply: Reply): AsyncIterable<ReplyEvent>
  known(): Late
}

/**
 * Undefined where nothing looks beside the call. Fails closed: silence and defects refuse. Nothing has been released
 * by then, so the caller gets a real status.
 */
export function lateVerdict(house: House, facts: Facts, longestMs = LONGEST_MS): LateVerdict | undefined {
  const pending = facts.inspection?.pending
  if (pending === undefined) return undefined
  let known: Late = {}
  let settled = false
  const silent = Promise.withResolvers<Late>()
  const cancel = house.clock.timer(longestMs, () => silent.resolve({ refusal: failed('a guard that looks beside the call did not answer') }))
  const found = pending.then(
    (inspection) => decided(house, facts, inspection),
    (error: unknown) => ({ refusal: failed(error instanceof Error ? error.message : 'a guard that looks beside the call failed') }),
  )
  const sure = Promise.race([silent.promise, found]).then((late) => {
    cancel()
    settled = true
    known = late.refusal === undefined || !facts.errand.signal.aborted ? late : { ...late, refusal: endedBy(facts.errand.signal) }
    if (known.refusal !== undefined) throw new Refused(known.refusal)
  })
  // Whoever releases the answer listens; it may be a while until then.
  sure.catch(() => undefined)
  return { sure, over: (reply) => watched(reply, sure, () => settled), known: () => known }
}

function failed(detail: string): Refusal {
  return refuse('guard_failed', { detail })
}

/** What was sent can neither be changed nor told anything any more: a verdict that asks for it refuses. */
async function decided(house: House, facts: Facts, inspection: Inspection): Promise<Late> {
  if (inspection.verdict === 'hold') return { inspection, refusal: inspection.refusal ?? refuse('approval_unavailable') }
  if (inspection.verdict !== 'allow' || inspection.instruct !== undefined) return { inspection, refusal: inspection.refusal ?? refuse('content_refused', { detail: 'found when the request had been sent' }) }
  try {
    const more = await reauthorize(house)({ ...facts, inspection }, facts.errand.signal)
    // Nobody is asked about what was sent already.
    if (!isRefusal(more)) return { inspection, ...more, ...(more.held !== undefined && { refusal: refuse('approval_unavailable', { detail: 'held for what was found when the request had been sent' }) }) }
    const { known, ...refusal } = more
    return { inspection, ...known, refusal }
  } catch (error) {
    return { inspection, refusal: refuse('step_failed', { detail: error instanceof Error ? error.message : 'reauthorize' }) }
  }
}

async function* watched(reply: Reply, sure: Promise<void>, settled: () => boolean): AsyncGenerator<ReplyEvent> {
  const events = reply.events[Symbol.asyncIterator]()
  // Never resolves: only a refusal wins against the next event.
  const refused = sure.then(() => new Promise<never>(() => undefined))
  refused.catch(() => reply.abort())
  let next: IteratorResult<ReplyEvent> | undefined
  try {
    do {
      const coming = events.next()
      next = settled() ? await coming : await Promise.race([coming, refused])
      if (next.done !== true) yield next.value
    } while (next.done !== true)
  } finally {
    // An upstream that was aborted ends when it ends; nobody waits for it here.
    if (next?.done !== true) void Promise.resolve(events.return?.()).catch(() => undefined)
  }
}
