import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import { at, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { anthropicMessages } from '../anthropic/dialect.ts'
import type { Conversation, Delta } from '../conversation.ts'
import type { Dialect, StreamFrame } from '../dialect.ts'
import { replaceLeaf } from '../leaves.ts'
import { geminiGenerate as dialect } from './dialect.ts'

const asked: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: true, includeUsage: true, only: [] }

const chunk = (parts: unknown[], more: Record<string, unknown> = {}, top: Record<string, unknown> = {}): StreamFrame => ({
  data: fromPlain({ candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }], modelVersion: 'gemini-x', responseId: 'r1', ...top }),
})

const whole: readonly StreamFrame[] = [
  chunk([{ text: 'let me', thought: true }], {}, { usageMetadata: { promptTokenCount: 10 } }),
  chunk([{ text: 'he' }]),
  chunk([{ text: 'llo' }]),
  chunk([{ functionCall: { name: 'f', args: { q: 'x' } }, thoughtSignature: 'c2ln' }, { functionCall: { id: 'own', name: 'g' } }]),
  chunk([{ text: '', thoughtSignature: 'ZW5k' }], { finishReason: 'STOP' }, { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 2, toolUsePromptTokenCount: 1 } }),
]

test('a view shows text, thoughts and whole calls, and ends with the last finish reason', () => {
  const view = dialect.viewer()
  const views = whole.map((one) => view(one))
  assert.deepEqual(views.flatMap((one) => one.leaves).map((leaf) => `${leaf.channel} ${leaf.text} ${leaf.whole}`), ['0/reasoning let me false', '0/text he false', '0/text llo false', '0/tool/0 {"q":"x"} true', '0/tool/1  true'])
  assert.deepEqual(views.flatMap((one) => one.proposals), [{ channel: '0/tool/0', id: 'call_r1_0_0', name: 'f' }, { channel: '0/tool/1', id: 'own', name: 'g' }])
  assert.deepEqual(views.map((one) => one.kind), ['content', 'content', 'content', 'content', 'end'])
  assert.deepEqual(views.map((one) => one.closes), [[], [], [], ['0/tool/0', '0/tool/1'], ['0/reasoning', '0/text']])
  assert.deepEqual(views.at(-1)?.usage, { input: 11, output: 7, cachedInput: 0, cacheWrite: 0, reasoning: 2 })
})

test('two candidates end the stream only together', () => {
  const view = dialect.viewer()
  const one = (index: number, more: object = {}): StreamFrame => ({ data: fromPlain({ candidates: [{ index, content: { parts: [{ text: 'x' }] }, ...more }] }) })
  assert.deepEqual([one(0), one(1), one(0, { finishReason: 'STOP' }), one(1, { finishReason: 'STOP' })].map((frame) => view(frame).kind), ['content', 'content', 'content', 'end'])
})

test('errors and blocked prompts in a stream are faults', () => {
  assert.equal(dialect.viewer()({ data: fromPlain({ error: { code: 503, message: 'm', status: 'UNAVAILABLE' } }) }).fault?.status, 503)
  assert.equal(dialect.viewer()({ data: fromPlain({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }) }).fault?.kind, 'content_policy')
})

function translate(from: Dialect, to: Dialect, frames: readonly StreamFrame[]): StreamFrame[] {
  const decoder = from.decoder()
  const encoder = to.encoder(asked)
  return [...frames.flatMap((one) => decoder.push(one)), ...decoder.finish()].flatMap((one) => encoder.push(one))
}

/** All parts of all chunks, neighbouring texts joined. */
function joined(frames: readonly StreamFrame[]): Record<string, unknown>[] {
  const parts: Record<string, unknown>[] = []
  for (const one of frames) {
    const { candidates } = toPlain(one.data as Tree) as { candidates: { content?: { parts: Record<string, unknown>[] } }[] }
    for (const part of candidates[0]?.content?.parts ?? []) {
      const last = parts.at(-1)
      if (part['text'] === '' && part['thoughtSignature'] === undefined) continue
      if (last !== undefined && last['text'] !== undefined && part['text'] !== undefined && last['thought'] === part['thought'] && part['thoughtSignature'] === undefined) last['text'] = `${String(last['text'])}${String(part['text'])}`
      else parts.push({ ...part })
    }
  }
  return parts
}

test('a stream survives the neutral form', () => {
  const after = translate(dialect, dialect, whole)
  assert.deepEqual(joined(after), [
    { text: 'let me', thought: true },
    { text: 'hello' },
    { functionCall: { id: 'call_r1_0_0', name: 'f', args: { q: 'x' } }, thoughtSignature: 'c2ln' },
    { functionCall: { id: 'own', name: 'g', args: {} } },
    { text: '', thoughtSignature: 'ZW5k' },
  ])
  assert.equal(at(after.at(-1)?.data, ['candidates', 0, 'finishReason']), 'STOP')
  assert.deepEqual(toPlain(at(after.at(-1)?.data, ['usageMetadata']) as Tree), { promptTokenCount: 11, candidatesTokenCount: 5, totalTokenCount: 18, thoughtsTokenCount: 2 })
})

