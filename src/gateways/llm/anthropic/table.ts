import type { Origin } from '../../../contract/segment.ts'
import { boolean, choice, either, identifier, integer, json, list, number, object, providerState, providerTool, required, text, union, url } from '../fields.ts'
import { blocks, textBlock } from './blocks.ts'
import { cache, tool } from './tools.ts'

const name = identifier()
const effort = identifier({ fact: 'effort' })

const instructions = either({ string: text('system'), list: list(union('type', { text: textBlock('system') })) })

const turn = (origin: Origin) => object({ content: required(either({ string: text(origin), list: list(blocks(origin)) })) })

const message = union('role', {
  user: turn('user'),
  assistant: turn('assistant'),
  // Instructions in the middle; `content` may be missing where only the effort changes.
  system: object({
    content: either({ string: text('system'), list: list(blocks('system')) }),
    clear_at: name,
    output_config: object({ effort }),
  }),
})

const thinking = union('type', {
  enabled: object({
    budget_tokens: required(integer({ min: 0, fact: 'thinking_budget' })),
    display: name,
    block_binding: object({ prefix_mismatch_behavior: name }),
  }),
  adaptive: object({ display: name, block_binding: object({ prefix_mismatch_behavior: name }) }),
  disabled: object({}),
  between_tools: object({}),
})

const format = union('type', { json_schema: object({ schema: required(json('tool_definition')) }) })

const outputConfig = object({
  effort,
  format,
  task_budget: object({ type: name, total: integer(), remaining: integer() }),
})

const amount = object({ type: name, value: integer() })

const contextManagement = object({
  edits: list(
    union(
      'type',
      {
        clear_tool_uses: object({
          clear_at_least: amount,
          clear_tool_inputs: either({ boolean: boolean(), list: list(name) }),
          exclude_tools: list(name),
          keep: amount,
          trigger: amount,
        }),
        clear_thinking: object({ keep: either({ string: name, object: amount }) }),
        compact: object({ instructions: text('system'), pause_after_compaction: boolean(), trigger: amount }),
      },
      { match: (type) => type.replace(/_\d{8}$/, '') },
    ),
  ),
})

/** An MCP server that Anthropic would call: what it would be told to do there is decided by the model alone. */
const mcpServer = providerTool(
  object({
    type: name,
    name,
    url: required(url()),
    authorization_token: text('body'),
    tool_configuration: object({ allowed_tools: list(name), enabled: boolean() }),
  }),
  { name: 'mcp' },
)

/** Other models that Anthropic would ask behind our back: routing is this gateway's, so they count as its tool. */
const fallback = providerTool(
  object({
    model: required(name),
    max_tokens: integer({ min: 0 }),
    output_config: outputConfig,
    speed: name,
    thinking,
  }),
  { name: 'fallbacks' },
)

const shared = {
  model: required(name),
  messages: required(list(message, { grouped: true, fact: 'messages' })),
  system: instructions,
  tools: list(tool, { grouped: true, fact: 'tools' }),
  tool_choice: union('type', {
    auto: object({ disable_parallel_tool_use: boolean() }),
    any: object({ disable_parallel_tool_use: boolean() }),
    tool: object({ name: required(identifier({ origin: 'tool_definition' })), disable_parallel_tool_use: boolean() }),
    none: object({}),
  }),
  thinking,
  output_config: outputConfig,
  output_format: format,
  cache_control: cache,
  context_management: contextManagement,
  compaction: object({ type: name, instructions: text('system') }),
  mcp_servers: list(mcpServer),
  billing_policy: object({ type: name, bill_to: name }),
  speed: identifier({ fact: 'speed' }),
  betas: list(name),
}

/** Every field of POST /v1/messages, betas included. */
export const messagesTable = object({
  ...shared,
  max_tokens: required(integer({ min: 0, fact: 'max_tokens' })),
  stream: boolean('stream'),
  stop_sequences: list(text('body')),
  temperature: number(),
  top_p: number(),
  top_k: integer(),
  metadata: object({ user_id: text('body') }),
  service_tier: identifier({ fact: 'service_tier' }),
  inference_geo: identifier({ fact: 'inference_geo' }),
  container: either({
    string: providerState(name),
    object: object({
      id: providerState(name),
      skills: list(providerTool(object({ type: name, skill_id: name, version: name }), { name: 'skills', effects: ['code_execution'] })),
    }),
  }),
  thread: providerState(object({ type: name, previous_message_id: name })),
  diagnostics: object({ previous_message_id: providerState(name) }),
  fallbacks: either({ string: providerTool(choice(['default']), { name: 'fallbacks' }), list: list(fallback) }),
  fallback_credit_token: either({ string: providerState(name), object: providerState(object({ token: name, mode: name })) }),
})

/** Every field of POST /v1/messages/count_tokens. */
export const countTable = object(shared)
