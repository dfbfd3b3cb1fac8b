import type { Changes, Rulebook } from '../../policing.ts'
import { count, type Args, type Io, type Option } from '../command.ts'
import { printable } from '../show.ts'
import { many, placeOf } from './books.ts'
import type { Corpus } from './corpus.ts'

/** Which recorded decisions a command is about. */
export const corpusOptions: readonly Option[] = [
  { name: 'receipts', value: 'FILE', help: 'Receipts from an exported log (sallyport audit export) instead of the state folder.' },
  { name: 'transcript', value: 'FILE', many: true, help: 'Questions that were written down (YAML or JSON) instead of receipts. May be repeated.' },
  { name: 'since', value: 'WHEN', help: 'Only receipts from then on: a date such as 2026-11-20, or a time ago such as 7d.' },
  { name: 'until', value: 'WHEN', help: 'Only receipts before then.' },
  { name: 'tenant', value: 'TENANT', help: 'Only the receipts of one tenant.' },
  { name: 'limit', value: 'N', help: 'At most so many receipts: the newest of the state folder, the first of a file.' },
]

export const examplesOption: Option = { name: 'examples', value: 'N', help: 'How many receipts to name for each change. Default: 5; with --json all, up to 1,000.' }

/** What changes, group by group, for people. */
export function changesText(args: Args, io: Io, after: Rulebook, { changes, by, left }: Changes): readonly string[] {
  const examples = count(args, 'examples', 5, 1000)
  const lines: string[] = []
  for (const one of changes) {
    const deciding = one.policies.map((id) => (id.startsWith('error: ') ? id : placeOf(io, after, id))).join(', ')
    lines.push(printable(`${one.then} → ${one.now}  ${one.count}×  ${one.action} ${one.resource}  by ${one.principal}${deciding === '' ? (one.now === 'deny' ? '  (no policy permits it)' : '') : `  ${deciding}`}`))
    const more = one.exchanges.length - examples
    for (const id of one.exchanges.slice(0, examples)) lines.push(`    ${printable(id)}`)
    if (more > 0) lines.push(`    … and ${one.exchanges.length === 1000 ? 'at least ' : ''}${more} more`)
  }
  if (left > 0) lines.push(`… and ${many(left, 'change')} of other kinds`)
  for (const [field, counts] of Object.entries(by)) {
    const entries = Object.entries(counts)
    if (entries.length > 1) lines.push(`by ${field.padEnd(9)}  ${printable(entries.slice(0, 10).map(([name, times]) => `${name} ${times}`).join(', '))}${entries.length > 10 ? ', …' : ''}`)
  }
  return lines
}

/** What was asked and what could not be. */
export function corpusText(corpus: Corpus, { asked }: Pick<Changes, 'asked'>): string {
  const left = Object.entries(corpus.unreplayable).map(([why, times]) => `${times} ${reasons[why] ?? why}`)
  const parts = [...left, ...(corpus.malformed > 0 ? [`${many(corpus.malformed, 'line')} of the file ${corpus.malformed === 1 ? 'is no record' : 'are no records'}`] : [])]
  return `${many(asked, 'decision')}${corpus.receipts === 0 ? '' : ` of ${many(corpus.receipts, 'receipt')}`}${parts.length === 0 ? '' : `; not asked again: ${parts.join(', ')}`}`
}

const reasons: Readonly<Record<string, string>> = {
  'not asked': 'that no policy had been asked about',
  'not recorded': 'from before receipts said what policy was asked',
  shortened: 'that were too large to be kept whole',
}
