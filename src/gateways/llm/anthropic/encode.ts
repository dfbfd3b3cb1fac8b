import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Message, Part, Source, Tool } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { argumentsOf } from '../leaves.ts'
import { signedBy } from '../signature.ts'
import { thinkingFields } from './thinking.ts'

/**
 * Output limit for a caller that set none: Anthropic insists on one. Every model since Claude 3.5 accepts it, and it
 * is more than other providers' models usually say unasked. A thinking budget comes on top.
 */
export const DEFAULT_MAX_TOKENS = 8192

const IMAGES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

/**
 * The request in Anthropic's words. Besides what hints.ts lists as left out:
 * - a model's earlier refusal becomes plain text;
 * - empty texts are left out, because the API refuses them.
 * @throws {Inexpressible}
 */
export function encode(conversation: Conversation, model: string): TreeObject {
  refuseUnsayable(conversation)
  const messages = encodeMessages(conversation)
  const tools = conversation.tools.map(encodeTool)
  const limits = thinkingFields(conversation, model, messages, DEFAULT_MAX_TOKENS)
  const made = object({
    model,
    max_tokens: limits.maxTokens,
    system: encodeSystem(conversation.system),
    messages,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: encodeChoice(conversation),
    temperature: conversation.temperature,
    top_p: conversation.topP,
    top_k: conversation.topK,
    stop_sequences: conversation.stop === undefined ? undefined : [...conversation.stop],
    metadata: conversation.user === undefined ? undefined : object({ user_id: conversation.user }),
    thinking: limits.thinking,
    output_config: outputConfig(conversation, limits.effort),
    stream: conversation.stream ? true : undefined,
  })
  for (const { field, value } of conversation.only) made.set(field, value)
  return made
}

function refuseUnsayable(conversation: Conversation): void {
  for (const item of conversation.only) {
    if (item.dialect !== 'anthropic.messages' || item.field.includes('.')) throw new Inexpressible(item.field, 'Anthropic has no such field')
  }
  if ((conversation.n ?? 1) > 1) throw new Inexpressible('n', 'Anthropic gives one answer a request')
  const numbers = [
    ['seed', conversation.seed],
    ['presence_penalty', conversation.presencePenalty],
    ['frequency_penalty', conversation.frequencyPenalty],
  ] as const
  for (const [field, value] of numbers) {
    // A penalty of zero is no penalty.
    if (value !== undefined && value !== null && (field === 'seed' || numberOf(value) !== 0)) throw new Inexpressible(field, 'Anthropic has no such parameter')
  }
  if (conversation.logprobs !== undefined) throw new Inexpressible('logprobs', 'Anthropic gives no log probabilities')
  if (conversation.logitBias !== undefined && conversation.logitBias.size > 0) throw new Inexpressible('logit_bias', 'Anthropic has no such parameter')
  if (conversation.metadata !== undefined && conversation.metadata.size > 0) throw new Inexpressible('metadata', 'Anthropic takes nothing but a user id')
  if (conversation.format?.kind === 'json') throw new Inexpressible('response_format', 'Anthropic has JSON output only with a schema')
  if ((numberOf(conversation.temperature) ?? 0) > 1) throw new Inexpressible('temperature', 'Anthropic takes 0 to 1')
}

function encodeSystem(parts: readonly Part[]): Tree | undefined {
  const blocks = parts.flatMap((part) => encodePart(part, 'system'))
  if (blocks.length === 0) return undefined
  const only = blocks.length === 1 ? blocks[0] : undefined
  return only !== undefined && only.size === 2 ? (only.get('text') as Tree) : blocks
}

/** Merges neighbours of one role, and puts tool results first in their turn: the API insists on that. */
function encodeMessages(conversation: Conversation): TreeObject[] {
  const made: { role: string; blocks: TreeObject[] }[] = []
  for (const message of conversation.messages) {
    const role = roleOf(message)
    const blocks = message.parts.flatMap((part) => encodePart(part, role))
    if (blocks.length === 0) continue
    const last = made.at(-1)
    if (last?.role === role) last.blocks.push(...blocks)
    else made.push({ role, blocks })
  }
  return made.map(({ role, blocks }) => {
    const first = blocks.filter((block) => block.get('type') === 'tool_result')
    const content = first.length === 0 ? blocks : [...first, ...blocks.filter((block) => block.get('type') !== 'tool_result')]
    const only = content.length === 1 ? content[0] : undefined
    const plain = only !== undefined && only.size === 2 && only.get('type') === 'text'
    return object({ role, content: plain ? (only.get('text') as Tree) : content })
  })
}

function roleOf(message: Message): string {
  if (message.name !== undefined) throw new Inexpressible('messages.name', 'Anthropic does not name speakers')
  return message.role === 'developer' ? 'system' : message.role
}

function encodePart(part: Part, role: string): TreeObject[] {
  const made = block(part, role)
  if (made === undefined) return []
  if (part.cache !== undefined) made.set('cache_control', part.cache)
  return [made]
}

