import { parseJson, JsonError } from '../formats/json.ts'
import { isNumber, isObject, stringOf, type Tree, type TreeObject } from '../formats/tree.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { FlowCall } from '../session/flow/decide.ts'
import type { FlowSegment } from '../session/flow/reading.ts'
import type { Offered } from '../session/flow/sinks.ts'

/** A recorded conversation, in the order in which things were said: a call stands where it was proposed. */
export interface Trace {
  readonly id: string | number
  readonly events: readonly TraceEvent[]
}

export type TraceEvent = { readonly take: FlowSegment } | { readonly call: FlowCall }

/** What is wrong with a line. */
export class TraceError extends Error {}

const DEEPEST = 64
const MOST_NODES = 2_000_000
const MOST_MESSAGES = 100_000
const MOST_TOOLS = 4096
const MOST_CALLS = 1024

/**
 * Reads `{id, tools?, messages}` with messages of OpenAI's chat form (https://platform.openai.com/docs/api-reference/chat).
 * What a recorder keeps beside that (model, usage, labels of its own) is passed over; what is there of that must be right.
 * @throws {TraceError}
 */
export function readTrace(line: string): Trace {
  let tree: Tree
  try {
    tree = parseJson(line, { depth: DEEPEST, nodes: MOST_NODES })
  } catch (error) {
    if (error instanceof JsonError) throw new TraceError(`not strict JSON: ${error.message}`)
    throw error
  }
  if (!isObject(tree)) throw new TraceError('not an object')
  const id = tree.get('id')
  if (typeof id !== 'string' && typeof id !== 'number') throw new TraceError('id: a text or a number is expected')
  if (typeof id === 'string' && id.length > 1000) throw new TraceError('id: longer than 1000 characters')
  const offered = offeredOf(tree.get('tools'))
  return { id, events: eventsOf(listOf(tree.get('messages'), 'messages', MOST_MESSAGES), offered) }
}

function listOf(value: Tree | undefined, where: string, most: number): readonly Tree[] {
  if (!Array.isArray(value)) throw new TraceError(`${where}: a list is expected`)
  if (value.length > most) throw new TraceError(`${where}: more than ${most}`)
  return value
}

function objectOf(value: Tree | undefined, where: string): TreeObject {
  if (!isObject(value)) throw new TraceError(`${where}: an object is expected`)
  return value
}

function textOf(value: Tree | undefined, where: string): string {
  if (typeof value !== 'string') throw new TraceError(`${where}: a text is expected`)
  return value
}

/** Tools as OpenAI writes them, or as an MCP server lists them. */
function offeredOf(value: Tree | undefined): ReadonlyMap<string, Offered> {
  const found = new Map<string, Offered>()
  if (value === undefined || value === null) return found
  for (const [index, one] of listOf(value, 'tools', MOST_TOOLS).entries()) {
    const where = `tools.${index}`
    const tool = objectOf(one, where)
    const inner = tool.get('function')
    const definition = inner === undefined ? tool : objectOf(inner, `${where}.function`)
    const name = textOf(definition.get('name'), `${where}.name`)
    const schema = definition.get('parameters') ?? definition.get('inputSchema') ?? definition.get('input_schema')
    const annotations = definition.get('annotations')
    found.set(name, { name, ...(schema !== undefined && { schema }), ...(annotations !== undefined && { annotations }) })
  }
  return found
}

