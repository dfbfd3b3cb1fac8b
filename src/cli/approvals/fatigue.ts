import type { Habit, Proposal, Standing } from '../../approvals/desk.ts'
import { exit, flag, none, only, text, UsageError, type Command } from '../command.ts'
import { AdminRefusal } from '../house.ts'
import { moment, table, visible } from '../show.ts'
import { durationOf } from './decide.ts'
import { doorHelp, doorOf, urlOption, type Door } from './door.ts'
import { indented } from './page.ts'
import { ruleText } from './rule_text.ts'

export const approvalsFatigue: Command = {
  name: 'approvals fatigue',
  summary: 'Show how people decide lately, and what a policy author could do about what is approved without looking.',
  usage: '',
  options: [urlOption],
  more: `Exit code 1: somebody approves without looking, and is slowed down until that is better.
${doorHelp}`,
  async run(args, io) {
    none(args)
    const { call } = await doorOf(args, io)
    const { habits } = (await call('GET', 'approvals/fatigue')) as { readonly habits: readonly Habit[] }
    const proposals = await proposalsOf(call)
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ habits, proposals })}\n`)
    else await io.out([habits.length === 0 ? 'Nobody decided anything lately.\n' : habitsTable(habits), ...(proposals ?? []).map(proposalText)].join('\n'))
    return habits.some((one) => one.tight) ? exit.negative : exit.ok
  },
}

/** Undefined for those who may not make rules. */
async function proposalsOf(call: Door['call']): Promise<readonly Proposal[] | undefined> {
  try {
    return ((await call('GET', 'approvals/proposals')) as { readonly proposals: readonly Proposal[] }).proposals
  } catch (error) {
    if (error instanceof AdminRefusal && error.code === 'forbidden') return undefined
    throw error
  }
}

function habitsTable(habits: readonly Habit[]): string {
  const rows = habits.map((one) => [visible(one.reviewer ?? 'everybody'), String(one.decisions), share(one.approved, one.decisions), share(one.fast, one.decisions), `${(one.medianMs / 1_000).toFixed(1)} s`, String(one.lastHour), one.tight ? 'slowed down' : ''])
  return table(['WHO', 'DECISIONS', 'APPROVED', 'UNDER 2 S', 'MEDIAN', 'LAST HOUR', ''], rows)
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Math.round((part * 100) / whole)} %`
}

function proposalText(one: Proposal): string {
  const head = `Proposal ${one.id}: ${one.kind === 'stop_asking' ? 'stop asking' : 'ask less'} about ${visible(one.resource)}, held by ${one.policies.join(', ')}\n  ${visible(one.why)} (${one.approved} approved, ${one.denied} denied, ${moment(one.at)})\n`
  return one.text === undefined ? head : `${head}${indented(one.text)}  sallyport approvals adopt ${one.id} --expires 30d\n`
}

export const approvalsAdopt: Command = {
  name: 'approvals adopt',
  summary: 'Make a rule of a proposal that sallyport approvals fatigue shows, or dismiss it.',
  usage: 'ID --expires DURATION [--rule FILE] | ID --dismiss',
  options: [
    { name: 'expires', value: 'DURATION', help: 'How long the rule stands.' },
    { name: 'rule', value: 'FILE', help: 'The proposal as you edited it: a file, or - for stdin. Default: as proposed.' },
    { name: 'dismiss', help: 'Make nothing of it.' },
    urlOption,
  ],
  more: `Takes the right author.
${doorHelp}`,
  async run(args, io) {
    const id = only(args, 'ID')
    const dismiss = flag(args, 'dismiss')
    const forMs = durationOf(args, 'expires')
    const file = text(args, 'rule')
    if (dismiss && (forMs !== undefined || file !== undefined)) throw new UsageError('--dismiss goes alone')
    if (!dismiss && forMs === undefined) throw new UsageError('a rule needs an end: add --expires, such as --expires 30d')
    const { call } = await doorOf(args, io)
    const path = `approvals/proposals/${encodeURIComponent(id)}`
    if (dismiss) {
      await call('DELETE', path)
      await io.out(flag(args, 'json') ? `${JSON.stringify({ dismissed: id })}\n` : 'The proposal is dismissed.\n')
      return exit.ok
    }
    const proposed = file === undefined ? (await proposalsOf(call))?.find((one) => one.id === id)?.text : await ruleText(file, io)
    if (proposed === undefined) throw new UsageError('this proposal suggests no rule, or there is none: write one and use --rule')
    const made = (await call('POST', `${path}/adopt`, { text: proposed, forMs })) as Standing
    await io.out(flag(args, 'json') ? `${JSON.stringify(made)}\n` : `Rule ${made.id} stands until ${moment(made.until)} UTC.\n`)
    return exit.ok
  },
}
