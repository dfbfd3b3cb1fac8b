import * as z from 'zod'
import { field, type Arrival } from '../../contract/arrival.ts'
import type { Origin, Segment } from '../../contract/segment.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { JsonError, parseJson, toPlain } from '../../formats/json.ts'
import { isObject, type TreeObject } from '../../formats/tree.ts'

const MOST_INPUTS = 64
const MOST_PIECES = 256
const MOST_GUARDRAILS = 64
const DEPTH = 8

const origin = z.enum(['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'] as const satisfies readonly Origin[])
const piece = z.strictObject({ text: z.string(), origin: origin.optional(), task: z.string().optional() })
const input = z.union([z.string(), z.array(piece).min(1).max(MOST_PIECES)])
const name = z.string().min(1).max(64)
const common = { guardrail: z.union([name, z.array(name).min(1).max(MOST_GUARDRAILS)]).optional(), origin: origin.optional(), task: z.string().optional() }
const one = z.strictObject({ ...common, input })
const many = z.strictObject({ ...common, inputs: z.array(z.union([input, piece])).min(1).max(MOST_INPUTS) })

/** One text, or the pieces of one conversation, to be judged together. */
export interface Evaluation {
  readonly segments: readonly Segment[]
  readonly task: string | undefined
}

export interface Asking {
  /** Absent = every guardrail that is on. */
  readonly guardrails: readonly string[] | undefined
  readonly evaluations: readonly Evaluation[]
  /** True where `inputs` was written: the answer is then a list, also of one. */
  readonly batch: boolean
}

/** The body, read strictly: duplicate and unknown keys, unknown guardrails and more than the limits are refused. */
export async function readAsking(arrival: Arrival, bodyBytes: number, on: ReadonlySet<string>): Promise<Asking | Refusal> {
  const encoding = field(arrival.fields, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuse('bad_content_encoding')
  if (!/^application\/json\s*(?:;|$)/i.test(field(arrival.fields, 'content-type') ?? '')) return refuse('bad_content_type')
  const tree = treeOf(await arrival.body.whole(bodyBytes))
  if (isRefusal(tree)) return tree
  const body = toPlain(tree) as Readonly<Record<string, unknown>>
  const batch = Object.hasOwn(body, 'inputs')
  const read = batch ? many.safeParse(body) : one.safeParse(body)
  if (!read.success) return mistake(read.error.issues[0] as z.core.$ZodIssue)
  const { guardrail, origin: common = 'user', task } = read.data
  const guardrails = guardrail === undefined ? undefined : typeof guardrail === 'string' ? [guardrail] : [...new Set(guardrail)]
  const unknown = guardrails?.find((name) => !on.has(name))
  if (unknown !== undefined) return refuse('bad_request', { param: 'guardrail', say: 'There is no such guardrail, or it is switched off here.' })
  const texts = 'inputs' in read.data ? read.data.inputs : [read.data.input]
  const evaluations: Evaluation[] = []
  for (const written of texts) {
    const evaluation = evaluationOf(typeof written === 'string' ? [{ text: written }] : Array.isArray(written) ? written : [written], common, task)
    if (isRefusal(evaluation)) return evaluation
    evaluations.push(evaluation)
  }
  return { guardrails, evaluations, batch }
}

// Never a plain object: one that says `refuse` would look like a refusal.
function treeOf(bytes: Uint8Array): TreeObject | Refusal {
  try {
    const tree = parseJson(bytes, { depth: DEPTH })
    return isObject(tree) ? tree : refuse('bad_json', { say: 'The request body must be a JSON object.' })
  } catch (error) {
    if (error instanceof JsonError) return refuse('bad_json', { say: `The request body is not acceptable JSON: ${error.reason.replaceAll('_', ' ')} at ${error.offset}.` })
    throw error
  }
}

function evaluationOf(pieces: readonly z.infer<typeof piece>[], common: Origin, task: string | undefined): Evaluation | Refusal {
  const tasks = new Set(pieces.flatMap((one) => one.task ?? []))
  if (tasks.size > 1) return refuse('bad_request', { param: 'task', say: 'The pieces of one input have one task; send the others as inputs of their own.' })
  let group = 0
  const segments = pieces.map((one, index): Segment => {
    const from = one.origin ?? common
    // Neighbours of one origin are read as one text, so that what is split between them is seen.
    if (index > 0 && from !== (pieces[index - 1]?.origin ?? common)) group++
    return { origin: from, text: one.text, path: ['input', index], group: String(group) }
  })
  return { segments, task: [...tasks][0] ?? task }
}

function mistake(issue: z.core.$ZodIssue): Refusal {
  const param = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') return refuse('unknown_field', { param: [param, issue.keys[0]?.slice(0, 64)].filter(Boolean).join('.') })
  return refuse('bad_request', { ...(param !== '' && { param }), say: `The request is malformed${param === '' ? '' : ` at "${param}"`}: see docs/guard-api.md.` })
}
