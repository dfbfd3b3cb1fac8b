import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Facts } from '../contract/facts.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Reply, ReplyEvent } from '../contract/reply.ts'
import { Refused, refuse } from '../contract/verdict.ts'
import type { House } from './house.ts'
import { lateVerdict } from './late.ts'

const clear: Inspection = { findings: [], verdict: 'allow', edits: [], micros: 0, reused: 0 }
const timers: (() => void)[] = []
const house = { clock: { wall: () => 0, monotonic: () => 0, timer: (_: number, fire: () => void) => (timers.push(fire), () => undefined) } } as unknown as House

function stage(pending: Promise<Inspection>, signal = new AbortController().signal) {
  const facts = { errand: { signal }, reading: { action: 'llm.generate' }, permit: {}, inspection: { ...clear, pending } } as unknown as Facts
  const late = lateVerdict(house, facts)
  assert.ok(late !== undefined)
  return late
}

const refusal = (late: { readonly sure: Promise<void> }) => late.sure.then(() => undefined, (error: unknown) => (error instanceof Refused ? error.refusal.refuse : 'not a refusal'))

test('what is clear passes; whatever is not, refuses, and so do silence and defects', async () => {
  assert.equal(await refusal(stage(Promise.resolve(clear))), undefined)
  const verdicts: readonly (readonly [Partial<Inspection>, string])[] = [
    [{ verdict: 'deny', refusal: refuse('injection') }, 'injection'],
    [{ verdict: 'deny' }, 'content_refused'],
    [{ verdict: 'hold' }, 'approval_unavailable'],
    [{ verdict: 'redact' }, 'content_refused'],
    [{ instruct: ['be good'] }, 'content_refused'],
  ]
  for (const [more, code] of verdicts) assert.equal(await refusal(stage(Promise.resolve({ ...clear, ...more }))), code)
  assert.equal(await refusal(stage(Promise.reject(new Error('broken')))), 'guard_failed')
  const hung = stage(new Promise(() => undefined))
  timers.at(-1)?.()
  assert.equal(await refusal(hung), 'guard_failed')
  assert.equal(await refusal(stage(Promise.resolve({ ...clear, verdict: 'deny' }), AbortSignal.abort())), 'cancelled')
})

test('a refusal ends an upstream that has not answered yet, at once', async () => {
  const pending = Promise.withResolvers<Inspection>()
  const late = stage(pending.promise)
  let aborted = 0
  const reply = { events: (async function* (): AsyncGenerator<ReplyEvent> { yield await new Promise<never>(() => undefined) })(), abort: () => void aborted++ } as unknown as Reply
  const next = late.over(reply)[Symbol.asyncIterator]().next()
  pending.resolve({ ...clear, verdict: 'deny', refusal: refuse('injection') })
  await assert.rejects(next, (error) => error instanceof Refused && error.refusal.refuse === 'injection')
  assert.equal(aborted, 1)
  assert.equal(late.known().refusal?.refuse, 'injection')
})

test('events that come first are handed on, and an upstream that fails is heard', async () => {
  const pending = Promise.withResolvers<Inspection>()
  const late = stage(pending.promise)
  const one = { kind: 'content' } as unknown as ReplyEvent
  const reply = { events: (async function* () { yield one; pending.resolve(clear); throw new Error('cut') })(), abort: () => undefined } as unknown as Reply
  const events = late.over(reply)[Symbol.asyncIterator]()
  assert.deepEqual(await events.next(), { done: false, value: one })
  await assert.rejects(events.next(), /cut/)
})
