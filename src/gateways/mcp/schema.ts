import { RE2JS, RE2JSException } from 're2js'
import { writeJson } from '../../formats/json.ts'
import { at, isNumber, isObject, numberOf, type Tree, type TreeObject } from '../../formats/tree.ts'

/** What is wrong with arguments: `unknown` where the schema merely does not name one. */
export interface SchemaProblem {
  readonly path: string
  readonly problem: string
  readonly unknown?: true
}

export interface ArgumentSchema {
  /** Why nobody can check anything against it; such a tool is not called. */
  readonly unusable?: string
  /** The first thing that is wrong, or undefined. `strict`: names that the schema does not have are wrong too. */
  check(args: TreeObject, strict: boolean): SchemaProblem | undefined
}

const DEEPEST = 32
const MOST_VALUES = 10_000
const LONGEST_PATTERN = 1_000
/** What one check may cost: a schema that multiplies itself ends here, and so does the call. */
const MOST_STEPS = 50_000
const SCHEMAS_IN = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'] as const
const LISTS_OF = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const
const ONE_IN = ['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames'] as const

/**
 * Checks arguments against the schema that a server gave, JSON Schema 2020-12 without what needs another document:
 * types, properties, arrays, numbers, texts, alternatives, conditions and references inside the schema. Keywords that are
 * not known constrain nothing here; the server still may. Patterns run in linear time (RE2), references may recur, and
 * each check has a bound.
 */
export function argumentSchema(root: TreeObject): ArgumentSchema {
  const patterns = new Map<string, RE2JS>()
  const unusable = surveyed(root, root, patterns)
  if (unusable !== undefined) return { unusable, check: () => ({ path: '', problem: 'the schema of this tool is not usable' }) }
  return {
    check(args, strict) {
      const run = new Check(root, patterns)
      try {
        return run.value(root, args, '') ?? (strict ? run.unnamed() : undefined)
      } catch (error) {
        if (error instanceof TooMuch) return { path: '', problem: 'the schema of this tool takes too long to check' }
        throw error
      }
    },
  }
}

