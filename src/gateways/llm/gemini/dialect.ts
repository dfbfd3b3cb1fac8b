import { isObject, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Dialect } from '../dialect.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'
import { errorAnswer, errorFault } from './errors.ts'
import { instruct } from './instruct.ts'
import { get } from './names.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { isForeignWire } from './signature.ts'
import { decoder, encoder } from './stream.ts'
import { survey } from './survey.ts'
import { dropCalls, scrub, viewer } from './view.ts'

/**
 * The request for another model: its name stands in the path, and in the body only where the caller put it. Signatures
 * that another provider made for this caller are taken out on the way: Google refuses what it did not sign.
 */
function retarget(tree: TreeObject, model: string): TreeObject {
  const contents = tree.get('contents')
  const foreign = Array.isArray(contents) && contents.some((content) => parts(content).some(isForeignPart))
  if (!foreign && !tree.has('model')) return tree
  const made = new Map(tree)
  if (tree.has('model')) made.set('model', `models/${model}`)
  if (foreign) made.set('contents', contents.map(withoutForeign).filter((content) => content !== undefined))
  return made
}

function parts(content: Tree): readonly Tree[] {
  const list = isObject(content) ? content.get('parts') : undefined
  return Array.isArray(list) ? list : []
}

function isForeignPart(part: Tree): boolean {
  return isObject(part) && isForeignWire(stringOf(get(part, 'thoughtSignature')) ?? '')
}

function withoutForeign(content: Tree): Tree | undefined {
  if (!isObject(content) || !parts(content).some(isForeignPart)) return content
  const kept = parts(content).flatMap((part) => {
    if (!isObject(part) || !isForeignPart(part)) return [part]
    const made = new Map(part)
    made.delete('thoughtSignature')
    made.delete('thought_signature')
    // A thought, or an empty text that only carried the signature, is nothing without it.
    return made.get('thought') === true || made.get('text') === '' ? [] : [made]
  })
  return kept.length === 0 ? undefined : new Map([...content, ['parts', kept]])
}

/** Google Gemini `generateContent` and `streamGenerateContent`, v1beta. */
export const geminiGenerate: Dialect = {
  id: 'gemini.generate',
  survey,
  retarget,
  instruct,
  decode,
  encode,
  upstreamPath: (model, stream) => `/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  viewReply: (tree) => viewer(true)({ data: tree }),
  decodeReply,
  encodeReply,
  dropCalls,
  scrub,
  viewer,
  decoder,
  encoder,
  terminator: () => undefined,
  isUsageOnly: () => false,
  readError: errorFault,
  error: errorAnswer,
  streamError: (refusal, id) => ({ data: errorAnswer(refusal, id).body }),
  heartbeat: () => ': keep-alive\n\n',
}
