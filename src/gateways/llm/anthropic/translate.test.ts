import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../../contract/verdict.ts'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import { object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { anthropicMessages as dialect } from './dialect.ts'
import { DEFAULT_MAX_TOKENS } from './encode.ts'

const tree = (plain: unknown): TreeObject => fromPlain(plain) as TreeObject
const plain = (value: Tree): Record<string, unknown> => toPlain(value) as Record<string, unknown>

const empty: Conversation = { model: 'm', system: [], messages: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }], tools: [], stream: false, includeUsage: false, only: [] }

test('a request survives the neutral form word for word', () => {
  const request = {
    model: 'claude-sonnet-5',
    max_tokens: 100,
    system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
          { type: 'redacted_thinking', data: 'c2VhbA==' },
          { type: 'text', text: 'a' },
          { type: 'tool_use', id: 't1', name: 'look', input: { q: 'x', n: 1 } },
          { type: 'tool_use', id: 't2', name: 'look', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'r' }, { type: 'image', source: { type: 'url', url: 'https://x.example/i.png' } }] },
          { type: 'tool_result', tool_use_id: 't2', content: 'broken', is_error: true },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'grün' }, title: 'T' },
        ],
      },
      { role: 'system', content: 'be brief' },
      { role: 'assistant', content: 'so' },
    ],
    tools: [{ name: 'look', description: 'Looks.', input_schema: { type: 'object', properties: {} }, strict: true, cache_control: { type: 'ephemeral', ttl: '1h' } }],
    tool_choice: { type: 'tool', name: 'look', disable_parallel_tool_use: true },
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    stop_sequences: ['END'],
    metadata: { user_id: 'u1' },
    thinking: { type: 'adaptive', display: 'summarized' },
    output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
    stream: true,
    inference_geo: 'eu',
  }
  assert.ok(!isRefusal(dialect.survey(tree(request), [])))
  assert.deepEqual(plain(dialect.encode(dialect.decode(tree(request)), 'claude-sonnet-5')), request)
})

test('number lexemes and the order of arguments survive the neutral form', () => {
  const text = '{"z":1.0,"a":12345678901234567890,"1":0}'
  const conversation: Conversation = { ...empty, messages: [{ role: 'assistant', parts: [{ kind: 'call', id: 'c', name: 'f', args: text }] }] }
  assert.ok(writeJson(dialect.encode(conversation, 'm')).includes(`"input":${text}`))
})

const inexpressible: [string, Partial<Conversation>][] = [
  ['n', { n: 2 }],
  ['seed', { seed: 1 }],
  ['presence_penalty', { presencePenalty: 0.5 }],
  ['frequency_penalty', { frequencyPenalty: 0.5 }],
  ['logprobs', { logprobs: true }],
  ['logit_bias', { logitBias: new Map([['1', 1]]) }],
  ['metadata', { metadata: new Map([['a', 'b']]) }],
  ['response_format', { format: { kind: 'json' } }],
  ['temperature', { temperature: 1.5 }],
  ['tool_choice', { toolChoice: { mode: 'required' } }],
  ['messages.name', { messages: [{ role: 'user', name: 'kim', parts: [] }] }],
  ['messages.content.audio', { messages: [{ role: 'user', parts: [{ kind: 'audio', source: { from: 'inline', mime: 'audio/wav', base64: '' } }] }] }],
  ['file.file_id', { messages: [{ role: 'user', parts: [{ kind: 'file', source: { from: 'provider', id: 'file-1' } }] }] }],
  ['image.media_type', { messages: [{ role: 'user', parts: [{ kind: 'image', source: { from: 'inline', mime: 'image/tiff', base64: '' } }] }] }],
  ['image_url.detail', { messages: [{ role: 'user', parts: [{ kind: 'image', detail: 'low', source: { from: 'url', url: 'https://x.example' } }] }] }],
  ['messages.tool_calls.arguments', { messages: [{ role: 'assistant', parts: [{ kind: 'call', id: 'c', name: 'f', args: '{"a":' }] }] }],
  ['safetySettings', { only: [{ dialect: 'gemini.generate', field: 'safetySettings', value: [] }] }],
]
for (const [field, change] of inexpressible) {
  test(`${field} is refused by its name`, () => {
    assert.throws(() => dialect.encode({ ...empty, ...change }, 'm'), (error) => error instanceof Inexpressible && error.field === field)
  })
}

