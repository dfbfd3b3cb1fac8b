import { at, isNumber, isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Delta } from '../../conversation.ts'
import { Inexpressible, type StreamFrame } from '../../dialect.ts'
import { arrayOf } from '../chat/decode.ts'
import { usageOf } from '../usage.ts'
import { marksOf } from './reasoning.ts'
import { stopOf } from './reply.ts'

interface Block {
  readonly block: number
  said: boolean
}

type Words = 'text' | 'refusal' | 'reasoning'

/** Events → deltas. One block for each content part, each reasoning item and each call, in order of appearance. */
export function decoder(): { push(frame: StreamFrame): readonly Delta[]; finish(): readonly Delta[] } {
  const blocks = new Map<string, Block>()
  /** Last summary or content part that was heard of each reasoning item. */
  const parts = new Map<string, string>()
  const kinds: { readonly kind: string }[] = []
  let next = 0
  let finished = false
  let ended = false

  const open = (key: string, part: Words | 'call', made: Delta[], id?: string, name?: string): Block => {
    const known = blocks.get(key)
    if (known !== undefined) return known
    const block = { block: next++, said: false }
    blocks.set(key, block)
    kinds.push({ kind: part })
    made.push({ t: 'open', choice: 0, block: block.block, part, ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { name }) })
    return block
  }

  const say = (block: Block, text: string, made: Delta[]): void => {
    if (text === '') return
    block.said = true
    made.push({ t: 'text', choice: 0, block: block.block, text })
  }

  const close = (key: string, made: Delta[]): void => {
    const block = blocks.get(key)
    if (block === undefined) return
    blocks.delete(key)
    made.push({ t: 'close', choice: 0, block: block.block })
  }

  const closeAll = (made: Delta[]): void => {
    for (const key of [...blocks.keys()]) close(key, made)
  }

  const words = (data: TreeObject, part: 'text' | 'refusal', field: string, done: boolean, made: Delta[]): void => {
    const key = `${String(data.get('output_index'))}.${String(data.get('content_index'))}`
    const text = stringOf(data.get(field)) ?? ''
    if (!done && text !== '') say(open(key, part, made), text, made)
    if (!done) return
    // A part that was never streamed stands in its `done` event only.
    if (!blocks.has(key) && text !== '') say(open(key, part, made), text, made)
    close(key, made)
  }

  const thought = (data: TreeObject, text: string, made: Delta[]): void => {
    if (text === '') return
    const key = `${String(data.get('output_index'))}.reasoning`
    const part = `${String(data.get('summary_index'))}/${String(data.get('content_index'))}`
    const block = open(key, 'reasoning', made, stringOf(data.get('item_id')))
    const before = parts.get(key)
    if (before !== undefined && before !== part) say(block, '\n\n', made)
    parts.set(key, part)
    say(block, text, made)
  }

  const call = (item: TreeObject, index: string, made: Delta[]): Block => {
    if (stringOf(item.get('namespace')) !== undefined) throw new Inexpressible('answer.namespace', 'has no place in another dialect')
    return open(`${index}.call`, 'call', made, stringOf(item.get('call_id')) ?? stringOf(item.get('id')) ?? '', stringOf(item.get('name')) ?? '')
  }

  const item = (data: TreeObject, done: boolean, made: Delta[]): void => {
    const one = data.get('item')
    if (!isObject(one)) return
    const index = String(data.get('output_index'))
    switch (one.get('type')) {
      case 'function_call': {
        const block = call(one, index, made)
        if (!block.said) say(block, stringOf(one.get('arguments')) ?? '', made)
        if (done) close(`${index}.call`, made)
        return
      }
      case 'reasoning': {
        if (!done) return
        const { signature, sealed } = marksOf(one)
        const key = `${index}.reasoning`
        const texts = [...arrayOf(one.get('content')), ...arrayOf(one.get('summary'))].map((part) => stringOf(at(part, ['text'])) ?? '').filter((text) => text !== '')
        if (!blocks.has(key) && (texts.length > 0 || signature !== undefined || sealed !== undefined)) {
          say(open(key, 'reasoning', made, stringOf(one.get('id'))), texts.join('\n\n'), made)
        }
        const block = blocks.get(key)
        if (block === undefined) return
        if (signature !== undefined) made.push({ t: 'signature', choice: 0, block: block.block, signature })
        if (sealed !== undefined) made.push({ t: 'signature', choice: 0, block: block.block, signature: sealed, sealed: true })
        close(key, made)
        return
      }
      case 'custom_tool_call':
        throw new Inexpressible('answer.custom_tool_call', 'only function calls have a place elsewhere')
      default:
    }
  }

  const ending = (response: Tree | undefined, made: Delta[]): void => {
    closeAll(made)
    if (!finished) made.push({ t: 'finish', choice: 0, stop: stopOf(isObject(response) ? response : new Map(), kinds) })
    finished = true
    const usage = usageOf(at(response, ['usage']))
    if (usage !== undefined) made.push({ t: 'usage', usage })
    if (!ended) made.push({ t: 'end' })
    ended = true
  }

  const push = ({ event, data }: StreamFrame): readonly Delta[] => {
    const made: Delta[] = []
    if (!isObject(data)) return made
    const index = String(data.get('output_index'))
    switch (stringOf(data.get('type')) ?? event) {
      case 'response.created': {
        const response = data.get('response')
        const created = at(response, ['created_at'])
        made.push({
          t: 'start',
          id: stringOf(at(response, ['id'])) ?? '',
          model: stringOf(at(response, ['model'])) ?? '',
          ...(isNumber(created) ? { created: Math.floor(numberOf(created) as number) } : {}),
        })
        break
      }
      case 'response.output_item.added':
        item(data, false, made)
        break
      case 'response.output_item.done':
        item(data, true, made)
        break
      case 'response.output_text.delta':
        words(data, 'text', 'delta', false, made)
        break
      case 'response.output_text.done':
        words(data, 'text', 'text', true, made)
        break
      case 'response.refusal.delta':
        words(data, 'refusal', 'delta', false, made)
        break
      case 'response.refusal.done':
        words(data, 'refusal', 'refusal', true, made)
        break
      case 'response.reasoning_text.delta':
      case 'response.reasoning_summary_text.delta':
        thought(data, stringOf(data.get('delta')) ?? '', made)
        break
      case 'response.function_call_arguments.delta': {
        const block = blocks.get(`${index}.call`)
        if (block !== undefined) say(block, stringOf(data.get('delta')) ?? '', made)
        break
      }
      case 'response.function_call_arguments.done': {
        const block = blocks.get(`${index}.call`)
        if (block !== undefined && !block.said) say(block, stringOf(data.get('arguments')) ?? '', made)
        break
      }
      case 'response.completed':
      case 'response.incomplete':
        ending(data.get('response'), made)
        break
      default:
    }
    return made
  }

  return {
    push,
    /** Without a final response the answer is cut: its blocks are closed, and no `end` pretends that it is whole. */
    finish() {
      const made: Delta[] = []
      closeAll(made)
      return made
    },
  }
}
