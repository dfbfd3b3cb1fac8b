import { createHash } from 'node:crypto'
import { field, type Arrival } from '../../contract/arrival.ts'
import type { Shown } from '../../contract/shown.ts'
import type { Action, Reading } from '../../contract/exchange.ts'
import type { Edit } from '../../contract/segment.ts'
import { Refused, refuse, type Refusal } from '../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import { isObject, type TreeObject } from '../../formats/tree.ts'
import type { Surveyed } from './dialect.ts'
import { replaceLeaf } from './leaves.ts'
import { offeredTool } from './tool_names.ts'
import { estimateInput } from './routing/tokens.ts'

/** A reading of the model gateway: what the spine knows of it, and the tree that will be sent. */
export interface LlmReading extends Reading {
  readonly tree: TreeObject
  readonly surveyed: Surveyed
  apply(edits: readonly Edit[]): LlmReading
}

export interface BodyLimits {
  readonly bodyBytes: number
  readonly depth: number
}

/** The body as a strict tree, or why not. The original bytes end here (law 3). */
export async function readTree(arrival: Arrival, limits: BodyLimits): Promise<TreeObject | Refusal> {
  const encoding = field(arrival.fields, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuse('bad_content_encoding')
  if (!isJson(field(arrival.fields, 'content-type'))) return refuse('bad_content_type')
  const bytes = await arrival.body.whole(limits.bodyBytes)
  try {
    const tree = parseJson(bytes, { depth: limits.depth })
    return isObject(tree) ? tree : refuse('bad_json', { say: 'The request body must be a JSON object.' })
  } catch (error) {
    if (error instanceof JsonError) return refuse('bad_json', { say: `The request body is not acceptable JSON: ${error.reason.replaceAll('_', ' ')} at ${error.offset}.` })
    throw error
  }
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && (type === 'application/json' || /^application\/json\s*(?:;|$)/i.test(type))
}

/** How a dialect takes in one more instruction: the new tree, and what its survey says. */
export type InstructTree = (tree: TreeObject, text: string) => { readonly tree: TreeObject; readonly surveyed: Surveyed }

/** Without `instructTree` nobody answers, so there is nobody to instruct: `instruct` changes nothing. */
export function makeReading(action: Action, route: string, tree: TreeObject, surveyed: Surveyed, instructTree?: InstructTree): LlmReading {
  const input = estimateInput(surveyed.segments, surveyed.mediaBytes)
  const reading: LlmReading = {
    action,
    resource: { type: 'Route', id: route, attributes: {} },
    route,
    direction: 'outbound',
    effect: 'dial',
    overlapsIntent: true,
    stream: surveyed.stream,
    segments: surveyed.segments,
    effects: surveyed.effects,
    parameters: surveyed.parameters,
    subordinates: surveyed.subordinates,
    estimate: { input, ...(surveyed.maxTokens !== undefined && { output: surveyed.maxTokens }), choices: surveyed.choices },
    ...(tree.has('tools') || tree.has('functions') ? { offered: (name) => offeredTool(tree, name) } : {}),
    tree,
    surveyed,
    apply: (edits) => edited(reading, edits, instructTree),
    instruct(text) {
      if (instructTree === undefined) return reading
      const made = instructTree(tree, text)
      return makeReading(action, route, made.tree, made.surveyed, instructTree)
    },
    show: () => shown(reading),
    fingerprint: () => createHash('sha256').update(action).update('\n').update(`${route}\n${String(surveyed.parameters['dialect'])}\n${surveyed.stream}\n${surveyed.model}\n`).update(writeJson(tree)).digest('base64'),
  }
  return reading
}

/** A conversation that is longer is told in figures: nobody reads it, and its fingerprint binds it all the same. */
const WHOLE = 32_768
const TASK = 500

function shown({ tree, surveyed, segments, fingerprint }: LlmReading): Shown {
  const last = segments.findLast((one) => one.origin === 'user')?.text
  const whole = writeJson(tree)
  const body = whole.length <= WHOLE ? whole : JSON.stringify({ model: surveyed.model, characters: whole.length, segments: segments.length, sha256: fingerprint() })
  const model = { path: 'model', value: surveyed.model, control: true, sources: [] }
  return { body, values: [model], undo: 'nothing to undo', ...(last !== undefined && { task: last.slice(0, TASK) }) }
}

function edited(reading: LlmReading, edits: readonly Edit[], instructTree: InstructTree | undefined): LlmReading {
  if (edits.length === 0) return reading
  const segments = reading.segments.slice()
  let tree = reading.tree
  for (let first = 0; first < edits.length; ) {
    const index = (edits[first] as Edit).segment
    const segment = segments[index]
    if (segment === undefined) throw new RangeError(`no segment ${index}`)
    // Targets were chosen by this name and are sent it: taking it out of the tree alone would hide nothing.
    if (segment.path.length === 1 && segment.path[0] === 'model') throw new Refused(refuse('content_refused', { param: 'model', detail: 'an edit of the model name' }))
    let text = ''
    let from = 0
    let next = first
    for (; next < edits.length && edits[next]?.segment === index; next++) {
      const edit = edits[next] as Edit
      text += segment.text.slice(from, edit.start) + edit.text
      from = edit.end
    }
    text += segment.text.slice(from)
    tree = replaceLeaf(tree, segment.path, text, 'content_refused') as TreeObject
    segments[index] = { ...segment, text }
    first = next
  }
  return makeReading(reading.action, reading.route, tree, { ...reading.surveyed, segments }, instructTree)
}
