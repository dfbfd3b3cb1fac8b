import type { Effect, Subordinate } from '../../contract/exchange.ts'
import type { Origin, Segment } from '../../contract/segment.ts'
import { Refused, refuse, type Refusal } from '../../contract/verdict.ts'
import { Lexeme, isNumber, numberOf, type Tree, type TreeObject } from '../../formats/tree.ts'
import { fold, type EitherField, type Field, type ObjectField, type StateField, type ToolField, type UnionField } from './fields.ts'
import { collect, count, dotted, inspect, inspectKey, malformed, mimeBeside, named, plain, sealed, subordinate, visitDataUrl, visitMedia, visitUrl, withoutIndexes, wrong, type Walking } from './walking.ts'

/** What a field table made of a request. */
export interface Walked {
  readonly segments: readonly Segment[]
  readonly effects: readonly Effect[]
  readonly subordinates: readonly Subordinate[]
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  readonly mediaBytes: number
}

/**
 * Reads a request by its table, once, in document order.
 *
 * `allowed` lists unknown fields that the route lets through, with dots and without indexes (`safety`,
 * `messages.cache_hint`): they travel as inspected leaves with effect `unlisted_field`.
 *
 * Refusals, each with `param` = dotted path with indexes (`messages.3.content`): `unknown_field`; `bad_request` for a
 * wrong type, a missing field, an unknown word of a closed set, or a name that differs from a known one only in case.
 *
 * A segment's path leads to the string it stands for. Three kinds of segments cannot be edited, only denied
 * (`replaceLeaf` refuses the edit): a key of a free object (its path ends in the key's position, a number behind an
 * object), text inside base64 (its path goes on with 0 behind a string), and a number.
 * Subordinates: `llm.fetch_url` on `Host` (id = host name), `llm.provider_tool` on `Tool` (id = tool type),
 * `llm.provider_state` on `State` (id = field with dots, without indexes); attribute `field` = dotted path.
 */
export function walk(table: Field, tree: TreeObject, allowed: readonly string[]): Walked | Refusal {
  const walking: Walking = {
    path: [],
    group: '',
    allowed,
    segments: [],
    effects: new Set(),
    subordinates: [],
    parameters: {},
    names: new Map(),
    mediaBytes: 0,
    mediaParts: 0,
  }
  try {
    visit(walking, table, tree, undefined)
  } catch (error) {
    if (error instanceof Refused) return error.refusal
    throw error
  }
  const parameters = walking.parameters
  for (const [name, values] of walking.names) parameters[name] = values.join(' ')
  if (walking.mediaParts > 0) parameters['media_parts'] = walking.mediaParts
  return { segments: walking.segments, effects: [...walking.effects], subordinates: walking.subordinates, parameters, mediaBytes: walking.mediaBytes }
}

