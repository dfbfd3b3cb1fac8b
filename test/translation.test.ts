import assert from 'node:assert/strict'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { framesOf, sealOf, seals, until } from './probe.ts'

/** What travels through the whole house, byte by byte: the provider here says exactly what a test tells it to say. */
let house: TestHouse
let provider: Server
const asked: { path: string; text: string }[] = []
let says: { readonly type: string; readonly pieces: readonly (string | Uint8Array)[]; readonly encoding?: string } = { type: 'application/json', pieces: ['{}'] }

before(async () => {
  provider = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (bytes: Buffer) => parts.push(bytes))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', text: Buffer.concat(parts).toString() })
      const { type, pieces, encoding } = says
      response.writeHead(200, { 'content-type': type, ...(encoding !== undefined && { 'content-encoding': encoding }) })
      void (async () => {
        for (const piece of pieces) {
          response.write(piece)
          await new Promise((resolve) => setTimeout(resolve, 3))
        }
        response.end()
      })()
    })
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  house = await startHouse({
    config: ({ practiceUrl }) => `
providers:
  o: { kind: openai, baseUrl: "${url}/v1", credential: env:PRACTICE_KEY }
  a: { kind: anthropic, baseUrl: "${url}", credential: env:PRACTICE_KEY }
  g: { kind: gemini, baseUrl: "${url}/v1beta", credential: env:PRACTICE_KEY }
  po: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
  pa: { kind: anthropic, baseUrl: "${practiceUrl}", credential: env:PRACTICE_KEY }
  pg: { kind: gemini, baseUrl: "${practiceUrl}/v1beta", credential: env:PRACTICE_KEY }
routes:
  o: { match: { models: [o] }, targets: [{ provider: o, model: gpt-x }] }
  a: { match: { models: [a] }, targets: [{ provider: a, model: claude-sonnet-4-5 }] }
  g: { match: { models: [g] }, targets: [{ provider: g, model: gemini-x }] }
  fresh: { match: { models: ["fresh-*"] }, targets: [{ provider: o, model: same }], retries: { attempts: 1 } }
  po: { match: { models: [po] }, targets: [{ provider: po, model: practice }] }
  pa: { match: { models: [pa] }, targets: [{ provider: pa, model: practice }] }
  pg: { match: { models: [pg] }, targets: [{ provider: pg, model: practice }] }
`,
  })
})
after(async () => {
  await house.stop()
  provider.closeAllConnections()
  await new Promise((resolve) => provider.close(resolve))
})

