import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, opened, payload } from './opened.fixture.ts'
import { intentOf, receiptOf } from './sample.fixture.ts'

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

test('after close nothing is taken any more, and what was queued is on disk', async (t) => {
  const { audit, folder, close } = await opened(t)
  const waits = Array.from({ length: 500 }, (_, n) => audit.receipt(receiptOf(`x${n}`), undefined))
  assert.equal(await close(), 0)
  await Promise.all(waits)
  await assert.rejects(audit.receipt(receiptOf('late'), undefined), { fault: 'closed' })
  const again = await opened(t, { folder })
  assert.equal((await again.store.receipts.head()).size, 500)
})
