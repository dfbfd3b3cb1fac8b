import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import type { Tree, TreeObject } from '../../../formats/tree.ts'
import type { Conversation } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { openaiChat } from './chat/dialect.ts'
import { openaiResponses } from './responses/dialect.ts'

const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject
const plain = (value: Tree): unknown => toPlain(value)

const schema = { type: 'object', properties: { q: { type: 'string' } } }

const chat = {
  model: 'm',
  messages: [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url: 'https://a.example/x.png', detail: 'low' } }, { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] },
    {
      role: 'assistant',
      content: 'ok',
      reasoning_content: 'hm',
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'find', arguments: '{"q":"x","n":1.0}' } },
        { id: 'c2', type: 'function', function: { name: 'find', arguments: '{}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'found' },
    { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] },
    { role: 'developer', content: 'now hurry' },
    { role: 'user', content: 'and?' },
  ],
  tools: [{ type: 'function', function: { name: 'find', description: 'Finds.', parameters: schema, strict: true } }],
  tool_choice: { type: 'function', function: { name: 'find' } },
  parallel_tool_calls: false,
  max_completion_tokens: 50,
  temperature: 0.5,
  top_p: 0.9,
  stop: ['END'],
  n: 2,
  seed: 7,
  presence_penalty: 0.1,
  frequency_penalty: 0.2,
  logprobs: true,
  top_logprobs: 2,
  logit_bias: { 5: -1 },
  response_format: { type: 'json_schema', json_schema: { name: 'a', description: 'd', schema, strict: true } },
  reasoning_effort: 'low',
  user: 'u',
  metadata: { team: 'blue' },
}

test('a chat request survives the neutral form word for word', () => {
  assert.deepEqual(plain(openaiChat.encode(openaiChat.decode(tree(chat)), 'm')), chat)
})

test('arguments and numbers keep their spelling', () => {
  const made = writeJson(openaiChat.encode(openaiChat.decode(tree(chat)), 'm'))
  assert.ok(made.includes(String.raw`{\"q\":\"x\",\"n\":1.0}`))
})

const responses = {
  model: 'm',
  instructions: 'be kind',
  input: [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'look' }, { type: 'input_image', image_url: 'data:image/png;base64,aGk=', detail: 'low' }, { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,aGk=' }] },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'AAAA' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ok', annotations: [] }] },
    { type: 'function_call', call_id: 'c1', name: 'find', arguments: '{"q":"x"}' },
    { type: 'function_call', call_id: 'c2', name: 'find', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c1', output: 'found' },
    { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'a' }, { type: 'input_image', image_url: 'https://a.example/x.png', detail: 'auto' }] },
  ],
  tools: [{ type: 'function', name: 'find', description: 'Finds.', parameters: schema, strict: true }],
  tool_choice: 'required',
  parallel_tool_calls: false,
  max_output_tokens: 50,
  temperature: 0.5,
  top_p: 0.9,
  top_logprobs: 2,
  reasoning: { effort: 'low', summary: 'auto' },
  text: { format: { type: 'json_schema', name: 'a', schema, strict: true }, verbosity: 'low' },
  include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
  user: 'u',
  metadata: { team: 'blue' },
  store: false,
}

test('a Responses request survives the neutral form word for word', () => {
  assert.deepEqual(plain(openaiResponses.encode(openaiResponses.decode(tree(responses)), 'm')), responses)
})

test('fields that only Responses has survive within Responses', () => {
  const asked = { model: 'm', input: 'x', max_tool_calls: 2, truncation: 'auto', include: ['web_search_call.results'], reasoning: { context: 'all_turns' }, store: true, previous_response_id: 'resp_1' }
  const made = plain(openaiResponses.encode(openaiResponses.decode(tree(asked)), 'm')) as Record<string, unknown>
  assert.deepEqual([made['max_tool_calls'], made['truncation'], made['include'], made['reasoning'], made['store'], made['previous_response_id']], [2, 'auto', ['reasoning.encrypted_content', 'web_search_call.results'], { context: 'all_turns' }, true, 'resp_1'])
})

test('chat to Responses and back says the same', () => {
  const { stop: _s, n: _n, seed: _d, presence_penalty: _p, frequency_penalty: _f, logit_bias: _b, ...rest } = chat
  const asked = { ...rest, verbosity: 'low' }
  const over = openaiResponses.encode(openaiChat.decode(tree(asked)), 'm')
  const back = plain(openaiChat.encode(openaiResponses.decode(over), 'm')) as { messages: unknown[] }
  const expected = structuredClone(asked) as unknown as { messages: unknown[] }
  // Another maker's thinking stays behind, and an image of no stated detail is one of detail `auto`.
  delete (expected.messages[2] as { reasoning_content?: string }).reasoning_content
  ;(expected.messages[1] as { content: { image_url: { detail?: string } }[] }).content[2]!.image_url.detail = 'auto'
  assert.deepEqual(back, expected)
})

