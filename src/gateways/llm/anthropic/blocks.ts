import type { Origin } from '../../../contract/segment.ts'
import { boolean, either, identifier, integer, json, lazy, list, media, object, opaque, providerState, required, text, union, url, type Field } from '../fields.ts'
import { cache, tool } from './tools.ts'

const name = identifier()

const caller = object({ type: name, tool_id: name })

const held = required(providerState(name))

const place = { cited_text: text('document'), document_index: integer(), document_title: text('document'), file_id: name }

/** Citations that come back with an assistant's text: quotes from documents. Their URLs are named, not fetched. */
const citation = union('type', {
  char_location: object({ ...place, start_char_index: integer(), end_char_index: integer() }),
  page_location: object({ ...place, start_page_number: integer(), end_page_number: integer() }),
  content_block_location: object({ ...place, start_block_index: integer(), end_block_index: integer() }),
  search_result_location: object({
    cited_text: text('document'),
    source: text('document'),
    title: text('document'),
    search_result_index: integer(),
    start_block_index: integer(),
    end_block_index: integer(),
  }),
  web_search_result_location: object({ cited_text: text('document'), title: text('document'), url: text('document'), encrypted_index: opaque('document') }),
})

export const textBlock = (origin: Origin) => object({ text: required(text(origin)), cache_control: cache, citations: list(citation) })

const image = object({
  source: required(
    union('type', {
      base64: object({ media_type: required(name), data: required(media({ counts: 'images', mime: ['media_type'] })) }),
      url: object({ url: required(url({ counts: 'images', origin: 'document' })) }),
      file: object({ file_id: held }),
    }),
  ),
  cache_control: cache,
  transformations: object({ oversized_image: name }),
})

const document = (origin: Origin) =>
  object({
    source: required(
      union('type', {
        base64: object({ media_type: required(name), data: required(media({ counts: 'documents', mime: ['media_type'] })) }),
        text: object({ media_type: name, data: required(text(origin)) }),
        content: object({ content: required(either({ string: text(origin), list: list(union('type', { text: textBlock(origin), image })) })) }),
        url: object({ url: required(url({ counts: 'documents', origin })) }),
        file: object({ file_id: held }),
      }),
    ),
    title: text(origin),
    context: text(origin),
    citations: object({ enabled: boolean() }),
    cache_control: cache,
  })

const searchResult = (origin: Origin) =>
  object({
    content: required(list(union('type', { text: textBlock(origin) }))),
    source: text(origin),
    title: text(origin),
    citations: object({ enabled: boolean() }),
    cache_control: cache,
  })

const result = 'tool_result'

const toolResult = object({
  tool_use_id: required(name),
  content: either({
    string: text(result),
    list: list(
      union('type', {
        text: textBlock(result),
        image,
        document: document(result),
        search_result: searchResult(result),
        tool_reference: object({ tool_name: name, cache_control: cache }),
        browser_state: object({
          tabs: list(object({ tab_id: name, title: text(result), url: text(result), active: boolean() })),
          state_changes: list(json(result)),
          cache_control: cache,
        }),
      }),
    ),
  }),
  is_error: boolean(),
  toolset_name: name,
  cache_control: cache,
})

/** What a tool that Anthropic ran gave back, resent as history. */
const served = (content: Field) => object({ tool_use_id: required(name), content: required(content), caller, cache_control: cache })

const failure = object({ error_code: name, error_message: text(result) })

const execution = {
  content: list(object({ type: name, file_id: held })),
  stdout: text(result),
  stderr: text(result),
  return_code: integer(),
  encrypted_stdout: opaque(result),
}

const callBlock = object({ id: required(name), name: required(identifier({ origin: 'tool_call' })), input: json('tool_call'), caller, toolset_name: name, cache_control: cache })

const change = object({
  tool: required(
    union('type', {
      tool_reference: object({ name }),
      mcp_tool_reference: object({ name, server_name: name }),
      mcp_toolset_reference: object({ server_name: name }),
      tool_definition: object({ definition: required(lazy(() => tool)) }),
    }),
  ),
  cache_control: cache,
})

/** A content block of a message; `origin` is whose words its plain text is. */
export const blocks = (origin: Origin) =>
  union('type', {
    text: textBlock(origin),
    image,
    document: document('document'),
    search_result: searchResult('document'),
    thinking: object({ thinking: required(text('reasoning')), signature: opaque('reasoning') }),
    redacted_thinking: object({ data: required(opaque('reasoning')) }),
    tool_use: callBlock,
    tool_result: toolResult,
    server_tool_use: callBlock,
    mcp_tool_use: object({ id: required(name), name: required(identifier({ origin: 'tool_call' })), server_name: name, input: json('tool_call'), cache_control: cache }),
    mcp_tool_result: object({
      tool_use_id: required(name),
      content: either({ string: text(result), list: list(union('type', { text: textBlock(result) })) }),
      is_error: boolean(),
      cache_control: cache,
    }),
    mcp_tool_listing: object({
      mcp_server_name: name,
      tools: list(object({ name: identifier({ origin: 'tool_definition' }), description: text('tool_definition'), input_schema: json('tool_definition') })),
    }),
    web_search_tool_result: served(
      either({
        list: list(union('type', { web_search_result: object({ title: text(result), url: text(result), page_age: text(result), encrypted_content: opaque(result) }) })),
        object: union('type', { web_search_tool_result_error: failure }),
      }),
    ),
    web_fetch_tool_result: served(
      union('type', {
        web_fetch_result: object({ url: text(result), retrieved_at: text(result), content: union('type', { document: document(result) }) }),
        web_fetch_tool_result_error: failure,
      }),
    ),
    code_execution_tool_result: served(
      union('type', { code_execution_result: object(execution), encrypted_code_execution_result: object(execution), code_execution_tool_result_error: failure }),
    ),
    bash_code_execution_tool_result: served(union('type', { bash_code_execution_result: object(execution), bash_code_execution_tool_result_error: failure })),
    text_editor_code_execution_tool_result: served(
      union('type', {
        text_editor_code_execution_view_result: object({ content: text(result), file_type: name, num_lines: integer(), start_line: integer(), total_lines: integer() }),
        text_editor_code_execution_create_result: object({ is_file_update: boolean() }),
        text_editor_code_execution_str_replace_result: object({
          lines: list(text(result)),
          new_lines: integer(),
          new_start: integer(),
          old_lines: integer(),
          old_start: integer(),
        }),
        text_editor_code_execution_tool_result_error: failure,
      }),
    ),
    tool_search_tool_result: served(
      union('type', { tool_search_tool_search_result: object({ tool_references: list(object({ type: name, tool_name: name })) }), tool_search_tool_result_error: failure }),
    ),
    advisor_tool_result: served(
      union('type', {
        advisor_result: object({ text: text(result), stop_reason: name }),
        advisor_redacted_result: object({ encrypted_content: opaque(result), stop_reason: name }),
        advisor_tool_result_error: failure,
      }),
    ),
    // Files of an earlier call, handed to the container.
    container_upload: object({ file_id: held, cache_control: cache }),
    compaction: object({
      content: text('assistant'),
      encrypted_content: opaque('assistant'),
      signature: opaque('assistant'),
      tool_changes: list(json('tool_definition')),
      cache_control: cache,
    }),
    tool_addition: change,
    tool_removal: change,
    fallback: object({ from: object({ model: name }), to: object({ model: name }), trigger: json('assistant') }),
  })