const paths = { chat: '/v1/chat/completions', messages: '/anthropic/v1/messages' } as const
function post(path: string, body: string): Promise<Response> {
  return fetch(house.dataUrl + path, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` }, body })
}
async function ok(path: string, body: unknown): Promise<string> {
  const reply = await post(path, typeof body === 'string' ? body : JSON.stringify(body))
  const text = await reply.text()
  assert.equal(reply.status, 200, text)
  return text
}
const sent = (): string => asked.at(-1)?.text ?? ''
const whole = (text: string): typeof says => ({ type: 'application/json', pieces: [text] })
const stream = (...pieces: readonly (string | Uint8Array)[]): typeof says => ({ type: 'text/event-stream', pieces })
const user = (content: unknown): unknown[] => [{ role: 'user', content }]

const chatReply = '{"x_first":1.0,"id":"c1","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":"hi","x_new":{"b":1,"a":12345678901234567890}},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"x_energy":1e-7},"x_last":[1.50,-0.0]}'
const messagesReply = '{"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"hi","x_new":2.0}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1},"x_last":{"z":1,"a":1.10}}'

test('a request to its own dialect keeps every number and the order of every object', async () => {
  says = whole(chatReply)
  const args = '{\\"zip\\":12345678901234567890,\\"rate\\":1.0}'
  const body = `{"temperature":1.0,"top_p":0.10,"model":"o","seed":9007199254740993,"messages":[{"content":"go","role":"user"},{"role":"assistant","tool_calls":[{"type":"function","id":"call_1","function":{"arguments":"${args}","name":"f"}}]},{"role":"tool","tool_call_id":"call_1","content":"42.0"}],"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"z":{"type":"number","maximum":1e30,"minimum":-0.0},"a":{"type":"integer","const":12345678901234567890}}},"name":"f"}}]}`
  await ok(paths.chat, body)
  assert.equal(sent(), body.replace('"model":"o"', '"model":"gpt-x"'))

  says = whole(messagesReply)
  const messages = '{"max_tokens":10,"messages":[{"role":"user","content":[{"text":"go","type":"text"}]}],"temperature":1.0,"model":"a","tools":[{"name":"f","input_schema":{"type":"object","properties":{"b":{"const":1.50},"a":{"const":12345678901234567890}}}}]}'
  await ok(paths.messages, messages)
  assert.equal(sent(), messages.replace('"model":"a"', '"model":"claude-sonnet-4-5"'))
})

test('an answer in its own dialect keeps unknown fields, every number and the order', async () => {
  says = whole(chatReply)
  assert.equal(await ok(paths.chat, { model: 'o', messages: user('go') }), chatReply)
  says = whole(messagesReply)
  assert.equal(await ok(paths.messages, { model: 'a', max_tokens: 10, messages: user('go') }), messagesReply)
  const gemini = '{"candidates":[{"content":{"role":"model","parts":[{"text":"hi","xNew":1.0}]},"finishReason":"STOP","index":0,"xScore":0.10}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2},"modelVersion":"gemini-x","xLast":1e2}'
  says = whole(gemini)
  assert.equal(await ok('/gemini/v1beta/models/g:generateContent', { contents: [{ role: 'user', parts: [{ text: 'go' }] }] }), gemini)
})

test('unknown fields of a stream travel too', async () => {
  const chunk = '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","x_new":1.0,"choices":[{"index":0,"delta":{"role":"assistant","content":"hi","x_deep":[1.50]},"finish_reason":null}]}'
  const last = '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop","x_why":"end"}]}'
  says = stream(`data: ${chunk}\n\ndata: ${last}\n\n`, 'data: [DONE]\n\n')
  const frames = framesOf(await ok(paths.chat, { model: 'o', stream: true, messages: user('go') })).map(({ data }) => data)
  assert.deepEqual(frames, [chunk, last, '[DONE]'])
})

test('characters that are cut in two by the network arrive whole, wherever the cut is', async () => {
  const words = 'Grüße 🌍 — 漢字 👩‍👩‍👧 é'
  const bytes = Buffer.from(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"${words}"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`)
  says = stream(...Array.from(bytes, (byte) => Uint8Array.of(byte)))
  const text = await ok(paths.chat, { model: 'o', stream: true, messages: user(words) })
  assert.ok(text.includes(`"content":"${words}"`), text)
  assert.ok(sent().includes(words))
  const translated = await ok(paths.messages, { model: 'o', max_tokens: 10, stream: true, messages: user(words) })
  const said = framesOf(translated).map(({ data }) => JSON.parse(data) as { type: string; delta?: { text?: string } }).map((one) => one.delta?.text ?? '').join('')
  assert.equal(said, words)
})

test('a usage chunk comes only to who asked for it, and the receipt has it either way', async () => {
  const chunk = (more: string): string => `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-x",${more}}\n\n`
  says = stream(
    chunk('"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]'),
    chunk('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]'),
    chunk('"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}'),
    'data: [DONE]\n\n',
  )
  for (const more of [{}, { stream_options: { include_usage: false } }, { stream_options: { include_usage: true } }]) {
    const reply = await post(paths.chat, JSON.stringify({ model: 'o', stream: true, messages: user('go'), ...more }))
    const text = await reply.text()
    assert.equal(text.includes('"usage":{'), 'stream_options' in more && more.stream_options.include_usage)
    assert.match(sent(), /"include_usage":true/)
    const { usage } = await sealOf(house, reply.headers.get('x-sallyport-id'))
    assert.deepEqual([usage.input, usage.output], [7, 5])
  }
})

test('thinking and its signature go out to Anthropic as they came, and through Chat Completions and back', async () => {
  const signature = 'EqQBCkYIARgCKkD8Zz+SIG/NATURE=='
  const thought = `{"type":"thinking","thinking":"Let me see.","signature":"${signature}"}`
  const sealed = '{"type":"redacted_thinking","data":"RXJhc2Vk"}'
  const call = '{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":1.0}}'
  says = whole(`{"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[${thought},${sealed},${call}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`)

  const tools = [{ name: 'f', input_schema: { type: 'object', properties: { n: { type: 'number' } } } }]
  const thinking = { type: 'enabled', budget_tokens: 1024 }
  const native = await ok(paths.messages, { model: 'a', max_tokens: 4096, thinking, tools, messages: user('go') })
  assert.ok(native.includes(thought) && native.includes(sealed) && native.includes(call))
  const { content } = JSON.parse(native) as { content: unknown[] }
  const history = [...user('go'), { role: 'assistant', content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }] }]
  await ok(paths.messages, { model: 'a', max_tokens: 4096, thinking, tools, messages: history })
  assert.ok(sent().includes(thought) && sent().includes(sealed))

  const functions = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { n: { type: 'number' } } } } }]
  const chat = JSON.parse(await ok(paths.chat, { model: 'a', reasoning_effort: 'low', tools: functions, messages: user('go') })) as { choices: { message: Record<string, unknown> }[] }
  const message = chat.choices[0]?.message
  assert.equal(message?.['reasoning_content'], 'Let me see.')
  await ok(paths.chat, { model: 'a', reasoning_effort: 'low', tools: functions, messages: [...user('go'), message, { role: 'tool', tool_call_id: 'toolu_1', content: 'done' }] })
  assert.ok(sent().includes(signature), sent())
  assert.ok(sent().includes('RXJhc2Vk'), sent())
  assert.ok(sent().includes('"input":{"n":1.0}'), sent())
})

