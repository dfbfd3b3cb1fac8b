import type { ApprovalView, Choice } from '../../approvals/desk.ts'
import { count, exit, Failure, flag, list, only, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { decide, decidedText, durationOf } from './decide.ts'
import { doorHelp, doorOf, urlOption } from './door.ts'
import { ruleText } from './rule_text.ts'

export const approvalsApprove: Command = {
  name: 'approvals approve',
  summary: 'Approve what waits: once, for the rest of its task, for its values, or as a rule.',
  usage: 'ID [--task DURATION | --value NAME… --for DURATION | --rule FILE --expires DURATION | --calls N]',
  options: [
    { name: 'calls', value: 'N', help: 'The same action so many times, at most as many as wait. Default: 1.' },
    { name: 'task', value: 'DURATION', help: 'The same action and tool for the rest of its task, but no longer than this.' },
    { name: 'any-task', help: "With --task: whatever the caller's task is." },
    { name: 'value', value: 'NAME', many: true, help: 'Endorse the value of this argument for later actions of the same class. May be repeated: name every argument that says whom or what the action acts on.' },
    { name: 'for', value: 'DURATION', help: 'With --value: for how long. Default: as settings allow.' },
    { name: 'rule', value: 'FILE', help: 'Make a rule: a Cedar permit from a file, or - for stdin. Whatever it matches is not held any more. Takes the right author.' },
    { name: 'suggested', help: 'With --expires: make the suggested rule, as sallyport approvals show prints it, without editing it.' },
    { name: 'expires', value: 'DURATION', help: 'With --rule or --suggested: how long the rule stands.' },
    { name: 'note', value: 'TEXT', help: 'Why, for the audit record.' },
    urlOption,
  ],
  more: `Look at it first: sallyport approvals show ID.

  sallyport approvals approve ID
  sallyport approvals approve ID --task 1h
  sallyport approvals approve ID --value to --for 1h
  sallyport approvals approve ID --rule rule.cedar --expires 7d

${doorHelp}`,
  async run(args, io) {
    const id = only(args, 'ID')
    const choice = await choiceOf(args, io)
    const done = await decide(await doorOf(args, io), id, choice, text(args, 'note'))
    await io.out(flag(args, 'json') ? `${JSON.stringify(done.decided)}\n` : decidedText(done))
    return exit.ok
  },
}

async function choiceOf(args: Args, io: Io): Promise<(view: ApprovalView) => Choice> {
  const task = durationOf(args, 'task')
  const paths = list(args, 'value')
  const rule = text(args, 'rule')
  const suggested = flag(args, 'suggested')
  const expires = durationOf(args, 'expires')
  const chosen = [task !== undefined, paths !== undefined, rule !== undefined, suggested, text(args, 'calls') !== undefined].filter((one) => one).length
  if (chosen > 1) throw new UsageError('one of --calls, --task, --value, --rule and --suggested')
  if (flag(args, 'any-task') && task === undefined) throw new UsageError('--any-task goes with --task')
  const forMs = durationOf(args, 'for')
  if (forMs !== undefined && paths === undefined) throw new UsageError('--for goes with --value')
  if (expires !== undefined && rule === undefined && !suggested) throw new UsageError('--expires goes with --rule')
  if (task !== undefined) return () => ({ kind: 'task', forMs: task, ...(flag(args, 'any-task') && { anyTask: true }) })
  if (paths !== undefined) return () => ({ kind: 'value', paths, ...(forMs !== undefined && { forMs }) })
  if (rule !== undefined || suggested) {
    if (expires === undefined) throw new UsageError('a rule needs an end: add --expires, such as --expires 7d')
    if (rule === undefined) return ({ suggestion }) => ({ kind: 'rule', text: suggestionOf(suggestion), forMs: expires })
    const written = await ruleText(rule, io)
    return () => ({ kind: 'rule', text: written, forMs: expires })
  }
  const calls = count(args, 'calls', 1, 1_000)
  return () => ({ kind: 'once', ...(calls > 1 && { calls }) })
}

function suggestionOf(suggestion: ApprovalView['suggestion']): string {
  if (suggestion === undefined) throw new Failure('no rule is suggested for this action; write one and use --rule')
  return suggestion.text
}
