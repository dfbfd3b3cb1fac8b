import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outlet } from '../../../contract/arrival.ts'
import { handClock } from '../../../contract/clock.fixture.ts'
import { Channels, type Channel } from './channels.ts'
import { Sessions } from './sessions.ts'
import { EventStream } from './stream.ts'

/** A caller that reads when it is told to. */
function outletOf(full: boolean): { readonly outlet: Outlet; readonly text: () => string; readonly ended: () => boolean; drain(): Promise<void> } {
  let text = ''
  let ended = false
  let waiting: PromiseWithResolvers<void> | undefined
  const outlet: Outlet = {
    committed: false,
    head: () => undefined,
    write(bytes) {
      text += String(bytes)
      return full ? (waiting = Promise.withResolvers<void>()).promise : undefined
    },
    end(bytes) {
      text += String(bytes ?? '')
      ended = true
    },
    cut: () => undefined,
    stop: () => undefined,
  }
  return { outlet, text: () => text, ended: () => ended, drain: async () => (waiting?.resolve(), new Promise((resolve) => setImmediate(resolve))) }
}

test('a caller that does not read is told no more than fits, and the answer all the same', async () => {
  const clock = handClock()
  const { outlet, text, ended, drain } = outletOf(true)
  const stream = new EventStream(outlet, clock, [])
  const taken = Array.from({ length: 1_000 }, (_, index) => stream.send(`"${index}"`)).filter(Boolean).length
  assert.ok(taken > 1 && taken < 300, String(taken))
  stream.end('"answer"')
  assert.equal(stream.send('"late"'), false)
  for (let turn = 0; turn < 400 && !ended(); turn++) await drain()
  assert.ok(ended() && text().endsWith('data: "answer"\n\n') && !text().includes('late'))
})

test('a silent line is kept open, and one whose caller left is left alone', () => {
  const clock = handClock()
  const { outlet, text, ended } = outletOf(false)
  const stream = new EventStream(outlet, clock, [])
  clock.move(15_000)
  clock.move(15_000)
  assert.equal(text(), ':\n\n:\n\n')
  stream.drop()
  clock.move(60_000)
  stream.end('"answer"')
  assert.deepEqual([text(), ended()], [':\n\n:\n\n', false])
})

test('sessions: as many as there may be, gone when nobody uses them, with what they hold', () => {
  const clock = handClock()
  const sessions = new Sessions(clock, { idleMs: 1_000, perPrincipal: 3, all: 4 })
  const who = (workload: string) => ({ tenant: 'default', workload, chain: [], roles: [], proof: { kind: 'api_key', id: workload }, scope: { rights: [] } }) as const
  const open = (workload: string) => sessions.open(who(workload), 'mcp:one', '2025-11-25', new Map())
  const first = open('a')
  assert.ok(first !== undefined && open('a') && open('a'))
  assert.equal(open('a'), undefined)
  assert.ok(open('b'))
  assert.equal(open('c'), undefined)
  assert.equal(sessions.find(first.id, who('b'), 'mcp:one'), undefined)
  assert.equal(sessions.find(first.id, who('a'), 'mcp'), undefined)
  let left = 0
  first.subscribed.set('test://x', { server: undefined as never, link: undefined as never, leave: () => void left++ })
  let answer: unknown
  first.asked.set('sallyport-1', (said) => (answer = said))
  clock.move(600)
  assert.equal(sessions.find(first.id, who('a'), 'mcp:one'), first)
  clock.move(600)
  assert.equal(sessions.size, 1)
  first.listener = () => undefined
  clock.move(5_000)
  assert.equal(sessions.size, 1, 'a session that is listened to is in use')
  delete first.listener
  clock.move(5_000)
  assert.deepEqual([sessions.size, left, typeof answer], [0, 1, 'object'])
})

test('channels: as many as there may be, and none that is permitted no longer', async () => {
  const channels = new Channels()
  const ends: string[] = []
  const channel = (owner: string, still: boolean): Channel => ({ owner, still: () => still, end: (why) => void ends.push(`${owner} ${why}`) })
  const leaves = Array.from({ length: 100 }, (_, index) => channels.add(channel('a', index % 2 === 0)))
  assert.equal(channels.add(channel('a', true)), undefined)
  const other = channels.add(channel('b', true))
  assert.ok(other !== undefined)
  channels.recheck()
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([ends.length, new Set(ends)], [50, new Set(['a lost'])])
  for (const leave of leaves) leave?.()
  leaves[0]?.()
  assert.equal(channels.size, 1)
  channels.close()
  assert.equal(ends.at(-1), 'b over')
})
