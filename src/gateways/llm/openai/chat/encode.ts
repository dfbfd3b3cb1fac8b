import { isObject, object, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Conversation, Format, Message, Part, Source, Tool, ToolChoice } from '../../conversation.ts'
import { Inexpressible } from '../../dialect.ts'
import { effortOf, failedText } from '../effort.ts'
import { dataUrl } from '../source.ts'
import { requestReasoning } from './reasoning.ts'

/**
 * A Chat Completions request. Thinking of earlier turns travels as `reasoning_content`, which compatible servers read
 * (and DeepSeek demands in tool loops); `withoutReasoning` takes it out for servers that refuse unknown fields.
 * Usage is always asked for. @throws {Inexpressible} for what Chat Completions cannot say.
 */
export function encode(conversation: Conversation, model: string): TreeObject {
  if (conversation.topK !== undefined) throw new Inexpressible('top_k', 'Chat Completions has no such limit')
  if (conversation.stream && conversation.logprobs !== undefined) throw new Inexpressible('logprobs', 'token probabilities of a stream cannot be translated')
  const messages: Tree[] = conversation.system.length === 0 ? [] : [instruction('system', conversation.system, 'system')]
  conversation.messages.forEach((message, index) => messages.push(...encodeMessage(message, `messages.${index}`)))
  const { logprobs, stop } = conversation
  const made = object({
    model,
    messages,
    tools: conversation.tools.length === 0 ? undefined : conversation.tools.map(encodeTool),
    tool_choice: conversation.tools.length === 0 ? noChoice(conversation.toolChoice) : encodeChoice(conversation.toolChoice),
    parallel_tool_calls: conversation.tools.length === 0 ? undefined : conversation.parallelToolCalls,
    max_completion_tokens: conversation.maxTokens,
    temperature: conversation.temperature,
    top_p: conversation.topP,
    stop: stop === undefined || stop.length === 0 ? undefined : [...stop],
    n: conversation.n,
    seed: conversation.seed,
    presence_penalty: conversation.presencePenalty,
    frequency_penalty: conversation.frequencyPenalty,
    logprobs: logprobs === undefined ? undefined : true,
    top_logprobs: typeof logprobs === 'number' ? logprobs : undefined,
    logit_bias: conversation.logitBias,
    response_format: encodeFormat(conversation.format),
    reasoning_effort: effortOf(conversation.reasoning),
    user: conversation.user,
    metadata: conversation.metadata,
    stream: conversation.stream ? true : undefined,
    stream_options: conversation.stream ? object({ include_usage: true }) : undefined,
  })
  for (const { dialect, field, value } of conversation.only) {
    if (dialect === 'openai.chat') made.set(field, value)
    else if (dialect === 'openai.responses' && field === 'text.verbosity') made.set('verbosity', value)
    else throw new Inexpressible(field, `only ${dialect} has it`)
  }
  return made
}

/** The same request without the thinking of earlier turns, for servers that refuse fields of other makers. */
export function withoutReasoning(tree: TreeObject): TreeObject {
  const messages = tree.get('messages')
  if (!Array.isArray(messages) || !messages.some(hasReasoning)) return tree
  const made = new Map(tree)
  made.set('messages', messages.map((message) => {
    if (!isObject(message) || !hasReasoning(message)) return message
    const copy = new Map(message)
    for (const field of REASONING) copy.delete(field)
    return copy
  }))
  return made
}

const REASONING = ['reasoning_content', 'reasoning', 'reasoning_details']

function hasReasoning(message: Tree): boolean {
  return isObject(message) && REASONING.some((field) => message.has(field))
}

function instruction(role: 'system' | 'developer', parts: readonly Part[], where: string, name?: string): TreeObject {
  const texts = parts.map((part) => {
    if (part.kind !== 'text') throw new Inexpressible(`${where}.${part.kind}`, 'instructions hold text only')
    return part.text
  })
  return object({ role, content: texts.length === 1 ? texts[0] : texts.map(textPart), name })
}

function textPart(text: string): TreeObject {
  return object({ type: 'text', text })
}

function encodeMessage(message: Message, where: string): TreeObject[] {
  switch (message.role) {
    case 'system':
    case 'developer':
      return [instruction(message.role, message.parts, where, message.name)]
    case 'assistant':
      return [assistant(message, where)]
    case 'user': {
      // Tool messages must follow the calls directly, so results go before whatever else the turn says.
      const made = message.parts.filter((part) => part.kind === 'result').map((part) => toolMessage(part, where))
      const rest = message.parts.filter((part) => part.kind !== 'result')
      if (rest.length > 0 || made.length === 0) made.push(object({ role: 'user', content: userContent(rest, where), name: message.name }))
      return made
    }
  }
}

