import type { Tree, TreeObject } from '../../../formats/tree.ts'

/** The protobuf spelling of a JSON name: both are accepted by the API, as protobuf's JSON mapping has it. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

const spelled = new Map<string, string>()

/** A field by its JSON name, in whichever spelling it came. */
export function get(object: TreeObject, name: string): Tree | undefined {
  const value = object.get(name)
  if (value !== undefined) return value
  let other = spelled.get(name)
  if (other === undefined) {
    other = snake(name)
    spelled.set(name, other)
  }
  return other === name ? undefined : object.get(other)
}
