import type { Question } from '../contract/policy.ts'
import type { ApprovalRow, Approvals } from '../store/interfaces.ts'
import type { Rule } from './consents.ts'
import type { ApprovalSummary, ApprovalView, Matches, Similar } from './desk.ts'
import { resourceOf, type Content, type Facts, type Notes, type Sealed } from './question.ts'

const SIMILAR_SHOWN = 5
const MATCHED_SHOWN = 20
const LOOKED = 200
const PAGE = 50

export function summaryOf(row: Omit<ApprovalRow, 'notes' | 'content' | 'version' | 'alike' | 'subject'>, facts: Facts, notes: Notes, waiting: number): ApprovalSummary {
  const { principal, action, resource } = facts.question
  return {
    id: row.id,
    hash: row.bound,
    tenant: row.tenant,
    state: row.state,
    workload: principal.workload,
    chain: principal.chain,
    ...(principal.agent !== undefined && { agent: principal.agent }),
    ...(principal.task !== undefined && { task: principal.task }),
    action,
    resource: resourceOf(resource),
    route: facts.route,
    exchange: facts.exchange,
    policies: facts.policies,
    ...(facts.message !== undefined && { message: facts.message }),
    ...(facts.group !== undefined && { group: facts.group }),
    reviewers: facts.reviewers,
    agreed: notes.agreed.map(({ name, kind, at }) => ({ by: name, kind, at })),
    created: row.created,
    expires: row.expires,
    ...(row.decided !== undefined && { closed: row.decided }),
    waiting,
    ...(notes.decision !== undefined && { decision: { ...notes.decision, by: notes.agreed.map((one) => one.name) } }),
  }
}

export function viewOf(summary: ApprovalSummary, { facts, shown, findings, said }: Content, similar: Similar): ApprovalView {
  const { resource, context } = facts.question
  return { ...summary, shown, effects: facts.effects, attributes: resource.attributes, context, findings, similar, ...(said !== undefined && { said }) }
}

export async function similarTo(store: Pick<Approvals, 'tally' | 'decided'>, tenant: string, alike: string): Promise<Similar> {
  const [counts, last] = await Promise.all([store.tally(tenant, alike), store.decided({ tenant, alike, limit: SIMILAR_SHOWN })])
  return {
    ...counts,
    last: last.map(({ id, state, notes, decided = 0 }) => {
      const { agreed, decision } = JSON.parse(notes) as Notes
      return { id, state, by: agreed.map((one) => one.name), at: decided, ...(decision !== undefined && { kind: decision.kind }) }
    }),
  }
}

/** What a rule would have matched among the kept actions that `sees` lets through, newest first. */
export async function matchesOf(rule: Rule, store: Pick<Approvals, 'decided'>, sealed: Sealed, tenant: string, sees: (facts: Facts) => boolean): Promise<Matches> {
  const matches: Matches['matches'][number][] = []
  let looked = 0
  let matched = 0
  let before: number | undefined
  for (let pages = 0; pages < LOOKED / PAGE; pages++) {
    const rows = await store.decided({ tenant, limit: PAGE, ...(before !== undefined && { before }) })
    for (const row of rows) {
      const facts = factsIn(row, sealed)
      if (facts === undefined || !sees(facts)) continue
      looked++
      if (!rule.matches(facts.question)) continue
      matched++
      if (matches.length < MATCHED_SHOWN) matches.push(matchOf(row, facts.question))
    }
    before = rows.at(-1)?.decided
    if (rows.length < PAGE) break
  }
  return { looked, matched, matches }
}

function factsIn(row: ApprovalRow, sealed: Sealed): Facts | undefined {
  try {
    return sealed.open<Content>(row.tenant, row.id, row.content).facts
  } catch {
    // Sealed under a key that is gone: nothing can be said of it.
    return undefined
  }
}

function matchOf({ id, state, decided = 0 }: ApprovalRow, { principal, action, resource }: Question): Matches['matches'][number] {
  return { id, at: decided, state, workload: principal.workload, chain: principal.chain, action, resource: resourceOf(resource) }
}
