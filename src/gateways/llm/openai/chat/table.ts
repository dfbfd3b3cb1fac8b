import type { Origin } from '../../../../contract/segment.ts'
import {
  boolean,
  choice,
  either,
  identifier,
  integer,
  json,
  list,
  map,
  media,
  number,
  object,
  opaque,
  providerState,
  providerTool,
  required,
  text,
  union,
  url,
  type Field,
} from '../../fields.ts'
import { breakpoint, cacheOptions, grammar, location, metadata, moderation, reasoningDetails } from '../tables.ts'

const textPart = (origin: Origin): Field => object({ text: required(text(origin)), prompt_cache_breakpoint: breakpoint })

const refusalPart = object({ refusal: required(text('assistant')) })

const texts = (origin: Origin): Field => either({ string: text(origin), list: list(union('type', { text: textPart(origin) })) })

const userPart = union('type', {
  text: textPart('user'),
  image_url: object({
    image_url: required(object({ url: required(url({ origin: 'user', counts: 'images' })), detail: identifier() })),
    prompt_cache_breakpoint: breakpoint,
  }),
  input_audio: object({
    input_audio: required(object({ data: required(media()), format: identifier() })),
    prompt_cache_breakpoint: breakpoint,
  }),
  file: object({
    file: required(object({ file_data: media({ mime: ['filename'] }), file_id: providerState(identifier()), filename: text('user') })),
    prompt_cache_breakpoint: breakpoint,
  }),
})

/** `parsed_arguments`, `parsed` and `annotations` are what the official SDK leaves in the messages that callers resend. */
const toolCall = union(
  'type',
  {
    function: object({
      id: identifier({ origin: 'tool_call' }),
      index: integer(),
      function: required(
        object({ name: required(identifier({ origin: 'tool_call' })), arguments: text('tool_call'), parsed_arguments: json('tool_call') }),
      ),
      extra_content: object({ google: object({ thought_signature: opaque('tool_call') }) }),
    }),
    custom: object({
      id: identifier({ origin: 'tool_call' }),
      index: integer(),
      custom: required(object({ name: required(identifier({ origin: 'tool_call' })), input: text('tool_call') })),
    }),
  },
  { missing: 'function' },
)

const message = union('role', {
  system: object({ content: required(texts('system')), name: identifier() }),
  developer: object({ content: required(texts('system')), name: identifier() }),
  user: object({ content: required(either({ string: text('user'), list: list(userPart) })), name: identifier() }),
  assistant: object({
    content: either({
      string: text('assistant'),
      list: list(union('type', { text: textPart('assistant'), refusal: refusalPart })),
    }),
    name: identifier(),
    refusal: text('assistant'),
    tool_calls: list(toolCall),
    function_call: object({ name: required(identifier()), arguments: text('tool_call') }),
    audio: providerState(object({ id: required(identifier()) })),
    reasoning_content: text('reasoning'),
    reasoning: text('reasoning'),
    reasoning_details: reasoningDetails,
    annotations: list(json('document')),
    parsed: json('assistant'),
  }),
  tool: object({ content: required(texts('tool_result')), tool_call_id: required(identifier({ origin: 'tool_result' })), name: identifier() }),
  function: object({ content: either({ string: text('tool_result') }), name: required(identifier()) }),
})

const functionFields = {
  name: required(identifier({ origin: 'tool_definition', collect: 'tool_names' })),
  description: text('tool_definition'),
  parameters: json('tool_definition'),
}

const tool = union('type', {
  function: object({ function: required(object({ ...functionFields, strict: boolean() })) }),
  custom: object({
    custom: required(
      object({
        name: required(identifier({ origin: 'tool_definition', collect: 'tool_names' })),
        description: text('tool_definition'),
        format: grammar,
      }),
    ),
  }),
})

const named = object({ name: required(identifier()) })

const toolChoice = either({
  string: choice(['none', 'auto', 'required', 'any']),
  object: union('type', {
    function: object({ function: required(named) }),
    custom: object({ custom: required(named) }),
    allowed_tools: object({
      allowed_tools: required(
        object({ mode: required(choice(['auto', 'required'])), tools: required(list(object({ type: identifier(), function: named, custom: named, name: identifier() }))) }),
      ),
    }),
  }),
})

const responseFormat = union('type', {
  text: object({}),
  json_object: object({}),
  json_schema: object({
    json_schema: required(
      object({ name: identifier({ origin: 'system' }), description: text('system'), schema: json('tool_definition'), strict: boolean() }),
    ),
  }),
})

/** Every field of a Chat Completions request, as the API reference of OpenAI has it, and what becomes of it. */
export const chatTable = object({
  model: required(identifier()),
  messages: required(list(message, { grouped: true, fact: 'messages' })),
  audio: object({ format: identifier(), voice: either({ string: identifier(), object: providerState(object({ id: required(identifier()) })) }) }),
  frequency_penalty: number(),
  function_call: either({ string: choice(['none', 'auto']), object: named }),
  functions: list(object(functionFields), { grouped: true, fact: 'tools' }),
  logit_bias: map(number()),
  logprobs: boolean(),
  max_completion_tokens: integer({ min: 0, fact: 'max_tokens' }),
  max_tokens: integer({ min: 0, fact: 'max_tokens' }),
  metadata,
  modalities: list(identifier()),
  moderation,
  n: integer({ min: 1, max: 128 }),
  parallel_tool_calls: boolean(),
  prediction: object({ type: identifier(), content: texts('assistant') }),
  presence_penalty: number(),
  prompt_cache_key: text('body'),
  prompt_cache_options: cacheOptions,
  prompt_cache_retention: identifier(),
  reasoning_effort: identifier({ fact: 'reasoning_effort' }),
  response_format: responseFormat,
  safety_identifier: text('body'),
  seed: integer(),
  service_tier: identifier({ fact: 'service_tier' }),
  stop: either({ string: text('body'), list: list(text('body')) }),
  store: providerState(boolean(), (value) => value === true),
  stream: boolean(),
  stream_options: object({ include_usage: boolean(), include_obfuscation: boolean() }),
  temperature: number(),
  tool_choice: toolChoice,
  tools: list(tool, { grouped: true, fact: 'tools' }),
  top_logprobs: integer({ min: 0 }),
  top_p: number(),
  user: text('body'),
  verbosity: identifier(),
  web_search_options: providerTool(
    object({
      search_context_size: identifier(),
      user_location: object({ type: identifier(), approximate: object(location) }),
    }),
    { name: 'web_search' },
  ),
})
