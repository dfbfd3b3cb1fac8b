import { at, isNumber, isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Completion, Part, StopReason } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { sign } from '../../signature.ts'
import { leafText } from '../../leaves.ts'
import { fromChat, toChat } from '../annotations.ts'
import { chatUsage, createdAt, usageOf } from '../usage.ts'
import { arrayOf } from './decode.ts'
import { reasoningParts, replyReasoning } from './reasoning.ts'
import { eachChoice } from './view.ts'

const KNOWN = new Set(['id', 'object', 'created', 'model', 'choices', 'usage'])

export function decodeReply(tree: TreeObject): Completion {
  const choices: Completion['choices'][number][] = []
  eachChoice(tree, (choice) => {
    const message = choice.get('message')
    const parts = isObject(message) ? messageParts(message) : []
    const logprobs = choice.get('logprobs')
    choices.push({ parts, stop: stopOf(choice.get('finish_reason'), parts.some((part) => part.kind === 'refusal')), ...(isObject(logprobs) ? { logprobs } : {}) })
  })
  const extra: TreeObject = new Map()
  for (const [field, value] of tree) if (!KNOWN.has(field) && value !== null) extra.set(field, value)
  const created = tree.get('created')
  const usage = usageOf(tree.get('usage'))
  return {
    id: stringOf(tree.get('id')) ?? '',
    model: stringOf(tree.get('model')) ?? '',
    choices,
    extra,
    ...(isNumber(created) ? { created: numberOf(created) as number } : {}),
    ...(usage === undefined ? {} : { usage }),
  }
}

function messageParts(message: TreeObject): Part[] {
  const parts: Part[] = [...reasoningParts(message)]
  const content = message.get('content')
  const citations = fromChat(message.get('annotations'))
  if (typeof content === 'string' && content !== '') parts.push({ kind: 'text', text: content, ...(citations === undefined ? {} : { citations }) })
  // Mistral's thinking models answer in typed chunks.
  else for (const chunk of arrayOf(content)) parts.push(...chunkParts(chunk))
  const refusal = stringOf(message.get('refusal'))
  if (refusal !== undefined && refusal !== '') parts.push({ kind: 'refusal', text: refusal })
  arrayOf(message.get('tool_calls')).forEach((call) => parts.push(callPart(call)))
  const legacy = message.get('function_call')
  if (isObject(legacy)) parts.push({ kind: 'call', id: 'call_0', name: stringOf(legacy.get('name')) ?? '', args: stringOf(legacy.get('arguments')) ?? '' })
  return parts
}

function chunkParts(chunk: Tree): Part[] {
  const type = at(chunk, ['type'])
  if (type === 'text') return [{ kind: 'text', text: stringOf(at(chunk, ['text'])) ?? '' }]
  if (type === 'thinking') {
    const text = arrayOf(at(chunk, ['thinking'])).map((piece) => stringOf(at(piece, ['text'])) ?? '').join('')
    return [{ kind: 'reasoning', text }]
  }
  throw new Inexpressible(`answer.content.${String(type)}`, 'no other dialect has such a part')
}

function callPart(call: Tree): Part {
  const target = at(call, ['function'])
  if (!isObject(target)) throw new Inexpressible('answer.tool_calls', 'only function calls have a place elsewhere')
  const signature = thoughtSignature(call)
  return {
    kind: 'call',
    id: stringOf(at(call, ['id'])) ?? '',
    name: stringOf(target.get('name')) ?? '',
    args: leafText(target.get('arguments')),
    ...(signature === undefined ? {} : { signature }),
  }
}

/** Google's OpenAI compatibility puts the signature of a call here; so does this gateway for its callers. */
export function thoughtSignature(call: Tree): string | undefined {
  const raw = stringOf(at(call, ['extra_content', 'google', 'thought_signature']))
  return raw === undefined || raw === '' ? undefined : sign('gemini', raw)
}

export function signatureField(signature: string): TreeObject {
  return object({ google: object({ thought_signature: signature }) })
}

const stops: ReadonlyMap<string, StopReason> = new Map([
  ['stop', 'stop'],
  ['eos', 'stop'],
  ['length', 'length'],
  ['model_length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
])

export function stopOf(reason: Tree | undefined, refused: boolean): StopReason {
  const stop = (typeof reason === 'string' ? stops.get(reason) : undefined) ?? 'stop'
  return stop === 'stop' && refused ? 'refusal' : stop
}

const words: Readonly<Record<StopReason, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  stop_sequence: 'stop',
  // OpenAI's own refusals end with `stop`; a refusal without words would pass for an empty answer.
  refusal: 'content_filter',
  pause: 'stop',
}

export function stopWord(stop: StopReason, refused: boolean): string {
  return stop === 'refusal' && refused ? 'stop' : words[stop]
}

/** @throws {Inexpressible} for media in the answer. */
export function encodeReply(completion: Completion): TreeObject {
  const made = object({
    id: completion.id,
    object: 'chat.completion',
    created: createdAt(completion.created),
    model: completion.model,
    choices: completion.choices.map((choice, index) =>
      object({
        index,
        message: encodeMessage(choice.parts),
        logprobs: choice.logprobs ?? null,
        finish_reason: stopWord(choice.stop, choice.parts.some((part) => part.kind === 'refusal')),
      }),
    ),
    usage: completion.usage === undefined ? undefined : chatUsage(completion.usage),
  })
  for (const [field, value] of completion.extra) if (!made.has(field)) made.set(field, value)
  return made
}

function encodeMessage(parts: readonly Part[]): TreeObject {
  const texts: string[] = []
  const refusals: string[] = []
  const calls: TreeObject[] = []
  const annotations: Tree[] = []
  const thoughts: (Part & { readonly kind: 'reasoning' })[] = []
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        texts.push(part.text)
        annotations.push(...(toChat(part.citations) ?? []))
        break
      case 'refusal':
        refusals.push(part.text)
        break
      case 'call':
        calls.push(
          object({
            id: part.id,
            type: 'function',
            function: object({ name: part.name, arguments: part.args === '' ? '{}' : part.args }),
            extra_content: part.signature === undefined ? undefined : signatureField(part.signature),
          }),
        )
        break
      case 'reasoning':
        thoughts.push(part)
        break
      case 'image':
      case 'audio':
      case 'file':
      case 'result':
        throw new Inexpressible(`answer.${part.kind}`, 'a Chat Completions answer has no such content')
    }
  }
  const reasoning = replyReasoning(thoughts)
  return object({
    role: 'assistant',
    content: texts.length === 0 ? null : texts.join(''),
    refusal: refusals.length === 0 ? null : refusals.join(''),
    reasoning_content: reasoning.text,
    reasoning_details: reasoning.details,
    annotations: annotations.length === 0 ? undefined : annotations,
    tool_calls: calls.length === 0 ? undefined : calls,
  })
}
