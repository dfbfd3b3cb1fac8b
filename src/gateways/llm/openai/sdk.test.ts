import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText, tool, type ToolSet } from 'ai'
import OpenAI from 'openai'
import { z } from 'zod'
import { isRefusal, refuse } from '../../../contract/verdict.ts'
import { fromPlain, writeJson } from '../../../formats/json.ts'
import { sseText } from '../../../formats/sse.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import type { Completion, Delta } from '../conversation.ts'
import type { Dialect, StreamFrame } from '../dialect.ts'
import { openaiChat } from './chat/dialect.ts'
import { modelList, modelMissing, modelObject } from './models.ts'
import { openaiResponses } from './responses/dialect.ts'

const usage = { input: 20, output: 10, cachedInput: 5, cacheWrite: 0, reasoning: 4 }

const completion: Completion = {
  id: 'r1',
  model: 'answering-model',
  created: 5,
  choices: [
    {
      parts: [
        { kind: 'reasoning', text: 'hm', signature: 'anthropic:AAAA' },
        { kind: 'text', text: 'Grüße' },
        { kind: 'call', id: 'c1', name: 'look', args: '{"q":"x"}', signature: 'gemini:BBBB' },
        { kind: 'call', id: 'c2', name: 'look', args: '{"q":"y"}' },
      ],
      stop: 'tool_calls',
    },
  ],
  usage,
  extra: new Map(),
}

const deltas: readonly Delta[] = [
  { t: 'start', id: 'r1', model: 'answering-model', created: 5 },
  { t: 'open', choice: 0, block: 0, part: 'reasoning' },
  { t: 'text', choice: 0, block: 0, text: 'h' },
  { t: 'text', choice: 0, block: 0, text: 'm' },
  { t: 'signature', choice: 0, block: 0, signature: 'anthropic:AAAA' },
  { t: 'close', choice: 0, block: 0 },
  { t: 'open', choice: 0, block: 1, part: 'text' },
  { t: 'text', choice: 0, block: 1, text: 'Grü' },
  { t: 'text', choice: 0, block: 1, text: 'ße' },
  { t: 'close', choice: 0, block: 1 },
  { t: 'open', choice: 0, block: 2, part: 'call', id: 'c1', name: 'look' },
  { t: 'text', choice: 0, block: 2, text: '{"q"' },
  { t: 'open', choice: 0, block: 3, part: 'call', id: 'c2', name: 'look' },
  { t: 'text', choice: 0, block: 2, text: ':"x"}' },
  { t: 'text', choice: 0, block: 3, text: '{"q":"y"}' },
  { t: 'signature', choice: 0, block: 2, signature: 'gemini:BBBB' },
  { t: 'close', choice: 0, block: 2 },
  { t: 'close', choice: 0, block: 3 },
  { t: 'finish', choice: 0, stop: 'tool_calls' },
  { t: 'usage', usage },
  { t: 'end' },
]

function sse(frames: readonly StreamFrame[]): string {
  return frames.map(({ event, data }) => sseText(event, data === undefined ? '[DONE]' : writeJson(data))).join('')
}

/** Answers as the gateway would, and checks that what the client sent is something the dialect knows. */
function gateway(dialect: Dialect, seen: string[] = []): typeof fetch {
  return async (_url, init) => {
    const body = fromPlain(JSON.parse(String(init?.body))) as TreeObject
    const surveyed = dialect.survey(body, [])
    if (isRefusal(surveyed)) throw new Error(`${surveyed.refuse} ${surveyed.param ?? ''}`)
    seen.push(...surveyed.segments.map((segment) => segment.text))
    const asked = dialect.decode(body)
    if (!surveyed.stream) return Response.json(JSON.parse(writeJson(dialect.encodeReply(completion, asked))))
    const { push } = dialect.encoder(asked)
    return new Response(sse(deltas.flatMap((delta) => push(delta))), { headers: { 'content-type': 'text/event-stream' } })
  }
}

function client(answer: typeof fetch): OpenAI {
  return new OpenAI({ apiKey: 'k', baseURL: 'http://127.0.0.1/v1', maxRetries: 0, fetch: answer })
}

const functionTool = { type: 'function', name: 'look', description: 'Looks.', strict: true, parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'], additionalProperties: false } } as const

test('the official SDK reads a translated chat answer, and its resent history is known', async () => {
  const seen: string[] = []
  const openai = client(gateway(openaiChat, seen))
  const tools = [{ type: 'function', function: { name: 'look', parameters: functionTool.parameters } }] as const
  const answer = await openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'look' }], tools: [...tools] })
  const message = answer.choices[0]?.message
  assert.deepEqual([message?.content, message?.tool_calls?.map((call) => call.type === 'function' && call.function.arguments)], ['Grüße', ['{"q":"x"}', '{"q":"y"}']])
  assert.equal(answer.usage?.prompt_tokens_details?.cached_tokens, 5)
  await openai.chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: 'look' }, message as OpenAI.ChatCompletionMessageParam, { role: 'tool', tool_call_id: 'c1', content: 'seen' }, { role: 'tool', tool_call_id: 'c2', content: 'too' }],
  })
  assert.ok(seen.includes('hm') && seen.includes('seen'))
})

test('the official SDK reads a translated chat stream', async () => {
  const stream = client(gateway(openaiChat)).chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'look' }], stream_options: { include_usage: true } })
  const answer = await stream.finalChatCompletion()
  const choice = answer.choices[0]
  assert.deepEqual([choice?.finish_reason, choice?.message.content], ['tool_calls', 'Grüße'])
  assert.deepEqual(choice?.message.tool_calls?.map((call) => [call.id, call.type === 'function' && call.function.arguments]), [['c1', '{"q":"x"}'], ['c2', '{"q":"y"}']])
  assert.equal(answer.usage?.completion_tokens, 10)
})

