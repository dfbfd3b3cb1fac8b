import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromPlain, toPlain, writeJson } from '../../../formats/json.ts'
import type { Tree, TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Delta } from '../conversation.ts'
import { Inexpressible, type Dialect, type FrameView, type StreamFrame } from '../dialect.ts'
import { replaceLeaf } from '../leaves.ts'
import { openaiChat } from './chat/dialect.ts'
import { openaiResponses } from './responses/dialect.ts'

const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject
const frame = (data: unknown): StreamFrame => ({ data: tree(data) })
const event = (data: { type: string }): StreamFrame => ({ event: data.type, data: tree(data) })

const chunk = (choices: unknown[], more: Record<string, unknown> = {}): StreamFrame =>
  frame({ id: 'c1', object: 'chat.completion.chunk', created: 5, model: 'm', choices, ...more })
const piece = (index: number, delta: unknown, finish: string | null = null): unknown => ({ index, delta, finish_reason: finish })
const call = (index: number, args: string, id?: string): unknown => ({ index, ...(id === undefined ? {} : { id, type: 'function' }), function: { ...(id === undefined ? {} : { name: 'f' }), arguments: args } })

const asked: Conversation = { model: 'm', system: [], messages: [], tools: [], stream: true, includeUsage: true, only: [] }

/** What a guard would join: the text of every channel, without recaps. */
function joined(views: readonly FrameView[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const view of views) for (const leaf of view.leaves) if (!leaf.whole) texts[leaf.channel] = (texts[leaf.channel] ?? '') + leaf.text
  return texts
}

const chatStream: readonly StreamFrame[] = [
  chunk([piece(0, { role: 'assistant', content: '' })]),
  chunk([piece(0, { reasoning_content: 'hm' })]),
  chunk([piece(0, { content: 'Hal' }), piece(1, { role: 'assistant', content: 'Gr' })]),
  chunk([piece(1, { content: 'üß' }), piece(0, { content: 'lo' })]),
  chunk([piece(0, { tool_calls: [call(0, '', 'a')] })]),
  chunk([piece(0, { tool_calls: [call(0, '{"q"')] })]),
  chunk([piece(0, { tool_calls: [call(1, '{"z', 'b')] })]),
  chunk([piece(0, { tool_calls: [call(0, ':1.0}'), call(1, '":2}')] })]),
  chunk([piece(1, {}, 'stop')]),
  chunk([piece(0, {}, 'tool_calls')]),
  chunk([], { usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } }),
  {},
]

test('a chat stream with two choices and interleaved calls is seen in full', () => {
  const view = openaiChat.viewer()
  const views = chatStream.map(view)
  assert.deepEqual(joined(views), { '0/reasoning': 'hm', '0/text': 'Hallo', '1/text': 'Grüß', '0/tool/0': '{"q":1.0}', '0/tool/1': '{"z":2}' })
  assert.equal(views[0]?.kind, 'preamble')
  assert.deepEqual(views.map((one) => one.opensCall), [false, false, false, false, true, false, true, false, false, false, false, false])
  assert.deepEqual(views[8]?.closes, ['1/text'])
  assert.deepEqual([...(views[9]?.closes ?? [])].sort(), ['0/reasoning', '0/text', '0/tool/0', '0/tool/1'])
  assert.deepEqual(views[9]?.proposals, [{ channel: '0/tool/0', id: 'a', name: 'f' }, { channel: '0/tool/1', id: 'b', name: 'f' }])
  assert.deepEqual(views.slice(8).map((one) => one.kind), ['content', 'end', 'end', 'end'])
  assert.deepEqual(views[10]?.usage, { input: 3, output: 4, cachedInput: 0, cacheWrite: 0, reasoning: 0 })
  assert.deepEqual(chatStream.map(openaiChat.isUsageOnly), chatStream.map((_, index) => index === 10))
})

test('calls that nobody finished are proposed at the terminator', () => {
  const view = openaiChat.viewer()
  view(chunk([piece(0, { tool_calls: [call(0, '{}', 'a')] })]))
  assert.deepEqual(view({}).proposals, [{ channel: '0/tool/0', id: 'a', name: 'f' }])
})

