import type { TreeObject } from '../../../../formats/tree.ts'

export function instruct(tree: TreeObject, text: string): TreeObject {
  const before = tree.get('instructions')
  return new Map(tree).set('instructions', typeof before === 'string' && before !== '' ? `${before}\n\n${text}` : text)
}