test('what only Anthropic can say is named for other dialects', () => {
  const conversation = dialect.decode(
    tree({
      model: 'm',
      max_tokens: 1,
      messages: [{ role: 'user', content: [{ type: 'search_result', source: 's', title: 't', content: [] }, { type: 'document', source: { type: 'text', data: 'x' }, citations: { enabled: true } }] }],
      tools: [{ type: 'bash_20250124', name: 'bash' }, { name: 'f', input_schema: {}, defer_loading: true }],
      output_config: { effort: 'max' },
      thinking: { type: 'between_tools' },
      speed: 'fast',
      service_tier: 'auto',
      betas: ['x'],
      inference_geo: 'us',
    }),
  )
  assert.deepEqual(
    conversation.only.map((item) => item.field).sort(),
    ['inference_geo', 'messages.0.content.0.search_result', 'messages.0.content.1.citations', 'output_config.effort', 'thinking.type', 'tools.0.bash_20250124', 'tools.1.defer_loading'],
  )
})

test('a caller without a limit gets the documented one', () => {
  assert.equal(dialect.encode(empty, 'm').get('max_tokens'), DEFAULT_MAX_TOKENS)
  assert.equal(dialect.encode({ ...empty, maxTokens: 7 }, 'm').get('max_tokens'), 7)
})

test('neighbours of one role are one turn, with the results first', () => {
  const made = plain(
    dialect.encode(
      {
        ...empty,
        messages: [
          { role: 'assistant', parts: [{ kind: 'text', text: '' }, { kind: 'call', id: 'a.1', name: 'f', args: '' }, { kind: 'call', id: 'b', name: 'f', args: '{}' }] },
          { role: 'user', parts: [{ kind: 'result', id: 'a.1', parts: [{ kind: 'text', text: '1' }] }] },
          { role: 'user', parts: [{ kind: 'text', text: 'and?' }] },
          { role: 'user', parts: [{ kind: 'result', id: 'b', parts: [] }] },
        ],
      },
      'm',
    ),
  )
  assert.deepEqual(made['messages'], [
    { role: 'assistant', content: [{ type: 'tool_use', id: 'a_1', name: 'f', input: {} }, { type: 'tool_use', id: 'b', name: 'f', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a_1', content: '1' }, { type: 'tool_result', tool_use_id: 'b' }, { type: 'text', text: 'and?' }] },
  ])
})

test('thinking that Anthropic did not sign is left out', () => {
  const made = plain(
    dialect.encode(
      {
        ...empty,
        messages: [
          {
            role: 'assistant',
            parts: [
              { kind: 'reasoning', text: 'unsigned' },
              { kind: 'reasoning', text: 'other', signature: 'gemini:c2ln' },
              { kind: 'reasoning', text: '', sealed: 'openai:c2ln' },
              { kind: 'reasoning', text: 'own', signature: 'anthropic:c2ln' },
              { kind: 'text', text: 'a' },
            ],
          },
        ],
      },
      'm',
    ),
  )
  assert.deepEqual(made['messages'], [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'own', signature: 'c2ln' }, { type: 'text', text: 'a' }] }])
})