function eventsOf(messages: readonly Tree[], offered: ReadonlyMap<string, Offered>): readonly TraceEvent[] {
  const events: TraceEvent[] = []
  const names = new Map<string, string>()
  // Where proof is asked for, a recording has it of what came first: the operator's instructions and the first turn.
  let firstTurn = true
  for (const [index, one] of messages.entries()) {
    const where = `messages.${index}`
    const message = objectOf(one, where)
    const role = textOf(message.get('role'), `${where}.role`)
    const take = (segment: Omit<FlowSegment, 'text'>): void => {
      for (const text of contentOf(message.get('content'), `${where}.content`)) events.push({ take: { ...segment, text } })
    }
    switch (role) {
      case 'system':
      case 'developer':
        take({ origin: 'system', ...(firstTurn && { attested: true }) })
        break
      case 'user':
        take({ origin: 'user', ...(firstTurn && { attested: true }) })
        firstTurn = false
        break
      case 'assistant':
        firstTurn = false
        take({ origin: 'assistant', known: true })
        for (const call of callsOf(message, where)) {
          if (call.id !== undefined) names.set(call.id, call.name)
          const definition = offered.get(call.name)
          events.push({ call: { tool: call.name, arguments: call.args, ...(definition && { offered: definition }) } })
          events.push({ take: { origin: 'tool_call', text: typeof call.args === 'string' ? call.args : JSON.stringify(plainOf(call.args)), tool: call.name, known: true } })
        }
        break
      case 'tool':
      case 'function': {
        firstTurn = false
        const id = message.get('tool_call_id')
        if (id !== undefined && id !== null && typeof id !== 'string') throw new TraceError(`${where}.tool_call_id: a text is expected`)
        const tool = (typeof id === 'string' ? names.get(id) : undefined) ?? stringOf(message.get('name'))
        take({ origin: 'tool_result', group: typeof id === 'string' ? `call ${id}` : `message ${index}`, ...(tool !== undefined && { tool }) })
        break
      }
      default:
        throw new TraceError(`${where}.role: "${role.slice(0, 40)}" is none of system, developer, user, assistant, tool`)
    }
  }
  return events
}

/** The texts of a content; parts that are no text count by what they say of themselves, such as the address of an image. */
function contentOf(content: Tree | undefined, where: string): readonly string[] {
  if (content === undefined || content === null) return []
  if (typeof content === 'string') return [content]
  if (!Array.isArray(content)) return [canonicalJson(plainOf(content))]
  return content.map((part, index) => {
    if (typeof part === 'string') return part
    const object = objectOf(part, `${where}.${index}`)
    const text = object.get('text') ?? object.get('refusal')
    return typeof text === 'string' ? text : canonicalJson(plainOf(object))
  })
}

interface Called {
  readonly id?: string
  readonly name: string
  readonly args: string | TreeObject
}

function callsOf(message: TreeObject, where: string): readonly Called[] {
  const legacy = message.get('function_call')
  const calls = message.get('tool_calls')
  const found: Called[] = []
  const take = (of: TreeObject, id: Tree | undefined, at: string): void => {
    const args = of.get('arguments')
    if (typeof args !== 'string' && !isObject(args) && args !== undefined) throw new TraceError(`${at}.arguments: a text or an object is expected`)
    if (id !== undefined && typeof id !== 'string') throw new TraceError(`${at}.id: a text is expected`)
    found.push({ ...(id !== undefined && { id }), name: textOf(of.get('name'), `${at}.name`), args: args ?? '' })
  }
  if (legacy !== undefined && legacy !== null) take(objectOf(legacy, `${where}.function_call`), undefined, `${where}.function_call`)
  if (calls !== undefined && calls !== null) {
    for (const [index, one] of listOf(calls, `${where}.tool_calls`, MOST_CALLS).entries()) {
      const at = `${where}.tool_calls.${index}`
      const call = objectOf(one, at)
      const inner = call.get('function') ?? call.get('custom')
      take(inner === undefined ? call : objectOf(inner, `${at}.function`), call.get('id'), at)
    }
  }
  return found
}

/** The tree as plain values, for writing it out. */
function plainOf(tree: Tree): unknown {
  if (isObject(tree)) return Object.fromEntries([...tree].map(([key, value]) => [key, plainOf(value)]))
  if (Array.isArray(tree)) return tree.map(plainOf)
  return isNumber(tree) && typeof tree !== 'number' ? Number(tree.text) : tree
}
