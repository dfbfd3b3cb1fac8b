import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI, Type } from '@google/genai'
import OpenAI from 'openai'
import { generateText, streamText, tool, jsonSchema, stepCountIs } from 'ai'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { startHouse, type TestHouse } from './house.ts'

/**
 * The clients that people really use, unmodified, against the firewall, with every dialect on the provider's side.
 * The upstream is the practice model on a loopback socket: it speaks all dialects and says that it is one.
 */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config: ({ practiceUrl }) => `
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
  a: { kind: anthropic, baseUrl: "${practiceUrl}", credential: env:PRACTICE_KEY }
  g: { kind: gemini, baseUrl: "${practiceUrl}/v1beta", credential: env:PRACTICE_KEY }
routes:
  via-openai: { match: { models: ["openai-*"] }, strategy: priority, targets: [{ provider: o, model: practice }] }
  via-responses: { match: { models: ["responses-*"] }, strategy: priority, targets: [{ provider: o, model: practice, dialect: responses }] }
  via-anthropic: { match: { models: ["claude-*"] }, strategy: priority, targets: [{ provider: a, model: practice }] }
  via-gemini: { match: { models: ["gemini-*"] }, strategy: priority, targets: [{ provider: g, model: practice }] }
`,
  })
})
after(() => house.stop())

const upstreams = { openai: 'openai-x', responses: 'responses-x', anthropic: 'claude-x', gemini: 'gemini-x' }
const ask = 'Say something kind about the weather.'
const useTool = 'use the tool get_weather with {"city":"Zürich","days":3}'
const schema = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city'] }