function block(part: Part, role: string): TreeObject | undefined {
  if (role === 'system' && part.kind !== 'text') throw new Inexpressible(`system.${part.kind}`, 'instructions are text only')
  if (role === 'assistant' && (part.kind === 'image' || part.kind === 'audio' || part.kind === 'file')) {
    throw new Inexpressible(`messages.content.${part.kind}`, 'an assistant turn holds no media')
  }
  switch (part.kind) {
    case 'text':
      return part.text === '' ? undefined : object({ type: 'text', text: part.text, citations: ownCitations(part.citations) })
    case 'refusal':
      return part.text === '' ? undefined : object({ type: 'text', text: part.text })
    case 'image':
      if (part.detail !== undefined && part.detail !== 'auto') throw new Inexpressible('image_url.detail', 'Anthropic has no such choice')
      return object({ type: 'image', source: imageSource(part.source) })
    case 'audio':
      throw new Inexpressible('messages.content.audio', 'Anthropic takes no audio')
    case 'file':
      return object({ type: 'document', source: documentSource(part.source), title: part.name })
    case 'call': {
      const input = argumentsOf(part.args)
      if (input === undefined) throw new Inexpressible('messages.tool_calls.arguments', 'arguments of a call must be a JSON object')
      return object({ type: 'tool_use', id: plainId(part.id), name: part.name, input })
    }
    case 'result':
      return object({ type: 'tool_result', tool_use_id: plainId(part.id), content: resultContent(part.parts), is_error: part.failed === true ? true : undefined })
    case 'reasoning': {
      const sealed = signedBy('anthropic', part.sealed)
      if (sealed !== undefined) return object({ type: 'redacted_thinking', data: sealed })
      const signature = signedBy('anthropic', part.signature)
      return signature === undefined ? undefined : object({ type: 'thinking', thinking: part.text, signature })
    }
  }
}

function ownCitations(citations: Tree | undefined): Tree | undefined {
  if (!Array.isArray(citations) || citations.length === 0) return undefined
  return citations.every((item) => isObject(item) && typeof item.get('type') === 'string' && item.has('cited_text')) ? citations : undefined
}

/** Ids of other dialects may hold characters that Anthropic refuses; calls and results change alike. */
function plainId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, '_')
}

function resultContent(parts: readonly Part[]): Tree | undefined {
  const blocks = parts.flatMap((part) => encodePart(part, 'tool'))
  const only = blocks.length === 1 ? blocks[0] : undefined
  if (only !== undefined && only.size === 2 && only.get('type') === 'text') return only.get('text')
  return blocks.length === 0 ? undefined : blocks
}

function imageSource(source: Source): TreeObject {
  if (source.from === 'url') return object({ type: 'url', url: source.url })
  if (source.from === 'provider') throw new Inexpressible('image.file_id', 'the file is held by another provider')
  if (!IMAGES.has(source.mime)) throw new Inexpressible('image.media_type', `Anthropic takes no ${source.mime}`)
  return object({ type: 'base64', media_type: source.mime, data: source.base64 })
}

function documentSource(source: Source): TreeObject {
  if (source.from === 'url') return object({ type: 'url', url: source.url })
  if (source.from === 'provider') throw new Inexpressible('file.file_id', 'the file is held by another provider')
  if (source.mime === 'application/pdf') return object({ type: 'base64', media_type: source.mime, data: source.base64 })
  if (source.mime.startsWith('text/plain')) return object({ type: 'text', media_type: 'text/plain', data: Buffer.from(source.base64, 'base64').toString('utf8') })
  throw new Inexpressible('file.media_type', `Anthropic takes no ${source.mime}`)
}

function encodeTool(tool: Tool): TreeObject {
  return object({
    name: tool.name,
    description: tool.description,
    input_schema: isObject(tool.schema) && tool.schema.size > 0 ? tool.schema : object({ type: 'object', properties: new Map() }),
    strict: tool.strict === true ? true : undefined,
    cache_control: tool.cache,
  })
}

function encodeChoice(conversation: Conversation): TreeObject | undefined {
  const choice = conversation.toolChoice
  if (conversation.tools.length === 0) {
    if (choice !== undefined && (choice.mode === 'required' || choice.mode === 'named')) throw new Inexpressible('tool_choice', 'there is no tool to choose')
    return undefined
  }
  const alone = conversation.parallelToolCalls === false ? true : undefined
  if (choice === undefined) return alone === undefined ? undefined : object({ type: 'auto', disable_parallel_tool_use: alone })
  switch (choice.mode) {
    case 'auto':
      return object({ type: 'auto', disable_parallel_tool_use: alone })
    case 'required':
      return object({ type: 'any', disable_parallel_tool_use: alone })
    case 'none':
      return object({ type: 'none' })
    case 'named': {
      if (choice.names.length !== 1) throw new Inexpressible('tool_choice', 'Anthropic takes the name of exactly one tool')
      return object({ type: 'tool', name: choice.names[0], disable_parallel_tool_use: alone })
    }
  }
}

function outputConfig(conversation: Conversation, effort: string | undefined): TreeObject | undefined {
  const format = conversation.format
  if (format?.kind !== 'schema') return effort === undefined ? undefined : object({ effort })
  let schema = format.schema
  // The schema's name is a label for the caller; its description is read by the model, so it moves inside.
  if (format.description !== undefined && isObject(schema) && !schema.has('description')) schema = new Map([...schema, ['description', format.description]])
  return object({ effort, format: object({ type: 'json_schema', schema }) })
}
