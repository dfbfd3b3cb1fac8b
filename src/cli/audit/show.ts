import { readKeyring } from '../../audit/keyring.ts'
import { show, type Shown, type ShownPayload } from '../../audit/read.ts'
import type { Attempt } from '../../contract/exchange.ts'
import { exit, flag, only, text, type Command } from '../command.ts'
import { readingStore } from '../house.ts'
import { printable } from '../show.ts'
import { lineOf } from './lines.ts'

export const auditShow: Command = {
  name: 'audit show',
  summary: 'Show everything about one exchange and its children.',
  usage: 'ID [--content]',
  options: [
    { name: 'content', help: 'Also open the sealed payload: what was said, and masked excerpts of what was found.' },
    { name: 'tenant', value: 'TENANT', help: 'Only if it belongs to this tenant.' },
  ],
  more: 'ID is the correlation id that callers get with every answer (x-sallyport-id). Exit code 1: there is no such exchange.',
  async run(args, io) {
    const id = only(args, 'ID')
    const tenant = text(args, 'tenant')
    const found = await readingStore(io, (store, folder) =>
      show(store, id, { ...(tenant !== undefined && { tenant }), ...(flag(args, 'content') && { keyring: readKeyring(folder) }) }),
    )
    if (flag(args, 'json')) await io.out(`${JSON.stringify(found)}\n`)
    else if (found.length === 0) io.err(`sallyport: the log knows no exchange ${printable(id)}\n`)
    else await io.out(found.map(page).join('\n'))
    return found.length === 0 ? exit.negative : exit.ok
  },
}

function page(one: Shown & { readonly payload?: ShownPayload }): string {
  const { record } = one
  const fields = Object.entries(record)
    .filter(([key, value]) => !headline.has(key) && !isEmpty(value))
    .map(([key, value]) => field(key, typeof value === 'string' ? value : JSON.stringify(value)))
  const found = record.kind !== 'receipt' ? [] : record.findings.map((it) => field('finding', `${it.guardrail}/${it.category} ${it.score} in ${it.origin}${it.at === undefined ? '' : ` ${it.at[0]} at ${it.at[1]}–${it.at[2]}`}, rule ${it.rule}: ${it.action} (${it.mode})`))
  const tried = record.kind !== 'receipt' ? [] : record.attempts.map((it) => field('attempt', attemptText(it)))
  return `${[lineOf(one), ...fields, ...found, ...tried, ...payloadLines(one.payload)].join('\n')}\n`
}

function field(key: string, value: string): string {
  return `  ${key.padEnd(11)} ${printable(value)}`
}

function attemptText({ candidate, role, outcome, code, status, took, cost, usage }: Attempt): string {
  const facts = [...(code === undefined ? [] : [code]), ...(status === undefined ? [] : [`status ${status}`]), `${Math.round(took)} ms`]
  return `${candidate} (${role}) ${outcome}: ${facts.join(', ')}; ${usage.input} tokens in, ${usage.output} out${cost === undefined ? ', price unknown' : `, ${cost / 1e6} USD`}`
}

/** What stands in the first line already, or in lines of its own. */
const headline = new Set(['kind', 'exchange', 'at', 'act', 'detail', 'findings', 'attempts'])

function isEmpty(value: unknown): boolean {
  return (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}

const states: Readonly<Record<Exclude<ShownPayload['state'], 'open'>, string>> = {
  none: 'none was kept',
  quota: 'none was kept: the tenant may hold no more',
  unsealable: 'none was kept: it could not be sealed',
  sealed: 'sealed; --content opens it',
  erased: 'erased',
  broken: 'cannot be opened: it is not what was stored; see sallyport audit verify',
}

function payloadLines(payload: ShownPayload | undefined): readonly string[] {
  if (payload === undefined) return []
  if (payload.state !== 'open') return [`  content     ${states[payload.state]}`]
  return ['  content', ...JSON.stringify(payload.content, undefined, 2).split('\n').map((line) => `    ${printable(line)}`)]
}
