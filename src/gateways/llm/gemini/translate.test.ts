import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../../contract/verdict.ts'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import type { Tree, TreeObject } from '../../../formats/tree.ts'
import type { Conversation } from '../conversation.ts'
import { Inexpressible } from '../dialect.ts'
import { geminiGenerate as dialect } from './dialect.ts'
import { LEFT_OUT } from './hints.ts'
import { jsonSchema } from './schema.ts'

const tree = (plain: unknown): TreeObject => fromPlain(plain) as TreeObject
const plain = (value: Tree): Record<string, unknown> => toPlain(value) as Record<string, unknown>
const path = { model: 'gemini-3-pro', stream: false }

const empty: Conversation = { model: 'm', system: [], messages: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }], tools: [], stream: false, includeUsage: false, only: [] }

test('a request survives the neutral form word for word', () => {
  const request = {
    contents: [
      {
        role: 'user',
        parts: [
          { text: 'look' },
          { inlineData: { mimeType: 'image/png', data: 'aGk=' }, mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } },
          { inlineData: { mimeType: 'audio/wav', data: 'aGk=' } },
          { fileData: { fileUri: 'https://x.example/a.pdf', mimeType: 'application/pdf', displayName: 'A' } },
        ],
      },
      {
        role: 'model',
        parts: [
          { text: 'hm', thought: true, thoughtSignature: 'dGg=' },
          { functionCall: { id: 'c1', name: 'look', args: { q: 'x' } }, thoughtSignature: 'c2ln' },
          { functionCall: { id: 'c2', name: 'look', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c1', name: 'look', response: { output: 'text' } } },
          { functionResponse: { id: 'c2', name: 'look', response: { error: 'broken' }, parts: [{ inlineData: { mimeType: 'image/png', data: 'aGk=' } }] } },
        ],
      },
    ],
    systemInstruction: { parts: [{ text: 'be kind' }] },
    tools: [{ functionDeclarations: [{ name: 'look', description: 'Looks.', parametersJsonSchema: { type: 'object', properties: {} } }] }],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
    generationConfig: {
      candidateCount: 2,
      maxOutputTokens: 100,
      stopSequences: ['END'],
      temperature: 1.5,
      topP: 0.9,
      topK: 5,
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseLogprobs: true,
      logprobs: 3,
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object' },
      thinkingConfig: { thinkingBudget: 100, includeThoughts: true },
    },
    safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
  }
  assert.ok(!isRefusal(dialect.survey(tree(request), [], path)))
  assert.deepEqual(plain(dialect.encode(dialect.decode(tree(request), path), 'gemini-3-pro')), request)
})

test('the other spelling means the same', () => {
  const request = {
    system_instruction: { parts: [{ text: 's' }] },
    contents: [{ role: 'user', parts: [{ inline_data: { mime_type: 'image/png', data: 'aGk=' } }] }],
    tools: [{ function_declarations: [{ name: 'f', parameters_json_schema: { type: 'object' } }] }],
    tool_config: { function_calling_config: { mode: 'ANY', allowed_function_names: ['f'] } },
    generation_config: { max_output_tokens: 5, stop_sequences: ['x'], thinking_config: { thinking_budget: 0 } },
  }
  const conversation = dialect.decode(tree(request), path)
  assert.deepEqual(conversation.only, [])
  assert.deepEqual(conversation.messages[0]?.parts, [{ kind: 'image', source: { from: 'inline', mime: 'image/png', base64: 'aGk=' } }])
  assert.deepEqual([conversation.maxTokens, conversation.stop, conversation.reasoning, conversation.toolChoice], [5, ['x'], { budget: 0 }, { mode: 'named', names: ['f'] }])
})

test('the OpenAPI subset becomes JSON Schema', () => {
  const subset = {
    type: 'OBJECT',
    propertyOrdering: ['b', 'a'],
    properties: {
      a: { type: 'STRING', format: 'enum', enum: ['x'], nullable: true },
      b: { type: 'ARRAY', items: { type: 'INTEGER', format: 'int32' }, minItems: '1', maxItems: '5', example: [1] },
      type: { anyOf: [{ type: 'NUMBER' }, { type: 'BOOLEAN' }] },
    },
    required: ['a'],
  }
  assert.equal(
    writeJson(jsonSchema(fromPlain(subset))),
    '{"type":"object","properties":{"b":{"type":"array","items":{"type":"integer","format":"int32"},"minItems":1,"maxItems":5,"examples":[[1]]},"a":{"type":["string","null"],"enum":["x",null]},"type":{"anyOf":[{"type":"number"},{"type":"boolean"}]}},"required":["a"]}',
  )
})

test('results without ids answer the oldest open call of their name', () => {
  const conversation = dialect.decode(
    tree({
      contents: [
        { role: 'model', parts: [{ functionCall: { name: 'f', args: { n: 1 } } }, { functionCall: { name: 'g' } }, { functionCall: { name: 'f', args: { n: 2 } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'f', response: { a: 1 } } }, { functionResponse: { name: 'f', response: { output: '2' } } }, { functionResponse: { name: 'g', response: {} } }] },
      ],
    }),
    path,
  )
  const calls = conversation.messages[0]?.parts.map((part) => (part.kind === 'call' ? part.id : ''))
  const results = conversation.messages[1]?.parts.map((part) => (part.kind === 'result' ? [part.id, part.parts[0]] : ''))
  assert.equal(new Set(calls).size, 3)
  assert.deepEqual(results, [[calls?.[0], { kind: 'text', text: '{"a":1}' }], [calls?.[2], { kind: 'text', text: '2' }], [calls?.[1], { kind: 'text', text: '{}' }]])
})

const inexpressible: [string, Partial<Conversation>][] = [
  ['logit_bias', { logitBias: new Map([['1', 1]]) }],
  ['metadata', { metadata: new Map([['a', 'b']]) }],
  ['parallel_tool_calls', { parallelToolCalls: false, tools: [{ name: 'f' }] }],
  ['logprobs', { logprobs: true, stream: true }],
  ['tool_choice', { toolChoice: { mode: 'required' } }],
  ['messages.role', { messages: [{ role: 'developer', parts: [] }] }],
  ['messages.name', { messages: [{ role: 'user', name: 'kim', parts: [] }] }],
  ['file.file_id', { messages: [{ role: 'user', parts: [{ kind: 'file', source: { from: 'provider', id: 'file-1' } }] }] }],
  ['messages.tool_call_id', { messages: [{ role: 'user', parts: [{ kind: 'result', id: 'nowhere', parts: [] }] }] }],
  ['messages.tool_calls.arguments', { messages: [{ role: 'assistant', parts: [{ kind: 'call', id: 'c', name: 'f', args: '[]' }] }] }],
  ['speed', { only: [{ dialect: 'anthropic.messages', field: 'speed', value: 'fast' }] }],
]
for (const [field, change] of inexpressible) {
  test(`${field} is refused by its name`, () => {
    assert.throws(() => dialect.encode({ ...empty, ...change }, 'm'), (error) => error instanceof Inexpressible && error.field === field)
  })
}

test('what changes nothing about the answer is left out, and listed', () => {
  const made = dialect.encode({ ...empty, user: 'kim', system: [{ kind: 'text', text: 'x', cache: new Map(), citations: [] }], tools: [{ name: 'f', cache: new Map() }] }, 'm')
  assert.deepEqual(plain(made), { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], systemInstruction: { parts: [{ text: 'x' }] }, tools: [{ functionDeclarations: [{ name: 'f' }] }] })
  for (const field of ['user', 'cache_control', 'messages.content.citations']) assert.ok(Object.hasOwn(LEFT_OUT, field))
})

