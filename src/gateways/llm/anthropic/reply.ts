import { isObject, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Leaf, Proposal } from '../../../contract/reply.ts'
import type { Completion, Part } from '../conversation.ts'
import { Inexpressible, type FrameView } from '../dialect.ts'
import { answeredArguments, eachString, leafText } from '../leaves.ts'
import { sealOnWire, sign, signedBy } from '../signature.ts'
import { errorFault } from './errors.ts'
import { stopOf, stopWord, usageOf, usageTree } from './usage.ts'

export type PathedLeaf = Leaf & { readonly path: readonly (string | number)[] }

/** What stands in place of a call that was taken out of a stream: blocks of a message may not be empty or missing. */
const REMOVED = '[A tool call was removed by policy.]'

/** Opaque to everybody but the provider: there is nothing in them that a rule could judge. */
const SEALED = new Set(['signature', 'encrypted_content', 'encrypted_index', 'encrypted_stdout', 'data', 'id', 'tool_use_id', 'file_id', 'type'])

/** Leaves of one content block. Blocks that nobody here knows yet are inspected string by string. */
export function blockLeaves(block: TreeObject, index: number, path: readonly (string | number)[], add: (leaf: PathedLeaf) => void): void {
  switch (block.get('type')) {
    case 'text': {
      const text = stringOf(block.get('text'))
      if (text !== undefined && text !== '') add({ channel: '0/text', origin: 'assistant', text, whole: false, path: [...path, 'text'] })
      const citations = block.get('citations')
      if (Array.isArray(citations)) otherStrings(citations, `0/citation/${index}`, 'document', [...path, 'citations'], add)
      return
    }
    case 'thinking': {
      const text = stringOf(block.get('thinking'))
      if (text !== undefined && text !== '') add({ channel: '0/reasoning', origin: 'reasoning', text, whole: false, path: [...path, 'thinking'] })
      return
    }
    case 'redacted_thinking':
      return
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use': {
      const input = block.get('input')
      // A stream opens a call with an empty object and sends its arguments as text behind it.
      if (isObject(input) && input.size > 0) {
        add({ channel: `0/tool/${index}`, origin: 'tool_call', text: leafText(input), whole: false, path: [...path, 'input'] })
      }
      return
    }
    default: {
      const type = stringOf(block.get('type')) ?? ''
      const result = type.endsWith('_result') || type === 'mcp_tool_listing'
      otherStrings(block, result ? `0/result/${index}` : `0/other/${index}`, result ? 'tool_result' : 'assistant', path, add)
    }
  }
}

export function otherStrings(
  value: Tree,
  channel: string,
  origin: Leaf['origin'],
  path: readonly (string | number)[],
  add: (leaf: PathedLeaf) => void,
): void {
  eachString(value, path, (text, where, key) => {
    if (text !== '' && !SEALED.has(key)) add({ channel, origin, text, whole: true, path: where })
  })
}

/** A complete message as one view. */
export function viewReply(tree: TreeObject): FrameView {
  if (tree.get('type') === 'error') {
    return { kind: 'fault', leaves: [], closes: [], opensCall: false, proposals: [], fault: errorFault(200, tree, '') }
  }
  const leaves: PathedLeaf[] = []
  const proposals: Proposal[] = []
  blocks(tree).forEach((block, index) => {
    blockLeaves(block, index, ['content', index], (leaf) => leaves.push({ ...leaf, whole: true }))
    if (block.get('type') !== 'tool_use') return
    const proposal = proposalOf(block, index)
    proposals.push(proposal)
    if (leaves.at(-1)?.channel !== proposal.channel) {
      leaves.push({ channel: proposal.channel, origin: 'tool_call', text: leafText(block.get('input')), whole: true, path: ['content', index, 'input'] })
    }
  })
  const details = tree.get('stop_details')
  if (isObject(details)) otherStrings(details, '0/stop', 'assistant', ['stop_details'], (leaf) => leaves.push(leaf))
  const usage = usageOf(tree.get('usage'))
  const model = stringOf(tree.get('model'))
  return {
    kind: 'end',
    leaves,
    closes: [...new Set(leaves.map((leaf) => leaf.channel))],
    opensCall: proposals.length > 0,
    proposals,
    ...(usage === undefined ? {} : { usage }),
    ...(model === undefined ? {} : { model }),
  }
}

export function proposalOf(block: TreeObject, index: number): Proposal {
  return { channel: `0/tool/${index}`, id: stringOf(block.get('id')) ?? '', name: stringOf(block.get('name')) ?? '' }
}

function blocks(tree: TreeObject): TreeObject[] {
  const content = tree.get('content')
  return Array.isArray(content) ? content.filter(isObject) : []
}

const KNOWN = new Set(['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence', 'usage'])

