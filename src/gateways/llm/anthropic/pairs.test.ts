import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toPlain } from '../../../formats/json.ts'
import type { Completion, Conversation, Delta, Part } from '../conversation.ts'
import type { Dialect } from '../dialect.ts'
import { geminiGenerate } from '../gemini/dialect.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import { anthropicMessages } from './dialect.ts'

const dialects: readonly Dialect[] = [openaiChat, anthropicMessages, geminiGenerate]

const asked: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: true, includeUsage: true, only: [] }

const completion: Completion = {
  id: 'r1',
  model: 'm',
  choices: [
    {
      parts: [
        { kind: 'text', text: 'grün, ' },
        { kind: 'call', id: 'call_1', name: 'look', args: '{"q":"x","n":1.0}' },
        { kind: 'call', id: 'call_2', name: 'look', args: '{}' },
      ],
      stop: 'tool_calls',
    },
  ],
  usage: { input: 20, output: 10, cachedInput: 5, cacheWrite: 0, reasoning: 0 },
  extra: new Map(),
}

const request: Conversation = {
  model: 'm',
  system: [{ kind: 'text', text: 'be kind' }],
  messages: [
    { role: 'user', parts: [{ kind: 'text', text: 'look' }, { kind: 'image', source: { from: 'inline', mime: 'image/png', base64: 'aGk=' } }] },
    { role: 'assistant', parts: completion.choices[0]?.parts ?? [] },
    {
      role: 'user',
      parts: [
        { kind: 'result', id: 'call_1', parts: [{ kind: 'text', text: 'seen' }] },
        { kind: 'result', id: 'call_2', parts: [{ kind: 'text', text: 'also' }] },
      ],
    },
  ],
  tools: [{ name: 'look', description: 'Looks.', schema: new Map([['type', 'object']]) }],
  toolChoice: { mode: 'required' },
  maxTokens: 100,
  temperature: 0.5,
  stop: ['END'],
  format: { kind: 'schema', name: 'answer', schema: new Map([['type', 'object']]) },
  stream: true,
  includeUsage: true,
  only: [],
}

/** What must be the same after any number of translations. */
function meaning(conversation: Conversation): unknown {
  const part = (one: Part): unknown => {
    if (one.kind === 'call') return ['call', one.id, one.name, JSON.parse(one.args)]
    if (one.kind === 'result') return ['result', one.id, one.parts.map(part)]
    if (one.kind === 'text') return ['text', one.text]
    return [one.kind, 'source' in one ? one.source : undefined]
  }
  const turns: [string, unknown[]][] = []
  for (const message of conversation.messages) {
    const last = turns.at(-1)
    const parts = message.parts.map(part)
    if (last?.[0] === message.role) last[1].push(...parts)
    else turns.push([message.role, parts])
  }
  const { tools, toolChoice, maxTokens, temperature, stop, format } = conversation
  return {
    system: conversation.system.map(part),
    turns,
    tools: tools.map(({ name, description, schema }) => [name, description, schema === undefined ? undefined : toPlain(schema)]),
    toolChoice,
    maxTokens,
    temperature,
    stop,
    format: format?.kind === 'schema' ? toPlain(format.schema) : format,
  }
}

function shape({ choices, usage }: Completion): unknown {
  return { choices: choices.map(({ parts, stop }) => [stop, parts.map((one) => (one.kind === 'call' ? [one.id, one.name, JSON.parse(one.args)] : one.kind === 'text' ? one.text : one.kind))]), usage }
}

/** Puts deltas together again. */
function collected(deltas: readonly Delta[]): unknown {
  const parts: { kind: string; id?: string; name?: string; text: string }[] = []
  let stop: string | undefined
  let usage: unknown
  let ended = false
  for (const delta of deltas) {
    if (delta.t === 'open') parts[delta.block] = { kind: delta.part, ...(delta.id === undefined ? {} : { id: delta.id }), ...(delta.name === undefined ? {} : { name: delta.name }), text: '' }
    if (delta.t === 'text') (parts[delta.block] as { text: string }).text += delta.text
    if (delta.t === 'finish') stop = delta.stop
    if (delta.t === 'usage') usage = delta.usage
    if (delta.t === 'end') ended = true
  }
  assert.ok(ended)
  return { choices: [[stop, parts.map((one) => (one.kind === 'call' ? [one.id, one.name, JSON.parse(one.text === '' ? '{}' : one.text)] : one.text))]], usage }
}

function deltasOf(whole: Completion): Delta[] {
  const made: Delta[] = [{ t: 'start', id: whole.id, model: whole.model }]
  whole.choices[0]?.parts.forEach((one, block) => {
    const place = { choice: 0, block }
    if (one.kind === 'call') {
      made.push({ t: 'open', ...place, part: 'call', id: one.id, name: one.name })
      for (const text of one.args.match(/.{1,4}/g) ?? []) made.push({ t: 'text', ...place, text })
    } else if (one.kind === 'text') made.push({ t: 'open', ...place, part: 'text' }, { t: 'text', ...place, text: one.text })
    made.push({ t: 'close', ...place })
  })
  made.push({ t: 'finish', choice: 0, stop: whole.choices[0]?.stop ?? 'stop' })
  if (whole.usage !== undefined) made.push({ t: 'usage', usage: whole.usage })
  made.push({ t: 'end' })
  return made
}

const path = { model: 'm', stream: true }

for (const caller of dialects) {
  for (const provider of dialects) {
    const pair = `${caller.id} to ${provider.id}`

    test(`${pair}: a request keeps its meaning`, () => {
      const wire = caller.encode(request, 'm')
      const sent = provider.encode(caller.decode(wire, path), 'm')
      assert.deepEqual(meaning(provider.decode(sent, path)), meaning(request))
    })

    test(`${pair}: an answer keeps its meaning on the way back`, () => {
      const wire = provider.encodeReply(completion, asked)
      const shown = caller.encodeReply(provider.decodeReply(wire), asked)
      assert.deepEqual(shape(caller.decodeReply(shown)), shape(completion))
    })

    test(`${pair}: a streamed answer keeps its meaning on the way back`, () => {
      const upstream = provider.encoder(asked)
      const reading = provider.decoder()
      const writing = caller.encoder(asked)
      const again = caller.decoder()
      const deltas = deltasOf(completion).flatMap((delta) => upstream.push(delta)).flatMap((frame) => reading.push(frame))
      const shown = [...deltas, ...reading.finish()].flatMap((delta) => writing.push(delta)).flatMap((frame) => again.push(frame))
      assert.deepEqual(collected([...shown, ...again.finish()]), shape(completion))
    })
  }
}