test('token probabilities repeat the text, and go when it was edited', () => {
  const reply = { candidates: [{ content: { parts: [{ text: 'a' }] }, logprobsResult: { chosenCandidates: [{ token: 'a' }] }, avgLogprobs: -1 }], responseId: 'r' }
  assert.deepEqual(plain(dialect.scrub?.(tree(reply)) as Tree), { candidates: [{ content: { parts: [{ text: 'a' }] } }], responseId: 'r' })
})

test('what only Gemini can say is named for other dialects', () => {
  const conversation = dialect.decode(
    tree({
      contents: [{ parts: [{ text: 'x', videoMetadata: { fps: 1 } }] }],
      tools: [{ functionDeclarations: [{ name: 'f', behavior: 'NON_BLOCKING' }] }, { googleSearch: {} }],
      toolConfig: { retrievalConfig: { languageCode: 'de' }, functionCallingConfig: { mode: 'AUTO', allowedFunctionNames: ['f'] } },
      generationConfig: { responseModalities: ['IMAGE'], speechConfig: {}, responseMimeType: 'text/x.enum' },
      cachedContent: 'c',
      labels: { team: 'red' },
      serviceTier: 'flex',
      store: false,
    }),
    path,
  )
  assert.deepEqual(
    conversation.only.map((item) => item.field).sort(),
    [
      'cachedContent',
      'contents.0.parts.0.videoMetadata',
      'generationConfig.responseMimeType',
      'generationConfig.responseModalities',
      'generationConfig.speechConfig',
      'toolConfig.functionCallingConfig.allowedFunctionNames',
      'toolConfig.retrievalConfig',
      'tools.0.functionDeclarations.behavior',
      'tools.1.googleSearch',
    ],
  )
})

