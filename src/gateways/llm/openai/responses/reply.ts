import { at, isNumber, isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Completion, Conversation, Part, StopReason } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { toResponses } from '../annotations.ts'
import { arrayOf } from '../chat/decode.ts'
import { effortOf } from '../effort.ts'
import { createdAt, responsesUsage, usageOf } from '../usage.ts'
import { decodeCall, decodePart } from './decode.ts'
import { encodeChoice, encodeFormat, encodeTool } from './encode.ts'
import { carriesSignature, reasoningItem, reasoningPart } from './reasoning.ts'

/** Fields of a response object that only repeat the request, or that have a place in the neutral form. */
const KNOWN = new Set([
  'id', 'object', 'created_at', 'completed_at', 'status', 'error', 'incomplete_details', 'instructions', 'max_output_tokens', 'max_tool_calls', 'model', 'output',
  'output_text', 'parallel_tool_calls', 'previous_response_id', 'reasoning', 'store', 'temperature', 'text', 'tool_choice', 'tools', 'top_p', 'top_logprobs', 'truncation',
  'usage', 'user', 'metadata', 'background', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options', 'access_programs', 'billing',
])

export function decodeReply(tree: TreeObject): Completion {
  const parts: Part[] = []
  const logprobs: Tree[] = []
  const others: Tree[] = []
  for (const item of arrayOf(tree.get('output'))) {
    if (!isObject(item)) continue
    switch (item.get('type')) {
      case 'message':
        for (const part of arrayOf(item.get('content'))) {
          parts.push(decodePart(part, 'answer'))
          logprobs.push(...arrayOf(at(part, ['logprobs'])))
        }
        break
      case 'function_call':
        parts.push(decodeCall(item))
        break
      case 'reasoning': {
        const part = reasoningPart(item)
        const call = parts.at(-1)
        if (call?.kind === 'call' && carriesSignature(part)) parts[parts.length - 1] = { ...call, signature: part.signature }
        else parts.push(part)
        break
      }
      default:
        // Items of tools that OpenAI ran have no word in other dialects: they travel beside the answer.
        others.push(item)
    }
  }
  const extra: TreeObject = new Map()
  for (const [field, value] of tree) if (!KNOWN.has(field) && value !== null) extra.set(field, value)
  if (others.length > 0) extra.set('openai_output', others)
  const created = tree.get('created_at')
  const usage = usageOf(tree.get('usage'))
  return {
    id: stringOf(tree.get('id')) ?? '',
    model: stringOf(tree.get('model')) ?? '',
    choices: [{ parts, stop: stopOf(tree, parts), ...(logprobs.length === 0 ? {} : { logprobs: object({ content: logprobs, refusal: null }) }) }],
    extra,
    ...(isNumber(created) ? { created: Math.floor(numberOf(created) as number) } : {}),
    ...(usage === undefined ? {} : { usage }),
  }
}

export function stopOf(response: TreeObject, parts: readonly { readonly kind: string }[]): StopReason {
  if (response.get('status') === 'incomplete') return at(response, ['incomplete_details', 'reason']) === 'content_filter' ? 'content_filter' : 'length'
  if (parts.some((part) => part.kind === 'call')) return 'tool_calls'
  return parts.some((part) => part.kind === 'refusal') ? 'refusal' : 'stop'
}

/** Ids of items, made from the response's own; OpenAI takes ids back that are no longer than 64. */
export function itemId(kind: 'msg' | 'fc' | 'rs', id: string, index: number): string {
  return `${kind}_${responseId(id).slice('resp_'.length, 'resp_'.length + 52)}_${index}`
}

export function responseId(id: string): string {
  return id.startsWith('resp_') ? id : `resp_${id}`
}

