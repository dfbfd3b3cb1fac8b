import type { AuditRecord } from '../contract/receipt.ts'

/** Characters of JSON that a record may have before its lists are shortened. */
const RECORD_LIMIT = 256 * 1024
const LONGEST_LIST = 50
const LONGEST_TEXT = 1000

/** A record's JSON. One over its limit is shortened and says so: no exchange may make its record too large to keep. */
export function textOf(record: AuditRecord): string {
  const text = JSON.stringify(record)
  if (text.length <= RECORD_LIMIT) return text
  const trimmed = JSON.stringify({ ...record, ...shortened(record), trimmed: true })
  if (trimmed.length <= RECORD_LIMIT) return trimmed
  return JSON.stringify({ ...shortened(record), ...(record.kind === 'receipt' && { context: {}, findings: [] }), trimmed: true })
}

function shortened(record: AuditRecord): object {
  const fields = Object.entries(record).map(([key, value]: [string, unknown]) => {
    // What finds a record again must stay whole.
    if (key === 'exchange' || key === 'parent' || key === 'tenant' || key === 'subject') return [key, value]
    return [key, short(value)]
  })
  return Object.fromEntries(fields) as object
}

function short(value: unknown): unknown {
  if (typeof value === 'string') return value.length <= LONGEST_TEXT ? value : value.slice(0, LONGEST_TEXT).toWellFormed()
  if (Array.isArray(value)) return (value as unknown[]).slice(0, LONGEST_LIST).map(short)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).slice(0, LONGEST_LIST).map(([key, one]) => [key, short(one)]))
}
