import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Part, Source, Tool } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { argumentsOf, parsed } from '../leaves.ts'
import { signedBy } from '../signature.ts'
import { NO_SIGNATURE } from './signature.ts'

/** Models from Gemini 3 on refuse calls without a signature, and take levels instead of budgets. */
const SIGNED = /gemini-(?:[3-9]|\d\d)/

/** Tokens for an effort, from Google's own OpenAI compatibility. */
const BUDGETS: Readonly<Record<string, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24576, xhigh: 24576, max: 24576 }

/**
 * The request in Google's words. Besides what hints.ts lists as left out:
 * - a call without Google's signature gets the one that Google documents for histories from elsewhere;
 * - schemas travel as JSON Schema (`parametersJsonSchema`), never in the OpenAPI subset, which cannot say all of it;
 * - a model's earlier refusal becomes plain text.
 * @throws {Inexpressible}
 */
export function encode(conversation: Conversation, model: string): TreeObject {
  refuseUnsayable(conversation)
  const system = conversation.system.flatMap((part) => encodePart(part, 'system', new Map()))
  const made = object({
    contents: encodeContents(conversation, SIGNED.test(model)),
    systemInstruction: system.length > 0 ? object({ parts: system }) : undefined,
    tools: conversation.tools.length > 0 ? [object({ functionDeclarations: conversation.tools.map(encodeTool) })] : undefined,
    toolConfig: encodeChoice(conversation),
    generationConfig: encodeSettings(conversation, model),
  })
  for (const { field, value } of conversation.only) made.set(field, value)
  return made
}

function refuseUnsayable(conversation: Conversation): void {
  for (const item of conversation.only) {
    if (item.dialect !== 'gemini.generate' || item.field.includes('.')) throw new Inexpressible(item.field, 'Gemini has no such field')
  }
  if (conversation.logitBias !== undefined && conversation.logitBias.size > 0) throw new Inexpressible('logit_bias', 'Gemini has no such parameter')
  if (conversation.metadata !== undefined && conversation.metadata.size > 0) throw new Inexpressible('metadata', 'Gemini has no such field')
  if (conversation.parallelToolCalls === false && conversation.tools.length > 0) throw new Inexpressible('parallel_tool_calls', 'Gemini cannot be held to one call')
  if (conversation.logprobs !== undefined && conversation.stream) throw new Inexpressible('logprobs', 'log probabilities are not translated in streams')
}

function encodeContents(conversation: Conversation, signed: boolean): TreeObject[] {
  const names = new Map<string, string>()
  const made: { role: string; parts: TreeObject[] }[] = []
  for (const message of conversation.messages) {
    if (message.name !== undefined) throw new Inexpressible('messages.name', 'Gemini does not name speakers')
    if (message.role === 'system' || message.role === 'developer') throw new Inexpressible('messages.role', 'Gemini takes instructions only before the conversation')
    const role = message.role === 'assistant' ? 'model' : 'user'
    const parts = message.parts.flatMap((part) => encodePart(part, role, names))
    if (parts.length === 0) continue
    const last = made.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else made.push({ role, parts })
  }
  return made.map(({ role, parts }) => {
    if (role === 'user') {
      const first = parts.filter((part) => part.has('functionResponse'))
      return object({ role, parts: first.length === 0 ? parts : [...first, ...parts.filter((part) => !part.has('functionResponse'))] })
    }
    // Google signs only the first of parallel calls.
    const call = signed ? parts.find((part) => part.has('functionCall')) : undefined
    if (call !== undefined && !call.has('thoughtSignature')) call.set('thoughtSignature', NO_SIGNATURE)
    return object({ role, parts })
  })
}

function encodePart(part: Part, role: 'system' | 'user' | 'model', names: Map<string, string>): TreeObject[] {
  if (role === 'system' && part.kind !== 'text') throw new Inexpressible(`system.${part.kind}`, 'instructions are text only')
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [object({ text: part.text })]
    case 'reasoning': {
      const signature = signedBy('gemini', part.signature)
      return signature === undefined ? [] : [object({ text: part.text, thought: part.text === '' ? undefined : true, thoughtSignature: signature })]
    }
    case 'image': {
      const resolution = part.detail === undefined || part.detail === 'auto' ? undefined : detail(part.detail)
      return [object({ ...place(part.source, 'image'), mediaResolution: resolution })]
    }
    case 'audio':
      return [object(place(part.source, 'audio'))]
    case 'file':
      return [object(place(part.source, 'file', part.name))]
    case 'call': {
      const args = argumentsOf(part.args)
      if (args === undefined) throw new Inexpressible('messages.tool_calls.arguments', 'arguments of a call must be a JSON object')
      names.set(part.id, part.name)
      return [object({ functionCall: object({ id: part.id, name: part.name, args }), thoughtSignature: signedBy('gemini', part.signature) })]
    }
    case 'result': {
      const name = part.name ?? names.get(part.id)
      if (name === undefined) throw new Inexpressible('messages.tool_call_id', 'Gemini needs the call that a result answers')
      return [object({ functionResponse: object({ id: part.id, name, ...encodeResult(part.parts, part.failed === true) }) })]
    }
  }
}

