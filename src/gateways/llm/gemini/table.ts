import type { Origin } from '../../../contract/segment.ts'
import { boolean, identifier, integer, json, list, map, media, number, object, opaque, providerState, providerTool, text, union, url, type Field } from '../fields.ts'
import { snake } from './names.ts'

const name = identifier()

/** An object whose fields may come in either spelling of protobuf's JSON mapping; both at once is refused before. */
function both(fields: Readonly<Record<string, Field>>) {
  const all: Record<string, Field> = {}
  for (const [key, field] of Object.entries(fields)) {
    all[key] = field
    all[snake(key)] = field
  }
  return object(all)
}

/** Files that Google holds: its Files API, by address or by name, and Cloud Storage. Any other address is fetched. */
function isHeld(address: string): boolean {
  if (/^(gs:\/\/|files\/)/i.test(address)) return true
  const host = URL.parse(address)?.hostname ?? ''
  return host === 'generativelanguage.googleapis.com' || host.endsWith('.generativelanguage.googleapis.com')
}

const inlineData = (origin: Origin) => both({ mimeType: name, data: media({ counts: 'media', mime: ['mimeType', 'mime_type'] }), displayName: text(origin) })
const fileData = (origin: Origin) => both({ fileUri: url({ counts: 'files', origin, held: isHeld }), mimeType: name, displayName: text(origin) })

const part = (origin: Origin) =>
  both({
    text: text(origin),
    thought: boolean(),
    thoughtSignature: opaque('reasoning'),
    inlineData: inlineData('document'),
    fileData: fileData('document'),
    functionCall: both({ id: name, name: identifier({ origin: 'tool_call' }), args: json('tool_call') }),
    functionResponse: both({
      id: name,
      name: identifier({ origin: 'tool_result' }),
      response: json('tool_result'),
      parts: list(both({ inlineData: inlineData('tool_result'), fileData: fileData('tool_result') })),
      scheduling: name,
      willContinue: boolean(),
    }),
    executableCode: both({ id: name, language: name, code: text('tool_call') }),
    codeExecutionResult: both({ id: name, outcome: name, output: text('tool_result') }),
    toolCall: both({ id: name, toolType: name, args: json('tool_call') }),
    toolResponse: both({ id: name, toolType: name, response: json('tool_result') }),
    videoMetadata: both({ startOffset: name, endOffset: name, fps: number() }),
    mediaResolution: both({ level: name, numTokens: integer() }),
    partMetadata: json('body'),
  })

const turn = (origin: Origin) => both({ parts: list(part(origin)) })

const content = union('role', { user: turn('user'), model: turn('assistant'), function: turn('tool_result') }, { missing: 'user' })

const declaration = both({
  name: identifier({ origin: 'tool_definition', collect: 'tool_names' }),
  description: text('tool_definition'),
  parameters: json('tool_definition'),
  parametersJsonSchema: json('tool_definition'),
  response: json('tool_definition'),
  responseJsonSchema: json('tool_definition'),
  behavior: name,
})

const span = both({ startTime: name, endTime: name })
const search = { blockingConfidence: name, excludeDomains: list(text('body')) }

const tool = both({
  functionDeclarations: list(declaration, { grouped: true, fact: 'tools' }),
  googleSearch: providerTool(both({ ...search, timeRangeFilter: span, searchTypes: both({ webSearch: object({}), imageSearch: object({}) }) }), { name: 'google_search' }),
  googleSearchRetrieval: providerTool(both({ dynamicRetrievalConfig: both({ mode: name, dynamicThreshold: number() }) }), { name: 'google_search' }),
  enterpriseWebSearch: providerTool(both(search), { name: 'enterprise_web_search' }),
  googleMaps: providerTool(both({ enableWidget: boolean(), groundingTypes: json('body'), authConfig: json('body') }), { name: 'google_maps' }),
  codeExecution: providerTool(object({}), { name: 'code_execution', effects: ['code_execution'] }),
  urlContext: providerTool(object({}), { name: 'url_context', effects: ['url_fetch'] }),
  fileSearch: providerTool(both({ fileSearchStoreNames: list(providerState(name)), metadataFilter: text('body'), topK: integer() }), { name: 'file_search' }),
  computerUse: providerTool(
    both({ environment: name, excludedPredefinedFunctions: list(name), enablePromptInjectionDetection: boolean(), disabledSafetyPolicies: list(name) }),
    { name: 'computer_use' },
  ),
  retrieval: providerTool(json('body'), { name: 'retrieval' }),
  mcpServers: list(
    providerTool(
      both({
        name,
        streamableHttpTransport: both({
          url: url(),
          headers: map(text('body')),
          timeout: name,
          sseReadTimeout: name,
          terminateOnClose: boolean(),
        }),
      }),
      { name: 'mcp' },
    ),
  ),
})

const voice = both({ prebuiltVoiceConfig: both({ voiceName: name }), voice: name })

const generationConfig = both({
  candidateCount: integer({ min: 1, max: 8 }),
  maxOutputTokens: integer({ min: 0, fact: 'max_tokens' }),
  stopSequences: list(text('body')),
  temperature: number(),
  topP: number(),
  topK: number(),
  seed: integer(),
  presencePenalty: number(),
  frequencyPenalty: number(),
  responseLogprobs: boolean(),
  logprobs: integer(),
  responseMimeType: name,
  responseSchema: json('tool_definition'),
  responseJsonSchema: json('tool_definition'),
  responseModalities: list(name),
  mediaResolution: name,
  audioTimestamp: boolean(),
  enableEnhancedCivicAnswers: boolean(),
  thinkingConfig: both({ includeThoughts: boolean(), thinkingBudget: integer({ fact: 'thinking_budget' }), thinkingLevel: identifier({ fact: 'effort' }) }),
  speechConfig: both({
    languageCode: name,
    voiceConfig: voice,
    multiSpeakerVoiceConfig: both({ speakerVoiceConfigs: list(both({ speaker: text('body'), voiceConfig: voice })) }),
  }),
  imageConfig: both({ aspectRatio: name, imageSize: name, personGeneration: name, outputMimeType: name, outputCompressionQuality: integer(), prominentPeople: name }),
})

/** Every field of `generateContent` and `streamGenerateContent`, in either spelling. */
export const generateTable = both({
  model: name,
  contents: list(content, { grouped: true, fact: 'messages' }),
  systemInstruction: both({ role: name, parts: list(part('system')) }),
  tools: list(tool),
  toolConfig: both({
    functionCallingConfig: both({ mode: identifier({ fact: 'tool_choice' }), allowedFunctionNames: list(identifier({ origin: 'tool_definition' })) }),
    retrievalConfig: both({ languageCode: name, latLng: both({ latitude: number(), longitude: number() }) }),
    includeServerSideToolInvocations: boolean(),
  }),
  safetySettings: list(both({ category: name, threshold: name, method: name })),
  generationConfig,
  cachedContent: providerState(name),
  labels: map(text('body')),
  serviceTier: identifier({ fact: 'service_tier' }),
  store: providerState(boolean(), (value) => value === true),
  continuationToken: providerState(name),
})
