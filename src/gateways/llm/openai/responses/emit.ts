import { object, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Conversation, Delta, StopReason } from '../../conversation.ts'
import { Inexpressible, type StreamFrame } from '../../dialect.ts'
import { createdAt } from '../usage.ts'
import { reasoningItem } from './reasoning.ts'
import { callItem, itemId, messageItem, outputText, responseObject, type Headed } from './reply.ts'

interface Block {
  readonly part: 'text' | 'reasoning' | 'refusal' | 'call'
  readonly index: number
  readonly id: string
  readonly callId: string
  readonly name: string
  text: string
  /** True once the summary part of a reasoning item is open. */
  begun: boolean
  signature?: string
  sealed?: string
}

/**
 * Deltas → the full sequence of events, numbered, one output item for each block. What ends a block repeats it, and
 * the final event repeats everything, as clients expect.
 */
export function encoder(asked: Conversation): { push(delta: Delta): readonly StreamFrame[] } {
  const blocks = new Map<number, Block>()
  const output: TreeObject[] = []
  let head: Headed = { id: '', model: asked.model, created: 0 }
  let sequence = 0
  let count = 0
  let stop: StopReason = 'stop'

  const event = (type: string, fields: Readonly<Record<string, Tree | undefined>>): StreamFrame => ({
    event: type,
    data: object({ type, sequence_number: sequence++, ...fields }),
  })

  const begin = (delta: Delta & { readonly t: 'open' }): StreamFrame[] => {
    const index = count++
    const kind = delta.part === 'call' ? 'fc' : delta.part === 'reasoning' ? 'rs' : 'msg'
    const block: Block = { part: delta.part, index, id: itemId(kind, head.id, index), callId: delta.id ?? '', name: delta.name ?? '', text: '', begun: false }
    blocks.set(delta.block, block)
    const place = { output_index: index }
    switch (delta.part) {
      case 'call':
        return [event('response.output_item.added', { ...place, item: callItem(block.id, block.callId, block.name, '', 'in_progress') })]
      case 'reasoning':
        return [event('response.output_item.added', { ...place, item: object({ id: block.id, type: 'reasoning', summary: [], status: 'in_progress' }) })]
      case 'text':
      case 'refusal':
        return [
          event('response.output_item.added', { ...place, item: messageItem(block.id, [], 'in_progress') }),
          event('response.content_part.added', { item_id: block.id, ...place, content_index: 0, part: partOf(block) }),
        ]
    }
  }

  const more = (block: Block, text: string): StreamFrame[] => {
    const place = { item_id: block.id, output_index: block.index }
    const made: StreamFrame[] = []
    if (block.part === 'reasoning' && !block.begun) {
      block.begun = true
      made.push(event('response.reasoning_summary_part.added', { ...place, summary_index: 0, part: summaryOf('') }))
    }
    block.text += text
    switch (block.part) {
      case 'call':
        made.push(event('response.function_call_arguments.delta', { ...place, delta: text }))
        break
      case 'reasoning':
        made.push(event('response.reasoning_summary_text.delta', { ...place, summary_index: 0, delta: text }))
        break
      case 'text':
        made.push(event('response.output_text.delta', { ...place, content_index: 0, delta: text, logprobs: [] }))
        break
      case 'refusal':
        made.push(event('response.refusal.delta', { ...place, content_index: 0, delta: text }))
        break
    }
    return made
  }

  const close = (number: number): StreamFrame[] => {
    const block = blocks.get(number)
    if (block === undefined) return []
    blocks.delete(number)
    const place = { item_id: block.id, output_index: block.index }
    const made: StreamFrame[] = []
    const item = itemOf(block)
    switch (block.part) {
      case 'call':
        if (block.text === '') made.push(...more(block, '{}'))
        made.push(event('response.function_call_arguments.done', { ...place, name: block.name, arguments: block.text }))
        break
      case 'reasoning':
        if (block.begun) {
          made.push(event('response.reasoning_summary_text.done', { ...place, summary_index: 0, text: block.text }))
          made.push(event('response.reasoning_summary_part.done', { ...place, summary_index: 0, part: summaryOf(block.text) }))
        }
        break
      case 'text':
        made.push(event('response.output_text.done', { ...place, content_index: 0, text: block.text, logprobs: [] }))
        made.push(event('response.content_part.done', { ...place, content_index: 0, part: partOf(block) }))
        break
      case 'refusal':
        made.push(event('response.refusal.done', { ...place, content_index: 0, refusal: block.text }))
        made.push(event('response.content_part.done', { ...place, content_index: 0, part: partOf(block) }))
        break
    }
    output[block.index] = item
    made.push(event('response.output_item.done', { output_index: block.index, item }))
    // What a call was signed with has no place in it: an empty reasoning item behind it brings it back.
    if (block.part === 'call' && block.signature !== undefined) {
      const index = count++
      const carrier = reasoningItem('', { signature: block.signature }, itemId('rs', head.id, index))
      output[index] = carrier
      made.push(event('response.output_item.added', { output_index: index, item: carrier }), event('response.output_item.done', { output_index: index, item: carrier }))
    }
    return made
  }

  const push = (delta: Delta): readonly StreamFrame[] => {
    if ('choice' in delta && delta.choice > 0) throw new Inexpressible('n', 'Responses gives one answer')
    switch (delta.t) {
      case 'start': {
        head = { ...head, id: delta.id, model: delta.model, created: createdAt(delta.created), ...(delta.usage === undefined ? {} : { usage: delta.usage }) }
        const { usage: _, ...bare } = head
        const response = responseObject(bare, asked, undefined, [])
        return [event('response.created', { response }), event('response.in_progress', { response })]
      }
      case 'open':
        return begin(delta)
      case 'text': {
        const block = blocks.get(delta.block)
        return block === undefined ? [] : more(block, delta.text)
      }
      case 'signature': {
        const block = blocks.get(delta.block)
        if (block !== undefined) block[delta.sealed === true ? 'sealed' : 'signature'] = delta.signature
        return []
      }
      case 'close':
        return close(delta.block)
      case 'finish':
        stop = delta.stop
        return [...blocks.keys()].flatMap(close)
      case 'usage':
        head = { ...head, usage: delta.usage }
        return []
      case 'end': {
        const made = [...blocks.keys()].flatMap(close)
        const response = responseObject(head, asked, stop, output)
        const cut = response.get('status') === 'incomplete'
        made.push(event(cut ? 'response.incomplete' : 'response.completed', { response }))
        return made
      }
    }
  }
  return { push }
}

function partOf(block: Block): TreeObject {
  return block.part === 'refusal' ? object({ type: 'refusal', refusal: block.text }) : outputText(block.text)
}

function summaryOf(text: string): TreeObject {
  return object({ type: 'summary_text', text })
}

function itemOf(block: Block): TreeObject {
  switch (block.part) {
    case 'call':
      return callItem(block.id, block.callId, block.name, block.text === '' ? '{}' : block.text)
    case 'reasoning':
      return reasoningItem(block.text, block, block.id)
    case 'text':
    case 'refusal':
      return messageItem(block.id, [partOf(block)])
  }
}