test('what another maker signed is not shown to a provider that would refuse it', async () => {
  says = whole(chatReply)
  const history = [...user('go'), { role: 'assistant', content: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'Let me see.', signature: 'anthropic:EqQB' }] }, ...user('on')]
  await ok(paths.chat, { model: 'o', messages: history })
  assert.doesNotMatch(sent(), /EqQB/)
})

test('parallel tool calls with arguments in pieces arrive complete in each dialect, with numbers as they were', async () => {
  const delta = (calls: string): string => `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"tool_calls":[${calls}]},"finish_reason":null}]}\n\n`
  says = stream(
    delta('{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}'),
    delta('{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":""}}'),
    delta('{"index":0,"function":{"arguments":"{\\"n\\":123456789"}}'),
    delta('{"index":1,"function":{"arguments":"{\\"s\\":\\"ü"}}'),
    delta('{"index":0,"function":{"arguments":"01234567890,\\"r\\":1.0}"}}'),
    delta('{"index":1,"function":{"arguments":"🌍\\"}"}}'),
    'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n',
    'data: [DONE]\n\n',
  )
  const [f, g] = ['{"n":12345678901234567890,"r":1.0}', '{"s":"ü🌍"}']
  const tool = (name: string): unknown => ({ type: 'function', function: { name, parameters: { type: 'object' } } })
  const byIndex = new Map<number, string>()
  for (const { data } of framesOf(await ok(paths.chat, { model: 'o', stream: true, messages: user('go'), tools: [tool('f'), tool('g')] }))) {
    if (data === '[DONE]') continue
    const { choices } = JSON.parse(data) as { choices: { delta: { tool_calls?: { index: number; function?: { arguments?: string } }[] } }[] }
    for (const call of choices[0]?.delta.tool_calls ?? []) byIndex.set(call.index, (byIndex.get(call.index) ?? '') + (call.function?.arguments ?? ''))
  }
  assert.deepEqual([...byIndex.values()], [f, g])

  const blocks = new Map<number, string>()
  const schema = { type: 'object' }
  const events = framesOf(await ok(paths.messages, { model: 'o', max_tokens: 100, stream: true, messages: user('go'), tools: [{ name: 'f', input_schema: schema }, { name: 'g', input_schema: schema }] }))
  for (const { data } of events) {
    const { type, index = -1, delta: piece } = JSON.parse(data) as { type: string; index?: number; delta?: { partial_json?: string } }
    if (type === 'content_block_delta') blocks.set(index, (blocks.get(index) ?? '') + (piece?.partial_json ?? ''))
  }
  assert.deepEqual([...blocks.values()], [f, g])
  assert.match(events.map(({ data }) => data).join(), /"stop_reason":"tool_use"/)

  const gemini = await ok('/gemini/v1beta/models/o:streamGenerateContent?alt=sse', { contents: [{ role: 'user', parts: [{ text: 'go' }] }], tools: [{ functionDeclarations: [{ name: 'f' }, { name: 'g' }] }] })
  assert.ok(gemini.includes(`"args":${f}`) && gemini.includes(`"args":${g}`), gemini)
})

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