test('calls without Google\'s signature get the documented one where the model insists', () => {
  const messages: Conversation['messages'] = [
    {
      role: 'assistant',
      parts: [
        { kind: 'reasoning', text: 'foreign', signature: 'anthropic:c2ln' },
        { kind: 'call', id: 'a', name: 'f', args: '{}', signature: 'openai:c2ln' },
        { kind: 'call', id: 'b', name: 'f', args: '{}' },
      ],
    },
  ]
  const parts = (model: string): unknown => (plain(dialect.encode({ ...empty, messages }, model))['contents'] as { parts: unknown }[])[0]?.parts
  const calls = [{ functionCall: { id: 'a', name: 'f', args: {} } }, { functionCall: { id: 'b', name: 'f', args: {} } }]
  assert.deepEqual(parts('gemini-2.5-pro'), calls)
  assert.deepEqual(parts('gemini-3-pro'), [{ ...calls[0], thoughtSignature: 'skip_thought_signature_validator' }, calls[1]])
})

test('reasoning finds the form that the model takes', () => {
  const config = (model: string, reasoning: Conversation['reasoning']): unknown => (plain(dialect.encode({ ...empty, ...(reasoning === undefined ? {} : { reasoning }) }, model))['generationConfig'] as Record<string, unknown> | undefined)?.['thinkingConfig']
  assert.deepEqual(config('gemini-3-pro', { effort: 'high' }), { thinkingLevel: 'HIGH' })
  assert.deepEqual(config('gemini-2.5-flash', { effort: 'medium', includeThoughts: true }), { thinkingBudget: 8192, includeThoughts: true })
  assert.deepEqual(config('gemini-2.5-flash', { effort: 'none', budget: 0 }), { thinkingBudget: 0 })
  assert.deepEqual(config('gemini-2.5-flash', { budget: -1 }), { thinkingBudget: -1 })
  assert.equal(config('gemini-2.5-flash', undefined), undefined)
})

test('strict tools and JSON answers', () => {
  const made = plain(dialect.encode({ ...empty, tools: [{ name: 'f', strict: true }, { name: 'g' }], format: { kind: 'json' } }, 'm'))
  assert.deepEqual(made['toolConfig'], { functionCallingConfig: { mode: 'VALIDATED' } })
  assert.deepEqual(made['generationConfig'], { responseMimeType: 'application/json' })
})

test('retargeting leaves the body alone, but for a model in it and signatures that would be refused', () => {
  const own = tree({ contents: [{ role: 'model', parts: [{ text: 'a', thoughtSignature: 'c2ln' }] }] })
  assert.equal(dialect.retarget(own, 'b'), own)
  const foreign = Buffer.from('anthropic:c2ln').toString('base64')
  const made = plain(
    dialect.retarget(tree({ model: 'models/a', contents: [{ role: 'model', parts: [{ text: 't', thought: true, thoughtSignature: foreign }, { functionCall: { name: 'f' }, thought_signature: foreign }] }, { role: 'model', parts: [{ text: '', thoughtSignature: foreign }] }] }), 'b'),
  )
  assert.deepEqual(made, { model: 'models/b', contents: [{ role: 'model', parts: [{ functionCall: { name: 'f' } }] }] })
})