function toolMessage(part: Part & { readonly kind: 'result' }, where: string): TreeObject {
  const texts = part.parts.map((inner) => {
    if (inner.kind !== 'text') throw new Inexpressible(`${where}.result.${inner.kind}`, 'results of tools hold text only in Chat Completions')
    return inner.text
  })
  if (part.failed === true) texts[0] = failedText(texts[0] ?? '')
  return object({ role: 'tool', tool_call_id: part.id, content: texts.length <= 1 ? (texts[0] ?? '') : texts.map(textPart) })
}

function userContent(parts: readonly Part[], where: string): Tree {
  const only = parts[0]
  if (parts.length === 1 && only?.kind === 'text') return only.text
  if (parts.length === 0) return ''
  return parts.map((part) => userPart(part, where))
}

function userPart(part: Part, where: string): TreeObject {
  switch (part.kind) {
    case 'text':
      return textPart(part.text)
    case 'image':
      return object({ type: 'image_url', image_url: object({ url: urlOf(part.source, `${where}.image`), detail: part.detail }) })
    case 'audio': {
      if (part.source.from !== 'inline') throw new Inexpressible(`${where}.audio`, 'Chat Completions takes sound inline only')
      const format = part.format ?? formats.get(part.source.mime.replace(/;.*$/s, ''))
      if (format === undefined) throw new Inexpressible(`${where}.audio`, `Chat Completions takes no ${part.source.mime}`)
      return object({ type: 'input_audio', input_audio: object({ data: part.source.base64, format }) })
    }
    case 'file': {
      const { source } = part
      if (source.from === 'provider') throw new Inexpressible(`${where}.file`, 'the file is held by another provider')
      if (source.from === 'url') throw new Inexpressible(`${where}.file`, 'Chat Completions takes files inline only')
      return object({ type: 'file', file: object({ filename: part.name ?? fileName(source.mime), file_data: dataUrl(source) }) })
    }
    case 'call':
    case 'result':
    case 'reasoning':
    case 'refusal':
      throw new Inexpressible(`${where}.${part.kind}`, 'a user does not say that')
  }
}

const formats: ReadonlyMap<string, string> = new Map([['audio/wav', 'wav'], ['audio/x-wav', 'wav'], ['audio/wave', 'wav'], ['audio/mpeg', 'mp3'], ['audio/mp3', 'mp3']])

/** OpenAI demands a name, whose ending tells it how to read the file. */
export function fileName(mime: string): string {
  return mime === 'application/pdf' ? 'document.pdf' : mime.startsWith('text/') ? 'document.txt' : 'document'
}

function urlOf(source: Source, where: string): string {
  if (source.from === 'provider') throw new Inexpressible(where, 'the file is held by another provider')
  return source.from === 'url' ? source.url : dataUrl(source)
}

function assistant(message: Message, where: string): TreeObject {
  const texts: string[] = []
  const refusals: string[] = []
  const calls: TreeObject[] = []
  const thoughts: (Part & { readonly kind: 'reasoning' })[] = []
  for (const part of message.parts) {
    if (part.kind === 'text') texts.push(part.text)
    else if (part.kind === 'refusal') refusals.push(part.text)
    else if (part.kind === 'call') calls.push(encodeCall(part))
    else if (part.kind === 'reasoning') thoughts.push(part)
    else throw new Inexpressible(`${where}.${part.kind}`, 'earlier answers hold no media in Chat Completions')
  }
  const reasoning = requestReasoning(thoughts)
  const content = texts.join('')
  return object({
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusals.length > 0) ? null : content,
    name: message.name,
    refusal: refusals.length === 0 ? undefined : refusals.join(''),
    reasoning_content: reasoning.text,
    reasoning_details: reasoning.details,
    tool_calls: calls.length === 0 ? undefined : calls,
  })
}

export function encodeCall(part: Part & { readonly kind: 'call' }): TreeObject {
  return object({ id: part.id, type: 'function', function: object({ name: part.name, arguments: part.args === '' ? '{}' : part.args }) })
}

function encodeTool(tool: Tool): TreeObject {
  return object({
    type: 'function',
    function: object({ name: tool.name, description: tool.description, parameters: tool.schema, strict: tool.strict }),
  })
}

function noChoice(choice: ToolChoice | undefined): undefined {
  if (choice?.mode === 'required' || choice?.mode === 'named') throw new Inexpressible('tool_choice', 'there is no tool to choose')
  return undefined
}

function encodeChoice(choice: ToolChoice | undefined): Tree | undefined {
  if (choice === undefined || choice.mode !== 'named') return choice?.mode
  const named = choice.names.map((name) => object({ type: 'function', function: object({ name }) }))
  if (named.length === 1) return named[0]
  return object({ type: 'allowed_tools', allowed_tools: object({ mode: 'required', tools: named }) })
}

function encodeFormat(format: Format | undefined): TreeObject | undefined {
  switch (format?.kind) {
    case undefined:
    case 'text':
      return undefined
    case 'json':
      return object({ type: 'json_object' })
    case 'schema':
      return object({
        type: 'json_schema',
        json_schema: object({ name: format.name ?? 'answer', description: format.description, schema: format.schema, strict: format.strict }),
      })
  }
}