const refused: readonly (readonly [string, 'chat' | 'responses', Partial<Conversation>])[] = [
  ['top_k', 'chat', { topK: 4 }],
  ['top_k', 'responses', { topK: 4 }],
  ['stop', 'responses', { stop: ['END'] }],
  ['n', 'responses', { n: 2 }],
  ['seed', 'responses', { seed: 1 }],
  ['presence_penalty', 'responses', { presencePenalty: 1 }],
  ['frequency_penalty', 'responses', { frequencyPenalty: 1 }],
  ['logit_bias', 'responses', { logitBias: new Map() }],
  ['logprobs', 'chat', { logprobs: true, stream: true }],
  ['tool_choice', 'chat', { toolChoice: { mode: 'required' } }],
  ['tool_choice', 'responses', { toolChoice: { mode: 'named', names: ['f'] } }],
  ['container', 'chat', { only: [{ dialect: 'anthropic.messages', field: 'container', value: 'x' }] }],
  ['web_search_options', 'responses', { only: [{ dialect: 'openai.chat', field: 'web_search_options', value: new Map() }] }],
  ['previous_response_id', 'chat', { only: [{ dialect: 'openai.responses', field: 'previous_response_id', value: 'x' }] }],
  ['messages.0.file', 'chat', { messages: [{ role: 'user', parts: [{ kind: 'file', source: { from: 'url', url: 'https://a.example/a.pdf' } }] }] }],
  ['messages.0.image', 'chat', { messages: [{ role: 'user', parts: [{ kind: 'image', source: { from: 'provider', id: 'x' } }] }] }],
  ['messages.0.audio', 'responses', { messages: [{ role: 'user', parts: [{ kind: 'audio', source: { from: 'inline', mime: 'audio/wav', base64: '' } }] }] }],
  ['messages.0.name', 'responses', { messages: [{ role: 'user', name: 'ann', parts: [] }] }],
  ['messages.0.result.image', 'chat', { messages: [{ role: 'user', parts: [{ kind: 'result', id: 'c', parts: [{ kind: 'image', source: { from: 'inline', mime: 'image/png', base64: '' } }] }] }] }],
]

for (const [field, target, more] of refused) {
  test(`${target} cannot say ${field}, and says so`, () => {
    const conversation: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: false, includeUsage: false, only: [], ...more }
    const dialect = target === 'chat' ? openaiChat : openaiResponses
    assert.throws(() => dialect.encode(conversation, 'm'), (error) => error instanceof Inexpressible && error.field === field)
  })
}

const undecodable: readonly (readonly [string, 'chat' | 'responses', Record<string, unknown>])[] = [
  ['functions', 'chat', { messages: [], functions: [] }],
  ['tools.0.type', 'chat', { messages: [], tools: [{ type: 'custom', custom: { name: 'x' } }] }],
  ['messages.0.role', 'chat', { messages: [{ role: 'function', name: 'f', content: '' }] }],
  ['messages.0.audio', 'chat', { messages: [{ role: 'assistant', audio: { id: 'x' } }] }],
  ['messages.0.hidden', 'chat', { messages: [{ role: 'user', content: 'x', hidden: 1 }] }],
  ['tools.0.type', 'responses', { input: '', tools: [{ type: 'web_search' }] }],
  ['input.0.type', 'responses', { input: [{ type: 'item_reference', id: 'x' }] }],
  ['input.0.type', 'responses', { input: [{ type: 'shell_call', call_id: 'c', action: {} }] }],
]

for (const [field, from, asked] of undecodable) {
  test(`what only ${from} has is refused by its name: ${field}`, () => {
    const dialect = from === 'chat' ? openaiChat : openaiResponses
    assert.throws(() => dialect.decode(tree({ model: 'm', ...asked })), (error) => error instanceof Inexpressible && error.field === field)
  })
}

test('hints are left out, and everything else that one dialect has is kept under its name', () => {
  const asked = { ...chat, service_tier: 'flex', prompt_cache_key: 'k', prediction: { type: 'content', content: 'x' }, store: false, modalities: ['text'], web_search_options: {}, moderation: { model: 'm' } }
  assert.deepEqual(openaiChat.decode(tree(asked)).only.map(({ field }) => field), ['web_search_options', 'moderation'])
})

test('allowed tools become fewer tools', () => {
  const one = (name: string): unknown => ({ type: 'function', function: { name } })
  const decoded = openaiChat.decode(tree({ model: 'm', messages: [], tools: [one('a'), one('b')], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [one('b')] } } }))
  assert.deepEqual([decoded.tools.map((tool) => tool.name), decoded.toolChoice], [['b'], { mode: 'required' }])
})

test('a failed tool says so in words', () => {
  const result = (text: string): Conversation => ({ model: 'm', system: [], messages: [{ role: 'user', parts: [{ kind: 'result', id: 'c', failed: true, parts: [{ kind: 'text', text }] }] }], tools: [], stream: false, includeUsage: false, only: [] })
  assert.deepEqual((plain(openaiChat.encode(result('no such file'), 'm')) as { messages: unknown }).messages, [{ role: 'tool', tool_call_id: 'c', content: 'Error: no such file' }])
  assert.deepEqual((plain(openaiResponses.encode(result('Error: gone'), 'm')) as { input: unknown }).input, [{ type: 'function_call_output', call_id: 'c', output: 'Error: gone' }])
})

