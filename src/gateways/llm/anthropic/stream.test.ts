import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream'
import fc from 'fast-check'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import { at, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Completion, Conversation, Delta } from '../conversation.ts'
import type { StreamFrame } from '../dialect.ts'
import { replaceLeaf } from '../leaves.ts'
import { anthropicMessages as dialect } from './dialect.ts'

const asked: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: true, includeUsage: true, only: [] }

function frame(plain: Record<string, unknown>): StreamFrame {
  return { event: String(plain['type']), data: fromPlain(plain) }
}

const start = frame({
  type: 'message_start',
  message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-x', content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 10, cache_read_input_tokens: 4, output_tokens: 1 } },
})
const open = (index: number, block: Record<string, unknown>): StreamFrame => frame({ type: 'content_block_start', index, content_block: block })
const delta = (index: number, body: Record<string, unknown>): StreamFrame => frame({ type: 'content_block_delta', index, delta: body })
const close = (index: number): StreamFrame => frame({ type: 'content_block_stop', index })
const end = (reason: string): StreamFrame[] => [frame({ type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 20 } }), frame({ type: 'message_stop' })]

const whole: readonly StreamFrame[] = [
  start,
  frame({ type: 'ping' }),
  open(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'let ' }),
  delta(0, { type: 'thinking_delta', thinking: 'me' }),
  delta(0, { type: 'signature_delta', signature: 'c2ln' }),
  close(0),
  open(1, { type: 'text', text: '' }),
  delta(1, { type: 'text_delta', text: 'he' }),
  delta(1, { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'quoted' } }),
  delta(1, { type: 'text_delta', text: 'llo' }),
  close(1),
  open(2, { type: 'tool_use', id: 't1', name: 'look', input: {} }),
  delta(2, { type: 'input_json_delta', partial_json: '{"q":' }),
  delta(2, { type: 'input_json_delta', partial_json: '"x"}' }),
  close(2),
  open(3, { type: 'tool_use', id: 't2', name: 'look', input: {} }),
  close(3),
  ...end('tool_use'),
]

test('a view shows text, thinking, arguments and quotes, and says when a call is complete', () => {
  const view = dialect.viewer()
  const views = whole.map((one) => view(one))
  const joined = new Map<string, string>()
  for (const { leaves } of views) for (const leaf of leaves) joined.set(leaf.channel, (joined.get(leaf.channel) ?? '') + leaf.text)
  assert.deepEqual(Object.fromEntries(joined), { '0/reasoning': 'let me', '0/text': 'hello', '0/citation/1': 'quoted', '0/tool/2': '{"q":"x"}' })
  assert.deepEqual(views.map((one) => one.kind[0]).join(''), 'ppp' + 'cccc' + 'p' + 'cccc' + 'cccc' + 'cc' + 'ee')
  assert.deepEqual(views.flatMap((one) => one.proposals), [
    { channel: '0/tool/2', id: 't1', name: 'look' },
    { channel: '0/tool/3', id: 't2', name: 'look' },
  ])
  assert.deepEqual(views.map((one, index) => (one.opensCall ? index : -1)).filter((index) => index >= 0), [12, 16])
  const closes = views.flatMap((one) => one.closes)
  for (const channel of joined.keys()) if (!channel.includes('citation')) assert.equal(closes.filter((name) => name === channel).length, 1, channel)
  assert.equal(views[0]?.model, 'claude-x')
  assert.deepEqual(views.at(-1)?.usage, { input: 14, output: 20, cachedInput: 4, cacheWrite: 0, reasoning: 0 })
})

