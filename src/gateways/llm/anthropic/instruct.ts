import { object, type TreeObject } from '../../../formats/tree.ts'

export function instruct(tree: TreeObject, text: string): TreeObject {
  const before = tree.get('system')
  if (Array.isArray(before)) return new Map(tree).set('system', [...before, object({ type: 'text', text })])
  return new Map(tree).set('system', typeof before === 'string' && before !== '' ? `${before}\n\n${text}` : text)
}
