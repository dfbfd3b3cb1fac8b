import type { ApprovalSummary } from '../../approvals/desk.ts'
import { count, exit, flag, none, type Command } from '../command.ts'
import { moment, table, visible } from '../show.ts'
import { doorHelp, doorOf, urlOption } from './door.ts'
import { leftText } from './page.ts'

export const approvalsList: Command = {
  name: 'approvals list',
  summary: 'List what waits for an approval, oldest first.',
  usage: '[--all] [--limit N]',
  options: [
    { name: 'all', help: 'Also what was decided, or not in time, newest first.' },
    { name: 'limit', value: 'N', help: 'At most so many. Default: 100.' },
    urlOption,
  ],
  more: doorHelp,
  async run(args, io) {
    none(args)
    const { call } = await doorOf(args, io)
    const limit = count(args, 'limit', 100, 200)
    const all = flag(args, 'all')
    const { approvals } = (await call('GET', `approvals?state=${all ? 'all' : 'pending'}&limit=${limit}`)) as { readonly approvals: readonly ApprovalSummary[] }
    if (flag(args, 'json')) await io.out(`${JSON.stringify(approvals)}\n`)
    else if (approvals.length === 0) await io.out(all ? 'Nothing was ever held.\n' : 'Nothing waits.\n')
    else await io.out(table(['ID', 'STATE', 'TOOL', 'AGENT', 'USER', 'HELD BY', ''], approvals.map((one) => rowOf(one, Date.now()))))
    return exit.ok
  },
}

/** The columns of a list; what an agent named comes from it. */
export function rowOf(one: ApprovalSummary, now: number): readonly string[] {
  const by = one.decision === undefined ? '' : `${one.decision.kind} by ${one.decision.by.map(visible).join(', ')} at ${moment(one.decision.at)}`
  const waits = `${leftText(one.expires - now)} left${one.reviewers > 1 ? `, ${one.agreed.length} of ${one.reviewers} agreed` : ''}`
  return [one.id, one.state, clip(one.resource), clip(one.agent ?? one.workload), clip(one.chain[0] ?? ''), clip(one.policies.join(' ')), one.state === 'pending' ? waits : by]
}

function clip(text: string): string {
  const plain = visible(text)
  return plain.length > 48 ? `${plain.slice(0, 47)}…` : plain
}
