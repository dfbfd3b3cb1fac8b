import { isObject, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Proposal } from '../../../../contract/reply.ts'
import { otherLeaves, tokenLeaves, type AddLeaf } from '../leaf.ts'

/** What the caller itself said comes back in every response object; it was inspected on its way out. */
const ECHOED = new Set([
  'id', 'object', 'created_at', 'completed_at', 'status', 'model', 'usage', 'error', 'incomplete_details', 'instructions', 'tools', 'tool_choice', 'text', 'reasoning',
  'metadata', 'user', 'safety_identifier', 'prompt', 'prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options', 'previous_response_id', 'conversation',
  'service_tier', 'truncation', 'output', 'output_text', 'billing', 'moderation', 'access_programs', 'image', 'tool_usage', 'prompt_cache_diagnostics',
])

/** Items of calls that the caller runs. */
export function isCall(type: Tree | undefined): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

export interface Run {
  readonly run: 'text' | 'refusal' | 'reasoning' | 'summary' | 'tool'
  readonly field: string
  readonly done?: true
}

/** Fields of events that hold text: how the event continues or repeats a run. */
export const runs: ReadonlyMap<string, Run> = new Map<string, Run>([
  ['response.output_text.delta', { run: 'text', field: 'delta' }],
  ['response.output_text.done', { run: 'text', field: 'text', done: true }],
  ['response.refusal.delta', { run: 'refusal', field: 'delta' }],
  ['response.refusal.done', { run: 'refusal', field: 'refusal', done: true }],
  ['response.reasoning_text.delta', { run: 'reasoning', field: 'delta' }],
  ['response.reasoning_text.done', { run: 'reasoning', field: 'text', done: true }],
  ['response.reasoning_summary_text.delta', { run: 'summary', field: 'delta' }],
  ['response.reasoning_summary_text.done', { run: 'summary', field: 'text', done: true }],
  ['response.function_call_arguments.delta', { run: 'tool', field: 'delta' }],
  ['response.function_call_arguments.done', { run: 'tool', field: 'arguments', done: true }],
  ['response.custom_tool_call_input.delta', { run: 'tool', field: 'delta' }],
  ['response.custom_tool_call_input.done', { run: 'tool', field: 'input', done: true }],
])

export const origins = { text: 'assistant', refusal: 'assistant', reasoning: 'reasoning', summary: 'reasoning', tool: 'tool_call' } as const

/** Leaves of a response object's answer; what it echoes of the request is left out. */
export function responseLeaves(response: TreeObject, suffix: string, path: readonly (string | number)[], add: AddLeaf, proposals: Proposal[]): void {
  const output = response.get('output')
  if (Array.isArray(output)) {
    output.forEach((item, index) => {
      if (!isObject(item)) return
      itemLeaves(item, index, suffix, [...path, 'output', index], add)
      if (isCall(item.get('type'))) proposals.push({ channel: `0/tool/${index}`, id: callId(item), name: stringOf(item.get('name')) ?? '' })
    })
  }
  // Servers put the joined text here; the official SDKs make it themselves.
  const joined = response.get('output_text')
  if (typeof joined === 'string' && joined !== '') add({ channel: '0/text/all', origin: 'assistant', text: joined, whole: true, path: [...path, 'output_text'] })
  for (const [field, value] of response) {
    if (!ECHOED.has(field) && value !== null) otherLeaves(value, `other/${field}`, 'document', [...path, field], add)
  }
}

/** Leaves of one output item, all whole. */
export function itemLeaves(item: TreeObject, index: number, suffix: string, path: readonly (string | number)[], add: AddLeaf): void {
  switch (item.get('type')) {
    case 'message':
      eachPart(item, 'content', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'content', place], add))
      return
    case 'reasoning':
      eachPart(item, 'summary', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'summary', place], add))
      eachPart(item, 'content', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'content', place], add))
      return
    case 'function_call':
    case 'custom_tool_call': {
      const field = item.get('type') === 'function_call' ? 'arguments' : 'input'
      const text = argsOf(item)
      if (text !== '') add({ channel: `0/tool/${index}${suffix}`, origin: 'tool_call', text, whole: true, path: [...path, field] })
      return
    }
    default: {
      // Items of tools that the provider ran: what was asked, and what came back.
      for (const [field, value] of item) {
        if (field === 'type' || field === 'id' || field === 'status' || value === null) continue
        const asked = field === 'arguments' || field === 'code' || field === 'action' || field === 'queries' || field === 'operation'
        // An image is no text.
        if (item.get('type') === 'image_generation_call' && field === 'result') continue
        otherLeaves(value, `0/other/${index}/${field}${suffix}`, asked ? 'tool_call' : 'tool_result', [...path, field], add)
      }
    }
  }
}

function eachPart(item: TreeObject, field: string, visit: (part: TreeObject, place: number) => void): void {
  const parts = item.get(field)
  if (Array.isArray(parts)) parts.forEach((part, place) => isObject(part) && visit(part, place))
}

export function partLeaves(part: TreeObject, place: string, suffix: string, path: readonly (string | number)[], add: AddLeaf): void {
  const type = part.get('type')
  const run = type === 'refusal' ? 'refusal' : type === 'reasoning_text' ? 'reasoning' : type === 'summary_text' ? 'summary' : 'text'
  const field = type === 'refusal' ? 'refusal' : 'text'
  const text = stringOf(part.get(field)) ?? ''
  if (text !== '') add({ channel: `0/${run}/${place}${suffix}`, origin: origins[run], text, whole: true, path: [...path, field] })
  const annotations = part.get('annotations')
  if (Array.isArray(annotations) && annotations.length > 0) otherLeaves(annotations, `0/citation/${place}${suffix}`, 'document', [...path, 'annotations'], add)
  tokenLeaves(part.get('logprobs'), text, `0/logprobs/${place}${suffix}`, [...path, 'logprobs'], true, add)
  for (const [name, value] of part) {
    if (!PART.has(name) && value !== null) otherLeaves(value, `0/other/${place}/${name}${suffix}`, 'assistant', [...path, name], add)
  }
}

const PART = new Set(['type', 'text', 'refusal', 'annotations', 'logprobs'])

export function argsOf(item: TreeObject): string {
  return stringOf(item.get(item.get('type') === 'function_call' ? 'arguments' : 'input')) ?? ''
}

export function callId(item: TreeObject): string {
  return stringOf(item.get('call_id')) ?? stringOf(item.get('id')) ?? ''
}