function detail(word: string): TreeObject {
  if (word !== 'low' && word !== 'high') throw new Inexpressible('image_url.detail', `Gemini has no detail ${word}`)
  return object({ level: word === 'low' ? 'MEDIA_RESOLUTION_LOW' : 'MEDIA_RESOLUTION_HIGH' })
}

function place(source: Source, kind: string, name?: string): Record<string, Tree | undefined> {
  switch (source.from) {
    case 'inline':
      return { inlineData: object({ mimeType: source.mime, data: source.base64 }) }
    case 'url':
      return { fileData: object({ fileUri: source.url, mimeType: source.mime, displayName: name }) }
    case 'provider':
      throw new Inexpressible(`${kind}.file_id`, 'the file is held by another provider')
  }
}

/** A JSON object stays one; any other text goes under the names that Google recommends. */
function encodeResult(parts: readonly Part[], failed: boolean): { response: TreeObject; parts?: TreeObject[] } {
  const texts: string[] = []
  const media: TreeObject[] = []
  for (const part of parts) {
    if (part.kind === 'text') texts.push(part.text)
    else if (part.kind === 'image' || part.kind === 'file') media.push(object(place(part.source, part.kind, part.kind === 'file' ? part.name : undefined)))
    else throw new Inexpressible(`messages.tool_result.${part.kind}`, 'a Gemini result holds text, images and files')
    }
  const text = texts.join('\n')
  const value = failed || texts.length !== 1 ? undefined : parsed(text)
  const response = isObject(value) ? value : object({ [failed ? 'error' : 'output']: text })
  return media.length === 0 ? { response } : { response, parts: media }
}

function encodeTool(tool: Tool): TreeObject {
  return object({
    name: tool.name,
    description: tool.description,
    parametersJsonSchema: isObject(tool.schema) && tool.schema.size > 0 ? tool.schema : undefined,
  })
}

function encodeChoice(conversation: Conversation): TreeObject | undefined {
  const choice = conversation.toolChoice
  if (conversation.tools.length === 0) {
    if (choice?.mode === 'required' || choice?.mode === 'named') throw new Inexpressible('tool_choice', 'there is no tool to choose')
    return undefined
  }
  const config = (mode: string, names?: readonly string[]): TreeObject =>
    object({ functionCallingConfig: object({ mode, allowedFunctionNames: names === undefined ? undefined : [...names] }) })
  // Google has strictness for all tools or none; asked for by one, all get it, which harms nobody.
  const strict = conversation.tools.some((tool) => tool.strict === true)
  switch (choice?.mode) {
    case undefined:
      return strict ? config('VALIDATED') : undefined
    case 'auto':
      return config(strict ? 'VALIDATED' : 'AUTO')
    case 'none':
      return config('NONE')
    case 'required':
      return config('ANY')
    case 'named':
      return config('ANY', choice.names)
  }
}

function encodeSettings(conversation: Conversation, model: string): TreeObject | undefined {
  const { format, logprobs } = conversation
  const config = object({
    candidateCount: conversation.n,
    maxOutputTokens: conversation.maxTokens,
    stopSequences: conversation.stop === undefined ? undefined : [...conversation.stop],
    temperature: conversation.temperature,
    topP: conversation.topP,
    topK: conversation.topK,
    seed: conversation.seed,
    presencePenalty: conversation.presencePenalty,
    frequencyPenalty: conversation.frequencyPenalty,
    responseLogprobs: logprobs === undefined ? undefined : true,
    logprobs: typeof logprobs === 'number' && logprobs > 0 ? logprobs : undefined,
    responseMimeType: format?.kind === 'json' || format?.kind === 'schema' ? 'application/json' : undefined,
    responseJsonSchema: format?.kind === 'schema' ? described(format.schema, format.description) : undefined,
    thinkingConfig: encodeThinking(conversation, model),
  })
  return config.size === 0 ? undefined : config
}

/** The schema's name is a label for the caller; its description is read by the model, so it moves inside. */
function described(schema: Tree, description: string | undefined): Tree {
  return description === undefined || !isObject(schema) || schema.has('description') ? schema : new Map([...schema, ['description', description]])
}

function encodeThinking(conversation: Conversation, model: string): TreeObject | undefined {
  const asked = conversation.reasoning
  if (asked === undefined) return undefined
  const shown = asked.includeThoughts ?? (asked.summary === undefined ? undefined : true)
  let budget = asked.budget
  let level: string | undefined
  if (asked.effort === 'none') budget = 0
  else if (asked.effort !== undefined && (budget === undefined || budget < 0)) {
    budget = undefined
    if (SIGNED.test(model)) level = asked.effort === 'xhigh' || asked.effort === 'max' ? 'HIGH' : asked.effort.toUpperCase()
    else {
      budget = numberOf(BUDGETS[asked.effort])
      if (budget === undefined) throw new Inexpressible('reasoning_effort', `Gemini has no effort ${asked.effort}`)
    }
  }
  const made = object({ thinkingBudget: budget, thinkingLevel: level, includeThoughts: shown })
  return made.size === 0 ? undefined : made
}
