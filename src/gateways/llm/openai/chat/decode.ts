import { at, isNumber, isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Conversation, Format, Message, Part, Tool, ToolChoice } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { sign } from '../../signature.ts'
import { HINTS } from '../hints.ts'
import { sourceOfFile, sourceOfUrl } from '../source.ts'
import { reasoningParts } from './reasoning.ts'

type Only = Conversation['only'][number]

/** Top-level fields that have a place in the neutral form. */
const PLACED = new Set([
  'model', 'messages', 'tools', 'tool_choice', 'parallel_tool_calls', 'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'stop',
  'n', 'seed', 'presence_penalty', 'frequency_penalty', 'logprobs', 'top_logprobs', 'logit_bias', 'response_format', 'reasoning_effort',
  'user', 'safety_identifier', 'metadata', 'stream', 'stream_options',
])

/** Reads a request that `survey` has accepted. @throws {Inexpressible} for parts that only this dialect can say. */
export function decode(tree: TreeObject): Conversation {
  const only: Only[] = []
  for (const [field, value] of tree) {
    if (PLACED.has(field) || value === null || Object.hasOwn(HINTS, field) || isDefault(field, value)) continue
    if (field === 'functions' || field === 'function_call') throw new Inexpressible(field, 'use tools and tool_choice')
    only.push({ dialect: 'openai.chat', field, value })
  }
  const all = arrayOf(tree.get('messages')).map((message, index) => decodeMessage(message, `messages.${index}`))
  let leading = 0
  while (leading < all.length && isInstruction(all[leading] as Message)) leading++
  const allTools = arrayOf(tree.get('tools')).map((tool, index) => decodeTool(tool, `tools.${index}`))
  const { choice, among } = decodeChoice(tree.get('tool_choice'))
  const tools = among === undefined ? allTools : allTools.filter((tool) => among.has(tool.name))
  const stop = tree.get('stop')
  const maxTokens = numberOf(tree.get('max_completion_tokens')) ?? numberOf(tree.get('max_tokens'))
  const user = stringOf(tree.get('safety_identifier')) ?? stringOf(tree.get('user'))
  const effort = stringOf(tree.get('reasoning_effort'))
  const format = decodeFormat(tree.get('response_format'))
  const parallel = tree.get('parallel_tool_calls')
  const n = numberOf(tree.get('n'))
  const logprobs = tree.get('logprobs') === true ? (numberOf(tree.get('top_logprobs')) ?? true) : undefined
  const bias = tree.get('logit_bias')
  const labels = tree.get('metadata')
  return {
    model: stringOf(tree.get('model')) ?? '',
    system: all.slice(0, leading).flatMap((message) => message.parts),
    messages: joinResults(all.slice(leading)),
    tools,
    ...(choice === undefined ? {} : { toolChoice: choice }),
    ...(typeof parallel === 'boolean' ? { parallelToolCalls: parallel } : {}),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...numeric(tree, 'temperature', 'temperature'),
    ...numeric(tree, 'top_p', 'topP'),
    ...numeric(tree, 'seed', 'seed'),
    ...numeric(tree, 'presence_penalty', 'presencePenalty'),
    ...numeric(tree, 'frequency_penalty', 'frequencyPenalty'),
    ...(typeof stop === 'string' ? { stop: [stop] } : Array.isArray(stop) ? { stop: stop.filter((word) => typeof word === 'string') } : {}),
    ...(n === undefined ? {} : { n }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(isObject(bias) ? { logitBias: bias } : {}),
    ...(format === undefined ? {} : { format }),
    ...(effort === undefined ? {} : { reasoning: { effort } }),
    ...(user === undefined ? {} : { user }),
    ...(isObject(labels) ? { metadata: labels } : {}),
    stream: tree.get('stream') === true,
    includeUsage: at(tree, ['stream_options', 'include_usage']) === true,
    only,
  }
}

/** Values that say what every dialect does anyway. */
function isDefault(field: string, value: Tree): boolean {
  if (field === 'store') return value === false
  return field === 'modalities' && Array.isArray(value) && value.every((one) => one === 'text')
}

function numeric<K extends 'temperature' | 'topP' | 'seed' | 'presencePenalty' | 'frequencyPenalty'>(tree: TreeObject, field: string, name: K): { readonly [P in K]?: Tree } {
  const value = tree.get(field)
  return isNumber(value) ? ({ [name]: value } as { [P in K]?: Tree }) : {}
}

function isInstruction(message: Message): boolean {
  return (message.role === 'system' || message.role === 'developer') && message.name === undefined
}

/** Results of parallel calls belong to one turn. */
function joinResults(messages: readonly Message[]): Message[] {
  const made: Message[] = []
  for (const message of messages) {
    const last = made.at(-1)
    if (last !== undefined && isResults(message) && isResults(last)) made[made.length - 1] = { ...last, parts: [...last.parts, ...message.parts] }
    else made.push(message)
  }
  return made
}

function isResults(message: Message): boolean {
  return message.role === 'user' && message.name === undefined && message.parts.length > 0 && message.parts.every((part) => part.kind === 'result')
}

function decodeMessage(message: Tree, where: string): Message {
  if (!isObject(message)) throw new Inexpressible(where, 'is no message')
  const name = stringOf(message.get('name'))
  const named = name === undefined ? {} : { name }
  const role = message.get('role')
  switch (role) {
    case 'system':
    case 'developer':
    case 'user':
      known(message, where, ['role', 'content', 'name'])
      return { role, parts: contentParts(message.get('content'), where), ...named }
    case 'assistant':
      return { role, parts: assistantParts(message, where), ...named }
    case 'tool': {
      known(message, where, ['role', 'content', 'tool_call_id', 'name'])
      const id = stringOf(message.get('tool_call_id')) ?? ''
      return { role: 'user', parts: [{ kind: 'result', id, parts: contentParts(message.get('content'), where), ...named }] }
    }
    default:
      throw new Inexpressible(`${where}.role`, 'calls without ids have no place elsewhere; use tool messages')
  }
}

function assistantParts(message: TreeObject, where: string): Part[] {
  known(message, where, [
    'role', 'content', 'name', 'refusal', 'tool_calls', 'reasoning_content', 'reasoning', 'reasoning_details', 'annotations', 'parsed',
  ])
  const parts: Part[] = [...reasoningParts(message), ...contentParts(message.get('content'), where)]
  const refusal = stringOf(message.get('refusal'))
  if (refusal !== undefined && refusal !== '') parts.push({ kind: 'refusal', text: refusal })
  arrayOf(message.get('tool_calls')).forEach((call, index) => parts.push(decodeCall(call, `${where}.tool_calls.${index}`)))
  return parts
}

/** A function call of a request or a reply. */
export function decodeCall(call: Tree, where: string): Part {
  const target = at(call, ['function'])
  if (!isObject(call) || !isObject(target)) throw new Inexpressible(where, 'only function calls have a place elsewhere')
  const signature = stringOf(at(call, ['extra_content', 'google', 'thought_signature']))
  return {
    kind: 'call',
    id: stringOf(call.get('id')) ?? '',
    name: stringOf(target.get('name')) ?? '',
    args: stringOf(target.get('arguments')) ?? '',
    ...(signature === undefined || signature === '' ? {} : { signature: sign('gemini', signature) }),
  }
}

function contentParts(content: Tree | undefined, where: string): Part[] {
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ kind: 'text', text: content }]
  return arrayOf(content).map((part, index) => decodePart(part, `${where}.content.${index}`))
}

