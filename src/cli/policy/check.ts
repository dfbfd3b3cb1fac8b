import { isLoaded, type Loaded } from '../../config/load.ts'
import { problemLine, type Problem } from '../../config/problem.ts'
import type { Rulebook } from '../../policing.ts'
import { exit, flag, none, type Command, type Io } from '../command.ts'
import { bookFor, configOption, many, near, policiesOption, settingsFor } from './books.ts'
import type { Remark } from './review.ts'

export const policyCheck: Command = {
  name: 'policy check',
  summary: 'Check policies as a start would, and say what they come to.',
  usage: '[--config FILE] [--policies WHICH…]',
  options: [configOption, policiesOption],
  more: `Loads the policies and the schema that the settings give them. What is wrong comes with file, line and what was
expected, and exit code 1. Else: how many decide, hold and watch, what nothing permits, and what is worth a look because
it can be shown never to matter (a permit that a forbid covers, a hold on what nobody may do, a route that is not there).`,
  async run(args, io) {
    none(args)
    const loaded = settingsFor(args, io)
    if (!isLoaded(loaded)) return answer(args, io, loaded)
    // Loaded here, because Cedar is large and most commands do not need it.
    const [{ BadPolicies }, { review }] = await Promise.all([import('../../policing.ts'), import('./review.ts')])
    let book: Rulebook
    try {
      book = await bookFor(args, io, loaded)
    } catch (error) {
      if (error instanceof BadPolicies) return answer(args, io, error.problems)
      throw error
    }
    const remarks = review(book, loaded)
    const facts = summaryOf(book)
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ ok: true, policies: book.name, id: book.policy.id, ...facts, remarks, problems: [] })}\n`)
    else await io.out(page(io, book, loaded, facts, remarks))
    return exit.ok
  },
}

async function answer(args: Parameters<Command['run']>[0], io: Io, problems: readonly Problem[]): Promise<number> {
  if (flag(args, 'json')) await io.out(`${JSON.stringify({ ok: false, problems })}\n`)
  else await io.out(`${problems.map(problemLine).join('\n')}\n${problems.length === 1 ? 'One thing is' : `${problems.length} things are`} wrong.\n`)
  return exit.negative
}

interface Summary {
  readonly files: number
  readonly permits: number
  readonly forbids: number
  readonly holds: readonly { readonly id: string; readonly approvers?: string }[]
  readonly shadow: readonly { readonly id: string; readonly verdict: string }[]
  /** Actions that some permit concerns, and those that none does: they are denied whatever else is written. */
  readonly permitted: readonly string[]
  readonly unpermitted: readonly string[]
}

function summaryOf({ files, tracer }: Rulebook): Summary {
  const own = tracer.policies.filter((one) => one.file !== 'builtin')
  const enforced = own.filter((one) => one.set === 'enforced')
  const permits = enforced.filter((one) => one.verdict === 'allow')
  const actions = Object.keys(tracer.schema.json['']?.actions ?? {})
  const permitted = actions.filter((action) => permits.some(({ json }) => concerns(json.action, action)))
  return {
    files: files.length,
    permits: permits.length,
    forbids: enforced.length - permits.length,
    holds: own.filter((one) => one.set === 'holds').map(({ id, approvers }) => ({ id, ...(approvers !== undefined && { approvers }) })),
    shadow: own.filter((one) => one.set === 'shadow').map(({ id, verdict }) => ({ id, verdict })),
    permitted,
    unpermitted: actions.filter((one) => !permitted.includes(one)),
  }
}

function concerns(scope: Rulebook['tracer']['policies'][number]['json']['action'], action: string): boolean {
  return scope.op === 'All' || JSON.stringify(scope).includes(JSON.stringify({ id: action }).slice(1, -1))
}

function page(io: Io, book: Rulebook, loaded: Loaded, facts: Summary, remarks: readonly Remark[]): string {
  const named = ({ id, approvers }: { readonly id: string; readonly approvers?: string }): string => (approvers === undefined ? id : `${id} (${approvers})`)
  const lines = [
    `${many(facts.permits + facts.forbids + facts.holds.length + facts.shadow.length, 'policy', 'policies')} in ${many(facts.files, 'file')}${loaded.file === undefined ? '' : ` of ${near(io, loaded.file)}`}: nothing is wrong.`,
    `  decide      ${many(facts.permits, 'permit')}, ${many(facts.forbids, 'forbid')}`,
    `  hold        ${facts.holds.length === 0 ? 'none' : facts.holds.map(named).join(', ')}`,
    `  watch only  ${facts.shadow.length === 0 ? 'none' : facts.shadow.map((one) => one.id).join(', ')}`,
    `  permit something of  ${facts.permitted.join(', ') || 'nothing'}`,
    `  deny all of          ${facts.unpermitted.join(', ') || 'nothing'}`,
    ...(remarks.length === 0 ? [] : ['', 'Worth a look:', ...remarks.map((one) => `  ${near(io, one.file)}:${one.line} ${one.policy} ${one.message}`)]),
  ]
  return `${lines.join('\n')}\n`
}
