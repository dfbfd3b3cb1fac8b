import { refuse } from '../contract/verdict.ts'
import type { ApprovalRow, ConsentRow } from '../store/interfaces.ts'
import { consentOf, isConsent, sameChoice, settleChoice, type Settled } from './choices.ts'
import { MOST_RULES, MOST_STANDING } from './consents.ts'
import { actorOf, openSummary, type Core } from './core.ts'
import { DeskError, type Choice, type Decided, type Reviewer } from './desk.ts'
import { endRefusal, isEndedBy, type Ended } from './ends.ts'
import { barredFrom, maySee, samePerson } from './people.ts'
import { proposalsOf, type Proposals } from './proposals.ts'
import type { Consent, Content, Notes, Person } from './question.ts'
import { summaryOf } from './views.ts'
import { inTurn, waitingFor, type Open, type Outcome } from './waiting.ts'

/** What a decision that nobody of a team may take is refused with, for the record. */
const KINDS: Readonly<Record<Choice['kind'], string>> = { once: 'approve', task: 'approve', value: 'approve', rule: 'approve', deny: 'deny', end: 'end' }

export interface DecideDeps extends Core {
  readonly proposals: Proposals
  /** What this reviewer is shown at the moment. */
  readonly visible: (reviewer: Reviewer) => readonly Open[]
}

/** The deciding side. Each refusal is a `DeskError` and leaves a record; nothing changed then. */
export async function decide(deps: DecideDeps, reviewer: Reviewer, id: string, hash: string, choice: Choice): Promise<Decided> {
  try {
    return await decideOn(deps, reviewer, id, hash, choice)
  } catch (error) {
    if (!(error instanceof DeskError)) deps.onDefect(error)
    const why = error instanceof DeskError ? error : new DeskError('unavailable', 'The decision could not be stored or recorded, so it was not taken. See the log.')
    const tenant = deps.book.open.get(id)?.tenant ?? reviewer.tenant ?? 'default'
    await deps.record({ tenant, by: actorOf(reviewer), act: 'approval.refused', detail: { approval: id.slice(0, 64), decision: choice.kind, fault: why.fault, why: why.message } }).catch(deps.onDefect)
    throw why
  }
}

async function decideOn(deps: DecideDeps, reviewer: Reviewer, id: string, hash: string, choice: Choice): Promise<Decided> {
  const { book, clock, fatigue, store, sealed, settings, rule } = deps
  const open = book.open.get(id)
  if (open === undefined || !maySee(reviewer, open.tenant, open.facts.group)) throw await gone(deps, reviewer, id)
  return inTurn(open, async () => {
    if (open.closed || clock.wall() >= open.expires) throw await gone(deps, reviewer, id)
    if (hash !== open.bound) throw new DeskError('conflict', 'This is not the action that you looked at. Look at it again.')
    const barred = barredFrom(reviewer, open.facts.question.principal)
    if (barred !== undefined) throw new DeskError('forbidden', barred)
    if (!deps.visible(reviewer).includes(open)) throw new DeskError('slow', 'Decide what you are shown first: you approved nearly everything in under two seconds lately.')
    fatigue.check(reviewer, open)
    const row = await store.get(open.tenant, id)
    if (row?.state !== 'pending' || row.version !== open.version) throw await gone(deps, reviewer, id)
    const content = sealed.open<Content>(row.tenant, id, row.content)
    const settled = settleChoice(choice, reviewer, content, open.seen.get(reviewer.id)?.waiting, { settings: settings(), rule })
    const now = clock.wall()
    const { tenant, identity } = reviewer
    const me: Person = { id: reviewer.id, name: reviewer.name, ...(identity !== undefined && { identity }), ...(tenant !== undefined && { tenant }), kind: choice.kind, at: now }
    const tookMs = now - (open.seen.get(reviewer.id)?.at ?? open.created)
    const people = isConsent(settled) ? agreeing(open, reviewer, me, settled, content) : [me]
    const made = isConsent(settled) && people.length < open.facts.reviewers
      ? await agree(deps, open, row, content, settled, people, reviewer)
      : await conclude(deps, open, row, content, settled, people, reviewer, tookMs)
    habit(deps, reviewer, open, isConsent(settled), tookMs)
    return made
  })
}

/** @throws {DeskError} where this person agreed before, or the first one agreed to something else. */
function agreeing(open: Open, reviewer: Reviewer, me: Person, choice: Settled, content: Content): readonly Person[] {
  const { agreed } = open.notes
  if (agreed.some((one) => samePerson(one, reviewer))) throw new DeskError('conflict', 'You agreed to this already: it needs another person.')
  if (content.choice !== undefined && !sameChoice(content.choice, choice)) {
    throw new DeskError('conflict', `${agreed[0]?.name} agreed to something else (${content.choice.kind}): agree to just that, or deny.`)
  }
  return [...agreed, me]
}

