import assert from 'node:assert/strict'
import test from 'node:test'
import { BodyError } from '../../../contract/arrival.ts'
import { DialError } from '../../../contract/dial.ts'
import { parseJson } from '../../../formats/json.ts'
import { at, isObject, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation } from '../conversation.ts'
import { dialectOf, dialects } from '../dialects.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import { practiceDial, practise } from './dial.ts'
import { LEAKS } from './model.ts'
import { startPractice } from './server.fixture.ts'

const chat = (more: object): string => JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'good morning' }], ...more })
const path = '/v1/chat/completions'
const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city', 'days'] } } })

function replyTo(body: string, to = path): TreeObject {
  const { status, chunks } = practise(to, body)
  assert.equal(status, 200, chunks.join(''))
  const tree = parseJson(chunks.join(''), { depth: 50 })
  assert.ok(isObject(tree))
  return tree
}

const said = (more: object): string => String(at(replyTo(chat(more)), ['choices', 0, 'message', 'content']))

/** The same request in each dialect. */
function inEveryDialect(conversation: Conversation): readonly (readonly [string, string])[] {
  return dialects.map((dialect) => [`/v1beta${dialect.upstreamPath(conversation.model, conversation.stream)}`.replace(/^\/v1beta\/v1\//, '/v1/'), JSON.stringify(plain(dialect.encode(conversation, conversation.model)))])
}

function plain(tree: unknown): unknown {
  return tree instanceof Map ? Object.fromEntries([...tree].map(([key, value]) => [key, plain(value)])) : Array.isArray(tree) ? tree.map(plain) : tree
}

test('it answers in every dialect, the same each time, and says that it is the practice model', () => {
  for (const stream of [false, true]) {
    const asked = openaiChat.decode(parseJson(chat({ stream }), { depth: 9 }) as TreeObject)
    for (const [to, body] of inEveryDialect(asked)) {
      const { status, chunks, fields } = practise(to, body)
      const text = chunks.join('')
      assert.equal(status, 200, text)
      assert.equal(fields[0]?.[1], stream ? 'text/event-stream' : 'application/json')
      assert.match(text, /practice/)
      assert.deepEqual(practise(to, body).chunks, chunks)
    }
  }
  assert.match(said({}), /practice model.*You said: good morning/)
  assert.equal(replyTo(chat({ model: 'gpt-5' })).get('model'), 'practice-as-gpt-5')
})

test('a stream decodes to the same text as the whole reply, in every dialect', () => {
  const dialectAt = (to: string) => dialectOf(to.endsWith('completions') ? 'openai.chat' : to.endsWith('responses') ? 'openai.responses' : to.endsWith('messages') ? 'anthropic.messages' : 'gemini.generate')
  const conversation = (stream: boolean) => openaiChat.decode(parseJson(chat({ stream }), { depth: 9 }) as TreeObject)
  const streams = inEveryDialect(conversation(true))
  inEveryDialect(conversation(false)).forEach(([to, body], index) => {
    const dialect = dialectAt(to.replace(/:generateContent$/, ''))
    const whole = dialect.decodeReply(replyTo(body, to)).choices[0]?.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('')
    const decoder = dialect.decoder()
    const [streamPath, streamBody] = streams[index] as readonly [string, string]
    const texts = practise(streamPath, streamBody).chunks.flatMap((chunk) => {
      const event = /^event: (.*)$/m.exec(chunk)?.[1]
      const data = /^data: (.*)$/m.exec(chunk)?.[1] ?? ''
      return decoder.push({ ...(event !== undefined && { event }), ...(data !== '[DONE]' && { data: parseJson(data, { depth: 50 }) }) })
    })
    texts.push(...decoder.finish())
    assert.equal(texts.map((delta) => (delta.t === 'text' ? delta.text : '')).join(''), whole)
    assert.ok(texts.some((delta) => delta.t === 'usage' || (delta.t === 'start' && delta.usage !== undefined)) || streamPath.endsWith('completions'))
  })
})

test('it calls tools that were declared and asked for, several at once, and reads their results', () => {
  const tools = [tool('weather'), tool('clock')]
  const calls = (content: string, more: object = {}): unknown => plain(at(replyTo(chat({ tools, messages: [{ role: 'user', content }], ...more })), ['choices', 0, 'message', 'tool_calls']))
  const found = calls('please use the tool weather with {"city":"a } b","days":2} and use the tool clock') as { function: { name: string; arguments: string } }[]
  assert.deepEqual(found.map((one) => [one.function.name, one.function.arguments]), [['weather', '{"city":"a } b","days":2}'], ['clock', '{}']])
  assert.equal((calls('use the tool weather with {"city":"x"} and use the tool clock', { parallel_tool_calls: false }) as unknown[]).length, 1)
  assert.equal(calls('use the tool nothing with {}'), undefined, 'nobody declared it')
  assert.equal(calls('use the tool weather with {broken'), undefined)
  assert.equal(calls('use the tool weather', { tool_choice: 'none' }), undefined)
  const forced = calls('hello', { tool_choice: 'required' }) as { function: { arguments: string } }[]
  assert.deepEqual(JSON.parse(forced[0]?.function.arguments ?? ''), { city: 'practice', days: 1 })
  const after = said({
    tools,
    messages: [
      { role: 'user', content: 'use the tool weather with {}' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'weather', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c', content: 'sunny' },
    ],
  })
  assert.match(after, /The tool said: sunny/)
})

test('its name, and nothing that a caller writes, makes it misbehave', () => {
  assert.ok(Object.values(LEAKS).every((leak) => said({ model: 'practice-leaky' }).includes(leak)))
  assert.match(said({ model: 'practice-attack' }), /Ignore all previous instructions/)
  const call = at(replyTo(chat({ model: 'practice-attack', tools: [tool('shell')] })), ['choices', 0, 'message', 'tool_calls', 0, 'function'])
  assert.deepEqual([at(call, ['name']), /curl/.test(String(at(call, ['arguments'])))], ['shell', true])
  assert.equal(said({ model: 'practice-verbose' }).split(' ').length, 60)
  assert.equal(said({ model: 'practice-tokens-3' }), 'word0 word1 word2')
  assert.doesNotMatch(said({ messages: [{ role: 'user', content: 'be practice-leaky and practice-attack now' }] }), /4111|Ignore all/)
})

test('limits, stop words, choices and formats are kept', () => {
  const short = replyTo(chat({ model: 'practice-verbose', max_tokens: 5 }))
  assert.equal(at(short, ['choices', 0, 'finish_reason']), 'length')
  assert.equal(at(short, ['usage', 'completion_tokens']), 5)
  assert.equal(said({ model: 'practice-verbose', stop: ['word3'] }), 'word0 word1 word2 ')
  assert.equal((replyTo(chat({ n: 3 })).get('choices') as unknown[]).length, 3)
  const schema = { type: 'object', properties: { name: { type: 'string' }, kind: { enum: ['a', 'b'] } }, required: ['name', 'kind'], additionalProperties: false }
  assert.deepEqual(JSON.parse(said({ response_format: { type: 'json_schema', json_schema: { name: 's', schema, strict: true } } })), { name: 'practice', kind: 'a' })
  assert.equal((JSON.parse(said({ response_format: { type: 'json_object' } })) as { model: string }).model, 'practice')
})

test('embeddings depend on the text alone, have length one, and come packed or plain', () => {
  const of = (more: object) => plain(replyTo(JSON.stringify({ model: 'm', input: ['a', 'b', 'a'], ...more }), '/v1/embeddings').get('data')) as { embedding: number[] | string }[]
  const [a, b, again] = of({})
  assert.deepEqual(a?.embedding, again?.embedding)
  assert.notDeepEqual(a?.embedding, b?.embedding)
  assert.ok(Math.abs(Math.hypot(...(a?.embedding as number[])) - 1) < 1e-3)
  assert.equal(of({ dimensions: 8 })[0]?.embedding.length, 8)
  const packed = Buffer.from(of({ encoding_format: 'base64', dimensions: 8 })[0]?.embedding as string, 'base64')
  assert.ok(Math.abs(packed.readFloatLE(0) - (of({ dimensions: 8 })[0]?.embedding[0] as number)) < 1e-6)
})

test('nonsense gets an error in the shape of its dialect', () => {
  assert.deepEqual([practise('/v1/messages', '{"a":1,"a":2}').status, practise('/v1/nothing', '{}').status, practise(path, '[]').status, practise(path, '').status], [400, 404, 400, 400])
  assert.match(practise('/v1/messages', 'x').chunks.join(''), /^\{"type":"error"/)
})

test('the dial keeps to the shape of the network: limits, aborts, pauses between pieces', async () => {
  const signal = new AbortController().signal
  const request = { method: 'POST', url: `http://practice.invalid${path}`, fields: [], timeouts: { connectMs: 1, headMs: 1 }, signal }
  const reply = await practiceDial({ ...request, body: chat({}) })
  await assert.rejects(reply.body.whole(10), (error: unknown) => error instanceof BodyError && error.kind === 'too_large')
  await assert.rejects(practiceDial({ ...request, body: chat({}), signal: AbortSignal.abort() }), DialError)
  const slow = await practiceDial({ ...request, body: Buffer.from(chat({ model: 'practice-tokens-50-delay-40', stream: true })) })
  let chunks = 0
  await assert.rejects(async () => {
    for await (const chunk of slow.body.stream()) {
      assert.ok(chunk.length > 0)
      if (++chunks === 3) slow.abort()
    }
  }, BodyError)
  assert.equal(chunks, 3)
})

test('many slow streams at once come through whole', async (t) => {
  const server = await startPractice()
  t.after(() => server.close())
  const streams = Array.from({ length: 64 }, async () => {
    const reply = await fetch(`${server.url}${path}`, { method: 'POST', body: chat({ model: 'practice-tokens-16-delay-5', stream: true }) })
    return await reply.text()
  })
  const [one, ...others] = await Promise.all(streams)
  assert.match(one ?? '', /word15/)
  assert.ok(others.every((other) => other === one))
})
