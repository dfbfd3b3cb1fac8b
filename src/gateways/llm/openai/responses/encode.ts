import { object, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Conversation, Format, Message, Part, Source, Tool, ToolChoice } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { fileName } from '../chat/encode.ts'
import { effortOf, failedText } from '../effort.ts'
import { dataUrl } from '../source.ts'
import { ownItem } from './reasoning.ts'

/**
 * A Responses request that leaves nothing behind: `store: false`, with sealed reasoning asked for where the model is
 * to reason. Thinking that another maker signed is left out: OpenAI takes back only its own.
 * @throws {Inexpressible} for what Responses cannot say.
 */
export function encode(conversation: Conversation, model: string): TreeObject {
  refuseUnknown(conversation)
  const { system, logprobs } = conversation
  const input: Tree[] = []
  const only = system[0]
  const instructions = system.length === 1 && only?.kind === 'text' ? only.text : undefined
  if (instructions === undefined && system.length > 0) input.push(messageItem('system', system.map((part) => inputPart(part, 'system'))))
  conversation.messages.forEach((message, index) => input.push(...encodeMessage(message, `messages.${index}`)))
  const reasoning = encodeReasoning(conversation)
  const sealed = reasoning !== undefined || conversation.messages.some((message) => message.parts.some((part) => part.kind === 'reasoning' && ownItem(part) !== undefined))
  const include = [...(sealed ? ['reasoning.encrypted_content'] : []), ...(logprobs === undefined ? [] : ['message.output_text.logprobs'])]
  const verbosity = conversation.only.find(({ field }) => field === 'verbosity' || field === 'text.verbosity')?.value
  const format = encodeFormat(conversation.format)
  const made = object({
    model,
    instructions,
    input,
    tools: conversation.tools.length === 0 ? undefined : conversation.tools.map(encodeTool),
    tool_choice: conversation.tools.length === 0 ? undefined : encodeChoice(conversation.toolChoice),
    parallel_tool_calls: conversation.tools.length === 0 ? undefined : conversation.parallelToolCalls,
    max_output_tokens: conversation.maxTokens,
    temperature: conversation.temperature,
    top_p: conversation.topP,
    top_logprobs: typeof logprobs === 'number' ? logprobs : undefined,
    reasoning,
    text: format === undefined && verbosity === undefined ? undefined : object({ format, verbosity }),
    include: include.length === 0 ? undefined : include,
    user: conversation.user,
    metadata: conversation.metadata,
    store: false,
    stream: conversation.stream ? true : undefined,
  })
  for (const { dialect, field, value } of conversation.only) {
    if (dialect !== 'openai.responses' && !(dialect === 'openai.chat' && field === 'verbosity')) throw new Inexpressible(field, `only ${dialect} has it`)
    if (field.includes('.') || field === 'verbosity') continue
    made.set(field, field === 'include' && Array.isArray(value) ? [...include, ...value] : value)
  }
  return made
}

/** What Chat Completions, Anthropic or Gemini can ask for and Responses cannot. */
function refuseUnknown(conversation: Conversation): void {
  if (conversation.stop !== undefined && conversation.stop.length > 0) throw new Inexpressible('stop', 'Responses has no stop sequences')
  if (conversation.n !== undefined && conversation.n > 1) throw new Inexpressible('n', 'Responses gives one answer')
  if (conversation.topK !== undefined) throw new Inexpressible('top_k', 'Responses has no such limit')
  if (conversation.seed !== undefined) throw new Inexpressible('seed', 'Responses has no seed')
  if (conversation.presencePenalty !== undefined) throw new Inexpressible('presence_penalty', 'Responses has no penalties')
  if (conversation.frequencyPenalty !== undefined) throw new Inexpressible('frequency_penalty', 'Responses has no penalties')
  if (conversation.logitBias !== undefined) throw new Inexpressible('logit_bias', 'Responses has no bias')
  if (conversation.stream && conversation.logprobs !== undefined) throw new Inexpressible('logprobs', 'token probabilities of a stream cannot be translated')
  const mode = conversation.toolChoice?.mode
  if (conversation.tools.length === 0 && (mode === 'required' || mode === 'named')) throw new Inexpressible('tool_choice', 'there is no tool to choose')
}

function encodeReasoning(conversation: Conversation): TreeObject | undefined {
  const asked = conversation.reasoning
  const effort = effortOf(asked)
  const summary = asked?.summary ?? (asked?.includeThoughts === true ? 'auto' : undefined)
  const own = new Map<string, Tree>()
  for (const { dialect, field, value } of conversation.only) {
    if (dialect === 'openai.responses' && field.startsWith('reasoning.')) own.set(field.slice('reasoning.'.length), value)
  }
  if (effort === undefined && summary === undefined && own.size === 0) return undefined
  return new Map([...object({ effort, summary }), ...own])
}