test('an inline image reaches each provider in its own words, byte by byte', async () => {
  const turns: readonly (readonly [string, (model: string) => unknown])[] = [
    [paths.chat, (model) => ({ model, messages: user([{ type: 'text', text: 'see' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }]) })],
    [paths.messages, (model) => ({ model, max_tokens: 10, messages: user([{ type: 'text', text: 'see' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }]) })],
    ['/gemini/v1beta/models/MODEL:generateContent', () => ({ contents: [{ role: 'user', parts: [{ text: 'see' }, { inlineData: { mimeType: 'image/png', data: PIXEL } }] }] })],
  ]
  const replies = { o: chatReply, a: messagesReply, g: '{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2},"modelVersion":"gemini-x"}' }
  const shapes = { o: `{"url":"data:image/png;base64,${PIXEL}"}`, a: `"source":{"type":"base64","media_type":"image/png","data":"${PIXEL}"}`, g: `"data":"${PIXEL}"` }
  for (const model of ['o', 'a', 'g'] as const) {
    says = whole(replies[model])
    for (const [path, body] of turns) {
      await ok(path.replace('MODEL', model), body(model))
      assert.ok(sent().includes(shapes[model]), `${path} → ${model}: ${sent()}`)
      assert.ok(sent().includes('see'))
    }
  }
})

test('n answers come as n choices, where the provider can give them', async () => {
  const { choices } = JSON.parse(await ok(paths.chat, { model: 'po', n: 2, messages: user('go') })) as { choices: { index: number }[] }
  assert.deepEqual(choices.map((one) => one.index), [0, 1])
  const gemini = JSON.parse(await ok(paths.chat, { model: 'pg', n: 2, messages: user('go') })) as { choices: unknown[] }
  assert.equal(gemini.choices.length, 2)
})

test('a JSON schema is kept across dialects, and the answer is of that shape', async () => {
  const schema = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city', 'days'], additionalProperties: false }
  for (const model of ['po', 'pg']) {
    const text = await ok(paths.chat, { model, messages: user('go'), response_format: { type: 'json_schema', json_schema: { name: 'trip', schema, strict: true } } })
    const { choices } = JSON.parse(text) as { choices: { message: { content: string } }[] }
    const made = JSON.parse(choices[0]?.message.content ?? '') as Record<string, unknown>
    assert.deepEqual(Object.keys(made).sort(), ['city', 'days'], model)
  }
})

test('what the provider\'s dialect cannot say is an error that names the field, and nothing is sent', async () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    [paths.chat, { model: 'a', n: 2, messages: user('go') }, /\bn\b/],
    [paths.chat, { model: 'a', logprobs: true, messages: user('go') }, /logprobs/],
    [paths.chat, { model: 'a', seed: 7, messages: user('go') }, /seed/],
    [paths.chat, { model: 'a', logit_bias: { '50256': -100 }, messages: user('go') }, /logit_bias/],
    [paths.chat, { model: 'a', messages: user([{ type: 'input_audio', input_audio: { data: PIXEL, format: 'wav' } }]) }, /audio/],
    [paths.messages, { model: 'o', max_tokens: 10, top_k: 5, messages: user('go') }, /top_k/],
    [paths.chat, { model: 'g', logit_bias: { '50256': -100 }, messages: user('go') }, /logit_bias/],
  ]
  for (const [path, body, field] of cases) {
    const before = asked.length
    const reply = await post(path, JSON.stringify(body))
    const said = (await reply.json()) as { error: { code: string; param?: string; message: string } }
    assert.deepEqual([reply.status, said.error.code], [400, 'inexpressible'], JSON.stringify(body))
    assert.match(`${said.error.param} ${said.error.message}`, field)
    assert.equal(asked.length, before)
    assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).code, 'inexpressible')
  }
})

test('an answer with cached and reasoning tokens tells them in each dialect', async () => {
  says = whole('{"id":"c1","object":"chat.completion","created":1,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":80},"completion_tokens_details":{"reasoning_tokens":30}}}')
  const messages = JSON.parse(await ok(paths.messages, { model: 'o', max_tokens: 10, messages: user('go') })) as { usage: Record<string, number> }
  assert.deepEqual([messages.usage['input_tokens'], messages.usage['cache_read_input_tokens'], messages.usage['output_tokens']], [20, 80, 50])
  const gemini = JSON.parse(await ok('/gemini/v1beta/models/o:generateContent', { contents: [{ role: 'user', parts: [{ text: 'go' }] }] })) as { usageMetadata: Record<string, number> }
  assert.deepEqual([gemini.usageMetadata['promptTokenCount'], gemini.usageMetadata['cachedContentTokenCount'], gemini.usageMetadata['thoughtsTokenCount'], gemini.usageMetadata['candidatesTokenCount']], [100, 80, 30, 20])
})

