import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Dial } from '../contract/dial.ts'
import type { Payload } from '../contract/receipt.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { openEmbedded, type EmbeddedOptions } from '../store/embedded/open.ts'
import { openAudit, type AuditOptions } from './audit.ts'
import type { AuditEvent } from './events.ts'
import { readKeyring } from './keyring.ts'
import { readCheckpoint, splitNotes } from './note.ts'
import { exportLines, follow, show, tail } from './read.ts'
import { folderFor, intentOf, manualClock, receiptOf } from './sample.fixture.ts'
import { scribeFor } from './scribe.ts'
import { settleAudit, type AuditWritten } from './settings.ts'

async function opened(t: TestContext, more: { written?: AuditWritten; store?: Partial<EmbeddedOptions>; audit?: Partial<AuditOptions>; folder?: string } = {}) {
  const folder = more.folder ?? folderFor(t)
  const clock = manualClock()
  const events: AuditEvent[] = []
  const store = await openEmbedded({ folder, scribe: scribeFor(folder), ...more.store })
  const audit = await openAudit({ store, folder, settings: settleAudit(more.written), clock, on: (event) => events.push(event), ...more.audit })
  let closed = false
  const close = async (): Promise<number> => {
    if (closed) return 0
    closed = true
    const lost = await audit.close()
    await store.close()
    return lost
  }
  t.after(close)
  return { folder, clock, events, store, audit, close }
}

const payload = (said: string, more: Partial<Payload> = {}): Payload => ({
  subject: 'default/key:k1',
  tenant: 'default',
  request: { from: 0, segments: [{ origin: 'user', text: said }] },
  reply: [{ origin: 'assistant', text: 'the answer' }],
  findings: [{ rule: 'email', excerpt: 'a***@e***' }],
  ...more,
})

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}

