import { isObject, numberOf, object, stringOf, type TreeObject } from '../../../formats/tree.ts'
import type { Completion, Part, Source } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { answeredArguments, leafText } from '../leaves.ts'
import { logprobsFrom, logprobsTo } from './logprobs.ts'
import { fromWire, toWire } from './signature.ts'
import { stopOf, stopWord, usageOf, usageTree } from './usage.ts'
import { callId } from './view.ts'

const KNOWN = new Set(['candidates', 'usageMetadata', 'modelVersion', 'responseId', 'createTime'])
const KNOWN_CANDIDATE = new Set(['content', 'finishReason', 'index', 'logprobsResult', 'safetyRatings', 'avgLogprobs', 'tokenCount'])

export function decodeReply(tree: TreeObject): Completion {
  const id = stringOf(tree.get('responseId')) ?? ''
  const extra: TreeObject = new Map()
  for (const [name, value] of tree) if (!KNOWN.has(name)) extra.set(name, value)
  const candidates = tree.get('candidates')
  const choices = (Array.isArray(candidates) ? candidates : []).filter(isObject).map((candidate) => {
    const index = numberOf(candidate.get('index')) ?? 0
    const parts = candidateParts(candidate, id, index)
    // Grounding and citations of the first candidate travel beside the answer.
    for (const [name, value] of candidate) if (!KNOWN_CANDIDATE.has(name) && !extra.has(name)) extra.set(name, value)
    const logprobs = logprobsFrom(candidate.get('logprobsResult'))
    return {
      parts,
      stop: stopOf(stringOf(candidate.get('finishReason')) ?? 'STOP', parts.some((part) => part.kind === 'call')),
      ...(logprobs === undefined ? {} : { logprobs }),
    }
  })
  const usage = usageOf(tree.get('usageMetadata'))
  const created = Date.parse(stringOf(tree.get('createTime')) ?? '')
  return {
    id,
    model: stringOf(tree.get('modelVersion')) ?? '',
    choices,
    ...(Number.isNaN(created) ? {} : { created: Math.floor(created / 1000) }),
    ...(usage === undefined ? {} : { usage }),
    extra,
  }
}

function candidateParts(candidate: TreeObject, id: string, index: number): Part[] {
  const content = candidate.get('content')
  const list = isObject(content) ? content.get('parts') : undefined
  const parts: Part[] = []
  let calls = 0
  for (const part of Array.isArray(list) ? list.filter(isObject) : []) {
    const call = part.get('functionCall')
    const made = decodeAnswerPart(part, isObject(call) ? () => callId(id, index, calls++) : () => '')
    const last = parts.at(-1)
    const first = made[0]
    // A complete reply may come in the pieces of a stream: neighbours of one kind are one text.
    if (made.length === 1 && first?.kind === 'text' && last?.kind === 'text') parts[parts.length - 1] = { kind: 'text', text: last.text + first.text }
    else parts.push(...made)
  }
  return parts
}

/** A part of a model turn. Signatures on plain text become an empty thought behind it, which is how Google streams them. */
export function decodeAnswerPart(part: TreeObject, newId: () => string): Part[] {
  const raw = stringOf(part.get('thoughtSignature') ?? part.get('thought_signature'))
  const mark = raw === undefined || raw === '' ? undefined : fromWire(raw)
  const call = part.get('functionCall') ?? part.get('function_call')
  if (isObject(call)) {
    const fresh = newId()
    const made: Part = {
      kind: 'call',
      id: stringOf(call.get('id')) ?? fresh,
      name: stringOf(call.get('name')) ?? '',
      args: leafText(call.get('args') ?? new Map()),
      ...(mark !== undefined && 'signature' in mark ? { signature: mark.signature } : {}),
    }
    return mark !== undefined && 'sealed' in mark ? [{ kind: 'reasoning', text: '', sealed: mark.sealed }, made] : [made]
  }
  const text = stringOf(part.get('text'))
  if (text !== undefined) {
    if (part.get('thought') === true) return [{ kind: 'reasoning', text, ...mark }]
    const made: Part[] = text === '' ? [] : [{ kind: 'text', text }]
    if (mark !== undefined) made.push({ kind: 'reasoning', text: '', ...mark })
    return made
  }
  const data = part.get('inlineData') ?? part.get('inline_data')
  if (isObject(data)) return [mediaPart(inlineSource(data))]
  throw new Inexpressible(`answer.${[...part.keys()].join('+')}`, 'no other dialect has such a part')
}

export function inlineSource(data: TreeObject): Source & { readonly mime: string } {
  return { from: 'inline', mime: stringOf(data.get('mimeType') ?? data.get('mime_type')) ?? '', base64: stringOf(data.get('data')) ?? '' }
}

export function mediaPart(source: Source): Part {
  const mime = source.mime ?? ''
  if (mime.startsWith('image/')) return { kind: 'image', source }
  return mime.startsWith('audio/') ? { kind: 'audio', source } : { kind: 'file', source }
}

/** @throws {Inexpressible} for what a candidate cannot hold. */
export function encodeReply(completion: Completion): TreeObject {
  const made = object({
    candidates: completion.choices.map((choice, index) =>
      object({
        content: object({ parts: choice.parts.flatMap(encodeAnswerPart), role: 'model' }),
        finishReason: stopWord(choice.stop),
        index,
        logprobsResult: logprobsTo(choice.logprobs),
      }),
    ),
    usageMetadata: usageTree(completion.usage),
    modelVersion: completion.model,
    responseId: completion.id,
    createTime: completion.created === undefined ? undefined : new Date(completion.created * 1000).toISOString(),
  })
  for (const [name, value] of completion.extra) if (!made.has(name)) made.set(name, value)
  return made
}

export function encodeAnswerPart(part: Part): TreeObject[] {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return [object({ text: part.text })]
    case 'reasoning': {
      const mark = part.sealed !== undefined ? toWire(part.sealed, true) : part.signature === undefined ? undefined : toWire(part.signature)
      return part.text === '' && mark === undefined ? [] : [object({ text: part.text, thought: part.text === '' ? undefined : true, thoughtSignature: mark })]
    }
    case 'call': {
      return [
        object({
          functionCall: object({ id: part.id, name: part.name, args: answeredArguments(part.args) }),
          thoughtSignature: part.signature === undefined ? undefined : toWire(part.signature),
        }),
      ]
    }
    case 'image':
    case 'audio':
    case 'file':
      if (part.source.from === 'inline') return [object({ inlineData: object({ mimeType: part.source.mime, data: part.source.base64 }) })]
      throw new Inexpressible(`answer.${part.kind}`, 'a Gemini answer holds media inline only')
    case 'result':
      throw new Inexpressible('answer.result', 'an answer holds no tool results')
  }
}