test('the official SDK reads a translated Responses answer and takes it back as input', async () => {
  const openai = client(gateway(openaiResponses))
  const answer = await openai.responses.create({ model: 'm', input: 'look', tools: [functionTool] })
  assert.deepEqual([answer.status, answer.output_text, answer.usage?.output_tokens_details.reasoning_tokens], ['completed', 'Grüße', 4])
  assert.deepEqual(answer.output.map((item) => item.type), ['reasoning', 'message', 'function_call', 'reasoning', 'function_call'])
  await openai.responses.create({ model: 'm', input: [...answer.output as OpenAI.Responses.ResponseInput, { type: 'function_call_output', call_id: 'c1', output: 'seen' }] })
})

test('the official SDK reads a translated Responses stream', async () => {
  const stream = client(gateway(openaiResponses)).responses.stream({ model: 'm', input: 'look', tools: [functionTool] })
  let said = ''
  stream.on('response.output_text.delta', (event) => {
    said += event.delta
  })
  const answer = await stream.finalResponse()
  assert.deepEqual([said, answer.output_text, answer.status, answer.usage?.output_tokens], ['Grüße', 'Grüße', 'completed', 10])
  const calls = answer.output.filter((item) => item.type === 'function_call')
  assert.deepEqual(calls.map((call) => [call.call_id, call.arguments]), [['c1', '{"q":"x"}'], ['c2', '{"q":"y"}']])
})

test('the official SDK survives a call that policy took out of a stream', async () => {
  const { push } = openaiResponses.encoder(openaiResponses.decode(fromPlain({ model: 'm', input: '' }) as TreeObject))
  const frames = deltas.flatMap((delta) => push(delta)).map(({ event, data }): StreamFrame => ({ ...(event === undefined ? {} : { event }), data: openaiResponses.dropCalls(data as TreeObject, new Set(['0/tool/2'])) }))
  const renamed = frames.map(({ data, event }): StreamFrame => {
    const type = (data as TreeObject).get('type') as string
    return { ...(event === undefined ? {} : { event: type }), data: data as TreeObject }
  })
  const answer = await client(async () => new Response(sse(renamed), { headers: { 'content-type': 'text/event-stream' } })).responses.stream({ model: 'm', input: 'look' }).finalResponse()
  assert.deepEqual(answer.output.filter((item) => item.type === 'function_call').map((call) => call.call_id), ['c2'])
})

for (const kind of ['chat', 'responses'] as const) {
  const dialect = kind === 'chat' ? openaiChat : openaiResponses
  const model = (): ReturnType<ReturnType<typeof createOpenAI>['chat']> => createOpenAI({ apiKey: 'k', baseURL: 'http://127.0.0.1/v1', fetch: gateway(dialect) })[kind]('m')
  const tools: ToolSet = { look: tool({ description: 'Looks.', inputSchema: z.object({ q: z.string() }) }) }

  test(`the AI SDK reads a translated ${kind} answer`, async () => {
    const { text, toolCalls, finishReason } = await generateText({ model: model(), prompt: 'look', tools, maxRetries: 0 })
    assert.deepEqual([text, toolCalls.map((call): unknown => [call.toolCallId, call.input]), finishReason], ['Grüße', [['c1', { q: 'x' }], ['c2', { q: 'y' }]], 'tool-calls'])
  })

  test(`the AI SDK reads a translated ${kind} stream`, async () => {
    const answer = streamText({ model: model(), prompt: 'look', tools, maxRetries: 0, onError: ({ error }) => { throw error } })
    let said = ''
    for await (const piece of answer.textStream) said += piece
    assert.deepEqual([said, await answer.finishReason], ['Grüße', 'tool-calls'])
    assert.deepEqual((await answer.toolCalls).map((call): unknown => call.input), [{ q: 'x' }, { q: 'y' }])
  })

  test(`an error ends a committed ${kind} stream, and the official SDK throws what it says`, async () => {
    const { push } = dialect.encoder(dialect.decode(fromPlain({ model: 'm', messages: [], input: '', stream: true }) as TreeObject))
    const frames = [...deltas.slice(0, 8).flatMap((delta) => push(delta)), dialect.streamError(refuse('leak_in_answer'), 'id-1')]
    const openai = client(async () => new Response(sse(frames), { headers: { 'content-type': 'text/event-stream' } }))
    const run = kind === 'chat' ? openai.chat.completions.stream({ model: 'm', messages: [] }).finalChatCompletion() : openai.responses.stream({ model: 'm', input: '' }).finalResponse()
    await assert.rejects(run, /withheld for data privacy.*id-1/)
  })
}

test('models are listed, retrieved and missed in OpenAI\'s shape', async () => {
  const one = { id: 'fast', owner: 'sallyport', created: 0 }
  const openai = client(async (url) => {
    if (String(url).endsWith('/models')) return Response.json(JSON.parse(writeJson(modelList([one]))))
    if (String(url).endsWith('/fast')) return Response.json(JSON.parse(writeJson(modelObject(one))))
    const { status, body } = modelMissing('id-1')
    return new Response(writeJson(body), { status, headers: { 'content-type': 'application/json' } })
  })
  assert.deepEqual((await openai.models.list()).data.map((model) => model.id), ['fast'])
  assert.equal((await openai.models.retrieve('fast')).owned_by, 'sallyport')
  await assert.rejects(openai.models.retrieve('slow'), (error) => error instanceof OpenAI.NotFoundError && error.code === 'unknown_model' && error.message.includes('id-1'))
})