async function agree(deps: DecideDeps, open: Open, row: ApprovalRow, content: Content, choice: Settled, people: readonly Person[], reviewer: Reviewer): Promise<Decided> {
  const { store, sealed, clock, feed } = deps
  const notes: Notes = { agreed: people }
  await deps.record({ tenant: open.tenant, by: actorOf(reviewer), act: 'approval.agree', detail: { approval: open.id, decision: choice.kind, agreed: people.length, needed: open.facts.reviewers } })
  const done = await store.decide(open.tenant, open.id, row.version, clock.wall(), { state: 'pending', notes: JSON.stringify(notes), content: sealed.seal(open.tenant, open.id, { ...content, choice }) }, [], [])
  if (!done) throw await gone(deps, reviewer, open.id)
  open.version++
  open.notes = notes
  feed.tell({ kind: 'agreed', at: clock.wall(), approval: openSummary(open) })
  return { id: open.id, result: 'agreed', released: 0, missing: open.facts.reviewers - people.length }
}

async function conclude(deps: DecideDeps, open: Open, row: ApprovalRow, content: Content, choice: Settled, people: readonly Person[], reviewer: Reviewer, tookMs: number): Promise<Decided> {
  const { store, sealed, clock, feed, book, ends, changes } = deps
  const { tenant, id } = open
  const by = people.map((one) => one.name)
  const consents = isConsent(choice)
  const ended = choice.kind === 'end' ? endOf(deps, open, choice) : undefined
  const taken = ended === undefined ? [] : await consentsOf(deps, ended)
  if (choice.kind !== 'once') await room(deps, tenant, choice.kind === 'rule')
  await deps.record({ tenant, by: actorOf(reviewer), act: `approval.${KINDS[choice.kind]}`, detail: { approval: id, exchange: open.facts.exchange, decision: choice.kind, people: by.join(', '), policies: open.facts.policies.join(', ') } })
  if (open.closed) throw await gone(deps, reviewer, id)
  // From here on nothing waits in between: these calls are there, and go on if the store says that this decision won.
  const calls = choice.kind === 'once' ? (choice.calls ?? 1) : 0
  const claimed = waitingFor(open).slice(0, calls)
  for (const waiter of claimed) waiter.claimed = true
  const at = clock.wall()
  const made = standing(deps, open, content, choice, by, calls - claimed.length, at, ended)
  const state = consents ? 'approved' : 'denied'
  const notes: Notes = { agreed: people, decision: { kind: choice.kind, tookMs, at } }
  const said = 'message' in choice ? choice.message : undefined
  const waiting = waitingFor(open).length + claimed.length
  try {
    const sealedContent = sealed.seal(tenant, id, { ...content, choice, ...(said !== undefined && { said }) })
    const won = await store.decide(tenant, id, row.version, at, { state, decided: at, notes: JSON.stringify(notes), content: sealedContent }, made === undefined ? [] : [made], taken)
    if (!won) throw await gone(deps, reviewer, id)
  } catch (error) {
    for (const waiter of claimed) waiter.unclaim()
    throw error
  }
  changes.count++
  book.close(open)
  for (const waiter of claimed) waiter.release(by)
  if (ended !== undefined) ends.add(ended)
  const outcome: Outcome = consents ? { kind: 'again' } : { kind: 'refused', by, refusal: ended === undefined ? refuse('approval_denied', said === undefined ? {} : { say: said }) : endRefusal(ended) }
  for (const waiter of open.waiters) waiter.end(outcome)
  feed.tell({ kind: 'decided', at, approval: summaryOf({ ...open, state, decided: at }, open.facts, notes, waiting) })
  for (const { exchange } of claimed) feed.tell({ kind: 'released', at, approval: id, tenant, ...(open.facts.group !== undefined && { group: open.facts.group }), how: 'once', exchange, by })
  if (ended !== undefined) {
    denyRest(deps, ended, by)
    deps.onEnd(ended)
  }
  return {
    id,
    result: ended !== undefined ? 'ended' : !consents ? 'denied' : claimed.length > 0 || choice.kind !== 'once' ? 'released' : 'granted',
    released: choice.kind === 'once' ? claimed.length : consents ? waiting : 0,
    ...(made !== undefined && { stands: { id: made.id, until: made.until } }),
    missing: 0,
  }
}

