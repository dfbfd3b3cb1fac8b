import { at, isNumber, isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Conversation, Format, Message, Part, Reasoning, Tool, ToolChoice } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { fromChat } from '../annotations.ts'
import { arrayOf, known } from '../chat/decode.ts'
import { HINTS } from '../hints.ts'
import { sourceOfFile, sourceOfUrl } from '../source.ts'
import { carriesSignature, reasoningPart } from './reasoning.ts'

type Only = Conversation['only'][number]

/** Top-level fields that have a place in the neutral form. */
const PLACED = new Set([
  'model', 'input', 'instructions', 'tools', 'tool_choice', 'parallel_tool_calls', 'max_output_tokens', 'temperature', 'top_p', 'top_logprobs',
  'text', 'reasoning', 'include', 'user', 'safety_identifier', 'metadata', 'stream', 'stream_options',
])

/** Reads a request that `survey` has accepted. @throws {Inexpressible} for items that only this dialect can say. */
export function decode(tree: TreeObject): Conversation {
  const only: Only[] = []
  const add = (field: string, value: Tree | undefined): void => {
    if (value !== undefined && value !== null) only.push({ dialect: 'openai.responses', field, value })
  }
  for (const [field, value] of tree) {
    if (!PLACED.has(field) && !Object.hasOwn(HINTS, field) && !isDefault(field, value)) add(field, value)
  }
  add('text.verbosity', at(tree, ['text', 'verbosity']))
  add('reasoning.context', at(tree, ['reasoning', 'context']))
  const mode = at(tree, ['reasoning', 'mode'])
  if (mode !== 'standard') add('reasoning.mode', mode)
  const included = arrayOf(tree.get('include'))
  const others = included.filter((one) => one !== LOGPROBS && one !== 'reasoning.encrypted_content')
  if (others.length > 0) add('include', others)

  const instructions = stringOf(tree.get('instructions'))
  const messages = decodeInput(tree.get('input'))
  let leading = 0
  while (leading < messages.length && isInstruction(messages[leading] as Message)) leading++
  const system = messages.slice(0, leading).flatMap((message) => message.parts)
  if (instructions !== undefined && instructions !== '') system.unshift({ kind: 'text', text: instructions })

  const { choice, among } = decodeChoice(tree.get('tool_choice'))
  const allTools = arrayOf(tree.get('tools')).map((tool, index) => decodeTool(tool, `tools.${index}`))
  const tools = among === undefined ? allTools : allTools.filter((tool) => among.has(tool.name))
  const parallel = tree.get('parallel_tool_calls')
  const maxTokens = numberOf(tree.get('max_output_tokens'))
  const temperature = tree.get('temperature')
  const topP = tree.get('top_p')
  const top = numberOf(tree.get('top_logprobs'))
  const logprobs = top !== undefined && top > 0 ? top : included.includes(LOGPROBS) ? true : undefined
  const format = decodeFormat(at(tree, ['text', 'format']))
  const reasoning = decodeReasoning(tree.get('reasoning'))
  const user = stringOf(tree.get('safety_identifier')) ?? stringOf(tree.get('user'))
  const labels = tree.get('metadata')
  return {
    model: stringOf(tree.get('model')) ?? '',
    system,
    messages: messages.slice(leading),
    tools,
    ...(choice === undefined ? {} : { toolChoice: choice }),
    ...(typeof parallel === 'boolean' ? { parallelToolCalls: parallel } : {}),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(isNumber(temperature) ? { temperature } : {}),
    ...(isNumber(topP) ? { topP } : {}),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(format === undefined ? {} : { format }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(user === undefined ? {} : { user }),
    ...(isObject(labels) ? { metadata: labels } : {}),
    stream: tree.get('stream') === true,
    includeUsage: true,
    only,
  }
}

const LOGPROBS = 'message.output_text.logprobs'

/** Values that say what every dialect does anyway. */
function isDefault(field: string, value: Tree): boolean {
  if (field === 'store' || field === 'background') return value === false
  return field === 'truncation' && value === 'disabled'
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

function decodeReasoning(reasoning: Tree | undefined): Reasoning | undefined {
  if (!isObject(reasoning)) return undefined
  const effort = stringOf(reasoning.get('effort'))
  const summary = stringOf(reasoning.get('summary')) ?? stringOf(reasoning.get('generate_summary'))
  if (effort === undefined && summary === undefined) return undefined
  return { ...(effort === undefined ? {} : { effort }), ...(summary === undefined ? {} : { summary, includeThoughts: true }) }
}

/** Items of one side that follow each other are one turn: thinking, words and calls, or the results of calls. */
function decodeInput(input: Tree | undefined): Message[] {
  if (typeof input === 'string') return [{ role: 'user', parts: [{ kind: 'text', text: input }] }]
  const messages: Message[] = []
  arrayOf(input).forEach((item, index) => {
    const { role, parts } = decodeItem(item, `input.${index}`)
    const last = messages.at(-1)
    const first = parts[0]
    const call = last?.parts.at(-1)
    if (last?.role === 'assistant' && call?.kind === 'call' && first !== undefined && carriesSignature(first)) {
      messages[messages.length - 1] = { role, parts: [...last.parts.slice(0, -1), { ...call, signature: first.signature }] }
      return
    }
    const joins = last !== undefined && last.role === role && (role === 'assistant' || (isResults(parts) && isResults(last.parts)))
    if (joins) messages[messages.length - 1] = { role, parts: [...last.parts, ...parts] }
    else messages.push({ role, parts })
  })
  return messages
}

function isResults(parts: readonly Part[]): boolean {
  return parts.length > 0 && parts.every((part) => part.kind === 'result')
}

function decodeItem(item: Tree, where: string): Message {
  if (!isObject(item)) throw new Inexpressible(where, 'is no item')
  const type = item.get('type') ?? 'message'
  switch (type) {
    case 'message': {
      known(item, where, ['type', 'id', 'status', 'phase', 'role', 'content'])
      const role = item.get('role')
      if (role !== 'user' && role !== 'assistant' && role !== 'system' && role !== 'developer') throw new Inexpressible(`${where}.role`, 'is unknown')
      return { role, parts: contentParts(item.get('content'), where) }
    }
    case 'function_call':
      return { role: 'assistant', parts: [decodeCall(item)] }
    case 'function_call_output': {
      const id = stringOf(item.get('call_id')) ?? ''
      const name = stringOf(item.get('name'))
      return { role: 'user', parts: [{ kind: 'result', id, parts: contentParts(item.get('output'), where), ...(name === undefined ? {} : { name }) }] }
    }
    case 'reasoning':
      return { role: 'assistant', parts: [reasoningPart(item)] }
    default:
      throw new Inexpressible(`${where}.type`, `${String(type)} has no place in another dialect`)
  }
}

/** A function call of a request or a reply. */
export function decodeCall(item: TreeObject): Part {
  const namespace = stringOf(item.get('namespace'))
  if (namespace !== undefined) throw new Inexpressible('input.namespace', 'has no place in another dialect')
  return { kind: 'call', id: stringOf(item.get('call_id')) ?? stringOf(item.get('id')) ?? '', name: stringOf(item.get('name')) ?? '', args: stringOf(item.get('arguments')) ?? '' }
}

function contentParts(content: Tree | undefined, where: string): Part[] {
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ kind: 'text', text: content }]
  return arrayOf(content).map((part, index) => decodePart(part, `${where}.content.${index}`))
}

