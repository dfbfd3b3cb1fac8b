import type { Core } from './core.ts'
import { DeskError, type Proposal, type Reviewer } from './desk.ts'
import { median, type Done } from './fatigue.ts'
import { maySee, needAuthor } from './people.ts'
import { resourceOf, type Content, type Facts } from './question.ts'

const MOST = 32
/** Decided so often in the window, it is worth a rule or a narrower hold. */
const OFTEN = 5

/** A proposal, and what it came from. */
export interface Proposed {
  readonly proposal: Proposal
  readonly subject: string
  readonly facts: Facts
}

/** What policy authors are told. In memory: as long as the habit lasts it comes up again. */
export interface Proposals {
  add(proposed: Proposed): void
  /** @throws {DeskError} `forbidden` */
  seenBy(reviewer: Reviewer): readonly Proposed[]
  /** @throws {DeskError} `forbidden`, `not_found` */
  find(reviewer: Reviewer, id: string): Proposed
  drop(id: string): void
  forget(subject: string): void
}

export function makeProposals(): Proposals {
  const byId = new Map<string, Proposed>()
  const seenBy = (reviewer: Reviewer): readonly Proposed[] => {
    needAuthor(reviewer)
    return [...byId.values()].filter(({ proposal, facts }) => maySee(reviewer, proposal.tenant, facts.group))
  }
  return {
    add(proposed) {
      byId.delete(proposed.proposal.id)
      if (byId.size >= MOST) byId.delete(byId.keys().next().value as string)
      byId.set(proposed.proposal.id, proposed)
    },
    seenBy,
    find(reviewer, id) {
      const found = seenBy(reviewer).find((one) => one.proposal.id === id)
      if (found === undefined) throw new DeskError('not_found', 'There is no such proposal.')
      return found
    },
    drop: (id) => void byId.delete(id),
    forget(subject) {
      for (const [id, one] of byId) if (one.subject === subject) byId.delete(id)
    },
  }
}

/** What could be done about the actions that somebody approves without looking. @throws {StoreError} */
export async function proposalsOf({ store, sealed, suggest, clock }: Pick<Core, 'store' | 'sealed' | 'suggest' | 'clock'>, done: readonly Done[]): Promise<readonly Proposed[]> {
  const found: Proposed[] = []
  for (const [alike, same] of Map.groupBy(done, (one) => one.alike)) {
    const last = same.findLast((one) => one.approved)
    if (same.length < OFTEN || last === undefined) continue
    const row = await store.get(last.tenant, last.approval)
    if (row === undefined) continue
    const { approved, denied } = await store.tally(last.tenant, alike)
    const { facts } = sealed.open<Content>(row.tenant, row.id, row.content)
    const { question, policies } = facts
    const text = suggest(question)
    const held = policies.map((id) => `\`${id}\``).join(', ')
    found.push({
      subject: row.subject,
      facts,
      proposal: {
        id: alike.slice(0, 16),
        tenant: row.tenant,
        at: clock.wall(),
        action: question.action,
        resource: resourceOf(question.resource),
        policies,
        approved,
        denied,
        medianMs: median(same),
        kind: denied === 0 ? 'stop_asking' : 'narrow',
        why: denied === 0
          ? `${approved} of these were approved and none was denied: a rule, or a condition in ${held}, would let them pass without asking.`
          : `${denied} of ${approved + denied} were denied, and the others were approved nearly unread: ${held} should hold only what is like those.`,
        ...(text !== undefined && { text }),
      },
    })
  }
  return found
}
