import { isObject, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Part } from '../../conversation.ts'
import { isForeign, sealOnWire, sealedFromWire, sign, signedBy } from '../../signature.ts'

type Reasoning = Part & { readonly kind: 'reasoning' }

/**
 * A reasoning item. `encrypted_content` is the only place for what another maker signed or sealed; there it keeps
 * its maker's name, so that it comes back with the caller's history.
 */
export function reasoningPart(item: TreeObject): Reasoning {
  const text = [...textsOf(item.get('content')), ...textsOf(item.get('summary'))].join('\n\n')
  const id = stringOf(item.get('id'))
  return { kind: 'reasoning', text, ...(id === undefined ? {} : { id }), ...marksOf(item) }
}

export function marksOf(item: TreeObject): { readonly signature?: string; readonly sealed?: string } {
  const raw = stringOf(item.get('encrypted_content'))
  if (raw === undefined || raw === '') return {}
  if (!isForeign('openai', raw)) return { sealed: sign('openai', raw) }
  const sealed = sealedFromWire(raw)
  return sealed === undefined ? { signature: raw } : { sealed }
}

function textsOf(list: Tree | undefined): string[] {
  return Array.isArray(list) ? list.map((entry) => (isObject(entry) ? (stringOf(entry.get('text')) ?? '') : '')).filter((text) => text !== '') : []
}

/** The item for an answer. */
export function reasoningItem(text: string, marks: { readonly signature?: string; readonly sealed?: string }, id: string): TreeObject {
  const mark = marks.sealed !== undefined ? (signedBy('openai', marks.sealed) ?? sealOnWire(marks.sealed)) : marks.signature
  return object({
    id,
    type: 'reasoning',
    summary: text === '' ? [] : [object({ type: 'summary_text', text })],
    encrypted_content: mark,
    status: 'completed',
  })
}

/** The item for a request, or undefined where another maker's thinking would be refused. */
export function ownItem(part: Reasoning): TreeObject | undefined {
  const sealed = signedBy('openai', part.sealed)
  if (sealed === undefined) return undefined
  return object({
    type: 'reasoning',
    id: part.id,
    summary: part.text === '' ? [] : [object({ type: 'summary_text', text: part.text })],
    encrypted_content: sealed,
  })
}

/** True for the empty item that carries the signature of the call before it (see `callSignature`). */
export function carriesSignature(part: Part): part is Reasoning & { readonly signature: string } {
  return part.kind === 'reasoning' && part.text === '' && part.signature !== undefined
}