function run(dialect: Dialect, frames: readonly StreamFrame[]): Delta[] {
  const { push, finish } = dialect.decoder()
  return [...frames.flatMap((one) => push(one)), ...finish()]
}

/** Blocks of a stream of deltas, put together. */
function told(deltas: readonly Delta[]): unknown {
  const blocks = new Map<string, { part: string; id?: string | undefined; text: string; marks: string[] }>()
  const rest: unknown[] = []
  for (const delta of deltas) {
    if (delta.t === 'open') blocks.set(`${delta.choice}/${delta.block}`, { part: delta.part, ...(delta.part === 'call' ? { id: delta.id } : {}), text: '', marks: [] })
    else if (delta.t === 'text') blocks.get(`${delta.choice}/${delta.block}`)!.text += delta.text
    else if (delta.t === 'signature') blocks.get(`${delta.choice}/${delta.block}`)!.marks.push(delta.signature)
    else if (delta.t === 'finish') rest.push([delta.choice, delta.stop])
    else if (delta.t === 'usage') rest.push(delta.usage.output)
    else if (delta.t === 'end') rest.push('end')
  }
  return { blocks: [...blocks].sort(([a], [b]) => (a < b ? -1 : 1)), rest }
}

test('a chat stream survives deltas and back', () => {
  const deltas = run(openaiChat, chatStream)
  const { push } = openaiChat.encoder(asked)
  const frames = deltas.flatMap((delta) => push(delta))
  assert.deepEqual(told(run(openaiChat, frames)), told(deltas))
  assert.deepEqual(frames.at(-1), {})
  assert.ok(openaiChat.isUsageOnly(frames.at(-2) as StreamFrame))
  const view = openaiChat.viewer()
  assert.deepEqual(joined(frames.map(view)), joined(chatStream.map(openaiChat.viewer())))
})

test('a caller that did not ask for usage gets none', () => {
  const { push } = openaiChat.encoder({ ...asked, includeUsage: false })
  assert.ok(!run(openaiChat, chatStream).flatMap((delta) => push(delta)).some(openaiChat.isUsageOnly))
})

test('a cut chat stream ends without an end, a complete one without terminator with one', () => {
  assert.ok(!run(openaiChat, chatStream.slice(0, 6)).some((delta) => delta.t === 'end'))
  assert.ok(run(openaiChat, chatStream.slice(0, 10)).some((delta) => delta.t === 'end'))
})

const oneChoice = [
  ...chatStream.slice(0, 2),
  chunk([piece(0, { content: 'Hal' })]),
  chunk([piece(0, { content: 'lo' })]),
  ...chatStream.slice(4, 8),
  ...chatStream.slice(9),
]

test('a chat stream becomes the full sequence of Responses events, and back', () => {
  const deltas = run(openaiChat, oneChoice)
  const { push } = openaiResponses.encoder(asked)
  const frames = deltas.flatMap((delta) => push(delta))
  assert.deepEqual(frames.map((one) => (toPlain(one.data as Tree) as { sequence_number: number }).sequence_number), frames.map((_, index) => index))
  assert.deepEqual(frames.map((one) => one.event), [
    'response.created', 'response.in_progress',
    'response.output_item.added', 'response.reasoning_summary_part.added', 'response.reasoning_summary_text.delta', 'response.reasoning_summary_text.done', 'response.reasoning_summary_part.done', 'response.output_item.done',
    'response.output_item.added', 'response.content_part.added', 'response.output_text.delta', 'response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done',
    'response.output_item.added', 'response.function_call_arguments.delta', 'response.output_item.added', 'response.function_call_arguments.delta', 'response.function_call_arguments.delta', 'response.function_call_arguments.delta',
    'response.function_call_arguments.done', 'response.output_item.done', 'response.function_call_arguments.done', 'response.output_item.done',
    'response.completed',
  ])
  assert.deepEqual(told(run(openaiResponses, frames)), told(deltas.map((delta) => (delta.t === 'open' && delta.part === 'reasoning' ? { ...delta, id: 'x' } : delta))), 'usage comes before the finish there')
})

test('several choices cannot become a response', () => {
  const { push } = openaiResponses.encoder(asked)
  assert.throws(() => run(openaiChat, chatStream).flatMap((delta) => push(delta)), Inexpressible)
})

