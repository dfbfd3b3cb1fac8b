import { resolve } from 'node:path'
import { show } from '../../audit/read.ts'
import type { Loaded } from '../../config/load.ts'
import type { Decision, Question } from '../../contract/policy.ts'
import type { Receipt } from '../../contract/receipt.ts'
import type { Recorded, Rulebook, Verdict } from '../../policing.ts'
import type { Traced } from '../../policy/trace.ts'
import { exit, flag, none, only, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { readingStore } from '../house.ts'
import { moment, printable } from '../show.ts'
import { bookFor, configOption, near, placeOf, policiesOption, soundSettings, withProblems } from './books.ts'
import { nearMisses, valuesText } from './why.ts'

export const policyExplain: Command = {
  name: 'policy explain',
  summary: 'Say which policies decide about a recorded exchange or a question, and why.',
  usage: 'ID | --question FILE [--config FILE] [--policies WHICH…]',
  options: [
    { name: 'question', value: 'FILE', help: 'Explain a question that was written down (YAML or JSON) instead of a receipt.' },
    configOption,
    policiesOption,
    { name: 'tenant', value: 'TENANT', help: 'Only if the receipt belongs to this tenant.' },
  ],
  more: `ID is the correlation id that callers get with every answer (x-sallyport-id). Says what was decided then, and what the
policies of the settings (or of --policies) say to the same question now: those that decide, with their text and what
they read, what is held and watched, and of those that might have decided the first condition that kept each from it.
Exit code 1: there is no such receipt.`,
  async run(args, io) {
    const file = text(args, 'question')
    if (file === undefined && args.positionals.length === 0) throw new UsageError('the ID of an exchange is missing, or --question FILE')
    const loaded = soundSettings(args, io)
    return withProblems('nothing was explained, because of these problems:', async () => {
      const book = await bookFor(args, io, loaded)
      if (file === undefined) return recorded(args, io, book)
      none(args)
      return written(args, io, book, loaded, resolve(io.cwd, file))
    })
  },
}

async function written(args: Args, io: Io, book: Rulebook, loaded: Loaded, file: string): Promise<number> {
  const { readQuestion } = await import('./cases.ts')
  const { question } = await readQuestion(file, book, loaded.tools)
  const explained = explain(book, question)
  if (flag(args, 'json')) await io.out(`${JSON.stringify({ policies: book.name, ...told(question, explained) })}\n`)
  else await io.out(`${[...questionLines(question), ...lines(io, book, explained)].join('\n')}\n`)
  return exit.ok
}

async function recorded(args: Args, io: Io, book: Rulebook): Promise<number> {
  const id = only(args, 'ID')
  const tenant = text(args, 'tenant')
  const found = await readingStore(io, (store) => show(store, id, tenant === undefined ? {} : { tenant }))
  const receipts = found.flatMap(({ record }) => (record.kind === 'receipt' ? [record] : []))
  const receipt = receipts.find((one) => one.exchange === id)
  if (receipt === undefined) {
    if (flag(args, 'json')) await io.out('null\n')
    else io.err(`sallyport: the log has no receipt of an exchange ${printable(id)}\n`)
    return exit.negative
  }
  const { recordedOf } = await import('../../policing.ts')
  const asked = recordedOf(receipt)
  const targets = typeof asked === 'string' ? [] : asked.map((one) => ({ recorded: one, explained: explain(book, one.question) }))
  const children = receipts.filter((one) => one.exchange !== id)
  const missing = typeof asked === 'string' ? unreplayable[asked] : undefined
  if (flag(args, 'json')) {
    const { exchange, at, epoch, verdict, outcome, code, policies, shadow, approval } = receipt
    const then = { epoch, verdict, outcome, ...(code !== undefined && { code }), policies, shadow, ...(approval && { approval }) }
    const now = targets.map((one) => ({ ...told(one.recorded.question, one.explained), then: one.recorded.then, same: one.recorded.then === one.explained.decision.verdict }))
    await io.out(`${JSON.stringify({ policies: book.name, exchange, at, then, now, ...(missing !== undefined && { missing }), children: children.map((one) => ({ exchange: one.exchange, action: one.action, resource: one.resource, verdict: one.verdict, policies: one.policies })) })}\n`)
    return exit.ok
  }
  const page = [...thenLines(io, book, receipt), ...(missing === undefined ? [] : ['', missing])]
  for (const { recorded: one, explained } of targets) page.push('', ...targetLines(io, book, receipt, one, explained, targets.length))
  if (children.length > 0) page.push('', 'What followed from it (explain each by its own id):', ...children.map((one) => printable(`  ${one.exchange} ${one.action} ${one.resource} ${one.verdict}${one.policies.length === 0 ? '' : ` by ${one.policies.join(', ')}`}`)))
  await io.out(`${page.join('\n')}\n`)
  return exit.ok
}

const unreplayable = {
  'not asked': 'Policy was not asked: it was refused before, or needs no permission.',
  'not recorded': 'The receipt is from before receipts said what policy was asked: it cannot be decided again.',
  shortened: 'The receipt was too large to be kept whole: it cannot be decided again.',
} as const

interface Explained {
  readonly decision: Decision
  readonly traced: readonly Traced[]
}

function explain(book: Rulebook, question: Question): Explained {
  return { decision: book.policy.authorize(question), traced: book.tracer.trace(question) }
}

function told(question: Question, { decision, traced }: Explained): object {
  const { cached: _, ...said } = decision
  const about = ({ policy, reads }: Traced): object => ({ id: policy.id, set: policy.set, verdict: policy.verdict, file: policy.file, line: policy.line, text: policy.text, reads })
  return {
    question,
    decision: said,
    deciding: traced.filter((one) => decision.policies.includes(one.policy.id)).map(about),
    // What a forbid or a missing permit leaves undecided, people want to know all the same.
    applying: traced.filter((one) => one.applies === 'yes' && !decision.policies.includes(one.policy.id)).map(about),
    errors: traced.filter((one) => one.applies === 'error').map((one) => ({ ...about(one), error: one.error })),
    near: traced.filter((one) => one.applies === 'no' && one.policy.file !== 'builtin').map((one) => ({ ...about(one), ...(one.failed && { failed: one.failed }) })),
  }
}

function questionLines({ principal, action, resource }: Question): readonly string[] {
  const { tenant, workload, chain, roles } = principal
  return [printable(`${action} ${resource.type}::${resource.id} by ${tenant}/${workload}${chain.length === 0 ? '' : ` for ${chain.join(' → ')}`}${roles.length === 0 ? '' : ` (${roles.join(', ')})`}`)]
}

function thenLines(io: Io, book: Rulebook, receipt: Receipt): readonly string[] {
  const { exchange, at, action, resource, tenant, workload, chain, epoch, policies, shadow, approval, asked, outcome, code } = receipt
  const by = policies.length === 0 ? 'no policy permitted it' : `by ${policies.map((id) => placeOf(io, book, id)).join(', ')}`
  const gone = policies.filter((id) => !book.policy.policies.some((one) => one.id === id))
  const targets = asked?.targets ?? []
  return [
    printable(`${exchange}  ${moment(at)}  ${action} ${resource} by ${tenant}/${workload}${chain.length === 0 ? '' : ` for ${chain.join(' → ')}`}`),
    `Then, in epoch ${printable(epoch)}: ${outcome}${code === undefined ? '' : ` (${code})`}${asked === undefined ? '' : `, ${printable(by)}`}`,
    ...(targets.length > 1 ? targets.map((one) => printable(`  ${one.role.padEnd(8)} ${one.resource.type}::${one.resource.id} ${one.verdict}`)) : []),
    ...(approval === undefined ? [] : [printable(`  held by ${approval.policies.join(', ')}: ${approval.verdict}${approval.by === undefined ? '' : ` by ${approval.by.join(' and ')}`} after ${Math.round(approval.waited / 1000)} s (approval ${approval.id})`)]),
    ...shadow.map((one) => printable(`  in shadow ${one.policy} would have said ${one.verdict}`)),
    ...(gone.length === 0 ? [] : [printable(`  no longer among the policies: ${gone.join(', ')}`)]),
  ]
}

function targetLines(io: Io, book: Rulebook, receipt: Receipt, { question, then }: Recorded, explained: Explained, targets: number): readonly string[] {
  const { verdict, policies } = explained.decision
  return [
    `Now, under ${printable(book.name)}${targets === 1 ? '' : `, about ${printable(`${question.resource.type}::${question.resource.id}`)}`}:`,
    ...lines(io, book, explained),
    difference(then, verdict, receipt.policies, policies, targets),
  ]
}

function difference(then: Verdict, now: Verdict, before: readonly string[], after: readonly string[], targets: number): string {
  if (then !== now) return `  This is different: policy said ${then} then, and says ${now} now.`
  // A receipt names the policies of all its targets together.
  const changed = targets === 1 ? before.length !== after.length || before.some((id) => !after.includes(id)) : after.some((id) => !before.includes(id))
  return changed ? `  The verdict is the same; the policies that decide are not: ${before.join(', ') || 'none'} then, ${after.join(', ') || 'none'} now.` : '  That is what was said then.'
}

function lines(io: Io, book: Rulebook, { decision, traced }: Explained): readonly string[] {
  const { verdict, policies, message, approvers, reviewers, shadow, errors } = decision
  const deciding = traced.filter((one) => policies.includes(one.policy.id))
  const beside = traced.filter((one) => one.applies === 'yes' && !policies.includes(one.policy.id) && !shadow.some(({ policy }) => policy === one.policy.id))
  const missed = nearMisses(traced)
  return [
    `  ${verdict}${policies.length === 0 ? (errors.length > 0 ? ': an error denies' : ': no policy permits it') : ` by ${policies.join(', ')}`}${approvers === undefined ? '' : `, released by ${approvers}`}${reviewers === undefined ? '' : ` (${reviewers} people)`}`,
    ...(message === undefined ? [] : [printable(`  callers read: ${message}`)]),
    ...errors.map((one) => printable(`  error: ${one}`)),
    ...deciding.flatMap((one) => policyLines(io, one)),
    ...beside.map((one) => `  applies too, and does not decide: ${placeOf(io, book, one.policy.id)}`),
    ...shadow.map((one) => `  in shadow ${placeOf(io, book, one.policy)} would say ${one.verdict}`),
    ...(missed.length === 0 ? [] : ['  Might have decided:', ...missed.map((one) => `    ${one}`)]),
  ]
}

function policyLines(io: Io, { policy, reads }: Traced): readonly string[] {
  const at = policy.file === 'builtin' ? 'built in' : `${near(io, policy.file)}:${policy.line}`
  return [`  ${policy.id} (${at})`, ...policy.text.split('\n').map((one) => `    | ${printable(one)}`), ...(reads.length === 0 ? [] : [`    ${valuesText(reads)}`])]
}