function standing({ sealed, marks, settings, newId }: DecideDeps, open: Open, content: Content, choice: Settled, by: readonly string[], uses: number, at: number, ended: Ended | undefined): ConsentRow | undefined {
  const stands = consentOf(choice, content, uses, marks, open.bound, settings())
  if (stands === undefined) return undefined
  const { facts } = open
  const consent: Consent = { approval: open.id, by, policies: facts.policies, principal: facts.question.principal, ...(facts.group !== undefined && { group: facts.group }), ...stands.more }
  const id = ended?.id ?? newId()
  return {
    id,
    tenant: open.tenant,
    kind: stands.kind,
    subject: open.subject,
    key: stands.key,
    ...(stands.uses !== undefined && { uses: stands.uses }),
    created: at,
    until: ended?.until ?? at + stands.lastsMs,
    content: sealed.seal(open.tenant, id, consent),
  }
}

function endOf({ clock, newId, settings }: DecideDeps, { id, facts }: Open, { message }: { readonly message?: string }): Ended {
  const { tenant, workload, chain, task } = facts.question.principal
  return { id: newId(), approval: id, tenant, workload, chain, ...(task !== undefined && { task }), until: clock.wall() + settings().endedMs, ...(message !== undefined && { message }) }
}

/** Consents of what is ended: it would otherwise have them again when the end is lifted. Rules are nobody's in particular. */
async function consentsOf({ store, sealed, clock }: DecideDeps, ended: Ended): Promise<readonly string[]> {
  const rows = await store.standing(clock.wall(), ended.tenant)
  return rows.filter((row) => row.kind !== 'rule' && row.kind !== 'end' && isEndedBy(sealed.open<Consent>(row.tenant, row.id, row.content).principal, ended)).map((row) => row.id)
}

async function room({ store, clock }: DecideDeps, tenant: string, ruling: boolean): Promise<void> {
  const rows = await store.standing(clock.wall(), tenant)
  if (rows.length >= MOST_STANDING) throw new DeskError('invalid', `${MOST_STANDING} decisions stand already: withdraw some first.`)
  if (ruling && rows.filter((row) => row.kind === 'rule').length >= MOST_RULES) throw new DeskError('invalid', `${MOST_RULES} rules stand already: withdraw some, or move them into the policies.`)
}

/** Everything else that the ended session asked for. */
function denyRest(deps: DecideDeps, ended: Ended, by: readonly string[]): void {
  const { book, store, clock, feed, onDefect } = deps
  for (const other of book.open.values()) {
    if (!isEndedBy(other.facts.question.principal, ended)) continue
    const waiting = waitingFor(other).length
    book.close(other)
    for (const waiter of other.waiters) waiter.end({ kind: 'refused', by, refusal: endRefusal(ended) })
    inTurn(other, async () => {
      const row = await store.get(other.tenant, other.id)
      if (row?.state !== 'pending') return
      const decided = clock.wall()
      const notes: Notes = { agreed: by.map((name) => ({ id: '', name, kind: 'end', at: decided })), decision: { kind: 'end', tookMs: 0, at: decided } }
      const done = await store.decide(other.tenant, other.id, row.version, decided, { state: 'denied', decided, notes: JSON.stringify(notes), content: row.content }, [], [])
      if (done) feed.tell({ kind: 'decided', at: decided, approval: summaryOf({ ...other, state: 'denied', decided }, other.facts, notes, waiting) })
    }).catch(onDefect)
  }
}

function habit(deps: DecideDeps, reviewer: Reviewer, open: Open, approved: boolean, tookMs: number): void {
  const { fatigue, feed, clock, onDefect, proposals } = deps
  const alarms = fatigue.note(reviewer, { approval: open.id, tenant: open.tenant, alike: open.alike, approved, tookMs, at: clock.wall() })
  for (const { habit: now, tenant, done } of alarms) {
    feed.tell({ kind: 'alarm', at: clock.wall(), habit: now, ...(tenant !== undefined && { tenant }) })
    proposalsOf(deps, done).then((found) => found.forEach(proposals.add), onDefect)
  }
}

/** Why there is nothing to decide. Who may not see it hears only that it is not there. */
async function gone({ store, sealed, clock }: DecideDeps, reviewer: Reviewer, id: string): Promise<DeskError> {
  const missing = new DeskError('not_found', 'There is no such approval.')
  const row = await store.get(reviewer.tenant, id)
  if (row === undefined || !maySee(reviewer, row.tenant, sealed.open<Content>(row.tenant, id, row.content).facts.group)) return missing
  if (row.state === 'expired' || (row.state === 'pending' && clock.wall() >= row.expires)) return new DeskError('expired', 'Nobody decided this in time: it was refused. The agent has to ask again.')
  if (row.state === 'pending') return new DeskError('conflict', 'It changed while you decided. Look at it again.')
  const { agreed } = JSON.parse(row.notes) as Notes
  return new DeskError('conflict', `${agreed.map((one) => one.name).join(' and ')} ${row.state} this already: a decision is used once.`)
}