async function eventually(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('what is written is the canonical record, found again by its exchange with payload and children', async (t) => {
  const { audit, store, folder } = await opened(t)
  const rows = [{ key: 'default|key|k1', window: 0, requests: 1, tokens: 10, cost: 5 }]
  await Promise.all([
    audit.intent(intentOf('x1'), rows),
    audit.receipt(receiptOf('x1'), payload('my question')),
    audit.receipt(receiptOf('x2', { parent: 'x1', sequence: 0 }), undefined),
  ])
  const [intent, receipt, child] = await store.receipts.find('x1')
  assert.equal(Buffer.from(intent?.record ?? []).toString(), canonicalJson(intentOf('x1')))
  const record = JSON.parse(Buffer.from(receipt?.record ?? []).toString()) as { payload: { hash: string } }
  assert.match(record.payload.hash, /^[A-Za-z0-9+/]{43}=$/)
  assert.equal(child?.parent, 'x1')
  assert.deepEqual((await store.counters.load()).open, [{ id: 'x1', rows }])

  const shown = await show(store, 'x1', { keyring: readKeyring(folder) })
  assert.deepEqual(shown.map((one) => one.payload), [undefined, {
    state: 'open',
    content: {
      findings: [{ rule: 'email', excerpt: 'a***@e***' }],
      reply: [{ origin: 'assistant', text: 'the answer' }],
      request: { from: 0, segments: [{ origin: 'user', text: 'my question' }] },
    },
  }, { state: 'none' }])
  assert.deepEqual((await show(store, 'x1'))[1]?.payload, { state: 'sealed' })
  assert.deepEqual(await show(store, 'x1', { tenant: 'other' }), [])
  assert.deepEqual((await tail(store.receipts, { limit: 2 })).map((one) => one.record.exchange), ['x2', 'x1'])
  assert.deepEqual((await all(follow(store.receipts, 1))).map((one) => one.index), [1, 2])
  const lines = await all(exportLines(store.receipts))
  assert.equal(lines[0], `{"index":0,"record":${canonicalJson(intentOf('x1'))}}\n`)
  assert.equal(lines.length, 3)
})

test('no content stands readable in the state folder', async (t) => {
  const { audit, folder, close } = await opened(t)
  await audit.receipt(receiptOf('x1'), payload('THE-SECRET-QUESTION'))
  await close()
  assert.ok(!readFileSync(join(folder, 'state.db')).includes('THE-SECRET-QUESTION'))
  assert.equal(statSync(join(folder, 'audit-keys.json')).mode & 0o777, 0o600)
})

test('erasing a subject takes its content and no one else\'s, and leaves an act', async (t) => {
  const { audit, store, folder } = await opened(t)
  await audit.receipt(receiptOf('x1'), payload('mine'))
  await audit.receipt(receiptOf('x2', { subject: 'default/key:k2' }), payload('theirs', { subject: 'default/key:k2' }))
  const queued = audit.receipt(receiptOf('x3'), payload('mine, still queued'))
  assert.equal(await audit.erase({ subject: 'default/key:k1', tenant: 'default', by: 'anna' }), 2)
  await queued
  const keyring = readKeyring(folder)
  const states = async (id: string) => (await show(store, id, { keyring })).map((one) => one.payload?.state)
  assert.deepEqual([await states('x1'), await states('x2'), await states('x3')], [['erased'], ['open'], ['erased']])
  const [act] = await tail(store.receipts, { limit: 1 })
  assert.ok(act?.record.kind === 'act')
  assert.deepEqual([act.record.act, act.record.by, act.record.detail], ['subject.erased', 'anna', { subject: 'default/key:k1' }])
  await audit.receipt(receiptOf('x4'), payload('anew'))
  assert.deepEqual(await states('x4'), ['open'])
})

test('a legal hold forbids erasure with its reason, until it ends', async (t) => {
  const { audit, store, clock } = await opened(t)
  const erasure = { subject: 'default/key:k1', tenant: 'default', by: 'anna' }
  await audit.receipt(receiptOf('x1'), payload('evidence'))
  await audit.hold({ ...erasure, by: 'counsel' }, clock.wall() + 1000, 'case 17')
  await assert.rejects(audit.erase(erasure), { fault: 'held', message: 'case 17' })
  assert.notEqual(await store.receipts.payload('x1'), undefined)
  clock.advance(1000)
  assert.equal(await audit.erase(erasure), 1)
})

test('payloads over the quota are left out, and the receipt says so; other tenants are not concerned', async (t) => {
  const { audit, store } = await opened(t, { written: { payload_quota: '1KB' } })
  await audit.receipt(receiptOf('x1'), payload('a'.repeat(600)))
  await audit.receipt(receiptOf('x2'), payload('b'.repeat(600)))
  await audit.receipt(receiptOf('y1', { tenant: 'other', subject: 'other/k' }), payload('c'.repeat(600), { tenant: 'other', subject: 'other/k' }))
  const facts = (await store.receipts.read(0, 9)).map((entry) => (JSON.parse(Buffer.from(entry.record).toString()) as { payload: unknown }).payload)
  assert.equal(typeof facts[0], 'object')
  assert.equal(facts[1], 'quota')
  assert.equal(typeof facts[2], 'object')
})

test('a payload over its cap keeps the newest parts and marks the cut', async (t) => {
  const { audit, store, folder } = await opened(t, { written: { payload_bytes: '1KB' } })
  const segments = Array.from({ length: 40 }, (_, n) => ({ origin: 'user', text: `segment ${n} ${'x'.repeat(60)}` }))
  await audit.receipt(receiptOf('x1'), { ...payload(''), request: { segments } })
  const [shown] = await show(store, 'x1', { keyring: readKeyring(folder) })
  assert.ok(shown?.record.kind === 'receipt' && typeof shown.record.payload === 'object')
  assert.equal(shown.record.payload.truncated, true)
  assert.ok(shown.record.payload.bytes < 1400)
  assert.ok(shown.payload?.state === 'open')
  const text = JSON.stringify(shown.payload.content)
  assert.ok(text.includes('segment 39') && text.includes('left out') && !text.includes('segment 0 '))
})

test('masked keeps excerpts and no content; none keeps nothing', async (t) => {
  const masked = await opened(t, { written: { payload: 'masked' } })
  await masked.audit.receipt(receiptOf('x1'), payload('content'))
  const [shown] = await show(masked.store, 'x1', { keyring: readKeyring(masked.folder) })
  assert.deepEqual(shown?.payload, { state: 'open', content: { findings: [{ rule: 'email', excerpt: 'a***@e***' }] } })
  const none = await opened(t, { written: { payload: 'none' } })
  await none.audit.receipt(receiptOf('x1'), payload('content'))
  assert.deepEqual((await show(none.store, 'x1', { keyring: readKeyring(none.folder) }))[0]?.payload, { state: 'none' })
})

test('a payload moved to another exchange does not open', async (t) => {
  const { audit, store, folder } = await opened(t)
  await audit.receipt(receiptOf('x1'), payload('said in x1'))
  const sealed = await store.receipts.payload('x1')
  assert.ok(sealed)
  const hash = (JSON.parse(Buffer.from((await store.receipts.find('x1'))[0]?.record ?? []).toString()) as { payload: unknown }).payload
  await store.receipts.append([{ id: 'x2', tenant: 'default', kind: 'receipt', record: Buffer.from(canonicalJson({ ...receiptOf('x2'), payload: hash })), payload: sealed }])
  assert.deepEqual((await show(store, 'x2', { keyring: readKeyring(folder) }))[0]?.payload, { state: 'broken' })
})

test('text that has no canonical form, and records beyond measure, are still recorded, and hurt no neighbour', async (t) => {
  const { audit, store } = await opened(t)
  const findings = Array.from({ length: 9000 }, () => receiptOf('x').findings[0]).filter((one) => one !== undefined)
  await Promise.all([
    audit.receipt(receiptOf('x1', { resource: 'Model::\ud800half' }), payload('\udc00 half')),
    audit.receipt(receiptOf('x2', { findings }), undefined),
    audit.receipt(receiptOf('x3'), undefined),
  ])
  const [first, second] = (await store.receipts.read(0, 9)).map((entry) => JSON.parse(Buffer.from(entry.record).toString()) as Record<string, unknown>)
  assert.equal(first?.['resource'], 'Model::\ufffdhalf')
  assert.equal(second?.['trimmed'], true)
  assert.equal(second?.['exchange'], 'x2')
  const loop: Record<string, unknown> = {}
  loop['itself'] = loop
  await assert.rejects(audit.receipt(receiptOf('x4'), payload('', { request: 1n })).then(() => audit.act({ kind: 'act', exchange: 'a', tenant: 'default', at: 1, by: 'x', act: 'y', detail: loop as never })), TypeError)
  assert.ok(audit.healthy())
})

test('intents without a receipt are closed as interrupted at the next start', async (t) => {
  const first = await opened(t)
  await first.audit.intent(intentOf('x1', { parent: 'p', sequence: 3 }), [])
  await first.audit.intent(intentOf('x2'), [])
  await first.audit.receipt(receiptOf('x2'), undefined)
  await first.close()
  const again = await opened(t, { folder: first.folder })
  const [, receipt] = await again.store.receipts.find('x1')
  const record = JSON.parse(Buffer.from(receipt?.record ?? []).toString()) as Record<string, unknown>
  assert.deepEqual([record['outcome'], record['code'], record['parent'], record['sequence']], ['interrupted', 'unfinished', 'p', 3])
  assert.deepEqual(await again.store.receipts.interrupted(), [])
  assert.equal((await again.store.receipts.find('x2')).length, 2)
})

test('a log whose keys are gone is not opened with new ones', async (t) => {
  const first = await opened(t)
  await first.audit.receipt(receiptOf('x1'), undefined)
  await first.close()
  rmSync(join(first.folder, 'audit-keys.json'))
  await assert.rejects(opened(t, { folder: first.folder }), { name: 'KeyringError' })
})

test('a full disk refuses intents, keeps receipts and is over once something fits again', async (t) => {
  const { audit, store, clock, events } = await opened(t, { store: { maxPages: 80 } })
  await audit.receipt(receiptOf('big'), payload('x'.repeat(30_000)))
  let written = 0
  await assert.rejects(async () => {
    for (; written < 2000; written++) await audit.intent(intentOf(`x${written}`), [])
  }, { fault: 'full' })
  assert.equal(audit.healthy(), false)
  await assert.rejects(audit.intent(intentOf('refused'), []), { fault: 'full' })
  const kept = audit.receipt(receiptOf('kept'), undefined)
  clock.advance(10_000)
  assert.equal(audit.healthy(), false)
  await store.receipts.erase('default/key:k1', 0, { id: 'e', tenant: 'default', kind: 'act', record: Buffer.from('{"kind":"act","exchange":"e","tenant":"default"}') })
  const settled = kept.then(() => true)
  await eventually(async () => {
    clock.advance(10_000)
    return Promise.race([settled, Promise.resolve(false)])
  })
  assert.equal(audit.healthy(), true)
  assert.equal((await store.receipts.find('kept')).length, 1)
  assert.equal((await store.receipts.find('refused')).length, 0)
  const acts = (await store.receipts.tail({ limit: 9 })).filter((one) => one.kind === 'act').map((one) => Buffer.from(one.record).toString())
  assert.ok(acts.some((one) => one.includes('"act":"audit.recovered"') && one.includes('"refused":1')))
  assert.deepEqual(events.filter((one) => one.kind === 'unwritable' || one.kind === 'writable').map((one) => one.kind), ['unwritable', 'writable'])
})

test('on a disk that stays full nothing hangs: closing counts what was lost, and a start goes on', async (t) => {
  const { audit, folder, close } = await opened(t, { store: { maxPages: 60 } })
  await audit.intent(intentOf('open'), [])
  await assert.rejects(async () => {
    for (let n = 0; n < 2000; n++) await audit.intent(intentOf(`x${n}`, { candidates: ['c'.repeat(5000)] }), [])
  }, { fault: 'full' })
  const waits = [audit.receipt(receiptOf('y1', { resource: 'r'.repeat(20_000) }), undefined), audit.receipt(receiptOf('y2', { resource: 'r'.repeat(20_000) }), undefined)]
  assert.equal(await close(), 2)
  for (const one of await Promise.allSettled(waits)) assert.equal(one.status, 'rejected')
  const again = await opened(t, { folder, store: { maxPages: 60 } })
  assert.equal(again.audit.healthy(), false)
  await assert.rejects(again.audit.intent(intentOf('z'), []), { fault: 'full' })
})

test('over the queue limit intents are refused while receipts still fit', async (t) => {
  const { audit } = await opened(t, { written: { queue_bytes: '4KB' } })
  const waits = Array.from({ length: 20 }, (_, n) => audit.intent(intentOf(`x${n}`), []))
  const receipts = Array.from({ length: 2 }, (_, n) => audit.receipt(receiptOf(`x${n}`), undefined))
  assert.equal(audit.healthy(), false)
  const results = await Promise.allSettled(waits)
  assert.ok(results.some((one) => one.status === 'fulfilled') && results.some((one) => one.status === 'rejected'))
  await Promise.all(receipts)
  assert.equal(audit.healthy(), true)
})

test('payloads expire with time, receipts stay', async (t) => {
  const { audit, store, clock, events } = await opened(t, { written: { payload_retention: '1h' } })
  await audit.receipt(receiptOf('x1', { at: clock.wall() }), payload('soon gone'))
  clock.advance(2 * 3_600_000)
  await eventually(() => events.some((one) => one.kind === 'payloads_expired'))
  assert.equal(await store.receipts.payload('x1'), undefined)
  assert.equal((await store.receipts.find('x1')).length, 1)
})

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

test('after close nothing is taken any more, and what was queued is on disk', async (t) => {
  const { audit, folder, close } = await opened(t)
  const waits = Array.from({ length: 500 }, (_, n) => audit.receipt(receiptOf(`x${n}`), undefined))
  assert.equal(await close(), 0)
  await Promise.all(waits)
  await assert.rejects(audit.receipt(receiptOf('late'), undefined), { fault: 'closed' })
  const again = await opened(t, { folder })
  assert.equal((await again.store.receipts.head()).size, 500)
})
