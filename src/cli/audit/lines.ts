import type { Shown } from '../../audit/read.ts'
import { moment, printable } from '../show.ts'

/** One record as a line for people. */
export function lineOf({ index, record }: Shown): string {
  const start = `${moment(record.at)} ${String(index).padStart(6)} ${record.exchange}`
  switch (record.kind) {
    case 'intent':
      return printable(`${start} intent   ${record.action} ${record.resource} by ${record.tenant}/${record.workload}`)
    case 'receipt': {
      const { outcome, code, verdict, model, status, took } = record
      const facts = [verdict, ...(code === undefined ? [] : [code]), ...(model === undefined ? [] : [model]), ...(status === undefined ? [] : [String(status)]), `${Math.round(took)} ms`]
      // Of what was refused there is no intent: this line alone says what it was about.
      return printable(`${start} receipt  ${record.action}${record.resource === '' ? '' : ` ${record.resource}`} ${outcome} (${facts.join(', ')}) by ${record.tenant}/${record.workload}`)
    }
    case 'act': {
      const detail = Object.entries(record.detail).map(([key, value]) => `${key}=${String(value)}`)
      return printable(`${start} act      ${record.act} by ${record.by}${detail.length === 0 ? '' : `: ${detail.join(' ')}`}`)
    }
  }
}
