import { object, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { Delta, StopReason } from '../conversation.ts'
import type { StreamFrame } from '../dialect.ts'
import { sealOnWire, signedBy } from '../signature.ts'
import { stopWord, usageTree } from './usage.ts'

type Opened = Extract<Delta, { t: 'open' }>

/** A block on its way out. Only the first in the queue is written; what arrives for later ones waits in `behind`. */
interface Block {
  readonly opened: Opened
  readonly behind: Delta[]
  /** Content index on the wire, once `content_block_start` is out. */
  index?: number
  closed: boolean
}

/**
 * Deltas → frames of a Messages stream. Anthropic's blocks never overlap, other dialects' may: a text block gives way
 * when another block opens (more text for it opens a new block), a call keeps its place until it is complete.
 */
export function encoder(): { push(delta: Delta): readonly StreamFrame[] } {
  const queue: Block[] = []
  let next = 0
  let usage: Usage | undefined
  let stop: StopReason | undefined
  let stopSequence: string | undefined
  let ended = false

  const frame = (event: string, fields: Parameters<typeof object>[0]): StreamFrame => ({ event, data: object({ type: event, ...fields }) })
  const begin = (block: TreeObject): StreamFrame => frame('content_block_start', { index: next, content_block: block })
  const single = (data: string): StreamFrame[] => {
    const index = next
    const made = [begin(object({ type: 'redacted_thinking', data })), frame('content_block_stop', { index })]
    next++
    return made
  }

  /** Starts the head on the wire; a signature that came first decides what kind of block it becomes. */
  const start = (head: Block, out: StreamFrame[]): number => {
    if (head.index !== undefined) return head.index
    const { part, id, name } = head.opened
    out.push(
      begin(
        part === 'call'
          ? object({ type: 'tool_use', id: id ?? '', name: name ?? '', input: new Map() })
          : part === 'reasoning'
            ? object({ type: 'thinking', thinking: '', signature: '' })
            : object({ type: 'text', text: '', citations: null }),
      ),
    )
    head.index = next++
    return head.index
  }

  const write = (head: Block, delta: Delta, out: StreamFrame[]): void => {
    if (delta.t === 'text') {
      const index = start(head, out)
      const { part } = head.opened
      const body =
        part === 'call'
          ? object({ type: 'input_json_delta', partial_json: delta.text })
          : part === 'reasoning'
            ? object({ type: 'thinking_delta', thinking: delta.text })
            : object({ type: 'text_delta', text: delta.text })
      out.push(frame('content_block_delta', { index, delta: body }))
      return
    }
    if (delta.t !== 'signature') return
    const raw = wireSignature(delta)
    const own = signedBy('anthropic', delta.signature) !== undefined
    if (head.opened.part !== 'reasoning' || delta.sealed === true || (head.index === undefined && !own)) {
      // No room in the block itself: a sealed block of its own carries it, and before a call it stands right before.
      if (head.index === undefined) out.push(...single(raw))
      else head.behind.push(delta)
      return
    }
    out.push(frame('content_block_delta', { index: start(head, out), delta: object({ type: 'signature_delta', signature: raw }) }))
  }

  /** Ends the head and lets what waited behind it out. */
  const advance = (out: StreamFrame[]): void => {
    for (;;) {
      const head = queue[0]
      if (head === undefined) return
      const late: Delta[] = []
      for (const delta of head.behind.splice(0)) {
        if (head.index !== undefined && delta.t === 'signature' && (delta.sealed === true || head.opened.part !== 'reasoning')) late.push(delta)
        else write(head, delta, out)
      }
      late.push(...head.behind.splice(0))
      const yields = head.opened.part !== 'call' && queue.length > 1
      if (!head.closed && !yields) {
        head.behind.push(...late)
        return
      }
      if (head.index === undefined && head.opened.part === 'call') start(head, out)
      if (head.index !== undefined) out.push(frame('content_block_stop', { index: head.index }))
      for (const delta of late) if (delta.t === 'signature') out.push(...single(wireSignature(delta)))
      queue.shift()
    }
  }

  const find = (block: number): Block | undefined => queue.find((item) => item.opened.block === block && !item.closed)

  const push = (delta: Delta): readonly StreamFrame[] => {
    const out: StreamFrame[] = []
    switch (delta.t) {
      case 'start':
        usage = delta.usage
        return [
          frame('message_start', {
            message: object({
              id: delta.id,
              type: 'message',
              role: 'assistant',
              model: delta.model,
              content: [],
              stop_reason: null,
              stop_sequence: null,
              usage: usageTree(usage),
            }),
          }),
        ]
      case 'open':
        if (delta.choice !== 0) return out
        opened.set(delta.block, delta)
        queue.push({ opened: delta, behind: [], closed: false })
        advance(out)
        return out
      case 'text':
      case 'signature': {
        if (delta.choice !== 0) return out
        let block = find(delta.block)
        if (block === undefined) {
          const before = opened.get(delta.block)
          if (before === undefined) return out
          block = { opened: before, behind: [], closed: false }
          queue.push(block)
          advance(out)
        }
        if (queue[0] === block) write(block, delta, out)
        else block.behind.push(delta)
        return out
      }
      case 'close': {
        const block = delta.choice === 0 ? find(delta.block) : undefined
        if (block === undefined) return out
        block.closed = true
        advance(out)
        return out
      }
      case 'finish':
        if (delta.choice === 0) {
          stop = delta.stop
          stopSequence = delta.stopSequence
        }
        return out
      case 'usage':
        usage = delta.usage
        return out
      case 'end':
        if (ended) return out
        ended = true
        for (const block of queue) block.closed = true
        advance(out)
        out.push(
          frame('message_delta', {
            delta: object({ stop_reason: stopWord(stop ?? 'stop'), stop_sequence: stopSequence ?? null }),
            usage: usageTree(usage),
          }),
          frame('message_stop', {}),
        )
        return out
    }
  }
  const opened = new Map<number, Opened>()
  return { push }
}

function wireSignature(delta: Extract<Delta, { t: 'signature' }>): string {
  return signedBy('anthropic', delta.signature) ?? (delta.sealed === true ? sealOnWire(delta.signature) : delta.signature)
}
