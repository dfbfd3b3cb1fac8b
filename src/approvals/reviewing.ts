import type { ConsentRow } from '../store/interfaces.ts'
import { checkRule, ruleLasts } from './choices.ts'
import { MOST_RULES, standingOf } from './consents.ts'
import { actorOf, openSummary, type Core } from './core.ts'
import { decide } from './decide.ts'
import { DeskError, type ApprovalSummary, type ApprovalView, type Desk, type Reviewer } from './desk.ts'
import { SHOWN_AT_ONCE } from './fatigue.ts'
import { barredFrom, maySee } from './people.ts'
import type { Proposals } from './proposals.ts'
import type { Consent, Content, Facts, Notes } from './question.ts'
import { matchesOf, similarTo, summaryOf, viewOf } from './views.ts'
import { waitingFor, type Open } from './waiting.ts'

const MOST_LISTED = 200

/** What the surfaces call, over what holding and deciding share. */
export function deskOf(core: Core & { readonly proposals: Proposals }): Desk {
  const { store, sealed, marks, book, clock, feed, fatigue, rule, suggest, proposals, ends, newId, record } = core

  /** Oldest first; of whoever approves without looking only the first few. */
  function visible(reviewer: Reviewer): readonly Open[] {
    const mine = [...book.open.values()].filter((open) => maySee(reviewer, open.tenant, open.facts.group)).sort((a, b) => a.created - b.created)
    return fatigue.tight(reviewer) ? mine.slice(0, SHOWN_AT_ONCE) : mine
  }

  function see(reviewer: Reviewer, open: Open): void {
    if (!visible(reviewer).includes(open)) throw new DeskError('slow', 'Decide what you are shown first: you approved nearly everything in under two seconds lately.')
    const before = open.seen.get(reviewer.id)
    open.seen.set(reviewer.id, { at: before?.at ?? clock.wall(), waiting: Math.max(before?.waiting ?? 0, waitingFor(open).length) })
  }

  async function get(reviewer: Reviewer, id: string): Promise<ApprovalView> {
    const row = await store.get(reviewer.tenant, id)
    if (row === undefined) throw new DeskError('not_found', 'There is no such approval.')
    const content = sealed.open<Content>(row.tenant, id, row.content)
    const { facts } = content
    if (!maySee(reviewer, row.tenant, facts.group)) throw new DeskError('not_found', 'There is no such approval.')
    const similar = await similarTo(store, row.tenant, row.alike)
    const suggestion = await suggested(reviewer, row.tenant, facts)
    const open = book.open.get(id)
    // Last, when everything else is at hand: from now on it counts as shown.
    if (open !== undefined) see(reviewer, open)
    const late = row.state === 'pending' && open === undefined
    const summary = open === undefined ? summaryOf(late ? { ...row, state: 'expired' } : row, facts, JSON.parse(row.notes) as Notes, 0) : openSummary(open)
    const barred = barredFrom(reviewer, facts.question.principal)
    return {
      ...viewOf(summary, content, similar),
      ...(suggestion !== undefined && { suggestion }),
      ...(barred !== undefined && { barred }),
    }
  }

  /** A help, not a condition: whatever is wrong with it, the action itself must be seen in time. */
  async function suggested(reviewer: Reviewer, tenant: string, facts: Facts): Promise<ApprovalView['suggestion']> {
    try {
      const text = suggest(facts.question)
      return text === undefined ? undefined : { text, would: await matchesOf(rule(text), store, sealed, tenant, sees(reviewer, tenant)) }
    } catch (error) {
      core.onDefect(error)
      return undefined
    }
  }

  const sees = (reviewer: Reviewer, tenant: string) => (facts: Facts): boolean => maySee(reviewer, tenant, facts.group)

  function tenantOf(reviewer: Reviewer, tenant: string | undefined): string {
    if (reviewer.tenant !== undefined && tenant !== undefined && tenant !== reviewer.tenant) throw new DeskError('forbidden', 'That is another tenant\'s.')
    return tenant ?? reviewer.tenant ?? 'default'
  }

  /** What stands and this reviewer may see. */
  async function consentsFor(reviewer: Reviewer): Promise<readonly { readonly row: ConsentRow; readonly consent: Consent }[]> {
    if (reviewer.tenant === undefined && !reviewer.admin) return []
    const rows = await store.standing(clock.wall(), reviewer.tenant)
    return rows.map((row) => ({ row, consent: sealed.open<Consent>(row.tenant, row.id, row.content) })).filter(({ row, consent }) => maySee(reviewer, row.tenant, consent.group))
  }

  async function withdraw(reviewer: Reviewer, id: string): Promise<void> {
    const found = (await consentsFor(reviewer)).find(({ row }) => row.id === id)
    if (found === undefined) throw new DeskError('not_found', 'Nothing of this id stands.')
    const { row, consent } = found
    // Taking consent back only tightens: anybody of the group may. Lifting an end loosens.
    const barred = row.kind === 'end' ? barredFrom(reviewer, consent.principal) : undefined
    if (barred !== undefined) throw new DeskError('forbidden', barred)
    await record({ tenant: row.tenant, by: actorOf(reviewer), act: row.kind === 'end' ? 'approval.lift' : 'approval.withdraw', detail: { consent: id, kind: row.kind, approval: consent.approval } })
    if (!(await store.withdraw(row.tenant, id))) throw new DeskError('not_found', 'Nothing of this id stands any more.')
    if (row.kind === 'end') ends.lift(id)
    else core.onWithdrawn(consent.approval)
  }

  async function adopt(reviewer: Reviewer, id: string, text: string, forMs: number): Promise<ReturnType<typeof standingOf>> {
    const { proposal, facts, subject } = proposals.find(reviewer, id)
    const barred = barredFrom(reviewer, facts.question.principal)
    if (barred !== undefined) throw new DeskError('forbidden', barred)
    if (facts.reviewers > 1) throw new DeskError('forbidden', 'Several people must agree to this: make the rule when one of these is decided.')
    checkRule(text, rule)
    const lasts = ruleLasts(forMs)
    const { tenant } = proposal
    const rules = (await store.standing(clock.wall(), tenant)).filter((row) => row.kind === 'rule')
    if (rules.length >= MOST_RULES) throw new DeskError('invalid', `${MOST_RULES} rules stand already: withdraw some, or move them into the policies.`)
    const row = newId()
    const at = clock.wall()
    const consent: Consent = { approval: id, by: [reviewer.name], policies: facts.policies, principal: facts.question.principal, text, ...(facts.group !== undefined && { group: facts.group }) }
    const made: ConsentRow = { id: row, tenant, kind: 'rule', subject, key: marks.rule(tenant), created: at, until: at + lasts, content: sealed.seal(tenant, row, consent) }
    await record({ tenant, by: actorOf(reviewer), act: 'approval.rule', detail: { consent: row, proposal: id, policies: facts.policies.join(', ') } })
    await store.consent(made)
    proposals.drop(id)
    return standingOf(made, consent)
  }

  /** A refusal to change something leaves a record, as a refusal to decide does. */
  async function recorded<T>(reviewer: Reviewer, what: string, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const why = plain(error)
      await record({ tenant: reviewer.tenant ?? 'default', by: actorOf(reviewer), act: 'approval.refused', detail: { [what]: id.slice(0, 64), fault: why.fault, why: why.message } }).catch(core.onDefect)
      throw why
    }
  }

  /** What surfaces may tell: the store's own words are for the log. */
  function plain(error: unknown): DeskError {
    if (error instanceof DeskError) return error
    core.onDefect(error)
    return new DeskError('unavailable', 'Approvals cannot be read or stored at the moment. See the log.')
  }

  async function read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw plain(error)
    }
  }

  return {
    list: (reviewer) => visible(reviewer).map(openSummary),
    get: (reviewer, id) => read(() => get(reviewer, id)),
    decide: (reviewer, id, hash, choice) => decide({ ...core, visible }, reviewer, id, hash, choice),
    history: (reviewer, { before, limit }) =>
      read(async () => {
        if (reviewer.tenant === undefined && !reviewer.admin) return []
        const { tenant } = reviewer
        const rows = await store.decided({ limit: Math.min(limit, MOST_LISTED), ...(tenant !== undefined && { tenant }), ...(before !== undefined && { before }) })
        return rows.flatMap((row): readonly ApprovalSummary[] => {
          const { facts } = sealed.open<Content>(row.tenant, row.id, row.content)
          return maySee(reviewer, row.tenant, facts.group) ? [summaryOf(row, facts, JSON.parse(row.notes) as Notes, 0)] : []
        })
      }),
    wouldMatch: (reviewer, text, tenant) =>
      read(async () => {
        const of = tenantOf(reviewer, tenant)
        checkRule(text, rule)
        return await matchesOf(rule(text), store, sealed, of, sees(reviewer, of))
      }),
    standing: (reviewer) => read(async () => (await consentsFor(reviewer)).map(({ row, consent }) => standingOf(row, consent))),
    withdraw: (reviewer, id) => recorded(reviewer, 'consent', id, () => withdraw(reviewer, id)),
    proposals: (reviewer) => proposals.seenBy(reviewer).map((one) => one.proposal),
    adopt: (reviewer, id, text, forMs) => recorded(reviewer, 'proposal', id, () => adopt(reviewer, id, text, forMs)),
    dismiss: (reviewer, id) =>
      recorded(reviewer, 'proposal', id, async () => {
        const { proposal } = proposals.find(reviewer, id)
        await record({ tenant: proposal.tenant, by: actorOf(reviewer), act: 'approval.dismiss', detail: { proposal: id } })
        proposals.drop(id)
      }),
    habits: (reviewer) => (reviewer.admin || reviewer.rights.includes('author') ? fatigue.habits(reviewer.tenant) : fatigue.habits(reviewer.tenant).filter((one) => one.reviewer === reviewer.name)),
    watch: (reviewer, signal) => feed.watch(reviewer, signal),
  }
}
