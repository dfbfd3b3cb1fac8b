import type { Approvals } from '../contract/approval.ts'
import type { Clock } from '../contract/clock.ts'
import type { Question } from '../contract/policy.ts'
import { refuse } from '../contract/verdict.ts'
import type { Approvals as ApprovalStore, ApprovalRow } from '../store/interfaces.ts'
import { makeConsents, type CompileRule } from './consents.ts'
import { expire, type Core, type Recorded } from './core.ts'
import { deskOf } from './reviewing.ts'
import type { Desk } from './desk.ts'
import { endRefusal, makeEnds, type Ended } from './ends.ts'
import { makeFatigue } from './fatigue.ts'
import { makeFeed } from './feed.ts'
import { hold } from './hold.ts'
import { makeProposals } from './proposals.ts'
import { makeMarks, makeSealed, type Consent, type Content, type Notes } from './question.ts'
import type { Sealer } from './sealer.ts'
import type { ApprovalsSettings } from './settings.ts'
import { makeBook } from './waiting.ts'

/** Decided ones that are kept of each tenant, whatever their age. */
const MOST_KEPT = 2000
/** Enough to know everybody's habits after a restart. */
const RECENT = 200

export interface ApprovalsDeps {
  readonly store: ApprovalStore
  readonly sealer: Sealer
  /** Those of now: a reload changes them for what is held from then on. */
  readonly settings: () => ApprovalsSettings
  readonly clock: Clock
  /** UUIDv7. */
  readonly newId: () => string
  /** Rules are compiled anew under another epoch: its schema may differ. */
  readonly epoch: () => { readonly id: string }
  readonly rule: CompileRule
  /** A rule that would let just this pass, as text to edit; undefined where none can be said. */
  readonly suggest: (question: Question) => string | undefined
  /** Leaves an act in the audit record. Rejects where that cannot be kept: nothing is decided then. */
  readonly record: (act: Recorded) => Promise<void>
  /** A session was ended: its live calls must stop. */
  readonly onEnd: (ended: Ended) => void
  /** Hears that what stood from an approval was taken back. */
  readonly onWithdrawn: (approval: string) => void
  readonly onDefect: (error: unknown) => void
}

export interface OpenApprovals extends Approvals {
  readonly desk: Desk
  /** Erases what is kept of a subject (`subjectOf`). Gives how many approvals went. @throws {StoreError} `held` under a legal hold. */
  forget(subject: string): Promise<number>
  /** Drops what is over or too old; to be called now and then. */
  sweep(): Promise<void>
  /** Whoever waits is refused; what is open stays so in the store until its deadline. */
  close(): void
}

/**
 * Opens people's approvals over what the store kept: what was pending can still be decided, what was consented to still
 * stands, sessions that were ended stay ended.
 * @throws {StoreError}
 */
export async function openApprovals(deps: ApprovalsDeps): Promise<OpenApprovals> {
  const { store, sealer, settings, clock, epoch, rule } = deps
  const sealed = makeSealed(sealer)
  const marks = makeMarks(sealer)
  const core: Core = {
    ...deps,
    sealed,
    marks,
    book: makeBook(clock),
    ends: makeEnds(clock),
    feed: makeFeed(clock),
    consents: makeConsents({ store, sealed, marks, clock, rule, epoch }),
    fatigue: makeFatigue(clock, () => settings().slowMs),
    changes: { count: 0, stopped: false },
  }
  const { book, ends } = core
  const proposals = makeProposals()
  const sweep = async (): Promise<void> => void (await store.sweep(clock.wall(), clock.wall() - settings().keepMs, MOST_KEPT))
  await sweep()
  for (const row of await store.pending()) await reopen(core, row)
  for (const row of await store.standing(clock.wall())) {
    if (row.kind !== 'end') continue
    const { principal, task, approval, message } = sealed.open<Consent>(row.tenant, row.id, row.content)
    const { tenant, workload, chain } = principal
    ends.add({ id: row.id, approval, tenant, workload, chain, until: row.until, ...(task !== undefined && { task }), ...(message !== undefined && { message }) })
  }
  for (const row of (await store.decided({ limit: RECENT })).toReversed()) remember(core, row)

  return {
    hold: (request, signal) => hold(core, request, signal),
    ended(principal) {
      const found = ends.of(principal)
      return found === undefined ? undefined : endRefusal(found)
    },
    desk: deskOf({ ...core, proposals }),
    async forget(subject) {
      const ids = new Set(await store.forget(subject, clock.wall()))
      for (const open of book.open.values()) {
        if (!ids.has(open.id)) continue
        book.close(open)
        for (const waiter of open.waiters) waiter.end({ kind: 'refused', refusal: refuse('approval_unavailable', { detail: 'its content was erased' }) })
      }
      core.consents.forget()
      proposals.forget(subject)
      return ids.size
    },
    sweep,
    close() {
      core.changes.stopped = true
      for (const open of book.open.values()) {
        book.close(open)
        for (const waiter of open.waiters) waiter.end({ kind: 'refused', refusal: refuse('draining') })
      }
    },
  }
}

/** What cannot be opened any more cannot be shown, so nobody may decide it. */
async function reopen(core: Core, row: ApprovalRow): Promise<void> {
  const { sealed, book, store, clock, onDefect, marks } = core
  try {
    const { facts } = sealed.open<Content>(row.tenant, row.id, row.content)
    book.add(row, facts, marks.caller(facts.question.principal), (open) => expire(core, open))
  } catch (error) {
    onDefect(error)
    await store.decide(row.tenant, row.id, row.version, clock.wall(), { state: 'expired', decided: clock.wall(), notes: row.notes, content: row.content }, [], [])
  }
}

/** A restart makes nobody careful again. */
function remember({ fatigue }: Core, { id, tenant, alike, state, notes }: ApprovalRow): void {
  const { agreed, decision } = JSON.parse(notes) as Notes
  const last = agreed.at(-1)
  if (decision === undefined || last === undefined || last.id === '') return
  fatigue.note(last, { approval: id, tenant, alike, approved: state === 'approved', tookMs: decision.tookMs, at: decision.at })
}
