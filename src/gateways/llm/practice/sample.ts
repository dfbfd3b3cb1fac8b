import { isObject, numberOf, type Tree, type TreeObject } from '../../../formats/tree.ts'

const DEEPEST = 12

/** A small value that a JSON Schema accepts, as far as a practice model needs it: types, enums, required properties. */
export function sample(schema: Tree | undefined, depth = 0): Tree {
  if (!isObject(schema) || depth > DEEPEST) return 'practice'
  if (schema.has('const')) return schema.get('const') as Tree
  const choices = schema.get('enum')
  if (Array.isArray(choices) && choices.length > 0) return choices[0] as Tree
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const options = schema.get(key)
    if (Array.isArray(options) && options.length > 0) return sample(options[0], depth + 1)
  }
  const type = schema.get('type')
  switch (typeOf(Array.isArray(type) ? type[0] : type, schema)) {
    case 'object':
      return sampleObject(schema, depth)
    case 'array':
      return (numberOf(schema.get('minItems')) ?? 0) > 0 ? [sample(schema.get('items'), depth + 1)] : []
    case 'integer':
    case 'number':
      return numberOf(schema.get('minimum')) ?? 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return 'practice'
  }
}

function typeOf(type: Tree | undefined, schema: TreeObject): string {
  // Gemini writes types in capitals.
  return typeof type === 'string' ? type.toLowerCase() : schema.has('properties') ? 'object' : 'string'
}

function sampleObject(schema: TreeObject, depth: number): TreeObject {
  const made: TreeObject = new Map()
  const properties = schema.get('properties')
  const required = schema.get('required')
  if (!isObject(properties)) return made
  for (const [name, property] of properties) {
    if (Array.isArray(required) && required.includes(name)) made.set(name, sample(property, depth + 1))
  }
  return made
}
