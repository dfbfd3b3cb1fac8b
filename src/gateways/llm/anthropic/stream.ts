import { at, isObject, stringOf, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { Delta } from '../conversation.ts'
import type { FrameView, StreamFrame } from '../dialect.ts'
import { leafText } from '../leaves.ts'
import { sign } from '../signature.ts'
import { errorFault } from './errors.ts'
import { blockLeaves, otherStrings, proposalOf, type PathedLeaf } from './reply.ts'
import { stopOf, usageOf } from './usage.ts'

const NOTHING: Pick<FrameView, 'leaves' | 'closes' | 'opensCall' | 'proposals'> = { leaves: [], closes: [], opensCall: false, proposals: [] }
const PREAMBLE: FrameView = { kind: 'preamble', ...NOTHING }

/** What a viewer or decoder remembers of a block until it stops. */
interface Open {
  readonly block: TreeObject
  readonly type: string
}

/**
 * Views of a Messages stream. `0/text` and `0/reasoning` run across blocks, because Anthropic cuts one sentence into
 * several text blocks where citations stand, and a reader sees them joined; they close with the stop reason. The
 * `message_delta` with the stop reason is already `end`: behind it only `message_stop` follows.
 */
export function viewer(): (frame: StreamFrame) => FrameView {
  const open = new Map<number, Open>()
  const channels = new Set<string>()
  let usage: Usage | undefined

  return (frame) => {
    const data = frame.data
    if (!isObject(data)) return PREAMBLE
    switch (data.get('type') ?? frame.event) {
      case 'message_start': {
        const message = data.get('message')
        usage = usageOf(at(message, ['usage']))
        const model = stringOf(at(message, ['model']))
        return { ...PREAMBLE, ...(usage === undefined ? {} : { usage }), ...(model === undefined ? {} : { model }) }
      }
      case 'ping':
        return PREAMBLE
      case 'content_block_start': {
        const index = numberAt(data)
        const block = data.get('content_block')
        if (!isObject(block)) return PREAMBLE
        const type = stringOf(block.get('type')) ?? ''
        open.set(index, { block, type })
        const leaves: PathedLeaf[] = []
        blockLeaves(block, index, ['content_block'], (leaf) => leaves.push(leaf))
        const opensCall = type === 'tool_use'
        for (const leaf of leaves) if (!leaf.whole) channels.add(leaf.channel)
        if (leaves.length === 0 && !opensCall) return PREAMBLE
        const whole = leaves.filter((leaf) => leaf.whole).map((leaf) => leaf.channel)
        return { kind: 'content', leaves, closes: whole, opensCall, proposals: [] }
      }
      case 'content_block_delta': {
        const leaves = deltaLeaves(data, numberAt(data), open.get(numberAt(data)))
        for (const leaf of leaves) if (!leaf.whole) channels.add(leaf.channel)
        return { kind: 'content', ...NOTHING, leaves }
      }
      case 'content_block_stop': {
        const index = numberAt(data)
        const known = open.get(index)
        open.delete(index)
        if (known === undefined || !known.type.endsWith('tool_use')) return { kind: 'content', ...NOTHING }
        const channel = `0/tool/${index}`
        channels.delete(channel)
        return { kind: 'content', ...NOTHING, closes: [channel], proposals: known.type === 'tool_use' ? [proposalOf(known.block, index)] : [] }
      }
      case 'message_delta': {
        usage = usageOf(data.get('usage'), usage)
        const leaves: PathedLeaf[] = []
        const details = at(data, ['delta', 'stop_details'])
        if (isObject(details)) otherStrings(details, '0/stop', 'assistant', ['delta', 'stop_details'], (leaf) => leaves.push(leaf))
        const ended = stringOf(at(data, ['delta', 'stop_reason'])) !== undefined
        const closes = ended ? [...channels] : []
        if (ended) channels.clear()
        return { kind: ended ? 'end' : 'content', ...NOTHING, leaves, closes, ...(usage === undefined ? {} : { usage }) }
      }
      case 'message_stop': {
        const closes = [...channels]
        channels.clear()
        return { kind: 'end', ...NOTHING, closes, ...(usage === undefined ? {} : { usage }) }
      }
      case 'error':
        return { kind: 'fault', ...NOTHING, fault: errorFault(200, data, '') }
      default: {
        const leaves: PathedLeaf[] = []
        otherStrings(data, '0/other', 'assistant', [], (leaf) => leaves.push(leaf))
        return { kind: leaves.length === 0 ? 'preamble' : 'content', ...NOTHING, leaves }
      }
    }
  }
}

function numberAt(data: TreeObject): number {
  const index = data.get('index')
  return typeof index === 'number' ? index : 0
}

function deltaLeaves(data: TreeObject, index: number, known: Open | undefined): PathedLeaf[] {
  const delta = data.get('delta')
  if (!isObject(delta)) return []
  const leaves: PathedLeaf[] = []
  const run = (field: string, channel: string, origin: PathedLeaf['origin']): void => {
    const text = stringOf(delta.get(field))
    if (text !== undefined && text !== '') leaves.push({ channel, origin, text, whole: false, path: ['delta', field] })
  }
  switch (delta.get('type')) {
    case 'text_delta':
      run('text', '0/text', 'assistant')
      break
    case 'thinking_delta':
      run('thinking', '0/reasoning', 'reasoning')
      break
    case 'input_json_delta':
      run('partial_json', `0/tool/${index}`, 'tool_call')
      break
    case 'signature_delta':
      break
    case 'citations_delta':
      otherStrings(delta, `0/citation/${index}`, 'document', ['delta'], (leaf) => leaves.push(leaf))
      break
    default:
      otherStrings(delta, `0/other/${index}`, known?.type.endsWith('_result') ? 'tool_result' : 'assistant', ['delta'], (leaf) => leaves.push(leaf))
  }
  return leaves
}

const PARTS: Readonly<Record<string, 'text' | 'reasoning' | 'call'>> = { text: 'text', thinking: 'reasoning', redacted_thinking: 'reasoning', tool_use: 'call' }

/** Frames → deltas. Blocks of tools that Anthropic ran have no delta: other dialects cannot ask for such tools. */
export function decoder(): { push(frame: StreamFrame): readonly Delta[]; finish(): readonly Delta[] } {
  const numbers = new Map<number, number>()
  let next = 0
  let usage: Usage | undefined
  let stopped = false
  let ended = false

  const closeAll = (): Delta[] => {
    const made: Delta[] = [...numbers.values()].map((block) => ({ t: 'close', choice: 0, block }))
    numbers.clear()
    return made
  }

  const push = (frame: StreamFrame): readonly Delta[] => {
    const data = frame.data
    if (!isObject(data)) return []
    switch (data.get('type') ?? frame.event) {
      case 'message_start': {
        const message = data.get('message')
        usage = usageOf(at(message, ['usage']))
        return [
          { t: 'start', id: stringOf(at(message, ['id'])) ?? '', model: stringOf(at(message, ['model'])) ?? '', ...(usage === undefined ? {} : { usage }) },
        ]
      }
      case 'content_block_start': {
        const block = data.get('content_block')
        const part = isObject(block) ? PARTS[stringOf(block.get('type')) ?? ''] : undefined
        if (part === undefined || !isObject(block)) return []
        const number = next++
        numbers.set(numberAt(data), number)
        return opening(block, part, number)
      }
      case 'content_block_delta': {
        const number = numbers.get(numberAt(data))
        return number === undefined ? [] : continuing(data.get('delta') as TreeObject, number)
      }
      case 'content_block_stop': {
        const number = numbers.get(numberAt(data))
        if (number === undefined) return []
        numbers.delete(numberAt(data))
        return [{ t: 'close', choice: 0, block: number }]
      }
      case 'message_delta': {
        const made: Delta[] = []
        const reason = stringOf(at(data, ['delta', 'stop_reason']))
        const sequence = stringOf(at(data, ['delta', 'stop_sequence']))
        if (reason !== undefined && !stopped) {
          stopped = true
          made.push(...closeAll(), { t: 'finish', choice: 0, stop: stopOf(reason), ...(sequence === undefined ? {} : { stopSequence: sequence }) })
        }
        usage = usageOf(data.get('usage'), usage)
        if (usage !== undefined) made.push({ t: 'usage', usage })
        return made
      }
      case 'message_stop':
        if (ended) return []
        ended = true
        return [...closeAll(), { t: 'end' }]
      default:
        return []
    }
  }

  return {
    push,
    /** Without a stop reason the answer is cut: its blocks are closed, and no `end` pretends that it is whole. */
    finish() {
      const made = closeAll()
      if (stopped && !ended) {
        ended = true
        made.push({ t: 'end' })
      }
      return made
    },
  }
}

function opening(block: TreeObject, part: 'text' | 'reasoning' | 'call', number: number): Delta[] {
  const place = { choice: 0, block: number }
  if (part === 'call') {
    const made: Delta[] = [{ t: 'open', ...place, part, id: stringOf(block.get('id')) ?? '', name: stringOf(block.get('name')) ?? '' }]
    const input = block.get('input')
    if (isObject(input) && input.size > 0) made.push({ t: 'text', ...place, text: leafText(input) })
    return made
  }
  const made: Delta[] = [{ t: 'open', ...place, part }]
  const text = stringOf(block.get(part === 'text' ? 'text' : 'thinking'))
  if (text !== undefined && text !== '') made.push({ t: 'text', ...place, text })
  const signature = stringOf(block.get('signature'))
  if (signature !== undefined && signature !== '') made.push({ t: 'signature', ...place, signature: sign('anthropic', signature) })
  const data = stringOf(block.get('data'))
  if (data !== undefined) made.push({ t: 'signature', ...place, signature: sign('anthropic', data), sealed: true })
  return made
}

function continuing(delta: TreeObject | undefined, block: number): Delta[] {
  if (!isObject(delta)) return []
  for (const field of ['text', 'thinking', 'partial_json'] as const) {
    const text = stringOf(delta.get(field))
    if (text !== undefined) return text === '' ? [] : [{ t: 'text', choice: 0, block, text }]
  }
  const signature = stringOf(delta.get('signature'))
  return signature === undefined || signature === '' ? [] : [{ t: 'signature', choice: 0, block, signature: sign('anthropic', signature) }]
}