function responsesFrames(): StreamFrame[] {
  const { push } = openaiResponses.encoder(asked)
  return run(openaiChat, oneChoice).flatMap((delta) => push(delta))
}

test('a Responses stream: preamble does not commit, runs are joined, recaps are whole', () => {
  const frames = responsesFrames()
  const views = frames.map(openaiResponses.viewer())
  assert.deepEqual(joined(views), { '0/summary/0.0': 'hm', '0/text/1.0': 'Hallo', '0/tool/2': '{"q":1.0}', '0/tool/3': '{"z":2}' })
  assert.deepEqual(views.slice(0, 4).map((one) => one.kind), ['preamble', 'preamble', 'preamble', 'preamble'])
  assert.equal(views.at(-1)?.kind, 'end')
  assert.deepEqual(views.at(-1)?.usage?.output, 4)
  assert.deepEqual(views.flatMap((one) => one.proposals), [{ channel: '0/tool/2', id: 'a', name: 'f' }, { channel: '0/tool/3', id: 'b', name: 'f' }])
  assert.equal(views.filter((one) => one.opensCall).length, 2)
  const recaps = views.flatMap((one) => one.leaves).filter((leaf) => leaf.whole)
  for (const said of ['hm', 'Hallo', '{"q":1.0}', '{"z":2}']) assert.ok(recaps.filter((leaf) => leaf.text === said).length >= 3, said)
  for (const leaf of recaps) assert.ok(views.some((one) => one.closes.includes(leaf.channel)), leaf.channel)
})

test('arguments that were never streamed are the call, not its recap', () => {
  const view = openaiResponses.viewer()
  const item = { id: 'fc_1', type: 'function_call', call_id: 'a', name: 'f', arguments: '', status: 'in_progress' }
  const views = [
    event({ type: 'response.output_item.added', output_index: 0, item } as { type: string }),
    event({ type: 'response.function_call_arguments.done', output_index: 0, item_id: 'fc_1', arguments: '{"x":1}' } as { type: string }),
    event({ type: 'response.output_item.done', output_index: 0, item: { ...item, arguments: '{"x":1}', status: 'completed' } } as { type: string }),
  ].map(view)
  assert.deepEqual(joined(views), { '0/tool/0': '{"x":1}' })
  assert.deepEqual(views[1]?.proposals, [{ channel: '0/tool/0', id: 'a', name: 'f' }])
  assert.deepEqual(views[2]?.proposals, [])
})

test('a call that only the final response shows is still proposed', () => {
  const view = openaiResponses.viewer()
  const output = [{ id: 'fc_1', type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x":1}', status: 'completed' }]
  const last = view(event({ type: 'response.completed', response: { id: 'r', status: 'completed', model: 'm', output } } as { type: string }))
  assert.deepEqual(last.proposals, [{ channel: '0/tool/0', id: 'a', name: 'f' }])
  assert.deepEqual(last.leaves.map((leaf) => [leaf.channel, leaf.text]), [['0/tool/0', '{"x":1}']])
})

test('errors inside a stream are faults', () => {
  assert.deepEqual(openaiChat.viewer()(frame({ error: { message: 'Rate limit reached. Please try again in 1.2s', code: 'rate_limit_exceeded' } })).fault, {
    kind: 'rate', status: 429, message: 'Rate limit reached. Please try again in 1.2s', code: 'rate_limit_exceeded', retryAfterMs: 1200,
  })
  assert.equal(openaiResponses.viewer()(event({ type: 'error', code: 'server_error', message: 'x', param: null } as { type: string })).fault?.kind, 'server')
  const failed = event({ type: 'response.failed', response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'slow' }, output: [], usage: { input_tokens: 1, output_tokens: 2 } } } as { type: string })
  const view = openaiResponses.viewer()(failed)
  assert.deepEqual([view.kind, view.fault?.kind, view.usage?.output], ['fault', 'rate', 2])
  assert.equal(openaiResponses.viewReply(tree({ status: 'failed', error: { code: 'server_error', message: 'x' }, output: [] })).kind, 'fault')
})

