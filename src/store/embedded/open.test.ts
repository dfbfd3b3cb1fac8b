import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import type { AppendEntry } from '../interfaces.ts'
import { openEmbedded, type EmbeddedOptions } from './open.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-store-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

async function opened(t: TestContext, options: EmbeddedOptions) {
  const store = await openEmbedded(options)
  t.after(() => store.close())
  return store
}

function act(id: string, size = 100): AppendEntry {
  return { id, tenant: 'default', kind: 'act', record: Buffer.from(JSON.stringify({ id, pad: 'x'.repeat(size) })) }
}

test('the folder is 0700 and every file in it 0600', { skip: process.platform === 'win32' }, async (t) => {
  const folder = join(folderFor(t), 'deep', 'state')
  const store = await opened(t, { folder })
  await store.receipts.append([act('a')])
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  const files = readdirSync(folder)
  assert.ok(files.includes('state.db-wal'))
  for (const name of files) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
})

test('a second writer is refused with the name of the first, and may write once that is gone', async (t) => {
  const folder = folderFor(t)
  const module = new URL('./open.ts', import.meta.url).href
  const child = spawn(process.execPath, [
    '--input-type=module', '-e',
    // Its own options (--input-type) must not reach the worker, or that could not start.
    `const { openEmbedded } = await import(${JSON.stringify(module)}); await openEmbedded({ folder: ${JSON.stringify(folder)} }); console.log('open'); setInterval(() => {}, 1000)`,
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  await assert.rejects(openEmbedded({ folder }), (error: Error & { fault?: string }) => {
    assert.equal(error.fault, 'locked')
    assert.match(error.message, new RegExp(`process ${child.pid} on `))
    return true
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const store = await opened(t, { folder })
  assert.equal((await store.receipts.append([act('a')])).size, 1)
})

test('a reader beside the writer sees what is committed and can write nothing', async (t) => {
  const folder = folderFor(t)
  await assert.rejects(openEmbedded({ folder, readOnly: true }), { fault: 'io' })
  const writer = await opened(t, { folder })
  const reader = await opened(t, { folder, readOnly: true })
  const head = await writer.receipts.append([act('a'), act('b')])
  assert.deepEqual(await reader.receipts.head(), head)
  assert.equal((await reader.receipts.tail({ limit: 9 })).length, 2)
  await assert.rejects(reader.receipts.append([act('c')]), { fault: 'read_only' })
  await writer.receipts.append([act('d')])
  assert.equal((await reader.receipts.head()).size, 3)
})

test('everything is there again after closing and opening', async (t) => {
  const folder = folderFor(t)
  const first = await openEmbedded({ folder })
  const unawaited = first.receipts.append([act('a')])
  const head = await first.receipts.append([act('b')])
  await first.close()
  await unawaited
  await assert.rejects(first.receipts.head(), { fault: 'closed' })
  const again = await opened(t, { folder })
  assert.deepEqual(await again.receipts.head(), head)
  assert.equal((await again.receipts.append([act('c')])).size, 3)
})

test('one call that fails does not take along those committed with it', async (t) => {
  const store = await opened(t, { folder: folderFor(t) })
  const key = { id: 'k', tenant: 't', name: 'n', hash: new Uint8Array(1), under: 'u', created: 1, scope: '{}' }
  const results = await Promise.allSettled([
    store.receipts.append([act('a')]),
    store.keys.insert(key),
    store.keys.insert(key),
    store.receipts.append([act('b')]),
    store.receipts.write('[]', []),
  ])
  assert.deepEqual(results.map((one) => one.status), ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'])
  assert.deepEqual((await store.receipts.read(0, 9)).map((one) => one.id), ['a', 'b'])
})

test('over the queue limit a call is refused, and the next one passes', async (t) => {
  const store = await opened(t, { folder: folderFor(t), queueBytes: 10_000 })
  const first = store.receipts.append([act('a', 6000)])
  assert.ok(store.pressure() > 0.5)
  await assert.rejects(store.receipts.append([act('b', 6000)]), { fault: 'overloaded' })
  await first
  assert.equal(store.pressure(), 0)
  await store.receipts.append([act('c', 6000)])
  assert.deepEqual((await store.receipts.read(0, 9)).map((one) => one.id), ['a', 'c'])
})

test('a full disk is a stated fault; what fits again afterwards is taken', async (t) => {
  const store = await opened(t, { folder: folderFor(t), maxPages: 80 })
  const payload = { subject: 'default/x', tenant: 'default', bytes: new Uint8Array(100_000) }
  await store.receipts.append([{ ...act('a'), payload }])
  let held = 1
  await assert.rejects(async () => {
    for (; held < 100; held++) await store.receipts.append([act(`b${held}`, 8000)])
  }, { fault: 'full' })
  assert.equal((await store.receipts.head()).size, held)
  await store.receipts.erase('default/x', 0, act('erased'))
  const head = await store.receipts.append([act('c', 8000)])
  assert.equal(head.size, held + 2)
})

test('an erased key is in no file any more', async (t) => {
  const folder = folderFor(t)
  const store = await opened(t, { folder })
  const wrapped = Buffer.from('WRAPPED-KEY-THAT-MUST-NOT-STAY-BEHIND')
  await store.subjects.put('default/x', wrapped, 'kek')
  await store.receipts.append([act('a')])
  assert.ok(['state.db', 'state.db-wal'].some((name) => copyOf(folder, name).includes(wrapped)))
  await store.receipts.erase('default/x', 0, act('erased'))
  for (const name of readdirSync(folder)) assert.ok(!copyOf(folder, name).includes(wrapped), name)
})

/** Read by another process: closing a descriptor of the database in this one would drop SQLite's locks. */
function copyOf(folder: string, name: string): Buffer {
  return execFileSync(process.execPath, ['-e', 'process.stdout.write(fs.readFileSync(process.argv[1]))', join(folder, name)])
}

test('a folder that a newer version wrote, or that holds no database, is refused', async (t) => {
  const newer = folderFor(t)
  await (await openEmbedded({ folder: newer })).close()
  const db = new DatabaseSync(join(newer, 'state.db'))
  db.exec('PRAGMA user_version = 999')
  db.close()
  await assert.rejects(openEmbedded({ folder: newer }), { fault: 'corrupt', message: /newer version/ })
  const broken = folderFor(t)
  writeFileSync(join(broken, 'state.db'), 'this is no database, whatever its name says '.repeat(300))
  await assert.rejects(openEmbedded({ folder: broken }), { fault: 'corrupt' })
})