for (const [upstream, model] of Object.entries(upstreams)) {
  test(`openai chat → ${upstream}: text, stream and tools`, async () => {
    const client = new OpenAI({ apiKey: house.key, baseURL: `${house.dataUrl}/v1`, maxRetries: 0 })
    const whole = await client.chat.completions.create({ model, messages: [{ role: 'system', content: 'Be kind.' }, { role: 'user', content: ask }] })
    assert.match(whole.model, /practice/)
    assert.ok((whole.choices[0]?.message.content ?? '').length > 10)
    assert.equal(whole.choices[0]?.finish_reason, 'stop')
    assert.ok((whole.usage?.completion_tokens ?? 0) > 0)

    const stream = client.chat.completions.stream({ model, messages: [{ role: 'user', content: ask }], stream_options: { include_usage: true } })
    const streamed = await stream.finalChatCompletion()
    assert.ok((streamed.choices[0]?.message.content ?? '').length > 10)
    assert.ok((streamed.usage?.total_tokens ?? 0) > 0)

    const tools = [{ type: 'function' as const, function: { name: 'get_weather', description: 'Weather', parameters: schema } }]
    const called = await client.chat.completions.create({ model, messages: [{ role: 'user', content: useTool }], tools })
    const call = called.choices[0]?.message.tool_calls?.[0]
    assert.ok(call?.type === 'function')
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Zürich', days: 3 })
    assert.equal(called.choices[0]?.finish_reason, 'tool_calls')

    const streamedCall = await client.chat.completions.stream({ model, messages: [{ role: 'user', content: useTool }], tools }).finalChatCompletion()
    const fn = streamedCall.choices[0]?.message.tool_calls?.[0]
    assert.ok(fn?.type === 'function')
    assert.deepEqual(JSON.parse(fn.function.arguments), { city: 'Zürich', days: 3 })

    const next = await client.chat.completions.create({
      model,
      messages: [
        { role: 'user', content: useTool },
        { role: 'assistant', tool_calls: [{ id: call.id, type: 'function', function: { name: 'get_weather', arguments: call.function.arguments } }] },
        { role: 'tool', tool_call_id: call.id, content: 'Sunny, 24 degrees' },
      ],
      tools,
    })
    assert.ok((next.choices[0]?.message.content ?? '').length > 0)
  })

  test(`openai responses → ${upstream}: text, stream and tools`, async () => {
    const client = new OpenAI({ apiKey: house.key, baseURL: `${house.dataUrl}/v1`, maxRetries: 0 })
    const whole = await client.responses.create({ model, input: ask, instructions: 'Be kind.', store: false })
    assert.ok(whole.output_text.length > 10)
    assert.match(whole.model, /practice/)
    const streamed = await client.responses.stream({ model, input: ask, store: false }).finalResponse()
    assert.ok(streamed.output_text.length > 10)
    assert.ok((streamed.usage?.output_tokens ?? 0) > 0)
    const called = await client.responses
      .stream({ model, input: useTool, store: false, tools: [{ type: 'function', name: 'get_weather', parameters: schema, strict: false }] })
      .finalResponse()
    const call = called.output.find((item) => item.type === 'function_call')
    assert.deepEqual(JSON.parse(call?.arguments ?? '{}'), { city: 'Zürich', days: 3 })
  })

  test(`anthropic messages → ${upstream}: text, stream and tools`, async () => {
    const client = new Anthropic({ apiKey: house.key, baseURL: `${house.dataUrl}/anthropic`, maxRetries: 0 })
    const whole = await client.messages.create({ model, max_tokens: 200, system: 'Be kind.', messages: [{ role: 'user', content: ask }] })
    assert.ok(whole.content[0]?.type === 'text' && whole.content[0].text.length > 10)
    assert.equal(whole.stop_reason, 'end_turn')
    assert.ok(whole.usage.output_tokens > 0)
    const streamed = await client.messages.stream({ model, max_tokens: 200, messages: [{ role: 'user', content: ask }] }).finalMessage()
    assert.ok(streamed.content[0]?.type === 'text' && streamed.content[0].text.length > 10)
    assert.match(streamed.model, /practice/)
    const called = await client.messages
      .stream({ model, max_tokens: 200, messages: [{ role: 'user', content: useTool }], tools: [{ name: 'get_weather', input_schema: { ...schema, type: 'object' } }] })
      .finalMessage()
    const call = called.content.find((one) => one.type === 'tool_use')
    assert.deepEqual(call?.input, { city: 'Zürich', days: 3 })
    assert.equal(called.stop_reason, 'tool_use')
  })

  test(`gemini generateContent → ${upstream}: text, stream and tools`, async () => {
    const client = new GoogleGenAI({ apiKey: house.key, httpOptions: { baseUrl: `${house.dataUrl}/gemini` } })
    const whole = await client.models.generateContent({ model, contents: ask, config: { systemInstruction: 'Be kind.' } })
    assert.ok((whole.text ?? '').length > 10)
    assert.ok((whole.usageMetadata?.candidatesTokenCount ?? 0) > 0)
    let text = ''
    for await (const chunk of await client.models.generateContentStream({ model, contents: ask })) text += chunk.text ?? ''
    assert.ok(text.length > 10)
    const called = await client.models.generateContent({
      model,
      contents: useTool,
      config: { tools: [{ functionDeclarations: [{ name: 'get_weather', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING }, days: { type: Type.INTEGER } } } }] }] },
    })
    assert.deepEqual(called.functionCalls?.[0]?.args, { city: 'Zürich', days: 3 })
  })

  const vercel = {
    openai: () => createOpenAI({ apiKey: house.key, baseURL: `${house.dataUrl}/v1` }).chat(model),
    responses: () => createOpenAI({ apiKey: house.key, baseURL: `${house.dataUrl}/v1` }).responses(model),
    anthropic: () => createAnthropic({ apiKey: house.key, baseURL: `${house.dataUrl}/anthropic/v1` })(model),
    google: () => createGoogleGenerativeAI({ apiKey: house.key, baseURL: `${house.dataUrl}/gemini/v1beta` })(model),
  }
  for (const [sdk, make] of Object.entries(vercel)) {
    test(`ai package with ${sdk} → ${upstream}: text, stream and a tool loop`, async () => {
      const whole = await generateText({ model: make(), prompt: ask, maxRetries: 0, maxOutputTokens: 200 })
      assert.ok(whole.text.length > 10)
      let text = ''
      for await (const piece of streamText({ model: make(), prompt: ask, maxRetries: 0, maxOutputTokens: 200 }).textStream) text += piece
      assert.ok(text.length > 10)
      const seen: unknown[] = []
      await generateText({
        model: make(),
        prompt: useTool,
        maxRetries: 0,
        maxOutputTokens: 200,
        stopWhen: stepCountIs(2),
        tools: { get_weather: tool({ description: 'Weather', inputSchema: jsonSchema(schema as never), execute: (input: unknown) => (seen.push(input), 'Sunny') }) },
      })
      assert.deepEqual(seen[0], { city: 'Zürich', days: 3 })
    })
  }
}