const reply = {
  id: 'r',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'ok', refusal: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '' } }, { id: 'b', type: 'function', function: { name: 'g', arguments: '{"x":1}' } }] }, finish_reason: 'tool_calls' },
    { index: 1, message: { role: 'assistant', content: null, refusal: 'no', audio: { id: 'au', data: 'AAAA', transcript: 'spoken' }, novel: { inner: 'seen' } }, finish_reason: 'stop' },
  ],
}

test('a complete chat reply is seen in full', () => {
  const view = openaiChat.viewReply(tree(reply))
  assert.deepEqual(view.leaves.map((leaf) => [leaf.channel, leaf.text]), [['0/text', 'ok'], ['0/tool/1', '{"x":1}'], ['1/refusal', 'no'], ['1/audio', 'spoken'], ['1/other', 'seen']])
  assert.ok(view.leaves.every((leaf) => leaf.whole))
  assert.deepEqual(view.proposals, [{ channel: '0/tool/0', id: 'a', name: 'f' }, { channel: '0/tool/1', id: 'b', name: 'g' }])
})

test('dropped calls leave an answer that still reads as one', () => {
  const one = toPlain(openaiChat.dropCalls(tree(reply), new Set(['0/tool/0']))) as typeof reply
  assert.deepEqual([one.choices[0]?.message.tool_calls?.map(({ id }) => id), one.choices[0]?.finish_reason], [['b'], 'tool_calls'])
  const none = toPlain(openaiChat.dropCalls(tree(reply), new Set(['0/tool/0', '0/tool/1']))) as typeof reply
  assert.deepEqual([none.choices[0]?.message.tool_calls, none.choices[0]?.finish_reason], [undefined, 'stop'])
  const delta = openaiChat.dropCalls(chatStream[7]?.data as TreeObject, new Set(['0/tool/1']))
  assert.deepEqual(toPlain(delta), { ...(toPlain(chatStream[7]?.data as Tree) as object), choices: [piece(0, { tool_calls: [call(0, ':1.0}')] })] })

  const response = { id: 'r', output: [{ type: 'message', content: [] }, { type: 'function_call', call_id: 'a', arguments: '{}' }] }
  assert.deepEqual((toPlain(openaiResponses.dropCalls(tree(response), new Set(['0/tool/1']))) as typeof response).output, [response.output[0]])
  const kept = responsesFrames().map((one) => toPlain(openaiResponses.dropCalls(one.data as TreeObject, new Set(['0/tool/2']))) as { type: string })
  const text = JSON.stringify(kept)
  assert.ok(!text.includes('"q') && !text.includes('"call_id":"a"'))
  assert.ok(text.includes('"call_id":"b"') && text.includes('keepalive'))
})

test('token probabilities: pieces of the text are not read twice, others are, and an edit takes them out', () => {
  const list = (...tokens: string[]): unknown => ({ content: tokens.map((token) => ({ token, logprob: 0, bytes: [1], top_logprobs: [{ token: 'rival', logprob: -1, bytes: null }] })), refusal: null })
  const one = (logprobs: unknown): StreamFrame => chunk([{ index: 0, delta: { content: 'ab' }, logprobs, finish_reason: null }])
  assert.equal(openaiChat.viewer()(one(list('a', 'b'))).leaves.length, 1)
  assert.deepEqual(openaiChat.viewer()(one(list('a', 'c'))).leaves.map((leaf) => leaf.text), ['ab', 'a', 'c'])
  assert.ok(!writeJson(openaiChat.scrub?.(one(list('a', 'b')).data as TreeObject) as Tree).includes('rival'))
  const delta = event({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'ab', logprobs: [{ token: 'a' }, { token: 'x' }] } as { type: string })
  assert.deepEqual(openaiResponses.viewer()(delta).leaves.map((leaf) => leaf.text), ['ab', 'a', 'x'])
  const response = tree({ type: 'response.completed', response: { output: [{ type: 'message', content: [{ type: 'output_text', text: 'a', logprobs: [{ token: 'a' }] }] }] } })
  assert.ok(!writeJson(openaiResponses.scrub?.(response) as Tree).includes('token'))
})

