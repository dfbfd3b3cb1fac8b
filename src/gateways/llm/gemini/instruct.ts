import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import { snake } from './names.ts'

const NAME = 'systemInstruction'

export function instruct(tree: TreeObject, text: string): TreeObject {
  // Google takes either spelling, but not both.
  const key = tree.has(snake(NAME)) ? snake(NAME) : NAME
  const before = tree.get(key)
  const parts = isObject(before) ? before.get('parts') : undefined
  const part = object({ text })
  return new Map(tree).set(key, new Map(isObject(before) ? before : []).set('parts', Array.isArray(parts) ? [...parts, part] : [part]))
}
