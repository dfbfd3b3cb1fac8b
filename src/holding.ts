import { openApprovals, type OpenApprovals } from './approvals/approvals.ts'
import { endRefusal, isEndedBy } from './approvals/ends.ts'
import { openSealer } from './approvals/sealer.ts'
import type { Clock } from './contract/clock.ts'
import type { Audit } from './contract/receipt.ts'
import type { Composed } from './epoch.ts'
import type { Live } from './identity/live.ts'
import type { Approvals } from './store/interfaces.ts'

export interface HoldingParts {
  readonly store: Approvals
  /** The state folder, where the key is that seals what reviewers are shown. */
  readonly folder: string
  readonly composed: () => Composed
  readonly audit: Pick<Audit, 'act'>
  /** Calls under way: those of a session that a reviewer ends are stopped. */
  readonly live: Live
  /** Hears that what an approval released is not any more. */
  readonly onWithdrawn: (approval: string) => void
  readonly clock: Clock
  readonly newId: () => string
  readonly onDefect: (step: string, error: unknown) => void
}

/** People's approvals, under the policies and settings of the moment. @throws {StoreError}, {Error} for an unusable key file. */
export function openHolding({ store, folder, composed, audit, live, onWithdrawn, clock, newId, onDefect }: HoldingParts): Promise<OpenApprovals> {
  return openApprovals({
    store,
    sealer: openSealer(folder),
    settings: () => composed().approvals.settings,
    clock,
    newId,
    epoch: () => composed().epoch,
    rule: (text) => composed().approvals.rule(text),
    suggest: (question) => composed().approvals.suggest(question),
    record: (act) => audit.act({ kind: 'act', exchange: newId(), at: clock.wall(), ...act }),
    onEnd: (ended) => void live.ended((who) => isEndedBy(who, ended), endRefusal(ended)),
    onWithdrawn,
    onDefect: (error) => onDefect('approvals', error),
  })
}
