import type { Effect } from '../../../contract/exchange.ts'
import { boolean, identifier, integer, json, list, map, number, object, providerTool, required, text, union, type Field } from '../fields.ts'

const name = identifier()
/** A mark for the prompt cache; allowed nearly everywhere. */
export const cache = object({ type: name, ttl: name })

const named = identifier({ origin: 'tool_definition', collect: 'tool_names' })

/** Fields that every tool may have. */
const common = {
  name: named,
  allowed_callers: list(name),
  cache_control: cache,
  defer_loading: boolean(),
  strict: boolean(),
}

const examples = { input_examples: list(json('tool_definition')) }

/** Defined by Anthropic, run by the caller: the model's wish comes back as an ordinary call. */
const ours = (fields: Readonly<Record<string, Field>> = {}): Field => object({ ...common, ...examples, ...fields })

/** Run by Anthropic. */
const theirs = (tool: string, fields: Readonly<Record<string, Field>> = {}, effects: readonly Effect[] = []): Field =>
  providerTool(object({ ...common, ...fields }), { name: tool, effects })

const sources = object({ type: name, tools: list(object({ type: name, name })) })

const search = {
  allowed_domains: list(text('body')),
  blocked_domains: list(text('body')),
  max_uses: integer(),
  response_inclusion: name,
}

const toolset = object({
  cache_control: cache,
  // One entry a member, each with switches of its own (`enabled`, `defer_loading`, sizes).
  configs: map(json('tool_definition')),
})

/** One element of `tools`; versions (`web_search_20250305`) share the entry of their name. */
export const tool = union(
  'type',
  {
    custom: object({
      ...common,
      ...examples,
      name: required(named),
      description: text('tool_definition'),
      input_schema: required(json('tool_definition')),
      eager_input_streaming: boolean(),
    }),
    bash: ours(),
    text_editor: ours({ max_characters: integer() }),
    memory: ours(),
    computer: ours({ display_width_px: integer(), display_height_px: integer(), display_number: number(), enable_zoom: boolean() }),
    computer_toolset: toolset,
    browser_toolset: toolset,
    web_search: theirs('web_search', {
      ...search,
      user_location: object({ type: name, city: text('body'), country: text('body'), region: text('body'), timezone: text('body') }),
    }),
    web_fetch: theirs(
      'web_fetch',
      {
        ...search,
        citations: object({ enabled: boolean() }),
        max_content_tokens: integer(),
        url_sources: object({ client_tool_results: sources, server_tool_results: sources, user_input: sources }),
        use_cache: boolean(),
      },
      ['url_fetch'],
    ),
    code_execution: theirs('code_execution', {}, ['code_execution']),
    tool_search_tool_regex: theirs('tool_search'),
    tool_search_tool_bm25: theirs('tool_search'),
    advisor: theirs('advisor', { model: name, caching: cache, max_tokens: integer(), max_uses: integer() }),
    mcp_toolset: providerTool(
      object({
        mcp_server_name: required(name),
        cache_control: cache,
        configs: map(object({ defer_loading: boolean(), enabled: boolean() })),
        default_config: object({ defer_loading: boolean(), enabled: boolean() }),
        tools: list(object({ name: named, description: text('tool_definition'), input_schema: json('tool_definition') })),
      }),
      { name: 'mcp' },
    ),
  },
  { missing: 'custom', match: (type) => type.replace(/_\d{8}$/, '') },
)