/** A content part of a request or a reply. */
export function decodePart(part: Tree, where: string): Part {
  if (!isObject(part)) throw new Inexpressible(where, 'is no content part')
  switch (part.get('type')) {
    case 'input_text':
      return { kind: 'text', text: stringOf(part.get('text')) ?? '' }
    case 'output_text': {
      // Flat already; `fromChat` only leaves out an empty list.
      const citations = fromChat(part.get('annotations'))
      return { kind: 'text', text: stringOf(part.get('text')) ?? '', ...(citations === undefined ? {} : { citations }) }
    }
    case 'refusal':
      return { kind: 'refusal', text: stringOf(part.get('refusal')) ?? '' }
    case 'input_image': {
      const detail = stringOf(part.get('detail'))
      const id = stringOf(part.get('file_id'))
      const source = id === undefined ? sourceOfUrl(stringOf(part.get('image_url')) ?? '') : ({ from: 'provider', id } as const)
      return { kind: 'image', source, ...(detail === undefined ? {} : { detail }) }
    }
    case 'input_file': {
      const name = stringOf(part.get('filename'))
      const data = stringOf(part.get('file_data'))
      const url = stringOf(part.get('file_url'))
      const id = stringOf(part.get('file_id'))
      const named = name === undefined ? {} : { name }
      if (data !== undefined) return { kind: 'file', source: sourceOfFile(data, name), ...named }
      if (url !== undefined) return { kind: 'file', source: sourceOfUrl(url), ...named }
      if (id !== undefined) return { kind: 'file', source: { from: 'provider', id }, ...named }
      throw new Inexpressible(where, 'has neither data nor URL nor id')
    }
    case 'input_audio': {
      const format = stringOf(at(part, ['input_audio', 'format'])) ?? 'wav'
      const mime = format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
      return { kind: 'audio', source: { from: 'inline', mime, base64: stringOf(at(part, ['input_audio', 'data'])) ?? '' }, format }
    }
    default:
      throw new Inexpressible(`${where}.type`, 'is unknown')
  }
}

function decodeTool(tool: Tree, where: string): Tool {
  if (!isObject(tool) || tool.get('type') !== 'function') throw new Inexpressible(`${where}.type`, 'only function tools have a place elsewhere')
  known(tool, where, ['type', 'name', 'description', 'parameters', 'strict'])
  const description = stringOf(tool.get('description'))
  const schema = tool.get('parameters')
  const strict = tool.get('strict')
  return {
    name: stringOf(tool.get('name')) ?? '',
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined || schema === null ? {} : { schema }),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  }
}

/** `allowed_tools` narrows the list of tools, which is what every other dialect can do by leaving tools out. */
function decodeChoice(choice: Tree | undefined): { readonly choice?: ToolChoice; readonly among?: ReadonlySet<string> } {
  if (choice === 'none' || choice === 'auto' || choice === 'required') return { choice: { mode: choice } }
  if (!isObject(choice)) return {}
  const name = stringOf(choice.get('name'))
  if (choice.get('type') === 'function' && name !== undefined) return { choice: { mode: 'named', names: [name] } }
  if (choice.get('type') !== 'allowed_tools') throw new Inexpressible('tool_choice', 'only function tools have a place elsewhere')
  const among = new Set(arrayOf(choice.get('tools')).map((tool) => stringOf(at(tool, ['name'])) ?? ''))
  return { choice: { mode: choice.get('mode') === 'required' ? 'required' : 'auto' }, among }
}

function decodeFormat(format: Tree | undefined): Format | undefined {
  if (!isObject(format)) return undefined
  if (format.get('type') === 'json_object') return { kind: 'json' }
  if (format.get('type') !== 'json_schema') return undefined
  const name = stringOf(format.get('name'))
  const description = stringOf(format.get('description'))
  const strict = format.get('strict')
  return {
    kind: 'schema',
    schema: format.get('schema') ?? new Map(),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  }
}