test('stop reasons are told in the caller\'s words', async () => {
  const reply = (reason: string): string => `{"id":"c1","object":"chat.completion","created":1,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"${reason}"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
  for (const [reason, anthropic, gemini] of [['stop', 'end_turn', 'STOP'], ['length', 'max_tokens', 'MAX_TOKENS'], ['content_filter', 'refusal', 'SAFETY']] as const) {
    says = whole(reply(reason))
    assert.match(await ok(paths.messages, { model: 'o', max_tokens: 10, messages: user('go') }), new RegExp(`"stop_reason":"${anthropic}"`))
    assert.match(await ok('/gemini/v1beta/models/o:generateContent', { contents: [{ role: 'user', parts: [{ text: 'go' }] }] }), new RegExp(`"finishReason":"${gemini}"`))
  }
})

test('a provider that compresses although nobody asked is understood, and the caller gets plain text with the right length', async () => {
  for (const [encoding, compress] of [['gzip', gzipSync], ['br', brotliCompressSync]] as const) {
    says = { ...whole(''), pieces: [compress(chatReply)], encoding }
    const reply = await post(paths.chat, JSON.stringify({ model: 'o', messages: user('go') }))
    assert.equal(reply.headers.get('content-encoding'), null)
    const text = await reply.text()
    if (reply.status === 200) assert.deepEqual([text, Number(reply.headers.get('content-length'))], [chatReply, Buffer.byteLength(chatReply)])
    else assert.equal((JSON.parse(text) as { error: { code: string } }).error.code, 'upstream_malformed')
  }
})

test('events are understood in every spelling that the standard allows', async () => {
  const chunk = (text: string, finish: string): string => `{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":${finish}}]}`
  const spellings = [
    `\ufeffdata: ${chunk('a', 'null')}\n\ndata: ${chunk('b', '"stop"')}\n\ndata: [DONE]\n\n`,
    `data:${chunk('a', 'null')}\r\n\r\ndata:${chunk('b', '"stop"')}\r\n\r\ndata:[DONE]\r\n\r\n`,
    `: hello\n\nid: 1\nretry: 5\ndata: ${chunk('a', 'null')}\n\n: ping\n\ndata: ${chunk('b', '"stop"')}\n\ndata: [DONE]\n\n`,
    `data: ${chunk('a', 'null').replace(',"choices"', ',\ndata: "choices"')}\n\ndata: ${chunk('b', '"stop"')}\n\ndata: [DONE]\n\n`,
    `data: ${chunk('a', 'null')}\r\rdata: ${chunk('b', '"stop"')}\r\rdata: [DONE]\r\r`,
  ]
  for (const spelling of spellings) {
    for (const pieces of [[spelling], Array.from({ length: Math.ceil(spelling.length / 7) }, (_, at) => spelling.slice(at * 7, at * 7 + 7))]) {
      says = stream(...pieces)
      const frames = framesOf(await ok(paths.chat, { model: 'o', stream: true, messages: user('go') })).map(({ data }) => data)
      assert.deepEqual(frames, [chunk('a', 'null'), chunk('b', '"stop"'), '[DONE]'], spelling)
    }
  }
})

test('a reply that is no reply is a clear error, whatever it is', async () => {
  let model = 0
  const told = new Map<string, string>()
  for (const body of ['<html>busy</html>', '', '{', '[]', 'null', '"text"', '{"error":"busy"}', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, '{"model":"x","model":"y"}', '\xff']) {
    for (const reply of [whole(body), { ...whole(body), type: 'text/html' }, stream(body), stream(`data: ${body}\n\n`)]) {
      says = reply
      for (const [path, more] of [[paths.chat, {}], [paths.chat, { stream: true }], [paths.messages, { max_tokens: 9 }], [paths.messages, { max_tokens: 9, stream: true }]] as const) {
        // Another name each time: breakers are a target's own.
        const answer = await post(path, JSON.stringify({ model: `fresh-${model++}`, messages: user('go'), ...more }))
        const text = await answer.text()
        const what = `${reply.type} ${reply.pieces.join('').slice(0, 40)} for ${path} ${JSON.stringify(more)}: ${answer.status} ${text}`
        assert.ok([502, 504].includes(answer.status), what)
        assert.ok((JSON.parse(text) as { error: { message: string } }).error.message.length > 10, what)
        told.set(answer.headers.get('x-sallyport-id') ?? '', what)
      }
    }
  }
  const written = await until('a receipt for each', async () => {
    const found = (await seals(house)).filter((one) => told.has(one.exchange))
    return found.length === told.size ? found : undefined
  })
  for (const one of written) assert.match(one.code ?? '', /^upstream_/, told.get(one.exchange) ?? one.exchange)
})