test('a reply survives the neutral form, and what nobody knows travels', () => {
  const reply = {
    candidates: [
      {
        content: { parts: [{ text: 'hm', thought: true }, { text: 'a' }, { functionCall: { id: 'c', name: 'f', args: { a: 1 } }, thoughtSignature: 'c2ln' }], role: 'model' },
        finishReason: 'STOP',
        index: 0,
        logprobsResult: { chosenCandidates: [{ token: 'a', logProbability: -1 }], topCandidates: [{ candidates: [{ token: 'b', logProbability: -2 }] }] },
      },
      { content: { parts: [{ text: 'b' }], role: 'model' }, finishReason: 'MAX_TOKENS', index: 1 },
    ],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 22, cachedContentTokenCount: 4, thoughtsTokenCount: 7 },
    modelVersion: 'gemini-x',
    responseId: 'r1',
    novelty: 'n',
  }
  const completion = dialect.decodeReply(tree(reply))
  assert.deepEqual(completion.usage, { input: 10, output: 12, cachedInput: 4, cacheWrite: 0, reasoning: 7 })
  assert.deepEqual(completion.choices.map((choice) => choice.stop), ['tool_calls', 'length'])
  assert.deepEqual(plain(dialect.encodeReply(completion, empty)), reply)
})

test('a view of a complete reply shows everything that a reader sees', () => {
  const view = dialect.viewReply(
    tree({
      candidates: [
        {
          content: { parts: [{ text: 'hm', thought: true }, { text: 'a' }, { functionCall: { name: 'f', args: { a: 1 } } }, { functionCall: { name: 'g' } }, { executableCode: { language: 'PYTHON', code: 'x=1' } }, { inlineData: { mimeType: 'image/png', data: 'aGk=' } }, { novelty: 'n' }] },
          finishReason: 'STOP',
          groundingMetadata: { webSearchQueries: ['q'], groundingChunks: [{ web: { uri: 'https://u.example', title: 'T' } }] },
        },
        { index: 1, content: { parts: [{ text: 'b' }] }, finishReason: 'STOP' },
      ],
      responseId: 'r/1',
      modelVersion: 'gemini-x',
    }),
  )
  assert.deepEqual(
    view.leaves.map((leaf) => `${leaf.channel} ${leaf.origin} ${leaf.text}`),
    [
      '0/reasoning reasoning hm', '0/text assistant a', '0/tool/0 tool_call {"a":1}', '0/tool/1 tool_call ', '0/code tool_call x=1', '0/other assistant n',
      '0/grounding document q', '0/grounding document https://u.example', '0/grounding document T', '1/text assistant b',
    ],
  )
  assert.deepEqual(view.proposals, [{ channel: '0/tool/0', id: 'call_r_1_0_0', name: 'f' }, { channel: '0/tool/1', id: 'call_r_1_0_1', name: 'g' }])
  assert.equal(view.kind, 'end')
})

test('a blocked prompt and an unusable answer are faults', () => {
  const blocked = dialect.viewReply(tree({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: {} }))
  assert.deepEqual([blocked.kind, blocked.fault?.kind, blocked.fault?.code], ['fault', 'content_policy', 'SAFETY'])
  const broken = dialect.viewReply(tree({ candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'call:f{' }] }))
  assert.deepEqual([broken.kind, broken.fault?.kind, broken.fault?.code], ['fault', 'server', 'MALFORMED_FUNCTION_CALL'])
})

test('a denied call is taken out', () => {
  const reply = tree({ candidates: [{ content: { parts: [{ text: 'a' }, { functionCall: { name: 'f' } }, { functionCall: { name: 'g' } }] }, finishReason: 'STOP' }] })
  const made = plain(dialect.dropCalls(reply, new Set(['0/tool/0']))) as { candidates: { content: { parts: unknown } }[] }
  assert.deepEqual(made.candidates[0]?.content.parts, [{ text: 'a' }, { functionCall: { name: 'g' } }])
})
