import type { HoldRequest, Released, Unreleased } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import { subjectOf } from '../contract/principal.ts'
import { endedBy, refuse, Refused, type Refusal } from '../contract/verdict.ts'
import type { ApprovalRow } from '../store/interfaces.ts'
import { expire, openSummary, type Core } from './core.ts'
import { endRefusal } from './ends.ts'
import { factsOf, SHOWN_BYTES, type Content, type Notes } from './question.ts'
import { MOST_WAITING, pendingRefusal, waitFor, type Open } from './waiting.ts'

/** Longer holds would overflow timers. */
const LONGEST_HOLD_MS = 7 * 86_400_000
/** A store that takes longer is down: the caller hears so. */
const STORE_MS = 5_000
/** With what stands around it. */
const CONTENT_BYTES = 4 * SHOWN_BYTES
const MOST_FINDINGS = 64

/** The asking side: finds a consent that covers the request, or waits for one. Never rejects. */
export async function hold(core: Core, request: HoldRequest, signal: AbortSignal): Promise<Released | Unreleased> {
  const { clock, settings } = core
  const began = clock.monotonic()
  const waited = (): number => Math.round(clock.monotonic() - began)
  let approval: string | undefined
  const refused = (refusal: Refusal, by?: readonly string[]): Unreleased => ({ ...(approval !== undefined && { approval }), ...(by !== undefined && { by }), waited: waited(), refusal })
  try {
    const { held } = request
    const { policies } = held.decision
    if (policies.length === 0) return refused(refuse('approval_unavailable', { detail: 'no policy holds it, so nobody can set one aside' }))
    const shown = once(() => request.show())
    const bound = core.marks.bound(request)
    for (;;) {
      const stop = stopped(core, request, signal)
      if (stop !== undefined) return refused(stop)
      const { count } = core.changes
      const found = await inTime(core, core.consents.release(request, bound, shown, neededFor(core, held.decision)))
      if (found !== undefined) {
        const { until, ...release } = found
        core.feed.tell({ kind: 'released', at: clock.wall(), tenant: request.principal.tenant, exchange: request.exchange.id, ...release })
        return { approval: found.approval, how: found.how, by: found.by, policies, ...(until !== undefined && { until }), waited: waited() }
      }
      // Something was decided while the store was asked: it may be just this.
      if (count !== core.changes.count) continue
      const meanwhile = stopped(core, request, signal)
      if (meanwhile !== undefined) return refused(meanwhile)
      const left = settings().waitMs - waited()
      if (left <= 0 && approval !== undefined) return refused(pendingRefusal(approval))
      const open = openFor(core, request, bound, shown)
      approval = open.id
      const outcome = await waitFor(open, request.exchange.id, left, signal, clock)
      if (outcome.kind === 'released') return { approval, how: 'once', by: outcome.by, policies, waited: waited() }
      if (outcome.kind === 'refused') return refused(outcome.refusal, outcome.by)
    }
  } catch (error) {
    if (error instanceof Refused) return refused(error.refusal)
    core.onDefect(error)
    return refused(refuse('approval_unavailable', { detail: error instanceof Error ? error.message : String(error) }))
  }
}

function stopped({ ends, changes }: Core, { principal }: HoldRequest, signal: AbortSignal): Refusal | undefined {
  if (signal.aborted) return endedBy(signal)
  if (changes.stopped) return refuse('draining')
  const ended = ends.of(principal)
  return ended === undefined ? undefined : endRefusal(ended)
}

/** How many people must agree: as many as the policies say, or their group. */
function neededFor({ settings }: Core, { approvers, reviewers = 1 }: HoldRequest['held']['decision']): number {
  return Math.max(reviewers, approvers === undefined ? 1 : (settings().reviewers.get(approvers) ?? 1))
}

/** The open approval of this very action, joined or made. @throws {Refused} when there is no room, or it cannot be shown. */
function openFor(core: Core, request: HoldRequest, bound: string, shown: () => Shown): Open {
  const { book, clock, settings, marks, sealed, store, newId, feed } = core
  const { principal, held } = request
  const { tenant } = principal
  const known = book.find(bound)
  if (known !== undefined) {
    if (known.waiters.size >= MOST_WAITING) throw new Refused(refuse('approvals_full', { detail: `${MOST_WAITING} calls wait for approval ${known.id}` }))
    return known
  }
  const { pending, timeoutMs } = settings()
  const caller = marks.caller(principal)
  const full = book.full(tenant, caller, pending)
  if (full !== undefined) throw new Refused(refuse('approvals_full', { detail: full }))
  const { holdMs = timeoutMs } = held.decision
  const facts = factsOf(request, neededFor(core, held.decision), Math.min(holdMs, LONGEST_HOLD_MS))
  const content: Content = { facts, shown: shown(), findings: request.findings.slice(0, MOST_FINDINGS) }
  if (bytesOf(content.shown) > SHOWN_BYTES) throw new Refused(refuse('approval_unavailable', { detail: `more than ${SHOWN_BYTES} bytes would have to be shown` }))
  if (bytesOf(content) > CONTENT_BYTES) throw new Refused(refuse('approval_unavailable', { detail: `more than ${CONTENT_BYTES} bytes would have to be kept` }))
  const id = newId()
  const created = clock.wall()
  const row: ApprovalRow = {
    id, tenant, bound, created,
    state: 'pending',
    version: 0,
    subject: subjectOf(principal),
    alike: marks.alike(facts),
    expires: created + facts.holdMs,
    notes: JSON.stringify({ agreed: [] } satisfies Notes),
    content: sealed.seal(tenant, id, content),
  }
  const open = book.add(row, facts, caller, (one) => expire(core, one))
  // Decisions wait for it: what the store does not have cannot be decided.
  open.turn = inTime(core, store.insert(row)).then(
    () => feed.tell({ kind: 'created', at: created, approval: openSummary(open) }),
    (error: unknown) => {
      core.onDefect(error)
      book.close(open)
      for (const waiter of open.waiters) waiter.end({ kind: 'refused', refusal: refuse('approval_unavailable', { detail: 'the store does not take it' }) })
    },
  )
  return open
}

/** @throws {Error} when the store takes too long; what it does afterwards releases nothing. */
function inTime<T>({ clock }: Core, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.timer(STORE_MS, () => reject(new Error('the store takes too long')))
    work.finally(cancel).then(resolve, reject)
  })
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
