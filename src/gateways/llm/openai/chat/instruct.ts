import { isObject, object, type Tree, type TreeObject } from '../../../../formats/tree.ts'

/** A message of its own behind the leading instructions, in the role that the caller uses for them. */
export function instruct(tree: TreeObject, text: string): TreeObject {
  const messages = tree.get('messages') as readonly Tree[]
  let leading = 0
  while (roleOf(messages[leading]) === 'system' || roleOf(messages[leading]) === 'developer') leading++
  const role = leading === 0 ? 'system' : (roleOf(messages[leading - 1]) as Tree)
  return new Map(tree).set('messages', messages.toSpliced(leading, 0, object({ role, content: text })))
}

function roleOf(message: Tree | undefined): Tree | undefined {
  return isObject(message) ? message.get('role') : undefined
}