test('results come before what else the turn says', () => {
  const conversation: Conversation = { model: 'm', system: [], messages: [{ role: 'user', parts: [{ kind: 'text', text: 'go on' }, { kind: 'result', id: 'c', parts: [] }] }], tools: [], stream: false, includeUsage: false, only: [] }
  assert.deepEqual((plain(openaiChat.encode(conversation, 'm')) as { messages: unknown }).messages, [{ role: 'tool', tool_call_id: 'c', content: '' }, { role: 'user', content: 'go on' }])
})

const reply = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'ok', refusal: null, reasoning_content: 'hm', annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A', start_index: 0, end_index: 1 } }], tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1.0}' } }] },
      logprobs: null,
      finish_reason: 'tool_calls',
    },
    { index: 1, message: { role: 'assistant', content: null, refusal: 'no' }, logprobs: null, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, prompt_tokens_details: { cached_tokens: 2 }, completion_tokens_details: { reasoning_tokens: 1 } },
  system_fingerprint: 'fp',
}

const asked: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: false, includeUsage: false, only: [] }

test('a chat reply survives the neutral form, and what nobody knows travels', () => {
  assert.deepEqual(plain(openaiChat.encodeReply(openaiChat.decodeReply(tree(reply)), asked)), reply)
})

test('a reply goes from chat to Responses and back', () => {
  const one = { ...reply, choices: [reply.choices[0]] }
  const over = openaiResponses.encodeReply(openaiChat.decodeReply(tree(one)), asked)
  const made = plain(over) as { status: string; output: { type: string }[]; usage: unknown }
  assert.deepEqual([made.status, made.output.map((item) => item.type)], ['completed', ['reasoning', 'message', 'function_call']])
  assert.deepEqual(made.usage, { input_tokens: 5, input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 }, output_tokens: 3, output_tokens_details: { reasoning_tokens: 1 }, total_tokens: 8 })
  assert.deepEqual(plain(openaiChat.encodeReply(openaiResponses.decodeReply(over), asked)), { ...one, id: 'resp_chatcmpl-1' })
})

test('an incomplete response is a cut answer', () => {
  const made = openaiResponses.encodeReply({ id: 'x', model: 'm', choices: [{ parts: [{ kind: 'text', text: 'a' }], stop: 'length' }], extra: new Map() }, asked)
  const { status, incomplete_details } = plain(made) as { status: string; incomplete_details: unknown }
  assert.deepEqual([status, incomplete_details], ['incomplete', { reason: 'max_output_tokens' }])
  assert.equal(openaiResponses.decodeReply(made).choices[0]?.stop, 'length')
})

test('token probabilities cross between the two', () => {
  const content = [{ token: 'a', bytes: [97], logprob: -0.5, top_logprobs: [] }]
  const one = { ...reply, choices: [{ index: 0, message: { role: 'assistant', content: 'a', refusal: null }, logprobs: { content, refusal: null }, finish_reason: 'stop' }] }
  const back = openaiChat.encodeReply(openaiResponses.decodeReply(openaiResponses.encodeReply(openaiChat.decodeReply(tree(one)), asked)), asked)
  assert.deepEqual((plain(back) as typeof one).choices, one.choices)
})

test('signatures of other makers come back to them through both dialects', () => {
  const parts = [
    { kind: 'reasoning', text: 'thought', signature: 'anthropic:AAAA' },
    { kind: 'reasoning', text: '', sealed: 'anthropic:BBBB' },
    { kind: 'call', id: 'c1', name: 'f', args: '{}', signature: 'gemini:CCCC' },
  ] as const
  const completion = { id: 'x', model: 'm', choices: [{ parts, stop: 'tool_calls' as const }], extra: new Map() }
  const chatMessage = (plain(openaiChat.encodeReply(completion, asked)) as { choices: { message: unknown }[] }).choices[0]?.message
  const chatBack = openaiChat.decode(tree({ model: 'm', messages: [chatMessage] })).messages[0]?.parts
  assert.deepEqual(chatBack, parts)
  const { output } = plain(openaiResponses.encodeReply(completion, asked)) as { output: unknown[] }
  const back = openaiResponses.decode(tree({ model: 'm', input: output })).messages[0]?.parts.map((part) => ({ ...part, id: part.kind === 'call' ? part.id : undefined }))
  assert.deepEqual(back, parts.map((part) => ({ ...part, id: part.kind === 'call' ? part.id : undefined })))
})

test('thinking of one\'s own goes back sealed', () => {
  const item = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'AAAA' }
  const decoded = openaiResponses.decode(tree({ model: 'm', input: [item] }))
  assert.deepEqual(decoded.messages[0]?.parts, [{ kind: 'reasoning', text: '', id: 'rs_1', sealed: 'openai:AAAA' }])
  assert.deepEqual((plain(openaiResponses.encode(decoded, 'm')) as { input: unknown }).input, [item])
})
