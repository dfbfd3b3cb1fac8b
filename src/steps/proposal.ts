import { createHash } from 'node:crypto'
import type { Shown, ShownValue, Source } from '../contract/shown.ts'
import type { Facts } from '../contract/facts.ts'
import type { Segment } from '../contract/segment.ts'
import type { ToolFacts } from '../contract/tool.ts'
import type { ToolClass } from '../contract/tool_class.ts'
import { refuse } from '../contract/verdict.ts'
import { JsonError, parseJson } from '../formats/json.ts'
import { isObject, Lexeme, numberOf, type Tree, type TreeObject } from '../formats/tree.ts'
import type { Consequence } from './child.ts'

type Parameter = string | number | boolean | readonly string[]

const DEEPEST = 64
/** Values that a reviewer is shown one by one, besides those that say whom or what it acts on; the whole body is always there. */
const MOST_VALUES = 200
/** Whose sources are looked for: each costs a look through the whole conversation. */
const MOST_SOURCED = 200
const MOST_SOURCES = 4
const EXCERPT = 160
const TASK = 500

/**
 * A tool call that a model proposes, as the action that policy decides about: declared arguments are parameters,
 * what configuration says of the tool are attributes and effects. Where policy relies on a tool's arguments, arguments
 * that cannot be read strictly, or are not of their declared type, are refused: a policy that asks `has` would miss them.
 */
export function proposalOf(facts: Facts, name: string, args: string, sequence: number): Consequence {
  const tool = facts.epoch.tool(name)
  const tree = argumentsOf(args)
  const declared = tree === undefined ? Object.keys(tool.parameters).length > 0 ? 'the arguments are not strict JSON' : {} : parametersOf(tree, tool)
  return {
    action: 'tool.propose',
    resource: { type: 'Tool', id: name, attributes: tool.attributes },
    effects: tool.effects,
    parameters: { ...(typeof declared !== 'string' && declared), tool: name, argumentBytes: args.length },
    ...(typeof declared === 'string' && { refusal: refuse('denied', { detail: `${name}: ${declared}` }) }),
    sequence,
    fingerprint: () => createHash('sha256').update(`${name}\n`).update(args).digest('base64'),
    show: () => shown(tool, args, tree, facts.reading?.segments ?? []),
  }
}

function argumentsOf(args: string): TreeObject | undefined {
  try {
    const tree = parseJson(args.trim() === '' ? '{}' : args, { depth: DEEPEST })
    return isObject(tree) ? tree : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

/** Declared arguments by name, or what is wrong with one. */
function parametersOf(tree: TreeObject, { parameters, control }: ToolFacts): Readonly<Record<string, Parameter>> | string {
  const found: Record<string, Parameter> = {}
  // Many readers match names whatever their case, and the last one wins: policy would judge the other one.
  const known = [...Object.keys(parameters), ...control.map((one) => one.split('.')[0] as string)]
  const meant = new Set(known.map(folded))
  for (const name of tree.keys()) if (!known.includes(name) && meant.has(folded(name))) return `${JSON.stringify(name)} may be read as another argument`
  for (const [name, type] of Object.entries(parameters)) {
    const value = tree.get(name)
    if (value === undefined || value === null) continue
    const read = readAs(type, value)
    if (read === undefined) return `${name} is not a ${type}`
    found[name] = read
  }
  return found
}

function readAs(type: ToolFacts['parameters'][string], value: Tree): Parameter | undefined {
  switch (type) {
    case 'String':
      return typeof value === 'string' ? value : undefined
    case 'Boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'StringSet':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined
    case 'Long': {
      const number = numberOf(value)
      // Cedar has no fractions: rounded away from zero, so that an amount just over a limit is never under it.
      const whole = number === undefined ? Number.NaN : Math.sign(number) * Math.ceil(Math.abs(number))
      return Number.isSafeInteger(whole) ? whole : undefined
    }
  }
}

function shown(tool: ToolFacts, args: string, tree: TreeObject | undefined, segments: readonly Segment[]): Shown {
  const haystacks = segments.map(({ text }) => folded(text))
  const acting = tool.control.map(folded)
  const controls: Omit<ShownValue, 'sources'>[] = []
  const others: Omit<ShownValue, 'sources'>[] = []
  const put = (path: string, value: ShownValue['value']): void => {
    // None of those may be missing: what is endorsed is all of them.
    const spelt = folded(path)
    if (acting.some((one) => spelt === one || spelt.startsWith(`${one}.`))) controls.push({ path, value, control: true })
    else if (others.length < MOST_VALUES) others.push({ path, value, control: false })
  }
  const take = (path: string, value: Tree): void => {
    if (value instanceof Map) {
      if (value.size === 0) put(path, '{}')
      for (const [key, inner] of value) take(path === '' ? key : `${path}.${key}`, inner)
    } else if (Array.isArray(value)) {
      if (value.length === 0) put(path, '[]')
      for (const [index, inner] of value.entries()) take(`${path}.${index}`, inner)
    } else put(path, value instanceof Lexeme ? value.text : value)
  }
  if (tree !== undefined && tree.size > 0) take('', tree)
  const values = [...controls, ...others].map((one, place): ShownValue => ({ ...one, sources: place < MOST_SOURCED ? sourcesOf(one.value, segments, haystacks) : [] }))
  const task = segments.findLast((one) => one.origin === 'user')?.text.slice(0, TASK)
  return {
    body: args,
    values,
    ...(tool.class && { class: tool.class }),
    undo: tool.class === undefined ? 'unknown' : undo[tool.class],
    ...(task !== undefined && { task }),
  }
}

const undo: Readonly<Record<ToolClass, Shown['undo']>> = {
  read: 'nothing to undo',
  internal_write: 'perhaps',
  external_send: 'no',
  money: 'no',
  destructive: 'no',
  privilege: 'perhaps',
  code_execution: 'no',
}

function sourcesOf(value: ShownValue['value'], segments: readonly Segment[], haystacks: readonly string[]): readonly Source[] {
  const needle = folded(String(value))
  if (typeof value === 'boolean' || value === null || needle.length < 2) return []
  const sources: Source[] = []
  for (const [index, haystack] of haystacks.entries()) {
    const at = haystack.indexOf(needle)
    if (at < 0) continue
    const from = Math.max(0, at - Math.max(0, EXCERPT - needle.length) / 2)
    sources.push({ origin: (segments[index] as Segment).origin, segment: index, excerpt: haystack.slice(from, from + EXCERPT) })
    if (sources.length === MOST_SOURCES) break
  }
  return sources
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