/** @throws {Inexpressible} for several choices and for media in the answer. */
export function encodeReply(completion: Completion, asked: Conversation): TreeObject {
  if (completion.choices.length > 1) throw new Inexpressible('n', 'Responses gives one answer')
  const choice = completion.choices[0]
  const output: TreeObject[] = []
  let logprobs = arrayOf(at(choice?.logprobs, ['content']))
  for (const part of choice?.parts ?? []) {
    output.push(outputItem(part, completion.id, output.length, logprobs))
    if (part.kind === 'text') logprobs = []
    if (part.kind === 'call' && part.signature !== undefined) {
      output.push(reasoningItem('', { signature: part.signature }, itemId('rs', completion.id, output.length)))
    }
  }
  const made = responseObject({ ...completion, created: createdAt(completion.created) }, asked, choice?.stop ?? 'stop', output)
  for (const [field, value] of completion.extra) if (!made.has(field)) made.set(field, value)
  return made
}

function outputItem(part: Part, id: string, index: number, logprobs: readonly Tree[]): TreeObject {
  switch (part.kind) {
    case 'text':
      return messageItem(itemId('msg', id, index), [outputText(part.text, toResponses(part.citations), logprobs)])
    case 'refusal':
      return messageItem(itemId('msg', id, index), [object({ type: 'refusal', refusal: part.text })])
    case 'reasoning':
      return reasoningItem(part.text, part, part.id ?? itemId('rs', id, index))
    case 'call':
      return callItem(itemId('fc', id, index), part.id, part.name, part.args === '' ? '{}' : part.args)
    case 'image':
    case 'audio':
    case 'file':
    case 'result':
      throw new Inexpressible(`answer.${part.kind}`, 'a Responses answer has no such content here')
  }
}

export function messageItem(id: string, content: readonly TreeObject[], status = 'completed'): TreeObject {
  return object({ id, type: 'message', status, role: 'assistant', content: [...content] })
}

export function outputText(text: string, annotations: readonly TreeObject[] = [], logprobs: readonly Tree[] = []): TreeObject {
  return object({ type: 'output_text', annotations: [...annotations], logprobs: [...logprobs], text })
}

export function callItem(id: string, callId: string, name: string, args: string, status = 'completed'): TreeObject {
  return object({ id, type: 'function_call', status, call_id: callId, name, arguments: args })
}

export interface Headed {
  readonly id: string
  readonly model: string
  readonly created: number
  readonly usage?: Completion['usage']
}

/** A response object as OpenAI gives it, with the request echoed. `stop` is undefined while the answer goes on. */
export function responseObject(head: Headed, asked: Conversation, stop: StopReason | undefined, output: readonly TreeObject[]): TreeObject {
  const cut = stop === 'length' || stop === 'content_filter'
  const only = asked.system.length === 1 ? asked.system[0] : undefined
  return object({
    id: responseId(head.id),
    object: 'response',
    created_at: head.created,
    status: stop === undefined ? 'in_progress' : cut ? 'incomplete' : 'completed',
    background: false,
    error: null,
    incomplete_details: cut ? object({ reason: stop === 'length' ? 'max_output_tokens' : 'content_filter' }) : null,
    instructions: only?.kind === 'text' ? only.text : null,
    max_output_tokens: asked.maxTokens ?? null,
    model: head.model,
    output: [...output],
    parallel_tool_calls: asked.parallelToolCalls ?? true,
    previous_response_id: null,
    reasoning: object({ effort: effortOf(asked.reasoning) ?? null, summary: asked.reasoning?.summary ?? null }),
    store: false,
    temperature: asked.temperature ?? null,
    text: object({ format: encodeFormat(asked.format) ?? object({ type: 'text' }) }),
    tool_choice: encodeChoice(asked.toolChoice) ?? 'auto',
    tools: asked.tools.map(encodeTool),
    top_p: asked.topP ?? null,
    truncation: 'disabled',
    usage: head.usage === undefined ? null : responsesUsage(head.usage),
    user: asked.user ?? null,
    metadata: asked.metadata ?? new Map(),
  })
}
