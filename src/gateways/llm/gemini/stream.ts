import { isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { Delta, Part } from '../conversation.ts'
import { Inexpressible, type StreamFrame } from '../dialect.ts'
import { answeredArguments } from '../leaves.ts'
import { decodeAnswerPart } from './reply.ts'
import { toWire } from './signature.ts'
import { stopOf, stopWord, usageOf, usageTree } from './usage.ts'
import { callId } from './view.ts'

interface Candidate {
  blocks: number
  calls: number
  open?: { readonly block: number; readonly part: 'text' | 'reasoning' }
  finish?: string
}

/** Chunks → deltas. Text of one kind is one block until another kind or a call stands between. */
export function decoder(): { push(frame: StreamFrame): readonly Delta[]; finish(): readonly Delta[] } {
  const candidates = new Map<number, Candidate>()
  let started = false
  let ended = false
  let id = ''
  let usage: Usage | undefined

  const close = (candidate: Candidate, choice: number, made: Delta[]): void => {
    if (candidate.open === undefined) return
    made.push({ t: 'close', choice, block: candidate.open.block })
    delete candidate.open
  }

  const run = (candidate: Candidate, choice: number, part: 'text' | 'reasoning', made: Delta[]): { choice: number; block: number } => {
    if (candidate.open?.part !== part) {
      close(candidate, choice, made)
      candidate.open = { block: candidate.blocks++, part }
      made.push({ t: 'open', choice, block: candidate.open.block, part })
    }
    return { choice, block: candidate.open.block }
  }

  const write = (part: Part, candidate: Candidate, choice: number, made: Delta[]): void => {
    switch (part.kind) {
      case 'text':
        if (part.text !== '') made.push({ t: 'text', ...run(candidate, choice, 'text', made), text: part.text })
        return
      case 'reasoning': {
        const place = run(candidate, choice, 'reasoning', made)
        if (part.text !== '') made.push({ t: 'text', ...place, text: part.text })
        if (part.signature !== undefined) made.push({ t: 'signature', ...place, signature: part.signature })
        if (part.sealed !== undefined) made.push({ t: 'signature', ...place, signature: part.sealed, sealed: true })
        return
      }
      case 'call': {
        close(candidate, choice, made)
        const place = { choice, block: candidate.blocks++ }
        candidate.calls++
        made.push({ t: 'open', ...place, part: 'call', id: part.id, name: part.name })
        if (part.signature !== undefined) made.push({ t: 'signature', ...place, signature: part.signature })
        made.push({ t: 'text', ...place, text: part.args }, { t: 'close', ...place })
        return
      }
      default:
        throw new Inexpressible(`answer.${part.kind}`, 'streams of other dialects hold text and calls only')
    }
  }

  const push = (frame: StreamFrame): readonly Delta[] => {
    const data = frame.data
    if (!isObject(data) || ended) return []
    const made: Delta[] = []
    usage = usageOf(data.get('usageMetadata'), usage)
    if (!started) {
      started = true
      id = stringOf(data.get('responseId')) ?? ''
      const created = Date.parse(stringOf(data.get('createTime')) ?? '')
      made.push({
        t: 'start',
        id,
        model: stringOf(data.get('modelVersion')) ?? '',
        ...(Number.isNaN(created) ? {} : { created: Math.floor(created / 1000) }),
        ...(usage === undefined ? {} : { usage: { ...usage, output: 0, reasoning: 0 } }),
      })
    }
    const list = data.get('candidates')
    for (const item of Array.isArray(list) ? list.filter(isObject) : []) {
      const choice = numberOf(item.get('index')) ?? 0
      let candidate = candidates.get(choice)
      if (candidate === undefined) candidates.set(choice, (candidate = { blocks: 0, calls: 0 }))
      const content = item.get('content')
      const parts = isObject(content) ? content.get('parts') : undefined
      for (const part of Array.isArray(parts) ? parts.filter(isObject) : []) {
        const number = candidate.calls
        for (const one of decodeAnswerPart(part, () => callId(id, choice, number))) write(one, candidate, choice, made)
      }
      const reason = stringOf(item.get('finishReason'))
      if (reason !== undefined && candidate.finish === undefined) {
        candidate.finish = reason
        close(candidate, choice, made)
        made.push({ t: 'finish', choice, stop: stopOf(reason, candidate.calls > 0) })
      }
    }
    return made
  }

  return {
    push,
    /** Google marks no end but the finish reasons: all there = whole, and usage of the last chunk counts. */
    finish() {
      const made: Delta[] = []
      for (const [choice, candidate] of candidates) close(candidate, choice, made)
      if (ended || candidates.size === 0 || [...candidates.values()].some((candidate) => candidate.finish === undefined)) return made
      ended = true
      if (usage !== undefined) made.push({ t: 'usage', usage })
      made.push({ t: 'end' })
      return made
    },
  }
}

interface Block {
  readonly part: 'text' | 'reasoning' | 'refusal' | 'call'
  readonly id: string
  readonly name: string
  args: string
  signature?: string
}

/** Deltas → chunks. Google sends a call in one piece, so its arguments are collected until its block closes. */
export function encoder(): { push(delta: Delta): readonly StreamFrame[] } {
  const blocks = new Map<string, Block>()
  const stops: { choice: number; word: string }[] = []
  let id = ''
  let model = ''
  let usage: Usage | undefined
  let ended = false

  const chunk = (candidates: TreeObject[], last = false): StreamFrame => ({
    data: object({ candidates, usageMetadata: last ? usageTree(usage) : undefined, modelVersion: model, responseId: id }),
  })
  const part = (choice: number, fields: Record<string, Tree | undefined>): StreamFrame =>
    chunk([object({ content: object({ parts: [object(fields)], role: 'model' }), index: choice })])

  const complete = (choice: number, block: Block): StreamFrame =>
    part(choice, { functionCall: object({ id: block.id, name: block.name, args: answeredArguments(block.args) }), thoughtSignature: block.signature })

  return {
    push(delta) {
      switch (delta.t) {
        case 'start':
          id = delta.id
          model = delta.model
          usage = delta.usage
          return []
        case 'open':
          blocks.set(`${delta.choice}/${delta.block}`, { part: delta.part, id: delta.id ?? '', name: delta.name ?? '', args: '' })
          return []
        case 'text': {
          const block = blocks.get(`${delta.choice}/${delta.block}`)
          if (block === undefined || delta.text === '') return []
          if (block.part === 'call') {
            block.args += delta.text
            return []
          }
          return [part(delta.choice, { text: delta.text, thought: block.part === 'reasoning' ? true : undefined })]
        }
        case 'signature': {
          const block = blocks.get(`${delta.choice}/${delta.block}`)
          const wire = toWire(delta.signature, delta.sealed)
          if (block?.part === 'call') {
            block.signature = wire
            return []
          }
          return [part(delta.choice, { text: '', thoughtSignature: wire })]
        }
        case 'close': {
          const block = blocks.get(`${delta.choice}/${delta.block}`)
          blocks.delete(`${delta.choice}/${delta.block}`)
          return block?.part === 'call' ? [complete(delta.choice, block)] : []
        }
        case 'finish':
          stops.push({ choice: delta.choice, word: stopWord(delta.stop) })
          return []
        case 'usage':
          usage = delta.usage
          return []
        case 'end': {
          if (ended) return []
          ended = true
          const late: StreamFrame[] = []
          for (const [key, block] of blocks) if (block.part === 'call') late.push(complete(Number(key.split('/')[0]), block))
          blocks.clear()
          const last = stops.map(({ choice, word }) => object({ content: object({ parts: [object({ text: '' })], role: 'model' }), finishReason: word, index: choice }))
          return [...late, chunk(last, true)]
        }
      }
    },
  }
}
