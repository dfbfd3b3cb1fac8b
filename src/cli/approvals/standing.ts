import type { Matches, Standing } from '../../approvals/desk.ts'
import { exit, flag, none, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { moment, quoted, table, visible } from '../show.ts'
import { doorHelp, doorOf, urlOption, type Door } from './door.ts'
import { indented, matchedText, matchLines } from './page.ts'
import { ruleText } from './rule_text.ts'

/** What a command about standing decisions is called, which ones it is about, and how one of them is taken back. */
interface Sort {
  readonly name: string
  readonly summary: string
  readonly kinds: readonly Standing['kind'][]
  readonly back: { readonly option: string; readonly help: string; readonly done: string }
  readonly none: string
}

async function listOrTake({ kinds, back, none: nothing }: Sort, args: Args, io: Io, { call }: Door, write: (all: readonly Standing[]) => string): Promise<number> {
  const id = text(args, back.option)
  if (id !== undefined) {
    await call('DELETE', `approvals/standing/${encodeURIComponent(id)}`)
    await io.out(flag(args, 'json') ? `${JSON.stringify({ withdrawn: id })}\n` : back.done)
    return exit.ok
  }
  const { standing } = (await call('GET', 'approvals/standing')) as { readonly standing: readonly Standing[] }
  const fitting = standing.filter((one) => kinds.includes(one.kind))
  if (flag(args, 'json')) await io.out(`${JSON.stringify(fitting)}\n`)
  else await io.out(fitting.length === 0 ? nothing : write(fitting))
  return exit.ok
}

function commandOf(sort: Sort, write: (all: readonly Standing[]) => string): Command {
  const { name, summary, back } = sort
  return {
    name,
    summary,
    usage: `[--${back.option} ID]`,
    options: [{ name: back.option, value: 'ID', help: back.help }, urlOption],
    more: doorHelp,
    async run(args, io) {
      none(args)
      return await listOrTake(sort, args, io, await doorOf(args, io), write)
    },
  }
}

const rules: Sort = {
  name: 'approvals rules',
  summary: 'List the rules that reviewers made, take one back, or see what a rule would have matched.',
  kinds: ['rule'],
  back: { option: 'revoke', help: 'Take this rule back: what it matched is held again.', done: 'The rule is revoked.\n' },
  none: 'No rules stand.\n',
}

export const approvalsRules: Command = {
  name: rules.name,
  summary: rules.summary,
  usage: '[--revoke ID | --try FILE]',
  options: [
    { name: 'revoke', value: 'ID', help: rules.back.help },
    { name: 'try', value: 'FILE', help: 'Show what the rule in this file, or - for stdin, would have matched; makes nothing.' },
    urlOption,
  ],
  more: doorHelp,
  async run(args, io) {
    none(args)
    const file = text(args, 'try')
    if (file === undefined) return await listOrTake(rules, args, io, await doorOf(args, io), (all) => all.map(ruleLines).join('\n'))
    if (text(args, 'revoke') !== undefined) throw new UsageError('one of --revoke and --try')
    const { call } = await doorOf(args, io)
    const would = (await call('POST', 'approvals/preview', { text: await ruleText(file, io) })) as Matches
    await io.out(flag(args, 'json') ? `${JSON.stringify(would)}\n` : `${matchedText(would).replace('it', 'It')}.\n${matchLines(would)}`)
    return exit.ok
  },
}

function ruleLines(one: Standing): string {
  return `${one.id}  by ${visible(one.by.join(', '))}, until ${moment(one.until)} UTC, instead of ${one.policies.join(', ')}\n${indented(one.text ?? '')}`
}

export const approvalsGrants = commandOf(
  {
    name: 'approvals grants',
    summary: 'List approvals that still let something pass (late ones, for a task, of a value), or take one back.',
    kinds: ['grant', 'task', 'value'],
    back: { option: 'revoke', help: 'Take this one back.', done: 'It is taken back.\n' },
    none: 'No approvals stand.\n',
  },
  (all) => table(['ID', 'KIND', 'FOR', 'WHAT', 'BY', 'UNTIL (UTC)'], all.map((one) => [one.id, one.kind, visible(one.task ?? one.chain?.[0] ?? one.workload ?? ''), what(one), visible(one.by.join(', ')), moment(one.until)])),
)

function what({ resource, class: sink, values, left }: Standing): string {
  const shown = values?.map(({ path, value }) => `${visible(path)} = ${quoted(String(value))}`).join(', ')
  return [visible(resource ?? sink ?? ''), ...(shown === undefined ? [] : [shown]), ...(left === undefined ? [] : [`${left} left`])].filter((one) => one !== '').join(': ')
}

export const approvalsEnded = commandOf(
  {
    name: 'approvals ended',
    summary: 'List sessions that reviewers ended, or let one go on.',
    kinds: ['end'],
    back: { option: 'lift', help: 'Let this session go on.', done: 'The session may go on.\n' },
    none: 'No session is ended.\n',
  },
  (all) => table(['ID', 'WORKLOAD', 'USER', 'TASK', 'BY', 'UNTIL (UTC)'], all.map((one) => [one.id, visible(one.workload ?? ''), visible(one.chain?.[0] ?? ''), visible(one.task ?? ''), visible(one.by.join(', ')), moment(one.until)])),
)
