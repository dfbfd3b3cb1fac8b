import { isNumber, isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Usage } from '../../../../contract/exchange.ts'
import type { Conversation, Delta } from '../../conversation.ts'
import { Inexpressible, type StreamFrame } from '../../dialect.ts'
import { leafText } from '../../leaves.ts'
import { chatUsage, createdAt, usageOf } from '../usage.ts'
import { arrayOf } from './decode.ts'
import { detailsOf, marksOf, reasoningText } from './reasoning.ts'
import { signatureField, stopOf, stopWord, thoughtSignature } from './reply.ts'
import { eachChoice } from './view.ts'

type Run = 'text' | 'reasoning' | 'refusal'

interface Choice {
  next: number
  /** The one run of words that is open; another kind of words closes it. */
  run?: { readonly part: Run; readonly block: number }
  readonly calls: Map<number, number>
  refused: boolean
  finished: boolean
}

/** Chunks → deltas. Calls stay open until their choice finishes: their arguments may come interleaved. */
export function decoder(): { push(frame: StreamFrame): readonly Delta[]; finish(): readonly Delta[] } {
  const choices = new Map<number, Choice>()
  let started = false
  let ended = false

  const closeRun = (index: number, choice: Choice, made: Delta[]): void => {
    if (choice.run === undefined) return
    made.push({ t: 'close', choice: index, block: choice.run.block })
    delete choice.run
  }

  const closeAll = (index: number, choice: Choice, made: Delta[]): void => {
    closeRun(index, choice, made)
    for (const block of choice.calls.values()) made.push({ t: 'close', choice: index, block })
    choice.calls.clear()
  }

  /** The block of a run of words, opened where it is not. */
  const runOf = (index: number, choice: Choice, part: Run, made: Delta[]): number => {
    if (choice.run?.part === part) return choice.run.block
    closeRun(index, choice, made)
    const block = choice.next++
    choice.run = { part, block }
    made.push({ t: 'open', choice: index, block, part })
    return block
  }

  const say = (index: number, choice: Choice, part: Run, text: string, made: Delta[]): void => {
    if (text !== '') made.push({ t: 'text', choice: index, block: runOf(index, choice, part, made), text })
  }

  const details = (index: number, choice: Choice, list: readonly Tree[], hasPlain: boolean, made: Delta[]): void => {
    for (const detail of list) {
      if (!isObject(detail)) continue
      if (!hasPlain) say(index, choice, 'reasoning', stringOf(detail.get('text')) ?? stringOf(detail.get('summary')) ?? '', made)
      const { signature, sealed } = marksOf(detail)
      if (signature !== undefined) made.push({ t: 'signature', choice: index, block: runOf(index, choice, 'reasoning', made), signature })
      if (sealed !== undefined) {
        closeRun(index, choice, made)
        made.push({ t: 'signature', choice: index, block: runOf(index, choice, 'reasoning', made), signature: sealed, sealed: true })
        closeRun(index, choice, made)
      }
    }
  }

  const called = (index: number, choice: Choice, call: TreeObject, place: number, made: Delta[]): void => {
    const target = call.get('function')
    if (!isObject(target)) throw new Inexpressible('answer.tool_calls', 'only function calls have a place elsewhere')
    const slot = numberOf(call.get('index')) ?? place
    let block = choice.calls.get(slot)
    if (block === undefined) {
      closeRun(index, choice, made)
      block = choice.next++
      choice.calls.set(slot, block)
      made.push({ t: 'open', choice: index, block, part: 'call', id: stringOf(call.get('id')) ?? '', name: stringOf(target.get('name')) ?? '' })
    }
    const args = target.get('arguments')
    const text = leafText(args === null ? undefined : args)
    if (text !== '') made.push({ t: 'text', choice: index, block, text })
    const signature = thoughtSignature(call)
    if (signature !== undefined) made.push({ t: 'signature', choice: index, block, signature })
  }

  const step = (index: number, choice: Choice, delta: TreeObject, made: Delta[]): void => {
    const plain = reasoningText(delta)
    say(index, choice, 'reasoning', plain, made)
    details(index, choice, arrayOf(delta.get('reasoning_details')), plain !== '', made)
    const content = delta.get('content')
    if (typeof content === 'string') say(index, choice, 'text', content, made)
    else for (const chunk of arrayOf(content)) chunkText(chunk, (part, text) => say(index, choice, part, text, made))
    const refusal = stringOf(delta.get('refusal')) ?? ''
    if (refusal !== '') choice.refused = true
    say(index, choice, 'refusal', refusal, made)
    arrayOf(delta.get('tool_calls')).forEach((call, place) => {
      if (isObject(call)) called(index, choice, call, place, made)
    })
    const legacy = delta.get('function_call')
    if (isObject(legacy)) called(index, choice, new Map<string, Tree>([['id', 'call_0'], ['function', legacy]]), 0, made)
  }

  const push = ({ data }: StreamFrame): readonly Delta[] => {
    const made: Delta[] = []
    if (data === undefined) {
      for (const [index, choice] of choices) closeAll(index, choice, made)
      if (!ended) made.push({ t: 'end' })
      ended = true
      return made
    }
    if (!isObject(data)) return made
    if (!started) {
      started = true
      const created = data.get('created')
      made.push({ t: 'start', id: stringOf(data.get('id')) ?? '', model: stringOf(data.get('model')) ?? '', ...(isNumber(created) ? { created: numberOf(created) as number } : {}) })
    }
    eachChoice(data, (wire, index) => {
      let choice = choices.get(index)
      if (choice === undefined) choices.set(index, (choice = { next: 0, calls: new Map(), refused: false, finished: false }))
      const delta = wire.get('delta')
      if (isObject(delta)) step(index, choice, delta, made)
      const reason = wire.get('finish_reason')
      if (typeof reason === 'string' && !choice.finished) {
        closeAll(index, choice, made)
        choice.finished = true
        made.push({ t: 'finish', choice: index, stop: stopOf(reason, choice.refused) })
      }
    })
    const usage = usageOf(data.get('usage'))
    if (usage !== undefined) made.push({ t: 'usage', usage })
    return made
  }

  return {
    push,
    /** Without a finish reason the answer is cut: its blocks are closed, and no `end` pretends that it is whole. */
    finish() {
      const made: Delta[] = []
      for (const [index, choice] of choices) closeAll(index, choice, made)
      if (!ended && choices.size > 0 && [...choices.values()].every((choice) => choice.finished)) {
        ended = true
        made.push({ t: 'end' })
      }
      return made
    },
  }
}

