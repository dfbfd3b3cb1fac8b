import assert from 'node:assert/strict'
import test from 'node:test'
import { at, type Tree } from '../../../formats/tree.ts'
import { writeJson } from '../../../formats/json.ts'
import { anthropicMessages } from '../anthropic/dialect.ts'
import type { Dialect, StreamFrame } from '../dialect.ts'
import { geminiGenerate } from '../gemini/dialect.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import { openaiResponses } from '../openai/responses/dialect.ts'
import type { Delta } from '../conversation.ts'
import { candidate } from './attempts.fixture.ts'
import { newDrops } from './drop.ts'
import { frameEvent, treeEvent, type LlmEvent } from './event.ts'

const deltas: readonly Delta[] = [
  { t: 'start', id: 'x', model: 'm' },
  { t: 'open', choice: 0, block: 0, part: 'call', id: 'call_a', name: 'good_tool' },
  { t: 'text', choice: 0, block: 0, text: '{"a":1}' },
  { t: 'close', choice: 0, block: 0 },
  { t: 'open', choice: 0, block: 1, part: 'call', id: 'call_b', name: 'evil_tool' },
  { t: 'text', choice: 0, block: 1, text: '{"b":2}' },
  { t: 'close', choice: 0, block: 1 },
  { t: 'finish', choice: 0, stop: 'tool_calls' },
  { t: 'usage', usage: { input: 1, output: 2, cachedInput: 0, cacheWrite: 0, reasoning: 0 } },
  { t: 'end' },
]

const asked = openaiChat.decode(new Map<string, Tree>([['model', 'm'], ['stream', true], ['messages', []]]))

/** The stream as events, as the reader makes them, without the calls whose name is refused. */
function rendered(dialect: Dialect, refused: (name: string) => boolean): readonly StreamFrame[] {
  const encoder = dialect.encoder(asked)
  const view = dialect.viewer()
  const drops = newDrops()
  const events = deltas.flatMap((delta) => encoder.push(delta)).map((frame) => {
    const seen = view(frame)
    for (const { channel } of seen.proposals) drops.calls.add(channel)
    return frameEvent(dialect, candidate('p', 'primary'), frame, seen, drops)
  })
  const channels = new Set(events.flatMap((event) => event.proposals.filter(({ name }) => refused(name)).map(({ channel }) => channel)))
  return events.flatMap((event) => (event.drop(channels) as LlmEvent | undefined)?.frame ?? [])
}

for (const dialect of [openaiChat, openaiResponses, anthropicMessages, geminiGenerate]) {
  test(`${dialect.id}: a dropped call leaves nothing of itself in the stream, the other one stays`, () => {
    const frames = rendered(dialect, (name) => name === 'evil_tool')
    const text = frames.map(({ data }) => (data === undefined ? '' : writeJson(data))).join('\n')
    assert.doesNotMatch(text, /evil_tool|call_b|\\"b\\"|"b":/)
    assert.match(text, /good_tool/)
    const decoder = dialect.decoder()
    const back = [...frames.flatMap((frame) => decoder.push(frame)), ...decoder.finish()]
    assert.deepEqual(back.filter((delta) => delta.t === 'open' && delta.part === 'call').map((delta) => (delta.t === 'open' ? delta.name : '')), ['good_tool'])
    assert.ok(back.some((delta) => delta.t === 'end'))
  })

  test(`${dialect.id}: where every call was dropped the answer does not ask for tools any more`, () => {
    const frames = rendered(dialect, () => true)
    const decoder = dialect.decoder()
    const back = [...frames.flatMap((frame) => decoder.push(frame)), ...decoder.finish()]
    assert.ok(back.every((delta) => delta.t !== 'open' || delta.part !== 'call'))
    const finish = back.find((delta) => delta.t === 'finish')
    assert.equal(finish?.t === 'finish' ? finish.stop : undefined, 'stop')
  })

  test(`${dialect.id}: a whole reply drops its calls too`, () => {
    const tree = dialect.encodeReply(
      { id: 'x', model: 'm', choices: [{ parts: [{ kind: 'call', id: 'call_a', name: 'good_tool', args: '{"a":1}' }, { kind: 'call', id: 'call_b', name: 'evil_tool', args: '{"b":2}' }], stop: 'tool_calls' }], extra: new Map() },
      asked,
    )
    const event = treeEvent(dialect, candidate('p', 'primary'), tree, dialect.viewReply(tree))
    const evil = event.proposals.find(({ name }) => name === 'evil_tool')
    const kept = event.drop(new Set([evil?.channel ?? ''])) as LlmEvent
    assert.deepEqual(kept.proposals.map(({ name }) => name), ['good_tool'])
    assert.doesNotMatch(writeJson(kept.tree ?? null), /evil_tool/)
    assert.notEqual(at(kept.tree, []), undefined)
  })
}
