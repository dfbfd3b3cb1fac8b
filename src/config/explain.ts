import * as z from 'zod'
import { closest, pathText, type Problem } from './problem.ts'
import type { Written } from './read.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** Turns what the schema found into problems that name the file, the line, the key, what was expected and what was probably meant. */
export function explain(issues: readonly Issue[], schema: z.core.$ZodType, written: Written, file: string): readonly Problem[] {
  return issues.flatMap((issue) => explainOne(issue, [], schema, written, file))
}

function explainOne(issue: Issue, above: Path, schema: z.core.$ZodType, written: Written, file: string): readonly Problem[] {
  const path = [...above, ...issue.path]
  const say = (at: Path, what: 'key' | 'value', message: string, hint?: string): Problem => ({
    file,
    ...written.place(at, what),
    path: pathText(at),
    message,
    ...(hint !== undefined && { hint }),
  })
  const found = valueAt(written.value, path)
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path, written.value)
      return issue.keys.map((key) => say([...path, key], 'key', 'is not a setting here.', meant(key, known)))
    }
    case 'invalid_type':
      if (found === undefined) return [say(path, 'key', `is missing; expected ${typeName(issue.expected)}.`)]
      if (issue.expected === 'string' && typeof found !== 'object') {
        const [one] = walk([schema], path, written.value)
        // Quotes alone would only bring the next complaint.
        const still = one === undefined ? undefined : z.core.safeParse(one, String(found)).error?.issues[0]?.message
        return [still?.startsWith('expected ') === true ? say(path, 'value', `${still}, found ${shown(found)}.`) : say(path, 'value', `expected text, found ${shown(found)}.`, 'Put it in quotes.')]
      }
      return [say(path, 'value', `expected ${typeName(issue.expected)}, found ${shown(found)}.`)]
    case 'invalid_value': {
      const values = issue.values.map(String)
      if (found === undefined) return [say(path, 'key', `is missing; expected ${oneOf(values)}.`)]
      return [say(path, 'value', `expected ${oneOf(values)}, found ${shown(found)}.`, didYouMean(found, values))]
    }
    case 'invalid_union': {
      if (issue.errors.length > 0) {
        return nearest(issue.errors, path, written.value).flatMap((one) => explainOne(one, path, schema, written, file))
      }
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : []
      if (options.length === 0) return [say(path, 'value', `${lower(issue.message)}.`)]
      if (found === undefined) return [say(path, 'key', `is missing; expected ${oneOf(options)}.`)]
      return [say(path, 'value', `expected ${oneOf(options)}, found ${shown(found)}.`, didYouMean(found, options))]
    }
    case 'too_small':
    case 'too_big': {
      const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`
      return [say(path, 'value', `expected ${bound}${countWord(issue.origin)}, found ${shown(found)}.`)]
    }
    case 'invalid_key':
      return [say(path, 'key', `is not acceptable as a name: ${issue.issues.map((one) => one.message).join('; ')}.`)]
    default: {
      const known = 'params' in issue && Array.isArray(issue.params?.['known']) ? issue.params['known'].map(String) : []
      return [say(path, 'value', ended(issue.message), didYouMean(found, known))]
    }
  }
}

/** The branch of a union that was probably meant: the one that got furthest into the value, with the least wrong. */
function nearest(branches: readonly (readonly Issue[])[], path: Path, value: unknown): readonly Issue[] {
  const ofType = branches.filter((issues) => !issues.some((one) => one.path.length === 0 && one.code === 'invalid_type'))
  const pool = ofType.length > 0 ? ofType : branches
  const [first = []] = pool.toSorted((a, b) => a.length - b.length)
  if (ofType.length > 0 || branches.length === 1) return first
  const expected = [...new Set(branches.flatMap((issues) => issues.map((one) => (one.code === 'invalid_type' ? typeName(one.expected) : 'another value'))))]
  const found = valueAt(value, path)
  return [{ code: 'custom', path: [], message: `expected ${expected.join(' or ')}, found ${shown(found)}`, input: found }]
}

/** Keys that the schema knows at a path; of the union member that fits the value there, else of all. */
function keysAt(schema: z.core.$ZodType, path: Path, value: unknown): readonly string[] {
  return keysOf(walk([schema], path, value), valueAt(value, path))
}

function walk(schemas: readonly z.core.$ZodType[], path: Path, value: unknown): readonly z.core.$ZodType[] {
  const [key, ...rest] = path
  if (key === undefined) return schemas
  const below = schemas.flatMap((schema) => unwrap(schema)).flatMap((schema) => {
    const def = schema._zod.def as AnyDef
    if (def.type === 'object') return def.shape?.[String(key)] ?? []
    if (def.type === 'record') return def.valueType ?? []
    if (def.type === 'array') return def.element ?? []
    return []
  })
  return walk(below, rest, valueAt(value, [key]))
}

function keysOf(schemas: readonly z.core.$ZodType[], value: unknown): readonly string[] {
  const shapes = schemas.flatMap(unwrap).flatMap((schema) => {
    const { shape } = schema._zod.def as AnyDef
    return shape === undefined ? [] : [shape]
  })
  const fitting = shapes.filter((shape) =>
    Object.entries(shape).every(([key, one]) => {
      const def = one._zod.def as AnyDef
      return def.type !== 'literal' || def.values?.includes(valueAt(value, [key])) === true
    }),
  )
  return [...new Set((fitting.length > 0 ? fitting : shapes).flatMap((shape) => Object.keys(shape)))]
}

/** What the walk reads of zod's definitions. */
interface AnyDef {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly valueType?: z.core.$ZodType
  readonly element?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly in?: z.core.$ZodType
  readonly options?: readonly z.core.$ZodType[]
  readonly values?: readonly unknown[]
}

function unwrap(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const def = schema._zod.def as AnyDef
  if (def.innerType !== undefined) return unwrap(def.innerType)
  if (def.in !== undefined) return unwrap(def.in)
  if (def.options !== undefined) return def.options.flatMap(unwrap)
  return [schema]
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<PropertyKey, unknown>)[key]
  }
  return here
}

function meant(word: string, known: readonly string[]): string {
  const best = closest(word, known)
  if (best !== undefined) return `Did you mean "${best}"?`
  return known.length === 0 ? '' : `Known here: ${[...known].sort().join(', ')}.`
}

function didYouMean(found: unknown, known: readonly string[]): string | undefined {
  const best = typeof found === 'string' ? closest(found, known) : undefined
  return best === undefined ? undefined : `Did you mean "${best}"?`
}

/** A short picture of a value. Text is cut: a secret pasted into the wrong place must not end up in a log. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'nothing'
  if (typeof value === 'object') return 'a map of keys'
  if (typeof value === 'string') return `"${value.length > 20 ? `${value.slice(0, 4)}…` : value}"`
  return typeof value === 'undefined' ? 'nothing' : `${typeof value} ${String(value as number)}`
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `"${values[0]}"` : `one of ${values.map((one) => `"${one}"`).join(', ')}`
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
}

function typeName(expected: string): string {
  return names[expected] ?? expected
}

function countWord(origin: string): string {
  return origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : ''
}

function ended(message: string): string {
  const text = lower(message)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
