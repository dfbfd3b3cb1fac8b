import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Dial } from '../contract/dial.ts'
import { readKeyring } from './keyring.ts'
import { readCheckpoint, splitNotes } from './note.ts'
import { eventually, opened } from './opened.fixture.ts'
import { folderFor, receiptOf } from './sample.fixture.ts'

test('each interval with something new gives one signed checkpoint, in the store and in the second place', async (t) => {
  const { audit, store, clock, folder, events, close } = await opened(t)
  await audit.receipt(receiptOf('x1'), undefined)
  const kept = () => events.filter((one) => one.kind === 'checkpoint_kept').length
  clock.advance(1000)
  await eventually(() => kept() === 1)
  clock.advance(5000)
  await audit.checkpoint()
  assert.equal(kept(), 1)
  await audit.receipt(receiptOf('x2'), undefined)
  await close()
  assert.equal(kept(), 2)
  const notes = splitNotes(readFileSync(join(folder, 'checkpoints.log'), 'utf8'))
  assert.deepEqual(notes.map((note) => readCheckpoint(note)?.head.size), [1, 2])
  assert.equal(readCheckpoint(notes[0] ?? '')?.origin, readKeyring(folder).origin)
  assert.ok(store)
})

test('a second place that fails raises one alarm, and another word when it has caught up', async (t) => {
  const folder = folderFor(t)
  const blocked = join(folder, 'blocked')
  mkdirSync(blocked)
  const { audit, clock, events, store } = await opened(t, { folder, written: { checkpoints: { to: { file: 'blocked' }, late_after: '10s' } } })
  await audit.receipt(receiptOf('x1'), undefined)
  for (let n = 0; n < 15; n++) {
    clock.advance(1000)
    await audit.checkpoint()
  }
  assert.equal(events.filter((one) => one.kind === 'checkpoint_late').length, 1)
  rmSync(blocked, { recursive: true })
  await audit.checkpoint()
  await audit.flush()
  const acts = (await store.receipts.read(0, 99)).filter((one) => one.kind === 'act').map((one) => (JSON.parse(Buffer.from(one.record).toString()) as { act: string }).act)
  assert.deepEqual(acts, ['checkpoint.late', 'checkpoint.caught_up'])
})

test('checkpoints go out over the dial that was handed in, and only a 2xx counts', async (t) => {
  const bodies: string[] = []
  let status = 500
  const dial: Dial = (request) => {
    bodies.push(String(request.body))
    return Promise.resolve({ status, fields: [], body: { whole: () => Promise.resolve(new Uint8Array()), stream: () => (async function* () {})() }, abort: () => undefined })
  }
  const { audit, events } = await opened(t, { written: { checkpoints: { to: { url: 'https://witness.example/add' } } }, audit: { dial } })
  await audit.receipt(receiptOf('x1'), undefined)
  await audit.checkpoint()
  assert.ok(events.some((one) => one.kind === 'checkpoint_failed' && one.message.includes('500')))
  status = 204
  await audit.checkpoint()
  assert.ok(events.some((one) => one.kind === 'checkpoint_kept'))
  assert.equal(readCheckpoint(bodies[0] ?? '')?.head.size, 1)
  assert.equal(bodies[0], bodies[1])
})

test('a note that a stopping machine left unfinished is cut off before the next one', async (t) => {
  const { audit, folder, close } = await opened(t)
  const file = join(folder, 'checkpoints.log')
  await audit.receipt(receiptOf('x1'), undefined)
  await close()
  const whole = readFileSync(file)
  for (const cut of [whole.length - 1, whole.length - 60, 10]) {
    writeFileSync(file, Buffer.concat([whole, whole.subarray(0, cut)]))
    const again = await opened(t, { folder })
    await again.audit.receipt(receiptOf(`after ${cut}`), undefined)
    await again.close()
    const notes = splitNotes(readFileSync(file, 'utf8'))
    assert.deepEqual(notes.map((note) => typeof readCheckpoint(note)), ['object', 'object'])
  }
})
