import type { Clock } from '../contract/clock.ts'
import type { Question } from '../contract/policy.ts'
import { refuse } from '../contract/verdict.ts'
import type { Approvals as ApprovalStore } from '../store/interfaces.ts'
import type { CompileRule, Consents } from './consents.ts'
import type { ApprovalSummary, Reviewer } from './desk.ts'
import type { Ended, Ends } from './ends.ts'
import type { Fatigue } from './fatigue.ts'
import type { Feed } from './feed.ts'
import type { Marks, Sealed } from './question.ts'
import type { ApprovalsSettings } from './settings.ts'
import { summaryOf } from './views.ts'
import { inTurn, waitingFor, type Book, type Open } from './waiting.ts'

/** An operator's act for the audit record. */
export interface Recorded {
  readonly tenant: string
  readonly by: string
  readonly act: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
}

/** What holding and deciding share. */
export interface Core {
  readonly store: ApprovalStore
  readonly sealed: Sealed
  readonly marks: Marks
  readonly settings: () => ApprovalsSettings
  readonly clock: Clock
  readonly newId: () => string
  readonly rule: CompileRule
  readonly suggest: (question: Question) => string | undefined
  readonly book: Book
  readonly ends: Ends
  readonly feed: Feed
  readonly consents: Consents
  readonly fatigue: Fatigue
  /** Rejects where it cannot be kept: then nothing is decided. */
  readonly record: (act: Recorded) => Promise<void>
  readonly onEnd: (ended: Ended) => void
  readonly onWithdrawn: (approval: string) => void
  readonly onDefect: (error: unknown) => void
  /** Counts decisions: whoever looked for a consent while one was made looks again. */
  readonly changes: { count: number; stopped: boolean }
}

export function openSummary(open: Open): ApprovalSummary {
  return summaryOf({ ...open, state: 'pending' }, open.facts, open.notes, waitingFor(open).length)
}

/** Who acts, for the record. */
export function actorOf(reviewer: Reviewer): string {
  return `${reviewer.admin ? 'admin' : 'reviewer'}:${reviewer.id}`
}

/** Nobody answered in time. What waits hears it at once, whatever the store does; a decision on its way there may still win. */
export function expire(core: Core, open: Open): void {
  const { store, book, feed, clock, onDefect } = core
  const waiting = waitingFor(open).length
  book.close(open)
  const refusal = refuse('approval_expired', { say: `Nobody approved this request in time (approval ${open.id}).` })
  for (const waiter of open.waiters) waiter.end({ kind: 'refused', refusal })
  inTurn(open, async () => {
    const row = await store.get(open.tenant, open.id)
    if (row?.state !== 'pending') return
    const decided = clock.wall()
    const done = await store.decide(open.tenant, open.id, row.version, decided, { state: 'expired', decided, notes: row.notes, content: row.content }, [], [])
    if (done) feed.tell({ kind: 'expired', at: decided, approval: summaryOf({ ...open, state: 'expired', decided }, open.facts, open.notes, waiting) })
  }).catch(onDefect)
}
