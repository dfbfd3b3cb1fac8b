import { guardrails } from '../../src/guardrails/list.ts'
import type { Labelled, Marked } from '../labelled.ts'
import type { Found, Score } from './scorer.ts'
import type { Tally } from './figures.ts'

/** Our categories for each kind of personal data that the set marks. What is not named here is not counted. */
const STRUCTURED: Readonly<Record<string, readonly string[]>> = {
  EMAIL_ADDRESS: ['email'], CREDIT_CARD: ['card'], PHONE_NUMBER: ['phone'], IBAN_CODE: ['iban'], US_SSN: ['national_id'], IP_ADDRESS: ['ip_address'], US_DRIVER_LICENSE: ['driver_licence'],
}
const FREE: Readonly<Record<string, readonly string[]>> = {
  PERSON: ['person'], ADDRESS: ['address', 'location'], LOCATION: ['location', 'address'], ORGANIZATION: ['organization'], DATE_TIME: ['date_time', 'date_of_birth', 'age'], TITLE: ['job_title'],
}
// A form of address before a name, and a bare domain: nobody counts finding or missing them.
const EITHER_WAY = new Set(['PREFIX', 'DOMAIN_NAME'])

const thresholds = new Map(guardrails.map(({ id, threshold }) => [id, threshold]))

/** A finding that its guardrail acts on. */
export function sure({ guardrail, score }: Found): boolean {
  return score >= (thresholds.get(guardrail) ?? 1)
}

export const personal = { structured: STRUCTURED, all: { ...STRUCTURED, ...FREE } } as const

function overlap(a: { readonly start: number; readonly end: number }, b: { readonly start: number; readonly end: number }): boolean {
  return a.start < b.end && b.start < a.end
}

/**
 * Counts one text: a marked span is found where a finding of its kind overlaps it; a finding is wrong where it overlaps
 * no marked span of its kind.
 */
export function talliedSpans(row: Labelled, found: readonly Found[], kinds: Readonly<Record<string, readonly string[]>>): Tally {
  const counted = new Set(Object.values(kinds).flat())
  const mine = found.filter(({ category }) => counted.has(category))
  const fits = (span: Marked, one: Found): boolean => (kinds[span.type]?.includes(one.category) ?? false) && overlap(span, one)
  const marked = row.spans.filter(({ type }) => type in kinds)
  const right = marked.filter((span) => mine.some((one) => fits(span, one))).length
  const wrong = mine.filter((one) => !row.spans.some((span) => fits(span, one)) && !row.spans.some((span) => EITHER_WAY.has(span.type) && overlap(span, one))).length
  return { right, wrong, missed: marked.length - right }
}

/** True where a secret was found at the marked place, or anywhere in a text without marks. */
export function secretFound(row: Labelled, { found }: Score): boolean {
  const secrets = found.filter((one) => one.guardrail === 'secrets' && sure(one))
  return row.spans.length === 0 ? secrets.length > 0 : row.spans.every((span) => secrets.some((one) => overlap(span, one)))
}
