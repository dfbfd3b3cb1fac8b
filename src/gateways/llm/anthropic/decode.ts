import { isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Format, Message, Part, Reasoning, Source, Tool, ToolChoice } from '../conversation.ts'
import { leafText } from '../leaves.ts'
import { isForeign, sealedFromWire, sign, signedBy } from '../signature.ts'
import { HINTS } from './hints.ts'

type Only = Conversation['only'][number]

/** Collects what only Anthropic can say, by field. */
type Spare = (field: string, value: Tree) => void

/** Top-level fields that have a place in the neutral form; every other one is Anthropic's alone. */
const SHARED = new Set([
  'model', 'messages', 'system', 'max_tokens', 'stream', 'stop_sequences', 'temperature', 'top_p', 'top_k', 'metadata',
  'thinking', 'output_config', 'output_format', 'tools', 'tool_choice',
])

/** Reads a surveyed request into the neutral form: shapes were checked before. */
export function decode(tree: TreeObject): Conversation {
  const only: Only[] = []
  const spare: Spare = (field, value) => only.push({ dialect: 'anthropic.messages', field, value })
  for (const [field, value] of tree) {
    if (!SHARED.has(field) && value !== null && !Object.hasOwn(HINTS, field)) spare(field, value)
  }
  const messages = array(tree.get('messages')).filter(isObject).map((message, index) => decodeMessage(message, index, spare))
  const tools: Tool[] = []
  array(tree.get('tools')).forEach((tool, index) => {
    if (isObject(tool)) decodeTool(tool, index, tools, spare)
  })
  const choice = tree.get('tool_choice')
  const toolChoice = isObject(choice) ? decodeChoice(choice) : undefined
  const parallel = isObject(choice) ? choice.get('disable_parallel_tool_use') : undefined
  const format = decodeFormat(tree)
  const reasoning = decodeReasoning(tree, spare)
  const metadata = tree.get('metadata')
  const user = isObject(metadata) ? stringOf(metadata.get('user_id')) : undefined
  const maxTokens = numberOf(tree.get('max_tokens'))
  const stop = array(tree.get('stop_sequences')).filter((item) => typeof item === 'string')
  const numbers: { temperature?: Tree; topP?: Tree; topK?: Tree } = {}
  const take = (field: string, name: keyof typeof numbers): void => {
    const value = tree.get(field)
    if (value !== undefined && value !== null) numbers[name] = value
  }
  take('temperature', 'temperature')
  take('top_p', 'topP')
  take('top_k', 'topK')
  return {
    model: stringOf(tree.get('model')) ?? '',
    system: textParts(tree.get('system'), 'system', spare),
    messages,
    tools,
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(typeof parallel === 'boolean' ? { parallelToolCalls: !parallel } : {}),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...numbers,
    ...(stop.length === 0 ? {} : { stop }),
    ...(format === undefined ? {} : { format }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(user === undefined ? {} : { user }),
    stream: tree.get('stream') === true,
    includeUsage: true,
    only,
  }
}

function array(value: Tree | undefined): Tree[] {
  return Array.isArray(value) ? value : []
}

function textParts(value: Tree | undefined, path: string, spare: Spare): Part[] {
  if (typeof value === 'string') return value === '' ? [] : [{ kind: 'text', text: value }]
  return decodeBlocks(array(value), path, spare)
}

function decodeMessage(message: TreeObject, index: number, spare: Spare): Message {
  const path = `messages.${index}`
  const role = message.get('role')
  for (const [field, value] of message) if (field !== 'role' && field !== 'content' && value !== null) spare(`${path}.${field}`, value)
  return {
    role: role === 'assistant' || role === 'system' ? role : 'user',
    parts: textParts(message.get('content'), `${path}.content`, spare),
  }
}

function decodeBlocks(blocks: readonly Tree[], path: string, spare: Spare): Part[] {
  const parts: Part[] = []
  blocks.forEach((block, index) => {
    if (!isObject(block)) return
    const here = `${path}.${index}`
    const part = decodeBlock(block, here, spare)
    if (part === undefined) {
      spare(`${here}.${String(block.get('type'))}`, block)
      return
    }
    const before = parts.at(-1)
    // A foreign signature waited in a sealed block right before the call that it belongs to.
    const waiting = part.kind === 'call' ? waitingSignature(before) : undefined
    if (part.kind === 'call' && waiting !== undefined) {
      parts[parts.length - 1] = { ...part, signature: waiting }
      return
    }
    parts.push(part)
  })
  return parts
}

function waitingSignature(part: Part | undefined): string | undefined {
  if (part?.kind !== 'reasoning' || part.text !== '' || part.sealed !== undefined) return undefined
  return signedBy('anthropic', part.signature) === undefined ? part.signature : undefined
}

/** Fields of a block that have a place in the neutral form; the rest is spared by name. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  text: ['type', 'text', 'citations', 'cache_control'],
  image: ['type', 'source', 'cache_control'],
  document: ['type', 'source', 'title', 'cache_control'],
  thinking: ['type', 'thinking', 'signature'],
  redacted_thinking: ['type', 'data'],
  tool_use: ['type', 'id', 'name', 'input', 'cache_control'],
  tool_result: ['type', 'tool_use_id', 'content', 'is_error', 'cache_control'],
}

function decodeBlock(block: TreeObject, path: string, spare: Spare): Part | undefined {
  const type = stringOf(block.get('type')) ?? ''
  const known = FIELDS[type]
  if (known === undefined) return undefined
  const part = body(type, block, path, spare)
  if (part === undefined) return undefined
  for (const [field, value] of block) {
    if (known.includes(field) || value === null) continue
    if (field === 'citations' && isObject(value) && value.get('enabled') !== true) continue
    // A direct call is what every other dialect's calls are.
    if (field === 'caller' && isObject(value) && value.get('type') === 'direct') continue
    spare(`${path}.${field}`, value)
  }
  const cache = block.get('cache_control')
  return isObject(cache) ? { ...part, cache } : part
}

function body(type: string, block: TreeObject, path: string, spare: Spare): Part | undefined {
  const text = (field: string): string => stringOf(block.get(field)) ?? ''
  switch (type) {
    case 'text': {
      const citations = block.get('citations')
      return { kind: 'text', text: text('text'), ...(Array.isArray(citations) && citations.length > 0 ? { citations } : {}) }
    }
    case 'image':
    case 'document': {
      const source = block.get('source')
      const from = isObject(source) ? decodeSource(source) : undefined
      if (from === undefined) return undefined
      const title = stringOf(block.get('title'))
      return type === 'image' ? { kind: 'image', source: from } : { kind: 'file', source: from, ...(title === undefined ? {} : { name: title }) }
    }
    case 'thinking': {
      const signature = text('signature')
      return { kind: 'reasoning', text: text('thinking'), ...(signature === '' ? {} : { signature: sign('anthropic', signature) }) }
    }
    case 'redacted_thinking': {
      const data = text('data')
      if (!isForeign('anthropic', data)) return { kind: 'reasoning', text: '', sealed: sign('anthropic', data) }
      const sealed = sealedFromWire(data)
      return { kind: 'reasoning', text: '', ...(sealed === undefined ? { signature: data } : { sealed }) }
    }
    case 'tool_use':
      return { kind: 'call', id: text('id'), name: text('name'), args: leafText(block.get('input') ?? new Map()) }
    case 'tool_result':
      return {
        kind: 'result',
        id: text('tool_use_id'),
        parts: textParts(block.get('content'), `${path}.content`, spare),
        ...(block.get('is_error') === true ? { failed: true } : {}),
      }
    default:
      return undefined
  }
}

function decodeSource(source: TreeObject): Source | undefined {
  const text = (field: string): string => stringOf(source.get(field)) ?? ''
  switch (source.get('type')) {
    case 'base64':
      return { from: 'inline', mime: text('media_type'), base64: text('data') }
    case 'text':
      return { from: 'inline', mime: 'text/plain', base64: Buffer.from(text('data')).toString('base64') }
    case 'url':
      return { from: 'url', url: text('url') }
    case 'file':
      return { from: 'provider', id: text('file_id') }
    default:
      return undefined
  }
}

/** `allowed_callers: ["direct"]` is what every other dialect's tools are. */
function isDirect(value: Tree): boolean {
  return Array.isArray(value) && value.every((item) => item === 'direct')
}

function decodeTool(tool: TreeObject, index: number, tools: Tool[], spare: Spare): void {
  const type = tool.get('type')
  if (type !== undefined && type !== null && type !== 'custom') {
    spare(`tools.${index}.${String(type)}`, tool)
    return
  }
  for (const [field, value] of tool) {
    if (['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'].includes(field) || value === null) continue
    if (Object.hasOwn(HINTS, field) || value === false || isDirect(value)) continue
    spare(`tools.${index}.${field}`, value)
  }
  const description = stringOf(tool.get('description'))
  const schema = tool.get('input_schema')
  const strict = tool.get('strict')
  const cache = tool.get('cache_control')
  tools.push({
    name: stringOf(tool.get('name')) ?? '',
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined ? {} : { schema }),
    ...(typeof strict === 'boolean' ? { strict } : {}),
    ...(isObject(cache) ? { cache } : {}),
  })
}