/** What keeps a schema from being used: references that lead outside or nowhere, patterns that are none, sheer size. */
function surveyed(root: TreeObject, schema: Tree, patterns: Map<string, RE2JS>, depth = 0, count = { left: MOST_VALUES }): string | undefined {
  if (depth > DEEPEST || --count.left < 0) return 'larger or deeper than is looked at'
  if (!isObject(schema)) return typeof schema === 'boolean' ? undefined : 'a schema that is none'
  const reference = schema.get('$ref') ?? schema.get('$dynamicRef')
  if (reference !== undefined) {
    if (typeof reference !== 'string' || !reference.startsWith('#')) return 'a reference to another document'
    if (referred(root, reference) === undefined) return 'a reference that leads nowhere'
  }
  if (schema.has('$id') && schema !== root) return 'a schema with an address of its own'
  for (const text of [schema.get('pattern'), ...(isObject(schema.get('patternProperties')) ? (schema.get('patternProperties') as TreeObject).keys() : [])]) {
    if (text === undefined) continue
    if (typeof text !== 'string' || text.length > LONGEST_PATTERN) return 'a pattern that is none'
    try {
      patterns.set(text, RE2JS.compile(RE2JS.translateRegExp(text)))
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error
      return 'a pattern that cannot be matched in bounded time'
    }
  }
  const inner: Tree[] = []
  for (const key of SCHEMAS_IN) {
    const schemas = schema.get(key)
    if (isObject(schemas)) inner.push(...schemas.values())
  }
  for (const key of LISTS_OF) {
    const list = schema.get(key)
    if (Array.isArray(list)) inner.push(...list)
  }
  for (const key of ONE_IN) {
    const one = schema.get(key)
    if (one !== undefined) inner.push(...(Array.isArray(one) ? one : [one]))
  }
  for (const one of inner) {
    const problem = surveyed(root, one, patterns, depth + 1, count)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** A JSON pointer inside the schema (RFC 6901, in a fragment). */
function referred(root: TreeObject, reference: string): Tree | undefined {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  let here: Tree | undefined = root
  for (const part of reference.slice(2).split('/')) {
    const name = unescaped(part)
    if (name === undefined) return undefined
    here = Array.isArray(here) ? at(here, [Number(name)]) : at(here, [name])
  }
  return isObject(here) || typeof here === 'boolean' ? here : undefined
}

function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}

class TooMuch extends Error {}

/** An object, and which of its names were named; `described` where any schema says what names it has. */
interface Named {
  readonly path: string
  readonly names: Set<string>
  described: boolean
}

/** One check: how much it may still cost, and which names of which objects were named. */
class Check {
  private readonly root: TreeObject
  private readonly patterns: ReadonlyMap<string, RE2JS>
  private readonly named = new Map<TreeObject, Named>()
  /** What was named, in order, so that what a schema named that does not hold is not. */
  private noted: (readonly [named: Named, name: string | undefined])[] = []
  private left = MOST_STEPS

  constructor(root: TreeObject, patterns: ReadonlyMap<string, RE2JS>) {
    this.root = root
    this.patterns = patterns
  }

  value(schema: Tree, value: Tree, path: string, depth = 0): SchemaProblem | undefined {
    if (--this.left < 0 || depth > 2 * DEEPEST) throw new TooMuch()
    if (schema === true) return undefined
    if (!isObject(schema)) return { path, problem: 'is not taken' }
    const reference = schema.get('$ref')
    if (typeof reference === 'string') {
      const problem = this.value(referred(this.root, reference) as Tree, value, path, depth + 1)
      if (problem !== undefined) return problem
    }
    return this.simple(schema, value, path) ?? (typeof value === 'string' ? this.text(schema, value, path) : isNumber(value) ? number(schema, value, path) : Array.isArray(value) ? this.items(schema, value, path, depth) : isObject(value) ? this.fields(schema, value, path, depth) : undefined) ?? this.alternatives(schema, value, path, depth)
  }

  /** The first name that no schema of its object has. An object of which no schema says anything may hold whatever it does. */
  unnamed(): SchemaProblem | undefined {
    for (const [object, { path, names, described }] of this.named) {
      if (!described && path !== '') continue
      for (const name of object.keys()) if (!names.has(name)) return { path: below(path, name), problem: 'is not an argument of this tool', unknown: true }
    }
    return undefined
  }

  /** What does not hold says nothing of what there may be. */
  private forget(before: number): void {
    for (const [named, name] of this.noted.splice(before)) {
      if (name === undefined) named.described = false
      else named.names.delete(name)
    }
  }

  private simple(schema: TreeObject, value: Tree, path: string): SchemaProblem | undefined {
    const type = schema.get('type')
    if (typeof type === 'string' && !isOf(type, value)) return { path, problem: `must be ${article(type)}` }
    if (Array.isArray(type) && !type.some((one) => typeof one === 'string' && isOf(one, value))) return { path, problem: `must be one of ${type.map(String).join(', ')}` }
    const choices = schema.get('enum')
    if (Array.isArray(choices)) this.left -= choices.length
    if (Array.isArray(choices) && !choices.some((one) => same(one, value))) return { path, problem: 'is none of the values that are taken' }
    return schema.has('const') && !same(schema.get('const') as Tree, value) ? { path, problem: 'is not the value that is taken' } : undefined
  }

  private text(schema: TreeObject, value: string, path: string): SchemaProblem | undefined {
    const [least, most, pattern] = [limit(schema, 'minLength'), limit(schema, 'maxLength'), schema.get('pattern')]
    if (least !== undefined || most !== undefined) {
      let length = 0
      for (const _ of value) length++
      if (length < (least ?? 0) || length > (most ?? Infinity)) return { path, problem: 'is too short or too long' }
    }
    if (typeof pattern !== 'string' || this.patterns.get(pattern)?.matcher(value).find() === true) return undefined
    return { path, problem: 'is not of the form that is taken' }
  }

  private items(schema: TreeObject, value: readonly Tree[], path: string, depth: number): SchemaProblem | undefined {
    if (value.length < (limit(schema, 'minItems') ?? 0) || value.length > (limit(schema, 'maxItems') ?? Infinity)) return { path, problem: 'has too few or too many parts' }
    if (schema.get('uniqueItems') === true) {
      this.left -= value.length
      if (new Set(value.map(spelt)).size < value.length) return { path, problem: 'has a part twice' }
    }
    const prefix = schema.get('prefixItems')
    const rest = schema.get('items')
    for (const [index, item] of value.entries()) {
      const own = Array.isArray(prefix) && index < prefix.length ? prefix[index] : Array.isArray(rest) ? rest[index] : rest
      const problem = own === undefined ? undefined : this.value(own, item, below(path, String(index)), depth + 1)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  private fields(schema: TreeObject, value: TreeObject, path: string, depth: number): SchemaProblem | undefined {
    const properties = schema.get('properties')
    const forms = schema.get('patternProperties')
    const additional = schema.get('additionalProperties')
    const required = schema.get('required')
    let known = this.named.get(value)
    if (known === undefined) this.named.set(value, (known = { path, names: new Set(), described: false }))
    if (!known.described && (properties !== undefined || forms !== undefined || additional !== undefined)) {
      known.described = true
      this.noted.push([known, undefined])
    }
    if (Array.isArray(required)) for (const name of required) if (typeof name === 'string' && !value.has(name)) return { path: below(path, name), problem: 'is missing' }
    if (value.size < (limit(schema, 'minProperties') ?? 0) || value.size > (limit(schema, 'maxProperties') ?? Infinity)) return { path, problem: 'has too few or too many fields' }
    const names = schema.get('propertyNames')
    for (const [name, item] of value) {
      const schemas: Tree[] = []
      if (isObject(properties) && properties.has(name)) schemas.push(properties.get(name) as Tree)
      if (isObject(forms)) for (const [form, one] of forms) if (this.patterns.get(form)?.matcher(name).find() === true) schemas.push(one)
      if (schemas.length === 0 && additional !== undefined) {
        if (additional === false) return { path: below(path, name), problem: 'is not an argument of this tool', unknown: true }
        schemas.push(additional)
      }
      // Whatever else there may be is not named by that, unless the object is nothing but names that nobody knows.
      const own = schemas.length > 0 && (schemas[0] !== additional || !isAnything(additional) || (properties === undefined && forms === undefined))
      if (own && !known.names.has(name)) {
        known.names.add(name)
        this.noted.push([known, name])
      }
      if (names !== undefined) {
        const problem = this.value(names, name, below(path, name), depth + 1)
        if (problem !== undefined) return problem
      }
      for (const one of schemas) {
        const problem = this.value(one, item, below(path, name), depth + 1)
        if (problem !== undefined) return problem
      }
    }
    return undefined
  }

  private alternatives(schema: TreeObject, value: Tree, path: string, depth: number): SchemaProblem | undefined {
    const try_ = (one: Tree): SchemaProblem | undefined => {
      const before = this.noted.length
      const problem = this.value(one, value, path, depth + 1)
      if (problem !== undefined) this.forget(before)
      return problem
    }
    for (const one of listed(schema, 'allOf')) {
      const problem = try_(one)
      if (problem !== undefined) return problem
    }
    const any = listed(schema, 'anyOf').map(try_)
    if (any.length > 0 && !any.includes(undefined)) return any.length === 1 ? any[0] : { path, problem: 'is of none of the kinds that are taken' }
    const one = listed(schema, 'oneOf').map(try_)
    if (one.length > 0 && one.filter((problem) => problem === undefined).length !== 1) return { path, problem: 'is not of exactly one of the kinds that are taken' }
    const [not, condition] = [schema.get('not'), schema.get('if')]
    if (not !== undefined && try_(not) === undefined) return { path, problem: 'is not taken' }
    if (condition === undefined) return undefined
    const next = schema.get(try_(condition) === undefined ? 'then' : 'else')
    return next === undefined ? undefined : try_(next)
  }
}

function number(schema: TreeObject, value: Tree, path: string): SchemaProblem | undefined {
  const is = numberOf(value) as number
  const [least, most, above, under, step] = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].map((key) => limit(schema, key))
  const outside = is < (least ?? -Infinity) || is > (most ?? Infinity) || (above !== undefined && is <= above) || (under !== undefined && is >= under)
  if (outside) return { path, problem: 'is too small or too large' }
  return step !== undefined && step > 0 && Math.abs(is / step - Math.round(is / step)) > 1e-9 ? { path, problem: `is not a multiple of ${step}` } : undefined
}

function isAnything(schema: Tree | undefined): boolean {
  return schema === true || (isObject(schema) && schema.size === 0)
}

function isOf(type: string, value: Tree): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'string':
      return typeof value === 'string'
    case 'boolean':
      return typeof value === 'boolean'
    case 'null':
      return value === null
    case 'number':
      return isNumber(value)
    case 'integer':
      return isNumber(value) && Number.isInteger(numberOf(value))
    default:
      return false
  }
}

function article(type: string): string {
  return type === 'null' ? 'null' : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function listed(schema: TreeObject, key: string): readonly Tree[] {
  const list = schema.get(key)
  return Array.isArray(list) ? list : []
}

function limit(schema: TreeObject, key: string): number | undefined {
  return numberOf(schema.get(key))
}

function same(one: Tree, other: Tree): boolean {
  return spelt(one) === spelt(other)
}

/** Equal values in one spelling: 1.0 is 1, and the order of fields says nothing. */
function spelt(value: Tree): string {
  if (isNumber(value)) return String(numberOf(value))
  if (Array.isArray(value)) return `[${value.map(spelt).join(',')}]`
  if (isObject(value)) return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${spelt(item)}`).sort().join(',')}}`
  return writeJson(value)
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
