import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RevocationRow, Revocations } from '../store/interfaces.ts'
import { openEmbedded } from '../store/embedded/open.ts'
import { openRevokedIds } from './revocations.ts'

const HOUR = 3_600_000
const clock = { now: 1_800_000_000_000, wall: () => clock.now, monotonic: () => clock.now, timer: () => () => undefined }

test('what was revoked stays so over a restart, ends by itself, and is forgotten then', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-revoked-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const told: string[] = []
  const open = async () => {
    const store = await openEmbedded({ folder })
    return { store, ids: await openRevokedIds({ store: store.revocations, clock, onRevoked: (ids) => void told.push(...ids) }) }
  }
  const first = await open()
  const adding = first.ids.add('user', HOUR, 'admin:a')
  assert.ok(first.ids.has('user'), 'before it is on disk')
  assert.deepEqual(told, ['user'])
  await adding
  await first.ids.add('user', 1000, 'admin:a')
  await first.store.close()
  const { store, ids } = await open()
  t.after(() => store.close())
  assert.equal(ids.find(() => ['a', 'user']), 'user')
  assert.deepEqual(ids.list(), [{ id: 'user', at: clock.now, until: clock.now + HOUR, by: 'admin:a' }], 'a second time never shortens it')
  clock.now += HOUR
  assert.ok(!ids.has('user'))
  assert.deepEqual(ids.list(), [])
  await ids.sweep()
  assert.deepEqual(await store.revocations.all(), [])
})

test('what is revoked again while it is lifted stays revoked', async () => {
  let lifted = (_: boolean): void => undefined
  const rows = new Map<string, RevocationRow>()
  const store: Revocations = { all: async () => [], put: async (row) => void rows.set(row.id, row), lift: () => new Promise((resolve) => (lifted = resolve)), sweep: async () => 0 }
  const ids = await openRevokedIds({ store, clock, onRevoked: () => undefined })
  await ids.add('x', HOUR, 'admin:a')
  const lifting = ids.lift('x')
  await ids.add('x', HOUR, 'admin:b')
  lifted(true)
  await lifting
  assert.ok(ids.has('x'))
})
