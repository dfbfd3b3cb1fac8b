import * as z from 'zod'
import { field, type Arrival } from '../../contract/arrival.ts'
import { refuse, type Refusal } from '../../contract/verdict.ts'
import { JsonError, parseJson, toPlain } from '../../formats/json.ts'

/** A token of at most 4 KiB, a request of at most 8 KiB with its line ends escaped, and the braces around them. */
const MOST_BYTES = 16 * 1024
const DEPTH = 2

const csr = z.string().min(1).max(8192)
export const enrolling = z.strictObject({ token: z.string().min(1).max(4096), csr })
export const renewing = z.strictObject({ csr })

/** The body, read strictly: one JSON object with exactly these keys. */
export async function readBody<T>(arrival: Arrival, shape: z.ZodType<T>): Promise<{ readonly body: T } | Refusal> {
  const encoding = field(arrival.fields, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuse('bad_content_encoding')
  if (!/^application\/json\s*(?:;|$)/i.test(field(arrival.fields, 'content-type') ?? '')) return refuse('bad_content_type')
  let plain: unknown
  try {
    plain = toPlain(parseJson(await arrival.body.whole(MOST_BYTES), { depth: DEPTH }))
  } catch (error) {
    if (error instanceof JsonError) return refuse('bad_json', { say: `The request body is not acceptable JSON: ${error.reason.replaceAll('_', ' ')} at ${error.offset}.` })
    throw error
  }
  const read = shape.safeParse(plain)
  return read.success ? { body: read.data } : mistake(read.error.issues[0] as z.core.$ZodIssue)
}

function mistake(issue: z.core.$ZodIssue): Refusal {
  if (issue.code === 'unrecognized_keys') return refuse('unknown_field', { param: (issue.keys[0] ?? '').slice(0, 100), say: 'The request has a field that this path does not know.' })
  const param = issue.path.join('.')
  return refuse('bad_request', param === '' ? { say: 'The request body must be a JSON object.' } : { param, say: `${param} is missing, or not text of the expected length.` })
}