test('tools that Anthropic runs are seen and are no proposals', () => {
  const view = dialect.viewer()
  const views = [
    open(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
    delta(0, { type: 'input_json_delta', partial_json: '{"query":"w"}' }),
    close(0),
    open(1, { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', title: 'Sun', url: 'u', encrypted_content: 'x' }] }),
  ].map((one) => view(one))
  assert.deepEqual(views.flatMap((one) => one.leaves).map((leaf) => `${leaf.origin} ${leaf.text}`), ['tool_call {"query":"w"}', 'tool_result Sun', 'tool_result u'])
  assert.deepEqual(views.flatMap((one) => one.proposals), [])
  assert.ok(views.every((one) => !one.opensCall))
})

test('an error in the stream is a fault', () => {
  const view = dialect.viewer()(frame({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }))
  assert.equal(view.kind, 'fault')
  assert.deepEqual(view.fault, { kind: 'server', status: 529, code: 'overloaded_error', message: 'Overloaded' })
})

/** Runs a stream through the neutral form and back, and lets Anthropic's own client put it together. */
async function throughClient(frames: readonly StreamFrame[]): Promise<Record<string, unknown>> {
  const lines = frames.map((one) => writeJson(one.data as Tree) + '\n').join('')
  const stream = MessageStream.fromReadableStream(new Blob([lines]).stream())
  return (await stream.finalMessage()) as unknown as Record<string, unknown>
}

function again(frames: readonly StreamFrame[]): StreamFrame[] {
  const decoder = dialect.decoder()
  const encoder = dialect.encoder(asked)
  return [...frames.flatMap((one) => decoder.push(one)), ...decoder.finish()].flatMap((one) => encoder.push(one))
}

test('a stream survives the neutral form, as Anthropic\'s own client sees it', async () => {
  const before = await throughClient(whole)
  const after = await throughClient(again(whole))
  const strip = ({ id, model, content, stop_reason }: Record<string, unknown>): unknown => ({ id, model, content: (content as { type: string }[]).map((block) => ({ ...block, citations: null })), stop_reason })
  assert.deepEqual(strip(after), strip(before))
})

test('blocks that overlap elsewhere stand one behind the other here', async () => {
  const encoder = dialect.encoder(asked)
  const deltas: Delta[] = [
    { t: 'start', id: 'x', model: 'm' },
    { t: 'open', choice: 0, block: 0, part: 'text' },
    { t: 'text', choice: 0, block: 0, text: 'a' },
    { t: 'open', choice: 0, block: 1, part: 'call', id: 'c1', name: 'f' },
    { t: 'open', choice: 0, block: 2, part: 'call', id: 'c2', name: 'g' },
    { t: 'text', choice: 0, block: 2, text: '{"b":' },
    { t: 'text', choice: 0, block: 1, text: '{"a":1}' },
    { t: 'text', choice: 0, block: 0, text: 'b' },
    { t: 'text', choice: 0, block: 2, text: '2}' },
    { t: 'signature', choice: 0, block: 2, signature: 'gemini:c2ln' },
    { t: 'finish', choice: 0, stop: 'tool_calls' },
    { t: 'usage', usage: { input: 3, output: 4, cachedInput: 0, cacheWrite: 0, reasoning: 0 } },
    { t: 'end' },
  ]
  const message = await throughClient(deltas.flatMap((one) => encoder.push(one)))
  assert.deepEqual(
    (message['content'] as Record<string, unknown>[]).map(({ type, text, id, input, data }) => [type, text ?? id ?? data, input]),
    [
      ['text', 'a', undefined],
      ['tool_use', 'c1', { a: 1 }],
      ['tool_use', 'c2', { b: 2 }],
      ['redacted_thinking', 'gemini:c2ln', undefined],
      ['text', 'b', undefined],
    ],
  )
  assert.deepEqual([message['stop_reason'], (message['usage'] as { output_tokens: number }).output_tokens], ['tool_use', 4])
})

test('a cut stream is never made whole', () => {
  const cut = again(whole.slice(0, 10))
  assert.equal(cut.at(-1)?.event, 'content_block_stop')
  assert.ok(cut.every((one) => one.event !== 'message_stop' && one.event !== 'message_delta'))
  // The stop reason came, only the terminator is missing: that is a whole answer.
  assert.equal(again(whole.slice(0, -1)).at(-1)?.event, 'message_stop')
})

test('a removed call leaves no gap in the numbers of the blocks', async () => {
  const frames = whole.map((one) => ({ ...one, data: dialect.dropCalls(one.data as TreeObject, new Set(['0/tool/2'])) }))
  const message = await throughClient(frames)
  assert.deepEqual((message['content'] as { type: string }[]).map((block) => block.type), ['thinking', 'text', 'text', 'tool_use'])
})

test('rewriting every leaf with its own text changes nothing, and with another text exactly that', () => {
  const text = fc.string({ minLength: 1, maxLength: 12 })
  const body = fc.oneof(
    text.map((value) => delta(0, { type: 'text_delta', text: value })),
    text.map((value) => delta(1, { type: 'thinking_delta', thinking: value })),
    text.map((value) => delta(2, { type: 'input_json_delta', partial_json: value })),
    text.map((value) => open(3, { type: 'text', text: value, citations: [{ type: 'x', cited_text: value }] })),
    fc.dictionary(text, text).map((input) => open(4, { type: 'tool_use', id: 'i', name: 'n', input })),
    text.map((value) => delta(5, { type: 'novel_delta', words: [value] })),
    text.map((value) => frame({ type: 'novel_event', words: { value } })),
  )
  fc.assert(
    fc.property(fc.array(body, { maxLength: 8 }), (frames) => {
      const view = dialect.viewer()
      for (const one of frames) {
        const data = one.data as Tree
        for (const leaf of view(one).leaves) {
          assert.equal(replaceLeaf(data, leaf.path, leaf.text), data)
          const here = at(data, leaf.path)
          const other = typeof here === 'string' ? 'Y' : '{"Y":1}'
          assert.deepEqual(toPlain(at(replaceLeaf(data, leaf.path, other), leaf.path) as Tree), typeof here === 'string' ? 'Y' : { Y: 1 })
        }
      }
    }),
  )
})

test('any completion, cut into deltas anywhere, gives the same message as the complete reply', () => {
  const part = fc.oneof(
    fc.string({ minLength: 1 }).map((text) => ({ kind: 'text', text }) as const),
    fc.string({ minLength: 1 }).map((text) => ({ kind: 'reasoning', text, signature: 'anthropic:c2ln' }) as const),
    fc.tuple(fc.dictionary(fc.string().filter((key) => key !== '__proto__'), fc.string()), fc.boolean()).map(([input, signed]) => ({ kind: 'call', id: 'c', name: 'f', args: JSON.stringify(input), ...(signed ? { signature: 'gemini:c2ln' } : {}) }) as const),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const completion: Completion = { id: 'i', model: 'm', choices: [{ parts, stop: 'stop' }], extra: new Map() }
      const encoder = dialect.encoder(asked)
      const deltas: Delta[] = [{ t: 'start', id: 'i', model: 'm' }]
      parts.forEach((one, block) => {
        const place = { choice: 0, block }
        deltas.push({ t: 'open', ...place, part: one.kind, ...(one.kind === 'call' ? { id: one.id, name: one.name } : {}) })
        if (one.kind === 'call' && 'signature' in one) deltas.push({ t: 'signature', ...place, signature: one.signature as string })
        const text = one.kind === 'call' ? one.args : one.text
        for (let from = 0; from < text.length; from += size) deltas.push({ t: 'text', ...place, text: text.slice(from, from + size) })
        if (one.kind === 'reasoning') deltas.push({ t: 'signature', ...place, signature: one.signature })
        deltas.push({ t: 'close', ...place })
      })
      deltas.push({ t: 'finish', choice: 0, stop: 'stop' }, { t: 'end' })
      assert.deepEqual(assembled(deltas.flatMap((one) => encoder.push(one))), toPlain(dialect.encodeReply(completion, asked).get('content') as Tree))
    }),
  )
})

/** Puts a stream's blocks together, strictly: numbered from 0, one after another. */
function assembled(frames: readonly StreamFrame[]): unknown[] {
  const blocks: Record<string, unknown>[] = []
  let openAt = -1
  let json = ''
  for (const one of frames) {
    const data = toPlain(one.data as Tree) as Record<string, unknown>
    switch (one.event) {
      case 'content_block_start':
        assert.equal(openAt, -1)
        openAt = blocks.length
        assert.equal(data['index'], openAt)
        blocks.push(data['content_block'] as Record<string, unknown>)
        json = ''
        break
      case 'content_block_delta': {
        assert.equal(data['index'], openAt)
        const block = blocks[openAt] as Record<string, unknown>
        const body = data['delta'] as Record<string, string>
        if (body['partial_json'] !== undefined) json += body['partial_json']
        for (const field of ['text', 'thinking', 'signature']) if (body[field] !== undefined) block[field] = `${String(block[field])}${body[field]}`
        break
      }
      case 'content_block_stop':
        assert.equal(data['index'], openAt)
        if (json !== '') (blocks[openAt] as Record<string, unknown>)['input'] = JSON.parse(json)
        openAt = -1
        break
      default:
    }
  }
  assert.equal(openAt, -1)
  return blocks
}