function messageItem(role: string, content: Tree): TreeObject {
  return object({ type: 'message', role, content })
}

function encodeMessage(message: Message, where: string): TreeObject[] {
  // Responses has no names of speakers; leaving one out would make two people one.
  if (message.name !== undefined) throw new Inexpressible(`${where}.name`, 'Responses has no names of speakers')
  switch (message.role) {
    case 'system':
    case 'developer':
      return [messageItem(message.role, message.parts.map((part) => inputPart(part, where)))]
    case 'assistant':
      return assistantItems(message.parts, where)
    case 'user': {
      const items = message.parts.filter((part) => part.kind === 'result').map((part) => resultItem(part, where))
      const rest = message.parts.filter((part) => part.kind !== 'result')
      if (rest.length > 0) items.push(messageItem('user', rest.map((part) => inputPart(part, where))))
      return items
    }
  }
}

function assistantItems(parts: readonly Part[], where: string): TreeObject[] {
  const items: TreeObject[] = []
  let words: Tree[] = []
  const flush = (): void => {
    if (words.length > 0) items.push(messageItem('assistant', words))
    words = []
  }
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        words.push(object({ type: 'output_text', text: part.text, annotations: [] }))
        break
      case 'refusal':
        words.push(object({ type: 'refusal', refusal: part.text }))
        break
      case 'call':
        flush()
        items.push(object({ type: 'function_call', call_id: part.id, name: part.name, arguments: part.args === '' ? '{}' : part.args }))
        break
      case 'reasoning': {
        const item = ownItem(part)
        if (item === undefined) break
        flush()
        items.push(item)
        break
      }
      case 'image':
      case 'audio':
      case 'file':
      case 'result':
        throw new Inexpressible(`${where}.${part.kind}`, 'earlier answers hold no media in Responses')
    }
  }
  flush()
  return items
}

function resultItem(part: Part & { readonly kind: 'result' }, where: string): TreeObject {
  const first = part.parts[0]
  const said = part.parts.slice()
  if (part.failed === true) {
    if (first?.kind === 'text') said[0] = { kind: 'text', text: failedText(first.text) }
    else said.unshift({ kind: 'text', text: failedText('') })
  }
  const only = said[0]
  const output = said.length === 0 ? '' : said.length === 1 && only?.kind === 'text' ? only.text : said.map((inner) => inputPart(inner, `${where}.result`))
  return object({ type: 'function_call_output', call_id: part.id, output })
}

function inputPart(part: Part, where: string): TreeObject {
  switch (part.kind) {
    case 'text':
      return object({ type: 'input_text', text: part.text })
    case 'image':
      return object({ type: 'input_image', image_url: urlOf(part.source, `${where}.image`), detail: part.detail ?? 'auto' })
    case 'file': {
      const { source } = part
      if (source.from === 'url') return object({ type: 'input_file', file_url: source.url, filename: part.name })
      if (source.from === 'provider') throw new Inexpressible(`${where}.file`, 'the file is held by another provider')
      return object({ type: 'input_file', filename: part.name ?? fileName(source.mime), file_data: dataUrl(source) })
    }
    case 'audio':
      throw new Inexpressible(`${where}.audio`, 'Responses takes no sound')
    case 'call':
    case 'result':
    case 'reasoning':
    case 'refusal':
      throw new Inexpressible(`${where}.${part.kind}`, 'cannot stand here')
  }
}

function urlOf(source: Source, where: string): string {
  if (source.from === 'provider') throw new Inexpressible(where, 'the file is held by another provider')
  return source.from === 'url' ? source.url : dataUrl(source)
}

/** `strict` must be said in Responses, and there its absence would mean true. */
export function encodeTool(tool: Tool): TreeObject {
  return object({
    type: 'function',
    name: tool.name,
    description: tool.description,
    parameters: tool.schema ?? object({ type: 'object', properties: new Map() }),
    strict: tool.strict ?? false,
  })
}

export function encodeChoice(choice: ToolChoice | undefined): Tree | undefined {
  if (choice === undefined || choice.mode !== 'named') return choice?.mode
  const named = choice.names.map((name) => object({ type: 'function', name }))
  return named.length === 1 ? named[0] : object({ type: 'allowed_tools', mode: 'required', tools: named })
}

export function encodeFormat(format: Format | undefined): TreeObject | undefined {
  switch (format?.kind) {
    case undefined:
    case 'text':
      return undefined
    case 'json':
      return object({ type: 'json_object' })
    case 'schema':
      return object({ type: 'json_schema', name: format.name ?? 'answer', description: format.description, schema: format.schema, strict: format.strict })
  }
}