test('reasoning finds the form that the model takes', () => {
  const fields = (model: string, change: Partial<Conversation>): unknown => {
    const { thinking, output_config, max_tokens } = plain(dialect.encode({ ...empty, ...change }, model))
    return { thinking, output_config, max_tokens }
  }
  const none = undefined
  assert.deepEqual(fields('claude-opus-5', { reasoning: { effort: 'minimal' } }), { thinking: { type: 'adaptive' }, output_config: { effort: 'low' }, max_tokens: 8192 })
  assert.deepEqual(fields('claude-opus-4-6', { reasoning: { budget: 20_000, includeThoughts: true } }), {
    thinking: { type: 'adaptive', display: 'summarized' },
    output_config: { effort: 'high' },
    max_tokens: 8192,
  })
  assert.deepEqual(fields('claude-haiku-4-5-20251001', { reasoning: { effort: 'medium' } }), { thinking: { type: 'enabled', budget_tokens: 8192 }, output_config: none, max_tokens: 16_384 })
  assert.deepEqual(fields('claude-haiku-4-5', { reasoning: { effort: 'high' }, maxTokens: 5000 }), { thinking: { type: 'enabled', budget_tokens: 4999 }, output_config: none, max_tokens: 5000 })
  assert.deepEqual(fields('claude-haiku-4-5', { reasoning: { effort: 'high' }, maxTokens: 500 }), { thinking: none, output_config: none, max_tokens: 500 })
  assert.deepEqual(fields('claude-opus-5', { reasoning: { effort: 'none' } }), { thinking: { type: 'disabled' }, output_config: none, max_tokens: 8192 })
  const loop: Partial<Conversation> = {
    reasoning: { effort: 'low' },
    messages: [
      { role: 'assistant', parts: [{ kind: 'call', id: 'a', name: 'f', args: '{}' }] },
      { role: 'user', parts: [{ kind: 'result', id: 'a', parts: [] }] },
    ],
  }
  assert.deepEqual(fields('claude-sonnet-4-5', loop), { thinking: none, output_config: none, max_tokens: 8192 })
  assert.deepEqual(fields('claude-sonnet-5', loop), { thinking: { type: 'adaptive' }, output_config: { effort: 'low' }, max_tokens: 8192 })
})

test('retargeting changes the model, and takes out thinking that would be refused', () => {
  const messages = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [{ type: 'redacted_thinking', data: 'gemini:c2ln' }, { type: 'tool_use', id: 't', name: 'f', input: {} }] },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: '' }] },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'b3du' }] },
  ]
  const made = plain(dialect.retarget(tree({ model: 'a', messages }), 'b'))
  assert.equal(made['model'], 'b')
  assert.deepEqual(made['messages'], [messages[0], { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] }, messages[3]])
  const own = tree({ model: 'a', messages: [messages[0], messages[3]] })
  assert.equal(dialect.retarget(own, 'b').get('messages'), own.get('messages'))
})

test('a reply survives the neutral form, and what nobody knows travels', () => {
  const reply = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'c2VhbA==' },
      { type: 'text', text: 'a', citations: null },
      { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 10, cache_creation_input_tokens: 2, cache_read_input_tokens: 3, output_tokens: 8, output_tokens_details: { thinking_tokens: 5 } },
    novelty: { a: 1 },
  }
  const completion = dialect.decodeReply(tree(reply))
  assert.deepEqual(completion.usage, { input: 15, output: 8, cachedInput: 3, cacheWrite: 2, reasoning: 5 })
  assert.deepEqual(plain(dialect.encodeReply(completion, empty)), reply)
})

test('a view of a complete reply shows everything that a reader sees', () => {
  const view = dialect.viewReply(
    tree({
      model: 'claude-x',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
        { type: 'text', text: 'a', citations: [{ type: 'char_location', cited_text: 'quoted', document_title: 'T' }] },
        { type: 'tool_use', id: 't', name: 'f', input: {} },
        { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'w' } },
        { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', title: 'Sun', url: 'https://u.example', encrypted_content: 'xxx' }] },
        { type: 'novelty', words: 'new' },
      ],
      stop_reason: 'end_turn',
      stop_details: { type: 'refusal', explanation: 'why' },
      usage: { input_tokens: 1, output_tokens: 2 },
    }),
  )
  assert.deepEqual(
    view.leaves.map((leaf) => `${leaf.channel} ${leaf.origin} ${leaf.text}`),
    ['0/reasoning reasoning hm', '0/text assistant a', '0/citation/1 document quoted', '0/citation/1 document T', '0/tool/2 tool_call {}', '0/tool/3 tool_call {"query":"w"}', '0/result/4 tool_result Sun', '0/result/4 tool_result https://u.example', '0/other/5 assistant new', '0/stop assistant why'],
  )
  assert.deepEqual(view.proposals, [{ channel: '0/tool/2', id: 't', name: 'f' }])
  assert.ok(view.leaves.every((leaf) => leaf.whole))
  assert.equal(view.kind, 'end')
  assert.equal(view.model, 'claude-x')
})