test('reasoning of compatible servers: other names, details with signatures, typed chunks', () => {
  const view = openaiChat.viewer()
  const views = [
    chunk([piece(0, { reasoning: 'a', reasoning_details: [{ type: 'reasoning.text', text: 'a', signature: 'AAAA' }] })]),
    chunk([piece(0, { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'deep' }] }] })]),
  ].map(view)
  assert.deepEqual(views.flatMap((one) => one.leaves.map((leaf) => [leaf.channel, leaf.text])), [['0/reasoning', 'a'], ['0/reasoning/details', 'a'], ['0/text/parts', 'deep']])
  const deltas = run(openaiChat, [chunk([piece(0, { reasoning: 'a', reasoning_details: [{ type: 'reasoning.text', text: 'a', signature: 'AAAA' }] })]), chunk([piece(0, { content: 'b' }, 'stop')])])
  assert.deepEqual((told(deltas) as { blocks: unknown }).blocks, [['0/0', { part: 'reasoning', text: 'a', marks: ['openai:AAAA'] }], ['0/1', { part: 'text', text: 'b', marks: [] }]])
})

const word = fc.string({ maxLength: 6 })
const delta = fc.record(
  {
    role: fc.constant('assistant'),
    content: fc.option(word),
    refusal: fc.option(word),
    reasoning_content: word,
    tool_calls: fc.array(fc.record({ index: fc.nat(2), id: word, function: fc.record({ name: word, arguments: word }, { requiredKeys: [] }) }, { requiredKeys: ['index'] }), { maxLength: 2 }),
    audio: fc.record({ transcript: word, data: word }, { requiredKeys: [] }),
    surprise: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
)
const chunks = fc.array(fc.record({ id: word, choices: fc.array(fc.record({ index: fc.nat(2), delta, finish_reason: fc.option(fc.constantFrom('stop', 'tool_calls')) }), { maxLength: 3 }), surprise: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: ['choices'] }), { maxLength: 8 })

/** JSON text through a plain value: what `__proto__` would do is the reader's matter. */
const safe = (value: unknown): boolean => !JSON.stringify(value).includes('__proto__')

test('looking at a chat stream changes nothing, and every leaf stands where it says', () => {
  fc.assert(
    fc.property(chunks.filter(safe), (list) => {
      const view = openaiChat.viewer()
      for (const one of list) {
        const data = tree(one)
        const before = writeJson(data)
        const { leaves } = view({ data })
        let made: Tree = data
        for (const leaf of leaves) made = replaceLeaf(made, leaf.path, leaf.text)
        assert.equal(made, data)
        assert.equal(writeJson(data), before)
      }
    }),
  )
})

test('looking at a Responses stream changes nothing, and every leaf stands where it says', () => {
  const types = ['response.output_text.delta', 'response.output_text.done', 'response.function_call_arguments.delta', 'response.function_call_arguments.done', 'response.output_item.added', 'response.output_item.done', 'response.content_part.added', 'response.content_part.done', 'response.completed', 'response.reasoning_summary_text.delta', 'response.novel']
  const part = fc.record({ type: fc.constantFrom('output_text', 'refusal', 'summary_text', 'novel'), text: word, refusal: word, annotations: fc.array(fc.record({ title: word })), novel: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: ['type'] })
  const item = fc.record({ id: word, type: fc.constantFrom('message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call'), content: fc.array(part, { maxLength: 2 }), summary: fc.array(part, { maxLength: 2 }), name: word, call_id: word, arguments: word, input: word, action: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: ['type'] })
  const one = fc.record({ type: fc.constantFrom(...types), output_index: fc.nat(2), content_index: fc.nat(1), delta: word, text: word, arguments: word, item, part, response: fc.record({ output: fc.array(item, { maxLength: 3 }), novel: fc.jsonValue({ maxDepth: 1 }) }) }, { requiredKeys: ['type'] })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }).filter(safe), (list) => {
      const view = openaiResponses.viewer()
      const proposed = new Set<string>()
      for (const data of list.map(tree)) {
        const { leaves, proposals } = view({ data })
        let made: Tree = data
        for (const leaf of leaves) made = replaceLeaf(made, leaf.path, leaf.text)
        assert.equal(made, data)
        for (const { channel } of proposals) {
          assert.ok(!proposed.has(channel), 'no call is proposed twice')
          proposed.add(channel)
        }
      }
    }),
  )
})
