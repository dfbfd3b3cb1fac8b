import { createHash } from 'node:crypto'
import type { Shown, ShownValue, Source } from '../contract/shown.ts'
import type { Facts } from '../contract/facts.ts'
import type { Segment } from '../contract/segment.ts'
import type { ToolFacts } from '../contract/tool.ts'
import type { ToolClass } from '../contract/tool_class.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { JsonError, parseJson } from '../formats/json.ts'
import { isObject, Lexeme, numberOf, type Tree, type TreeObject } from '../formats/tree.ts'
import type { Consequence } from './child.ts'

type Parameter = string | number | boolean | readonly string[]

const DEEPEST = 64
/** Values that a reviewer is shown one by one; the whole body is always there. */
const MOST_VALUES = 200
const MOST_SOURCES = 4
const EXCERPT = 160
const TASK = 500

/**
 * A tool call that a model proposes, as the action that policy decides about: declared arguments are parameters,
 * what configuration says of the tool are attributes and effects. Where policy relies on a tool's arguments, arguments
 * that cannot be read strictly, or are not of their declared type, are refused: a policy that asks `has` would miss them.
 */
export function proposalOf(facts: Facts, name: string, args: string, sequence: number): Consequence | Refusal {
  const tool = facts.epoch.tool(name)
  const tree = argumentsOf(args)
  const declared = tree === undefined ? Object.keys(tool.parameters).length > 0 ? 'the arguments are not strict JSON' : {} : parametersOf(tree, tool)
  if (typeof declared === 'string') return refuse('denied', { detail: `${name}: ${declared}` })
  return {
    action: 'tool.propose',
    resource: { type: 'Tool', id: name, attributes: tool.attributes },
    effects: tool.effects,
    parameters: { ...declared, tool: name, argumentBytes: args.length },
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
function parametersOf(tree: TreeObject, { parameters }: ToolFacts): Readonly<Record<string, Parameter>> | string {
  const found: Record<string, Parameter> = {}
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
  const values: ShownValue[] = []
  const take = (path: string, value: Tree): void => {
    if (values.length >= MOST_VALUES) return
    if (value instanceof Map) for (const [key, inner] of value) take(path === '' ? key : `${path}.${key}`, inner)
    else if (Array.isArray(value)) for (const [index, inner] of value.entries()) take(`${path}.${index}`, inner)
    else {
      const plain = value instanceof Lexeme ? value.text : value
      values.push({ path, value: plain, control: tool.control.some((one) => path === one || path.startsWith(`${one}.`)), sources: sourcesOf(plain, segments, haystacks) })
    }
  }
  if (tree !== undefined) take('', tree)
  const task = segments.findLast((one) => one.origin === 'user')?.text.slice(0, TASK)
  return {
    body: args,
    values: values.toSorted((a, b) => Number(b.control) - Number(a.control)),
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