test('a denied call is taken out, and the reason to stop follows', () => {
  const reply = tree({ content: [{ type: 'text', text: 'a' }, { type: 'tool_use', id: 't', name: 'f', input: {} }, { type: 'tool_use', id: 'u', name: 'f', input: {} }], stop_reason: 'tool_use' })
  assert.deepEqual(plain(dialect.dropCalls(reply, new Set(['0/tool/1']))), {
    content: [{ type: 'text', text: 'a' }, { type: 'tool_use', id: 'u', name: 'f', input: {} }],
    stop_reason: 'tool_use',
  })
  assert.deepEqual(plain(dialect.dropCalls(reply, new Set(['0/tool/1', '0/tool/2']))), { content: [{ type: 'text', text: 'a' }], stop_reason: 'end_turn' })
})

test('provider errors are told apart', () => {
  const rows: [number, string, string, string][] = [
    [400, 'invalid_request_error', 'prompt is too long: 300000 tokens > 200000 maximum', 'context_length'],
    [400, 'invalid_request_error', 'input length and `max_tokens` exceed context limit: 1 + 2 > 3', 'context_length'],
    [400, 'invalid_request_error', 'Output blocked by content filtering policy', 'content_policy'],
    [400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.', 'auth'],
    [402, 'billing_error', 'pay', 'auth'],
    [400, 'invalid_request_error', 'messages: at least one message is required', 'invalid'],
    [401, 'authentication_error', 'invalid x-api-key', 'auth'],
    [403, 'permission_error', 'no', 'auth'],
    [404, 'not_found_error', 'model: x', 'not_found'],
    [413, 'request_too_large', 'big', 'invalid'],
    [429, 'rate_limit_error', 'slow down', 'rate'],
    [500, 'api_error', 'oops', 'server'],
    [529, 'overloaded_error', 'Overloaded', 'server'],
    [200, 'overloaded_error', 'Overloaded', 'server'],
  ]
  for (const [status, type, message, kind] of rows) {
    const fault = dialect.readError(status, tree({ type: 'error', error: { type, message } }), '')
    assert.deepEqual([fault.kind, fault.code, fault.message], [kind, type, message], message)
  }
  assert.equal(dialect.readError(502, undefined, '<html>bad gateway').kind, 'server')
  assert.equal(dialect.readError(200, tree({ error: { type: 'overloaded_error', message: '' } }), '').status, 529)
})

test('a refusal is an Anthropic error with our code and the id', () => {
  const { status, body } = dialect.error({ refuse: 'injection' }, 'id-1')
  assert.equal(status, 403)
  const said = plain(body) as { type: string; request_id: string; error: { type: string; message: string; code: string } }
  assert.deepEqual([said.type, said.request_id, said.error.type, said.error.code], ['error', 'id-1', 'permission_error', 'injection'])
  assert.ok(said.error.message.includes('id-1'))
  const upstream = dialect.error({ refuse: 'upstream_refused', upstream: { status: 422, message: 'no such thing' } }, 'id')
  assert.equal(upstream.status, 422)
  assert.ok(writeJson(upstream.body).includes('no such thing'))
  assert.equal(dialect.streamError({ refuse: 'leak_in_answer' }, 'id').event, 'error')
  assert.deepEqual(dialect.terminator()?.data, object({ type: 'message_stop' }))
})