function decodeChoice(choice: TreeObject): ToolChoice | undefined {
  switch (choice.get('type')) {
    case 'any':
      return { mode: 'required' }
    case 'none':
      return { mode: 'none' }
    case 'tool':
      return { mode: 'named', names: [stringOf(choice.get('name')) ?? ''] }
    case 'auto':
      return { mode: 'auto' }
    default:
      return undefined
  }
}

function decodeFormat(tree: TreeObject): Format | undefined {
  const config = tree.get('output_config')
  const format = (isObject(config) ? config.get('format') : undefined) ?? tree.get('output_format')
  return isObject(format) ? { kind: 'schema', schema: format.get('schema') ?? new Map(), strict: true } : undefined
}

function decodeReasoning(tree: TreeObject, spare: Spare): Reasoning | undefined {
  const config = tree.get('output_config')
  let effort: string | undefined
  if (isObject(config)) {
    for (const [field, value] of config) {
      if (value === null || field === 'format') continue
      // `max` is above every word that other dialects have.
      if (field === 'effort' && value !== 'max') effort = stringOf(value)
      else spare(`output_config.${field}`, object({ [field]: value }))
    }
  }
  const thinking = tree.get('thinking')
  if (!isObject(thinking)) return effort === undefined ? undefined : { effort }
  const display = thinking.get('display')
  const shown = display === 'omitted' ? { includeThoughts: false } : display === 'summarized' ? { includeThoughts: true } : {}
  for (const [field, value] of thinking) {
    const known = field === 'type' || field === 'budget_tokens' || (field === 'display' && value !== 'updates')
    if (!known && value !== null) spare(`thinking.${field}`, value)
  }
  switch (thinking.get('type')) {
    case 'enabled':
      return { budget: numberOf(thinking.get('budget_tokens')) ?? -1, ...(effort === undefined ? {} : { effort }), includeThoughts: true, ...shown }
    case 'adaptive':
      return { budget: -1, ...(effort === undefined ? {} : { effort }), ...shown }
    case 'disabled':
      return { effort: 'none', budget: 0 }
    default:
      spare('thinking.type', thinking)
      return undefined
  }
}
