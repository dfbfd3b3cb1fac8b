import type { Origin } from '../../../../contract/segment.ts'
import {
  boolean,
  either,
  identifier,
  integer,
  json,
  list,
  media,
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
import { breakpoint } from '../tables.ts'

/** Fields that any item may have. */
const common = {
  type: identifier(),
  id: identifier(),
  status: identifier(),
  created_by: identifier(),
  caller: object({ type: identifier(), caller_id: identifier() }),
}

const inputParts = (origin: Origin): Readonly<Record<string, Field>> => ({
  input_text: object({ text: required(text(origin)), prompt_cache_breakpoint: breakpoint }),
  input_image: object({
    image_url: url({ origin, counts: 'images' }),
    file_id: providerState(identifier()),
    detail: identifier(),
    prompt_cache_breakpoint: breakpoint,
  }),
  input_file: object({
    file_data: media({ mime: ['filename'] }),
    file_url: url({ origin }),
    file_id: providerState(identifier()),
    filename: text(origin),
    detail: identifier(),
    prompt_cache_breakpoint: breakpoint,
  }),
  input_audio: object({ input_audio: required(object({ data: required(media()), format: identifier() })) }),
})

const outputParts: Readonly<Record<string, Field>> = {
  output_text: object({ text: required(text('assistant')), annotations: list(json('document')), logprobs: list(json('assistant')), parsed: json('assistant') }),
  refusal: object({ refusal: required(text('assistant')) }),
}

/** Content of a stored prompt's variable, or of a message. */
export const inputPart = union('type', inputParts('user'))

const said = (origin: Origin, parts: Readonly<Record<string, Field>>): Field =>
  object({ ...common, phase: identifier(), content: required(either({ string: text(origin), list: list(union('type', parts)) })) })

const message = union('role', {
  user: said('user', inputParts('user')),
  system: said('system', inputParts('system')),
  developer: said('system', inputParts('system')),
  // Clients that rebuild their history put `input_text` into assistant turns too.
  assistant: said('assistant', { ...outputParts, input_text: object({ text: required(text('assistant')) }) }),
})

const result = either({ string: text('tool_result'), list: list(union('type', inputParts('tool_result'))) })

const toolName = identifier({ origin: 'tool_call' })

/** What a tool that the provider ran said: content as any tool's, and state of the provider besides. */
const hosted = (origin: Origin): Field => providerState(json(origin))

/** Every input item that the API reference of OpenAI has. Items of tools that the caller runs are plain content. */
export const inputItem = union(
  'type',
  {
    message,
    function_call: object({
      ...common,
      call_id: required(identifier({ origin: 'tool_call' })),
      name: required(toolName),
      namespace: identifier(),
      arguments: required(text('tool_call')),
      parsed_arguments: json('tool_call'),
      async: boolean(),
    }),
    function_call_output: object({ ...common, call_id: identifier({ origin: 'tool_result' }), name: identifier(), namespace: identifier(), output: required(result) }),
    custom_tool_call: object({
      ...common,
      call_id: required(identifier({ origin: 'tool_call' })),
      name: required(toolName),
      namespace: identifier(),
      input: required(text('tool_call')),
      async: boolean(),
    }),
    custom_tool_call_output: object({ ...common, call_id: required(identifier({ origin: 'tool_result' })), output: required(result) }),
    reasoning: object({
      ...common,
      summary: list(object({ type: identifier(), text: required(text('reasoning')) })),
      content: list(object({ type: identifier(), text: required(text('reasoning')) })),
      encrypted_content: opaque('reasoning'),
    }),
    computer_call: json('tool_call'),
    computer_call_output: object({
      ...common,
      call_id: required(identifier()),
      output: required(object({ type: identifier(), image_url: url({ origin: 'tool_result', counts: 'images' }), file_id: providerState(identifier()) })),
      acknowledged_safety_checks: json('tool_result'),
    }),
    local_shell_call: json('tool_call'),
    local_shell_call_output: json('tool_result'),
    shell_call: json('tool_call'),
    shell_call_output: json('tool_result'),
    apply_patch_call: json('tool_call'),
    apply_patch_call_output: json('tool_result'),
    item_reference: providerState(object({ ...common })),
    compaction: providerState(object({ ...common, encrypted_content: opaque('assistant') })),
    compaction_trigger: providerState(object({ ...common })),
    web_search_call: hosted('tool_result'),
    file_search_call: hosted('tool_result'),
    code_interpreter_call: hosted('tool_result'),
    image_generation_call: providerState(
      object({
        ...common,
        result: media(),
        revised_prompt: text('assistant'),
        action: identifier(),
        background: identifier(),
        output_format: identifier(),
        quality: identifier(),
        size: identifier(),
        error: json('tool_result'),
        svg_usage: json('tool_result'),
      }),
    ),
    tool_search_call: hosted('tool_call'),
    tool_search_output: hosted('tool_definition'),
    mcp_list_tools: hosted('tool_definition'),
    mcp_call: hosted('tool_result'),
    mcp_approval_request: hosted('tool_call'),
    mcp_approval_response: providerTool(
      object({ ...common, approval_request_id: required(identifier()), approve: required(boolean()), reason: text('user') }),
      { name: 'mcp' },
    ),
    program: hosted('tool_call'),
    program_output: hosted('tool_result'),
    configuration_update: object({ ...common, reasoning: object({ effort: identifier() }), text: object({ format: json('tool_definition') }) }),
  },
  { missing: 'message' },
)

export const outputLimit = integer({ min: 0, fact: 'max_tokens' })
