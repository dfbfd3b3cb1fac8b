import type { Principal } from '../contract/principal.ts'
import { DeskError, type Reviewer } from './desk.ts'

/** Two spellings of a name are the same person's. */
function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

/** Everybody who asks: the workload, whom it acts for, the agent, the credentials and what they were made from. */
function requesters({ workload, chain, agent, proof, vouched = [] }: Principal): ReadonlySet<string> {
  const proofs = [proof, ...vouched].flatMap(({ id, from = [] }) => [id, ...from])
  const names = [workload, ...chain, ...(agent === undefined ? [] : [agent]), ...proofs]
  return new Set(names.flatMap((name) => (name.startsWith('key:') ? [name, name.slice('key:'.length)] : [name])).map(folded))
}

/** Whether a reviewer belongs to whom a hold asks. Who does not, never hears of it. */
export function maySee(reviewer: Reviewer, tenant: string, group: string | undefined): boolean {
  if (reviewer.tenant === undefined ? !reviewer.admin : reviewer.tenant !== tenant) return false
  return reviewer.admin || group === undefined || reviewer.groups.includes(group)
}

/** Why this person may not decide about it; undefined = may. Nobody consents to what they, or who acts for them, asked for. */
export function barredFrom(reviewer: Reviewer, principal: Principal): string | undefined {
  const asking = requesters(principal)
  const mine = [reviewer.id, reviewer.name, ...(reviewer.identity === undefined ? [] : [reviewer.identity])]
  if (!mine.some((one) => asking.has(folded(one)))) return undefined
  return 'You are among those who ask for this: it needs somebody else.'
}

/** Two credentials of one person count once. */
export function samePerson(a: Pick<Reviewer, 'id' | 'name' | 'identity'>, b: Pick<Reviewer, 'id' | 'name' | 'identity'>): boolean {
  return a.id === b.id || folded(a.name) === folded(b.name) || (a.identity !== undefined && b.identity !== undefined && folded(a.identity) === folded(b.identity))
}

/** The same for every credential of one person. */
export function personOf({ tenant, name }: Pick<Reviewer, 'tenant' | 'name'>): string {
  return JSON.stringify([tenant ?? null, folded(name)])
}

/** @throws {DeskError} `forbidden` */
export function needAuthor(reviewer: Reviewer): void {
  if (!reviewer.admin && !reviewer.rights.includes('author')) throw new DeskError('forbidden', 'Making rules needs the right `author`, which your credential does not have.')
}