function visit(w: Walking, field: Field, value: Tree, parent: TreeObject | undefined): void {
  switch (field.is) {
    case 'text':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      inspect(w, field.origin, value)
      return
    case 'identifier':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      if (!plain.test(value)) inspect(w, field.origin ?? 'body', value)
      if (!named.test(value)) return
      if (field.collect !== undefined) collect(w, field.collect, value)
      else if (field.fact !== undefined) w.parameters[field.fact] = value
      return
    case 'object':
      if (!(value instanceof Map)) throw wrong(w, 'an object', value)
      visitObject(w, field, value, undefined)
      return
    case 'union':
      if (!(value instanceof Map)) throw wrong(w, 'an object', value)
      visitUnion(w, field, value)
      return
    case 'list':
      if (!Array.isArray(value)) throw wrong(w, 'an array', value)
      if (field.max !== undefined && value.length > field.max) throw malformed(w, `at most ${field.max} elements`)
      if (field.fact !== undefined) w.parameters[field.fact] = value.length
      visitList(w, field.of, field.grouped === true, value)
      return
    case 'either':
      visit(w, kindOf(w, field, value), value, parent)
      return
    case 'number': {
      const amount = numberOf(value)
      if (amount === undefined) throw wrong(w, field.integer === true ? 'an integer' : 'a number', value)
      if (field.integer === true && !Number.isInteger(amount)) throw malformed(w, 'an integer')
      if (field.min !== undefined && amount < field.min) throw malformed(w, `at least ${field.min}`)
      if (field.max !== undefined && amount > field.max) throw malformed(w, `at most ${field.max}`)
      if (field.fact !== undefined) w.parameters[field.fact] = amount
      return
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong(w, 'true or false', value)
      if (field.fact !== undefined) w.parameters[field.fact] = value
      return
    case 'choice':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      if (!field.values.has(value)) throw malformed(w, `one of ${[...field.values].join(', ')}`)
      if (field.fact !== undefined) w.parameters[field.fact] = value
      return
    case 'json':
      visitJson(w, field.origin, value)
      return
    case 'map':
      if (!(value instanceof Map)) throw wrong(w, 'an object', value)
      visitMap(w, field.of, value)
      return
    case 'opaque':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      if (!sealed.test(value)) inspect(w, field.origin, value)
      return
    case 'url':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      visitUrl(w, field, value)
      return
    case 'media':
      if (typeof value !== 'string') throw wrong(w, 'a string', value)
      count(w, field)
      if (/^data:/i.test(value)) visitDataUrl(w, value, mimeBeside(parent, field.mime))
      else visitMedia(w, value, mimeBeside(parent, field.mime))
      return
    case 'state':
      markState(w, field, value)
      visit(w, field.of, value, parent)
      return
    case 'tool':
      markTool(w, field, value)
      visit(w, field.of, value, parent)
      return
    case 'lazy':
      visit(w, field.get(), value, parent)
  }
}

function visitObject(w: Walking, table: ObjectField, tree: TreeObject, discriminator: string | undefined): void {
  const top = w.path.length === 0
  for (const [key, value] of tree) {
    const field = table.fields.get(key)
    if (field === undefined) {
      if (key !== discriminator) visitUnknown(w, table, key, value, discriminator)
      continue
    }
    if (value === null && field.required !== true) continue
    if (top) w.group = key
    w.path.push(key)
    visit(w, field, value, tree)
    w.path.pop()
  }
  for (const name of table.needs) {
    if (!tree.has(name)) {
      w.path.push(name)
      throw malformed(w, 'present: it is required')
    }
  }
}

function visitUnion(w: Walking, table: UnionField, tree: TreeObject): void {
  const word = tree.get(table.key) ?? table.missing
  w.path.push(table.key)
  if (word === undefined || word === null) throw malformed(w, 'present: it is required')
  if (typeof word !== 'string') throw wrong(w, 'a string', word)
  const member = table.members.get(word) ?? table.members.get(table.match?.(word) ?? '')
  if (member === undefined) throw malformed(w, `one of ${[...table.members.keys()].join(', ')}`)
  w.path.pop()
  visitMember(w, member, tree, table.key)
}

/** Looks through wrappers down to the member's object, so that the union's own key counts as known there. */
function visitMember(w: Walking, member: Field, tree: TreeObject, key: string): void {
  if (member.is === 'object') visitObject(w, member, tree, key)
  else if (member.is === 'lazy') visitMember(w, member.get(), tree, key)
  else if (member.is === 'tool') {
    markTool(w, member, tree)
    visitMember(w, member.of, tree, key)
  } else if (member.is === 'state') {
    markState(w, member, tree)
    visitMember(w, member.of, tree, key)
  } else visit(w, member, tree, undefined)
}

function markState(w: Walking, field: StateField, value: Tree): void {
  if (!field.when(value)) return
  w.effects.add('provider_state')
  subordinate(w, 'llm.provider_state', 'State', withoutIndexes(w.path), ['provider_state'], { kind: 'provider' })
}

function markTool(w: Walking, field: ToolField, value: Tree): void {
  const effects: readonly Effect[] = ['provider_tool', ...(field.effects ?? [])]
  for (const effect of effects) w.effects.add(effect)
  const type = value instanceof Map ? value.get('type') : undefined
  const name = field.name ?? (typeof type === 'string' ? type : withoutIndexes(w.path))
  subordinate(w, 'llm.provider_tool', 'Tool', name, effects, { name, kind: 'provider' })
}

function visitList(w: Walking, of: Field, grouped: boolean, values: readonly Tree[]): void {
  const before = w.group
  const prefix = grouped ? w.path.join('.') : ''
  for (let index = 0; index < values.length; index++) {
    if (grouped) w.group = `${prefix}.${index}`
    w.path.push(index)
    visit(w, of, values[index] as Tree, undefined)
    w.path.pop()
  }
  w.group = before
}

function visitMap(w: Walking, of: Field, tree: TreeObject): void {
  let place = 0
  for (const [key, value] of tree) {
    inspectKey(w, 'body', key, place++)
    if (value === null) continue
    w.path.push(key)
    visit(w, of, value, tree)
    w.path.pop()
  }
}

function visitJson(w: Walking, origin: Origin, value: Tree): void {
  if (typeof value === 'string') inspect(w, origin, value)
  else if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      w.path.push(index)
      visitJson(w, origin, value[index] as Tree)
      w.path.pop()
    }
  } else if (value instanceof Map) {
    let place = 0
    for (const [key, inner] of value) {
      inspectKey(w, origin, key, place++)
      w.path.push(key)
      visitJson(w, origin, inner)
      w.path.pop()
    }
  } else if (isNumber(value)) {
    // A card or phone number is content also where a model wrote it without quotes.
    const digits = value instanceof Lexeme ? value.text : String(value)
    if (digits.length >= 9) inspect(w, origin, digits)
  }
}

function visitUnknown(w: Walking, table: ObjectField, key: string, value: Tree, discriminator: string | undefined): void {
  w.path.push(key)
  const folded = fold(key)
  if (table.folded.has(folded) || (discriminator !== undefined && fold(discriminator) === folded)) {
    throw malformed(w, 'spelled in lower and upper case as the provider\'s reference has it')
  }
  const name = withoutIndexes(w.path)
  if (!w.allowed.includes(name)) {
    throw new Refused(refuse('unknown_field', { param: dotted(w), say: `The request has a field that this gateway does not know: ${dotted(w)}.` }))
  }
  w.effects.add('unlisted_field')
  if (w.path.length === 1) w.group = key
  visitJson(w, 'body', value)
  w.path.pop()
}

function kindOf(w: Walking, field: EitherField, value: Tree): Field {
  const found =
    typeof value === 'string' ? field.string
    : Array.isArray(value) ? field.list
    : value instanceof Map ? field.object
    : typeof value === 'boolean' ? field.boolean
    : value === null ? undefined
    : field.number
  if (found !== undefined) return found
  const names = { string: 'a string', list: 'an array', object: 'an object', number: 'a number', boolean: 'true or false' } as const
  const expected = (Object.keys(names) as (keyof typeof names)[]).filter((kind) => field[kind] !== undefined).map((kind) => names[kind])
  throw wrong(w, expected.join(' or '), value)
}
