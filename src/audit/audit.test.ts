import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalJson } from '../formats/canonical.ts'
import { readKeyring } from './keyring.ts'
import { eventually, opened, payload } from './opened.fixture.ts'
import { exportLines, follow, show, tail } from './read.ts'
import { intentOf, receiptOf } from './sample.fixture.ts'

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
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

test('payloads expire with time, receipts stay', async (t) => {
  const { audit, store, clock, events } = await opened(t, { written: { payload_retention: '1h' } })
  await audit.receipt(receiptOf('x1', { at: clock.wall() }), payload('soon gone'))
  clock.advance(2 * 3_600_000)
  await eventually(() => events.some((one) => one.kind === 'payloads_expired'))
  assert.equal(await store.receipts.payload('x1'), undefined)
  assert.equal((await store.receipts.find('x1')).length, 1)
})