function chunkText(chunk: Tree, say: (part: Run, text: string) => void): void {
  if (!isObject(chunk)) return
  const text = stringOf(chunk.get('text'))
  if (text !== undefined) say('text', text)
  for (const piece of arrayOf(chunk.get('thinking'))) if (isObject(piece)) say('reasoning', stringOf(piece.get('text')) ?? '')
}

interface Block {
  readonly part: 'text' | 'reasoning' | 'refusal' | 'call'
  /** Position among the choice's calls. */
  readonly tool: number
  empty: boolean
}

/** Deltas → chunks. Usage comes in one chunk without choices before `[DONE]`, as when asked for. */
export function encoder(asked: Conversation): { push(delta: Delta): readonly StreamFrame[] } {
  const blocks = new Map<string, Block>()
  const choices = new Map<number, { calls: number; refused: boolean }>()
  let head: { readonly id: string; readonly model: string; readonly created: number } = { id: '', model: asked.model, created: 0 }
  let usage: Usage | undefined

  const chunk = (list: readonly TreeObject[], counted?: TreeObject): StreamFrame => ({
    data: object({ id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model, choices: [...list], usage: counted }),
  })

  const piece = (index: number, delta: Readonly<Record<string, Tree | undefined>>, finish: string | null = null): StreamFrame =>
    chunk([object({ index, delta: object(delta), logprobs: null, finish_reason: finish })])

  const begin = (index: number, made: StreamFrame[]): { calls: number; refused: boolean } => {
    let choice = choices.get(index)
    if (choice === undefined) {
      choices.set(index, (choice = { calls: 0, refused: false }))
      made.push(piece(index, { role: 'assistant', content: '', refusal: null }))
    }
    return choice
  }

  const push = (delta: Delta): readonly StreamFrame[] => {
    const made: StreamFrame[] = []
    switch (delta.t) {
      case 'start':
        head = { id: delta.id, model: delta.model, created: createdAt(delta.created) }
        usage = delta.usage ?? usage
        begin(0, made)
        return made
      case 'open': {
        const choice = begin(delta.choice, made)
        const block = { part: delta.part, tool: delta.part === 'call' ? choice.calls++ : 0, empty: true }
        blocks.set(`${delta.choice}/${delta.block}`, block)
        if (delta.part === 'refusal') choice.refused = true
        if (delta.part === 'call') {
          const call = object({ index: block.tool, id: delta.id ?? '', type: 'function', function: object({ name: delta.name ?? '', arguments: '' }) })
          made.push(piece(delta.choice, { tool_calls: [call] }))
        }
        return made
      }
      case 'text': {
        const block = blocks.get(`${delta.choice}/${delta.block}`)
        if (block === undefined) return made
        block.empty = false
        made.push(piece(delta.choice, wordsOf(block, delta.text)))
        return made
      }
      case 'signature': {
        const block = blocks.get(`${delta.choice}/${delta.block}`)
        if (block === undefined) return made
        if (block.part === 'call') made.push(piece(delta.choice, { tool_calls: [object({ index: block.tool, extra_content: signatureField(delta.signature) })] }))
        else made.push(piece(delta.choice, { reasoning_details: delta.sealed === true ? detailsOf('', undefined, delta.signature) : detailsOf('', delta.signature, undefined) }))
        return made
      }
      case 'close': {
        const block = blocks.get(`${delta.choice}/${delta.block}`)
        // A call without arguments: clients parse what they were given, and nothing is not JSON.
        if (block?.part === 'call' && block.empty) made.push(piece(delta.choice, wordsOf(block, '{}')))
        blocks.delete(`${delta.choice}/${delta.block}`)
        return made
      }
      case 'finish': {
        const choice = begin(delta.choice, made)
        made.push(piece(delta.choice, {}, stopWord(delta.stop, choice.refused)))
        return made
      }
      case 'usage':
        usage = delta.usage
        return made
      case 'end':
        if (asked.includeUsage && usage !== undefined) made.push(chunk([], chatUsage(usage)))
        made.push({})
        return made
    }
  }
  return { push }
}

function wordsOf(block: Block, text: string): Readonly<Record<string, Tree>> {
  switch (block.part) {
    case 'text':
      return { content: text }
    case 'reasoning':
      return { reasoning_content: text }
    case 'refusal':
      return { refusal: text }
    case 'call':
      return { tool_calls: [object({ index: block.tool, function: object({ arguments: text }) })] }
  }
}