export function decodeReply(tree: TreeObject): Completion {
  const parts: Part[] = []
  const extra: TreeObject = new Map()
  const others: Tree[] = []
  for (const block of blocks(tree)) {
    const part = decodeBlock(block)
    if (part === undefined) others.push(block)
    else parts.push(part)
  }
  for (const [name, value] of tree) if (!KNOWN.has(name) && value !== null) extra.set(name, value)
  // Blocks of tools that Anthropic ran have no word in other dialects: they travel beside the answer.
  if (others.length > 0) extra.set('anthropic_content', others)
  const usage = usageOf(tree.get('usage'))
  const stopSequence = stringOf(tree.get('stop_sequence'))
  return {
    id: stringOf(tree.get('id')) ?? '',
    model: stringOf(tree.get('model')) ?? '',
    choices: [{ parts, stop: stopOf(tree.get('stop_reason')), ...(stopSequence === undefined ? {} : { stopSequence }) }],
    ...(usage === undefined ? {} : { usage }),
    extra,
  }
}

function decodeBlock(block: TreeObject): Part | undefined {
  switch (block.get('type')) {
    case 'text': {
      const citations = block.get('citations')
      return { kind: 'text', text: stringOf(block.get('text')) ?? '', ...(citations === undefined || citations === null ? {} : { citations }) }
    }
    case 'thinking': {
      const signature = stringOf(block.get('signature'))
      return {
        kind: 'reasoning',
        text: stringOf(block.get('thinking')) ?? '',
        ...(signature === undefined || signature === '' ? {} : { signature: sign('anthropic', signature) }),
      }
    }
    case 'redacted_thinking':
      return { kind: 'reasoning', text: '', sealed: sign('anthropic', stringOf(block.get('data')) ?? '') }
    case 'tool_use':
      return { kind: 'call', id: stringOf(block.get('id')) ?? '', name: stringOf(block.get('name')) ?? '', args: leafText(block.get('input') ?? new Map()) }
    default:
      return undefined
  }
}

/**
 * A message for an Anthropic caller. A signature that belongs to a call (Gemini's) travels as a `redacted_thinking`
 * block before it, which clients give back unchanged.
 * @throws {Inexpressible} for media in the answer.
 */
export function encodeReply(completion: Completion): TreeObject {
  const choice = completion.choices[0]
  const content: Tree[] = []
  for (const part of choice?.parts ?? []) encodePart(part, content)
  const made = object({
    id: completion.id,
    type: 'message',
    role: 'assistant',
    model: completion.model,
    content,
    stop_reason: choice === undefined ? null : stopWord(choice.stop),
    stop_sequence: choice?.stopSequence ?? null,
    usage: usageTree(completion.usage),
  })
  for (const [name, value] of completion.extra) if (!made.has(name)) made.set(name, value)
  return made
}

function encodePart(part: Part, content: Tree[]): void {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      if (part.text !== '') content.push(object({ type: 'text', text: part.text, citations: null }))
      return
    case 'reasoning':
      content.push(...thinkingBlocks(part))
      return
    case 'call':
      if (part.signature !== undefined) content.push(object({ type: 'redacted_thinking', data: part.signature }))
      content.push(object({ type: 'tool_use', id: part.id, name: part.name, input: answeredArguments(part.args) }))
      return
    case 'image':
    case 'audio':
    case 'file':
    case 'result':
      throw new Inexpressible(`answer.${part.kind}`, 'an Anthropic answer has no such content')
  }
}

/** Own signatures as they were; another maker's keep its name and wait here for their return. */
function thinkingBlocks(part: Part & { readonly kind: 'reasoning' }): TreeObject[] {
  const made: TreeObject[] = []
  if (part.sealed !== undefined) made.push(object({ type: 'redacted_thinking', data: signedBy('anthropic', part.sealed) ?? sealOnWire(part.sealed) }))
  const own = signedBy('anthropic', part.signature)
  if (part.text !== '' || own !== undefined) made.push(object({ type: 'thinking', thinking: part.text, signature: own ?? part.signature ?? '' }))
  else if (part.signature !== undefined) made.push(object({ type: 'redacted_thinking', data: part.signature }))
  return made
}

/**
 * The message without these calls. Also takes single stream events: there a removed call becomes a short text block,
 * because the blocks of a stream are numbered and clients do not survive a gap.
 */
export function dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject {
  const index = tree.get('index')
  if (typeof index === 'number') return channels.has(`0/tool/${index}`) ? withoutCall(tree) : tree
  const content = tree.get('content')
  if (!Array.isArray(content)) return tree
  const kept = content.filter((_, place) => !channels.has(`0/tool/${place}`))
  if (kept.length === content.length) return tree
  const made = new Map(tree)
  made.set('content', kept)
  if (made.get('stop_reason') === 'tool_use' && !kept.some((block) => isObject(block) && block.get('type') === 'tool_use')) {
    made.set('stop_reason', 'end_turn')
  }
  return made
}

function withoutCall(event: TreeObject): TreeObject {
  const made = new Map(event)
  if (event.get('type') === 'content_block_start') made.set('content_block', object({ type: 'text', text: REMOVED, citations: null }))
  if (event.get('type') === 'content_block_delta') made.set('delta', object({ type: 'text_delta', text: '' }))
  return made
}