function decodePart(part: Tree, where: string): Part {
  const type = at(part, ['type'])
  if (!isObject(part) || typeof type !== 'string') throw new Inexpressible(where, 'is no content part')
  known(part, where, ['type', type, 'prompt_cache_breakpoint'])
  const body = part.get(type)
  switch (type) {
    case 'text':
      return { kind: 'text', text: stringOf(body) ?? '' }
    case 'refusal':
      return { kind: 'refusal', text: stringOf(body) ?? '' }
    case 'image_url': {
      const detail = stringOf(at(body, ['detail']))
      return { kind: 'image', source: sourceOfUrl(stringOf(at(body, ['url'])) ?? ''), ...(detail === undefined ? {} : { detail }) }
    }
    case 'input_audio': {
      const format = stringOf(at(body, ['format'])) ?? 'wav'
      const mime = format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
      return { kind: 'audio', source: { from: 'inline', mime, base64: stringOf(at(body, ['data'])) ?? '' }, format }
    }
    case 'file': {
      const name = stringOf(at(body, ['filename']))
      const data = stringOf(at(body, ['file_data']))
      const id = stringOf(at(body, ['file_id']))
      if (data === undefined && id === undefined) throw new Inexpressible(`${where}.file`, 'has neither data nor id')
      return {
        kind: 'file',
        source: data === undefined ? { from: 'provider', id: id as string } : sourceOfFile(data, name),
        ...(name === undefined ? {} : { name }),
      }
    }
    default:
      throw new Inexpressible(`${where}.type`, 'is unknown')
  }
}

function decodeTool(tool: Tree, where: string): Tool {
  const target = at(tool, ['function'])
  if (!isObject(target)) throw new Inexpressible(`${where}.type`, 'only function tools have a place elsewhere')
  known(target, `${where}.function`, ['name', 'description', 'parameters', 'strict'])
  const description = stringOf(target.get('description'))
  const schema = target.get('parameters')
  const strict = target.get('strict')
  return {
    name: stringOf(target.get('name')) ?? '',
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined || schema === null ? {} : { schema }),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  }
}

/** `allowed_tools` narrows the list of tools, which is what every other dialect can do by leaving tools out. */
function decodeChoice(choice: Tree | undefined): { readonly choice?: ToolChoice; readonly among?: ReadonlySet<string> } {
  if (choice === 'none' || choice === 'auto' || choice === 'required') return { choice: { mode: choice } }
  if (choice === 'any') return { choice: { mode: 'required' } }
  if (!isObject(choice)) return {}
  const name = stringOf(at(choice, ['function', 'name']))
  if (name !== undefined) return { choice: { mode: 'named', names: [name] } }
  const allowed = choice.get('allowed_tools')
  if (!isObject(allowed)) throw new Inexpressible('tool_choice', 'only function tools have a place elsewhere')
  const among = arrayOf(allowed.get('tools')).map((tool) => stringOf(at(tool, ['function', 'name'])) ?? stringOf(at(tool, ['name'])) ?? '')
  return { choice: { mode: allowed.get('mode') === 'required' ? 'required' : 'auto' }, among: new Set(among) }
}

function decodeFormat(format: Tree | undefined): Format | undefined {
  if (!isObject(format)) return undefined
  if (format.get('type') === 'json_object') return { kind: 'json' }
  const described = format.get('json_schema')
  if (!isObject(described)) return undefined
  const name = stringOf(described.get('name'))
  const description = stringOf(described.get('description'))
  const strict = described.get('strict')
  return {
    kind: 'schema',
    schema: described.get('schema') ?? new Map(),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  }
}

/** Fields that a route lets through travel within their dialect only. */
export function known(tree: TreeObject, where: string, names: readonly string[]): void {
  for (const [key, value] of tree) {
    if (value !== null && !names.includes(key)) throw new Inexpressible(`${where}.${key}`, 'has no place in another dialect')
  }
}

export function arrayOf(value: Tree | undefined): readonly Tree[] {
  return Array.isArray(value) ? value : []
}
