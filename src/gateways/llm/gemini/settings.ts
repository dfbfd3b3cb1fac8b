import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Format, Reasoning, Tool, ToolChoice } from '../conversation.ts'
import { camel, get } from './names.ts'
import { jsonSchema } from './schema.ts'

/** Collects what only Gemini can say, by field. */
export type Spare = (field: string, value: Tree) => void

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const CONFIG = new Set([
  'candidateCount', 'maxOutputTokens', 'stopSequences', 'temperature', 'topP', 'topK', 'seed', 'presencePenalty', 'frequencyPenalty',
  'responseLogprobs', 'logprobs', 'responseMimeType', 'responseSchema', 'responseJsonSchema', 'thinkingConfig',
])

/** What `generationConfig` says in the neutral form. */
export function decodeSettings(tree: TreeObject, spare: Spare): Partial<Conversation> {
  const config = get(tree, 'generationConfig')
  if (!isObject(config)) return {}
  for (const [field, value] of config) {
    const name = camel(field)
    if (CONFIG.has(name) || value === null) continue
    // Text is what every model answers with.
    if (name === 'responseModalities' && Array.isArray(value) && value.every((word) => word === 'TEXT')) continue
    spare(`generationConfig.${field}`, value)
  }
  const made: Mutable<Partial<Conversation>> = {}
  const n = numberOf(get(config, 'candidateCount'))
  if (n !== undefined) made.n = n
  const maxTokens = numberOf(get(config, 'maxOutputTokens'))
  if (maxTokens !== undefined) made.maxTokens = maxTokens
  const stop = get(config, 'stopSequences')
  if (Array.isArray(stop) && stop.length > 0) made.stop = stop.filter((item) => typeof item === 'string')
  for (const name of ['temperature', 'topP', 'topK', 'seed', 'presencePenalty', 'frequencyPenalty'] as const) {
    const value = get(config, name)
    if (value !== undefined && value !== null) made[name] = value
  }
  if (get(config, 'responseLogprobs') === true) made.logprobs = numberOf(get(config, 'logprobs')) ?? true
  const format = decodeFormat(config, spare)
  if (format !== undefined) made.format = format
  const thinking = get(config, 'thinkingConfig')
  const reasoning = isObject(thinking) ? decodeThinking(thinking) : undefined
  if (reasoning !== undefined) made.reasoning = reasoning
  return made
}

function decodeFormat(config: TreeObject, spare: Spare): Format | undefined {
  const mime = stringOf(get(config, 'responseMimeType'))
  const json = get(config, 'responseJsonSchema')
  const subset = get(config, 'responseSchema')
  if (json !== undefined && json !== null) return { kind: 'schema', schema: json, strict: true }
  if (subset !== undefined && subset !== null) {
    // An enum as plain text, without JSON around it, is Google's alone.
    if (mime === 'text/x.enum') spare('generationConfig.responseMimeType', mime)
    return { kind: 'schema', schema: jsonSchema(subset), strict: true }
  }
  if (mime === undefined || mime === 'text/plain') return undefined
  if (mime === 'application/json') return { kind: 'json' }
  spare('generationConfig.responseMimeType', mime)
  return undefined
}

function decodeThinking(thinking: TreeObject): Reasoning | undefined {
  const made: Mutable<Reasoning> = {}
  const budget = numberOf(get(thinking, 'thinkingBudget'))
  const level = stringOf(get(thinking, 'thinkingLevel'))
  const shown = get(thinking, 'includeThoughts')
  if (budget !== undefined) made.budget = budget
  if (level !== undefined && level !== 'THINKING_LEVEL_UNSPECIFIED') made.effort = level.toLowerCase()
  if (typeof shown === 'boolean') made.includeThoughts = shown
  return Object.keys(made).length === 0 ? undefined : made
}

/** Tools and how to choose among them. */
export function decodeTools(tree: TreeObject, spare: Spare): Pick<Conversation, 'tools'> & Partial<Conversation> {
  const tools: Tool[] = []
  const list = tree.get('tools')
  ;(Array.isArray(list) ? list : []).forEach((group, index) => {
    if (!isObject(group)) return
    for (const [field, value] of group) {
      if (camel(field) !== 'functionDeclarations') {
        if (value !== null) spare(`tools.${index}.${field}`, value)
        continue
      }
      for (const item of Array.isArray(value) ? value.filter(isObject) : []) tools.push(decodeTool(item, `tools.${index}.${field}`, spare))
    }
  })
  const config = get(tree, 'toolConfig')
  if (!isObject(config)) return { tools }
  for (const [field, value] of config) if (camel(field) !== 'functionCallingConfig' && value !== null && value !== false) spare(`toolConfig.${field}`, value)
  const calling = get(config, 'functionCallingConfig')
  if (!isObject(calling)) return { tools }
  const names = get(calling, 'allowedFunctionNames')
  const allowed = Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
  const mode = stringOf(calling.get('mode'))
  if (allowed.length > 0 && mode !== 'ANY') spare('toolConfig.functionCallingConfig.allowedFunctionNames', allowed)
  const toolChoice = decodeMode(mode, allowed)
  return {
    // VALIDATED promises arguments that fit their schema: what others call a strict tool.
    tools: mode === 'VALIDATED' ? tools.map((tool) => ({ ...tool, strict: true })) : tools,
    ...(toolChoice === undefined ? {} : { toolChoice }),
  }
}

function decodeMode(mode: string | undefined, names: readonly string[]): ToolChoice | undefined {
  switch (mode) {
    case 'ANY':
      return names.length > 0 ? { mode: 'named', names } : { mode: 'required' }
    case 'NONE':
      return { mode: 'none' }
    case 'AUTO':
    case 'VALIDATED':
      return { mode: 'auto' }
    default:
      return undefined
  }
}

function decodeTool(item: TreeObject, path: string, spare: Spare): Tool {
  for (const field of ['response', 'responseJsonSchema', 'behavior']) {
    const value = get(item, field)
    if (value !== undefined && value !== null && value !== 'BLOCKING' && value !== 'UNSPECIFIED') spare(`${path}.${field}`, value)
  }
  const description = stringOf(item.get('description'))
  const json = get(item, 'parametersJsonSchema')
  const subset = get(item, 'parameters')
  const schema = json !== undefined && json !== null ? json : subset !== undefined && subset !== null ? jsonSchema(subset) : undefined
  return { name: stringOf(item.get('name')) ?? '', ...(description === undefined ? {} : { description }), ...(schema === undefined ? {} : { schema }) }
}
