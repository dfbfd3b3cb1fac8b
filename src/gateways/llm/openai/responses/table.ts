import { boolean, choice, either, identifier, integer, json, list, map, number, object, providerState, providerTool, required, text, union, url, type Field } from '../../fields.ts'
import { cacheOptions, grammar, location, metadata, moderation } from '../tables.ts'
import { inputItem, inputPart, outputLimit } from './items.ts'

const name = required(identifier({ origin: 'tool_definition', collect: 'tool_names' }))

const callers = { allowed_callers: list(identifier()), async: boolean(), defer_loading: boolean() }

const functionTool = object({
  name,
  description: text('tool_definition'),
  parameters: json('tool_definition'),
  output_schema: json('tool_definition'),
  strict: boolean(),
  ...callers,
})

const customTool = object({ name, description: text('tool_definition'), format: grammar, ...callers })

const searchTool = providerTool(
  object({
    external_web_access: boolean(),
    filters: object({ allowed_domains: list(text('body')) }),
    search_context_size: identifier(),
    search_content_types: list(identifier()),
    user_location: object({ type: identifier(), ...location }),
  }),
)

const networkPolicy = json('body')

const container = either({
  string: providerState(identifier()),
  object: object({
    type: identifier(),
    container_id: providerState(identifier()),
    file_ids: providerState(list(identifier())),
    memory_limit: identifier(),
    network_policy: networkPolicy,
    skills: json('tool_definition'),
  }),
})

const filter: Field = object({ read_only: boolean(), tool_names: list(identifier()) })

/** Tools by type. All but functions, custom tools and namespaces of them are run, or spoken for, by the provider. */
const tool = union(
  'type',
  {
    function: functionTool,
    custom: customTool,
    namespace: object({ name: required(identifier({ origin: 'tool_definition' })), description: text('tool_definition'), tools: list(union('type', { function: functionTool, custom: customTool })) }),
    web_search: searchTool,
    web_search_preview: searchTool,
    file_search: providerTool(
      object({
        vector_store_ids: providerState(list(identifier())),
        filters: json('body'),
        max_num_results: integer(),
        ranking_options: json('body'),
      }),
    ),
    code_interpreter: providerTool(object({ container, ...callers }), { effects: ['code_execution'] }),
    computer: providerTool(object({})),
    computer_use_preview: providerTool(object({ display_height: integer(), display_width: integer(), environment: identifier() })),
    mcp: providerTool(
      object({
        server_label: identifier(),
        server_url: url({ origin: 'tool_definition' }),
        server_description: text('tool_definition'),
        connector_id: providerState(identifier()),
        tunnel_id: providerState(identifier()),
        authorization: text('body'),
        headers: map(text('body')),
        allowed_tools: either({ list: list(identifier()), object: filter }),
        require_approval: either({ string: identifier(), object: object({ always: filter, never: filter }) }),
        ...callers,
      }),
    ),
    image_generation: providerTool(
      object({
        action: identifier(),
        background: identifier(),
        complexity: identifier(),
        frame_count: integer(),
        frame_duration_ms: integer(),
        input_fidelity: identifier(),
        input_image_mask: object({ file_id: providerState(identifier()), image_url: url({ counts: 'images' }) }),
        model: identifier(),
        moderation: identifier(),
        output_compression: integer(),
        output_format: identifier(),
        partial_images: integer(),
        quality: identifier(),
        size: identifier(),
        svg: json('body'),
      }),
    ),
    local_shell: providerTool(object({}), { effects: ['code_execution'] }),
    shell: providerTool(object({ environment: container, ...callers }), { effects: ['code_execution'] }),
    apply_patch: providerTool(object({ ...callers })),
    tool_search: providerTool(object({ description: text('tool_definition'), execution: identifier(), parameters: json('tool_definition') })),
    programmatic_tool_calling: providerTool(object({}), { effects: ['code_execution'] }),
  },
  { match: undated },
)

/** `web_search_2025_08_26` is `web_search` of a certain day. */
function undated(type: string): string {
  return type.replace(/_\d{4}_\d{2}_\d{2}$/, '')
}

const bare = object({})

const toolChoice = either({
  string: choice(['none', 'auto', 'required']),
  object: union(
    'type',
    {
      function: object({ name: required(identifier()) }),
      custom: object({ name: required(identifier()) }),
      mcp: object({ server_label: identifier(), name: identifier() }),
      allowed_tools: object({
        mode: required(choice(['auto', 'required'])),
        tools: required(list(object({ type: identifier(), name: identifier(), server_label: identifier() }))),
      }),
      file_search: bare,
      web_search: bare,
      web_search_preview: bare,
      computer: bare,
      computer_use: bare,
      computer_use_preview: bare,
      image_generation: bare,
      code_interpreter: bare,
      apply_patch: bare,
      shell: bare,
      programmatic_tool_calling: bare,
    },
    { match: undated },
  ),
})

const textFormat = union('type', {
  text: object({}),
  json_object: object({}),
  json_schema: object({ name: identifier({ origin: 'system' }), description: text('system'), schema: json('tool_definition'), strict: boolean() }),
})

/** Every field of a Responses request, as the API reference of OpenAI has it, and what becomes of it. */
export const responsesTable = object({
  model: required(identifier()),
  access_programs: json('body'),
  background: providerState(boolean(), (value) => value === true),
  context_management: providerState(json('body')),
  conversation: providerState(either({ string: identifier(), object: object({ id: required(identifier()) }) })),
  image: object({ context_compression: identifier() }),
  include: list(identifier()),
  input: either({ string: text('user'), list: list(inputItem, { grouped: true, fact: 'messages' }) }),
  instructions: text('system'),
  max_output_tokens: outputLimit,
  max_tool_calls: integer({ min: 0 }),
  metadata,
  moderation,
  parallel_tool_calls: boolean(),
  previous_response_id: providerState(identifier()),
  prompt: providerState(
    object({ id: required(identifier()), version: identifier(), variables: map(either({ string: text('user'), object: inputPart })) }),
  ),
  prompt_cache_key: text('body'),
  prompt_cache_options: cacheOptions,
  prompt_cache_retention: identifier(),
  reasoning: object({ context: identifier(), effort: identifier({ fact: 'reasoning_effort' }), generate_summary: identifier(), mode: identifier(), summary: identifier() }),
  safety_identifier: text('body'),
  service_tier: identifier({ fact: 'service_tier' }),
  store: providerState(boolean(), (value) => value === true),
  stream: boolean(),
  stream_options: object({ include_obfuscation: boolean() }),
  temperature: number(),
  text: object({ format: textFormat, verbosity: identifier() }),
  tool_choice: toolChoice,
  tools: list(tool, { grouped: true, fact: 'tools' }),
  top_logprobs: integer({ min: 0 }),
  top_p: number(),
  truncation: identifier(),
  user: text('body'),
})