test('a cut stream is never made whole', () => {
  const cut = translate(dialect, anthropicMessages, whole.slice(0, 3))
  assert.ok(cut.every((one) => one.event !== 'message_stop' && one.event !== 'message_delta'))
  const cutThere = translate(anthropicMessages, dialect, translate(dialect, anthropicMessages, whole).slice(0, -3))
  assert.ok(cutThere.every((one) => at(one.data, ['candidates', 0, 'finishReason']) === undefined))
})

test('a signature comes back to Google by way of an Anthropic caller, and the other way round', () => {
  const frames = translate(dialect, anthropicMessages, whole)
  const blocks = frames.filter((one) => one.event === 'content_block_start').map((one) => at(one.data, ['content_block', 'type']))
  assert.deepEqual(blocks, ['thinking', 'text', 'redacted_thinking', 'tool_use', 'tool_use', 'redacted_thinking'])
  const sealed = frames.filter((one) => at(one.data, ['content_block', 'type']) === 'redacted_thinking').map((one) => at(one.data, ['content_block', 'data']))
  const history = { model: 'm', max_tokens: 1, messages: [{ role: 'assistant', content: [{ type: 'redacted_thinking', data: sealed[0] }, { type: 'tool_use', id: 'a', name: 'f', input: {} }, { type: 'text', text: 'x' }, { type: 'redacted_thinking', data: sealed[1] }] }] }
  const sent = dialect.encode(anthropicMessages.decode(fromPlain(history) as TreeObject), 'gemini-3-pro')
  assert.deepEqual(toPlain(at(sent, ['contents', 0, 'parts']) as Tree), [
    { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'c2ln' },
    { text: 'x' },
    { text: '', thoughtSignature: 'ZW5k' },
  ])

  const reply = anthropicMessages.decodeReply(fromPlain({ id: 'i', model: 'claude', content: [{ type: 'thinking', thinking: 'hm', signature: 'own1' }, { type: 'redacted_thinking', data: 'own2' }, { type: 'tool_use', id: 't', name: 'f', input: {} }], stop_reason: 'tool_use' }) as TreeObject)
  const shown = dialect.encodeReply(reply, asked)
  const parts = at(shown, ['candidates', 0, 'content', 'parts']) as Tree[]
  for (const part of parts) assert.match(String((toPlain(part) as Record<string, unknown>)['thoughtSignature'] ?? ''), /^[A-Za-z0-9+/]*={0,2}$/)
  const back = anthropicMessages.encode(dialect.decode(new Map<string, Tree>([['contents', [new Map<string, Tree>([['role', 'model'], ['parts', parts]])]]]), { model: 'g', stream: false }), 'claude-sonnet-5')
  assert.deepEqual(toPlain(at(back, ['messages', 0, 'content']) as Tree), [{ type: 'thinking', thinking: 'hm', signature: 'own1' }, { type: 'redacted_thinking', data: 'own2' }, { type: 'tool_use', id: 't', name: 'f', input: {} }])
})

test('a call that was cut inside its arguments does not pass for a whole one', () => {
  const encoder = dialect.encoder(asked)
  const deltas: Delta[] = [
    { t: 'start', id: 'i', model: 'm' },
    { t: 'open', choice: 0, block: 0, part: 'call', id: 'c', name: 'f' },
    { t: 'text', choice: 0, block: 0, text: '{"a":' },
  ]
  for (const one of deltas) encoder.push(one)
  assert.throws(() => encoder.push({ t: 'close', choice: 0, block: 0 }), /arguments/)
})

test('rewriting every leaf with its own text changes nothing, and with another text exactly that', () => {
  const text = fc.string({ minLength: 1, maxLength: 12 })
  const part = fc.oneof(
    text.map((value) => ({ text: value })),
    text.map((value) => ({ text: value, thought: true })),
    fc.dictionary(text, fc.oneof(text, fc.integer())).map((args) => ({ functionCall: { name: 'f', args } })),
    text.map((value) => ({ executableCode: { code: value } })),
    text.map((value) => ({ novelty: [value] })),
  )
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 4 }), { maxLength: 4 }), fc.string(), (frames, title) => {
      const view = dialect.viewer()
      for (const parts of frames) {
        const data = chunk(parts, { groundingMetadata: { title } }).data as Tree
        for (const leaf of view({ data }).leaves) {
          assert.equal(replaceLeaf(data, leaf.path, leaf.text), data)
          const here = at(data, leaf.path)
          const other = typeof here === 'string' ? 'Y' : '{"Y":1}'
          assert.equal(writeJson(at(replaceLeaf(data, leaf.path, other), leaf.path) as Tree), typeof here === 'string' ? '"Y"' : '{"Y":1}')
        }
      }
    }),
  )
})
