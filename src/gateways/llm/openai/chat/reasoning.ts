import { isObject, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Part } from '../../conversation.ts'
import { isForeign, sealOnWire, sealedFromWire, sign, signedBy } from '../../signature.ts'

type Reasoning = Part & { readonly kind: 'reasoning' }

/**
 * Reasoning in an assistant message or delta. Chat Completions has no word for it; DeepSeek, Groq and others say
 * `reasoning_content`, OpenRouter and newer vLLM `reasoning`, and OpenRouter's `reasoning_details` adds signatures
 * and sealed thinking. This gateway speaks the first and, for what is signed or sealed, the last.
 */
export function reasoningParts(message: TreeObject): Reasoning[] {
  const plain = reasoningText(message)
  const details = message.get('reasoning_details')
  const parts = Array.isArray(details) ? details.filter(isObject).map(partOf).filter((part) => part !== undefined) : []
  if (plain !== '' && !parts.some((part) => part.text !== '')) {
    const signed = parts.findIndex((part) => part.signature !== undefined)
    // A signature that came without text signs the text that stands beside it.
    if (signed >= 0) parts[signed] = { ...(parts[signed] as Reasoning), text: plain }
    else parts.unshift({ kind: 'reasoning', text: plain })
  }
  return parts
}

export function reasoningText(message: TreeObject): string {
  return stringOf(message.get('reasoning_content')) ?? stringOf(message.get('reasoning')) ?? ''
}

function partOf(detail: TreeObject): Reasoning | undefined {
  const text = stringOf(detail.get('text')) ?? stringOf(detail.get('summary')) ?? ''
  const id = stringOf(detail.get('id'))
  const marks = marksOf(detail)
  if (text === '' && marks.signature === undefined && marks.sealed === undefined) return undefined
  return { kind: 'reasoning', text, ...marks, ...(id === undefined ? {} : { id }) }
}

/** Signature and sealed thinking of one element of `reasoning_details`, each naming its maker. */
export function marksOf(detail: TreeObject): { readonly signature?: string; readonly sealed?: string } {
  const signature = stringOf(detail.get('signature'))
  const data = stringOf(detail.get('data'))
  return {
    ...(signature === undefined || signature === '' ? {} : { signature: sign('openai', signature) }),
    ...(data === undefined || data === '' ? {} : { sealed: sealedOf(data) }),
  }
}

function sealedOf(data: string): string {
  return isForeign('openai', data) ? (sealedFromWire(data) ?? data) : sign('openai', data)
}

/** Fields of an answer's message or delta; another maker's marks keep its name, so that they find their way back. */
export function replyReasoning(parts: readonly Reasoning[]): { readonly text: string | undefined; readonly details: Tree[] | undefined } {
  const text = parts.map((part) => part.text).join('')
  const details = parts.filter((part) => part.signature !== undefined || part.sealed !== undefined).flatMap((part) => detailsOf(part.text, part.signature, part.sealed))
  return { text: text === '' ? undefined : text, details: details.length === 0 ? undefined : details }
}

export function detailsOf(text: string, signature: string | undefined, sealed: string | undefined): TreeObject[] {
  const made: TreeObject[] = []
  if (signature !== undefined) made.push(object({ type: 'reasoning.text', text, signature: signedBy('openai', signature) ?? signature }))
  if (sealed !== undefined) made.push(object({ type: 'reasoning.encrypted', data: signedBy('openai', sealed) ?? sealOnWire(sealed) }))
  return made
}

/** The same for a request: only what this dialect's providers signed goes back to them. */
export function requestReasoning(parts: readonly Reasoning[]): { readonly text: string | undefined; readonly details: Tree[] | undefined } {
  return replyReasoning(
    parts.map((part): Reasoning => {
      const { signature, sealed, ...rest } = part
      return {
        ...rest,
        ...(signedBy('openai', signature) === undefined ? {} : { signature: signature as string }),
        ...(signedBy('openai', sealed) === undefined ? {} : { sealed: sealed as string }),
      }
    }),
  )
}
