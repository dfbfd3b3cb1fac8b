import { isObject, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Leaf } from '../../../contract/reply.ts'
import type { FrameView } from '../dialect.ts'
import { eachString } from '../leaves.ts'

export type PathedLeaf = Leaf & { readonly path: readonly (string | number)[] }
export type AddLeaf = (leaf: PathedLeaf) => void

export const NOTHING: Pick<FrameView, 'leaves' | 'closes' | 'opensCall' | 'proposals'> = { leaves: [], closes: [], opensCall: false, proposals: [] }

/** Opaque bytes, and words that carry no content. */
const QUIET = new Set([
  'id', 'type', 'status', 'call_id', 'item_id', 'file_id', 'container_id', 'response_id', 'object', 'role', 'phase', 'encrypted_content', 'signature', 'data',
  'obfuscation', 'format', 'detail', 'partial_image_b64', 'b64_json',
])

/** Every string below a field that nobody here knows: unknown reply fields travel, but not unseen. */
export function otherLeaves(value: Tree, channel: string, origin: Leaf['origin'], path: readonly (string | number)[], add: AddLeaf): void {
  eachString(value, path, (text, where, key) => {
    if (text !== '' && !QUIET.has(key)) add({ channel, origin, text, whole: true, path: where })
  }, String(path.at(-1)))
}

/**
 * Tokens of a list of probabilities, as leaves of their own, where they do not merely repeat `text` in pieces. Where
 * they do, the text is what is inspected, and `scrub` takes the list out as soon as the text was edited: pieces,
 * their byte lists and their rivals cannot be redacted one by one.
 */
export function tokenLeaves(list: Tree | undefined, text: string, channel: string, path: readonly (string | number)[], whole: boolean, add: AddLeaf): void {
  if (!Array.isArray(list) || list.length === 0) return
  const tokens = list.map((entry) => (isObject(entry) ? (stringOf(entry.get('token')) ?? '') : ''))
  if (tokens.join('') === text) return
  tokens.forEach((token, index) => {
    if (token !== '') add({ channel, origin: 'assistant', text: token, whole, path: [...path, index, 'token'] })
  })
}

/** The object without one of its fields; the same object where it has none. */
export function without(tree: TreeObject, field: string, instead?: Tree): TreeObject {
  if (!tree.has(field)) return tree
  const made = new Map(tree)
  if (instead === undefined) made.delete(field)
  else made.set(field, instead)
  return made
}
