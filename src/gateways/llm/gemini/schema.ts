import { isObject, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { camel } from './names.ts'

/**
 * Google's OpenAPI subset as JSON Schema: types in lower case, `nullable` as a type, limits (which protobuf writes as
 * strings) as numbers, properties in `propertyOrdering`. The other way is not needed: Google takes JSON Schema in
 * `parametersJsonSchema` and `responseJsonSchema`, and all of it.
 */
export function jsonSchema(schema: Tree): Tree {
  if (!isObject(schema)) return schema
  const made: TreeObject = new Map()
  for (const [key, value] of schema) {
    if (value === null) continue
    const name = camel(key)
    switch (name) {
      case 'type':
        if (value !== 'TYPE_UNSPECIFIED') made.set('type', typeof value === 'string' ? value.toLowerCase() : value)
        break
      case 'nullable':
      case 'propertyOrdering':
        break
      case 'format':
        // Google's word for a string with an `enum`; JSON Schema knows no such format.
        if (value !== 'enum') made.set('format', value)
        break
      case 'example':
        made.set('examples', [value])
        break
      case 'items':
        made.set('items', jsonSchema(value))
        break
      case 'anyOf':
        made.set('anyOf', Array.isArray(value) ? value.map(jsonSchema) : value)
        break
      case 'properties':
        made.set('properties', properties(value, schema))
        break
      case 'minItems':
      case 'maxItems':
      case 'minLength':
      case 'maxLength':
      case 'minProperties':
      case 'maxProperties':
        made.set(name, typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value)
        break
      default:
        made.set(name === 'defs' ? '$defs' : key, value)
    }
  }
  if (schema.get('nullable') === true) return nullable(made)
  return made
}

function nullable(schema: TreeObject): TreeObject {
  const type = stringOf(schema.get('type'))
  if (type === undefined) return new Map<string, Tree>([['anyOf', [schema, new Map<string, Tree>([['type', 'null']])]]])
  const made = new Map(schema)
  made.set('type', [type, 'null'])
  const words = schema.get('enum')
  if (Array.isArray(words) && !words.includes(null)) made.set('enum', [...words, null])
  return made
}

function properties(value: Tree, schema: TreeObject): Tree {
  if (!isObject(value)) return value
  const order = schema.get('propertyOrdering') ?? schema.get('property_ordering')
  const names = Array.isArray(order) ? order.filter((name) => typeof name === 'string' && value.has(name)) : []
  const made: TreeObject = new Map()
  for (const name of [...(names as string[]), ...value.keys()]) if (!made.has(name)) made.set(name, jsonSchema(value.get(name) ?? null))
  return made
}

