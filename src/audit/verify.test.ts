import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { verifyConsistency } from '../formats/merkle.ts'
import { openEmbedded } from '../store/embedded/open.ts'
import { openAudit } from './audit.ts'
import { readKeyring } from './keyring.ts'
import { isSigned, readCheckpoint, readVerifier, signCheckpoint, splitNotes, verifierOf, type Verifier } from './note.ts'
import { checkProof, prove, proveConsistency } from './prove.ts'
import { folderFor, intentOf, manualClock, receiptOf } from './sample.fixture.ts'
import { scribeFor } from './scribe.ts'
import { settleAudit } from './settings.ts'
import { verify, type Verification } from './verify.ts'

/** A closed log of `exchanges` exchanges, with a checkpoint after each third one. */
async function logIn(folder: string, exchanges: number, said = 'hello'): Promise<void> {
  const store = await openEmbedded({ folder, scribe: scribeFor(folder) })
  const audit = await openAudit({ store, folder, settings: settleAudit({}), clock: manualClock() })
  for (let n = 0; n < exchanges; n++) {
    const waits = [audit.intent(intentOf(`x${n}`), []), audit.receipt(receiptOf(`x${n}`), { subject: 'default/k', tenant: 'default', request: said })]
    if (n % 3 !== 2) continue
    await Promise.all(waits)
    await audit.checkpoint()
  }
  await audit.close()
  await store.close()
}

function verifiersOf(folder: string): Verifier[] {
  const { origin, sign } = readKeyring(folder)
  return sign.map((key) => verifierOf(origin, key.publicKey))
}

const notesOf = (folder: string): string[] => splitNotes(readFileSync(join(folder, 'checkpoints.log'), 'utf8'))
const savedOf = (folder: string): string => notesOf(folder).at(-1) ?? ''

interface Checked {
  readonly folder: string
  readonly saved: string
  run(more?: { readonly checkpoint?: string; readonly checkpointFile?: string }): Promise<Verification>
}

/** A log whose store a second process may change below a reader. */
async function sample(t: TestContext, exchanges = 4): Promise<Checked & { readonly db: DatabaseSync }> {
  const folder = folderFor(t)
  await logIn(folder, exchanges)
  const saved = savedOf(folder)
  const verifiers = verifiersOf(folder)
  const store = await openEmbedded({ folder, readOnly: true })
  const db = new DatabaseSync(join(folder, 'state.db'))
  t.after(async () => {
    await store.close()
    db.close()
  })
  return { folder, saved, db, run: (more = {}) => verify(store.receipts, { verifiers, ...more }) }
}

const kinds = (result: Verification): string[] => [...new Set(result.problems.map((one) => one.kind))]

test('an untouched log verifies, with all its checkpoints', async (t) => {
  const { run, saved, folder } = await sample(t)
  const result = await run({ checkpoint: saved, checkpointFile: join(folder, 'checkpoints.log') })
  assert.deepEqual(result.problems, [])
  assert.deepEqual([result.ok, result.size, result.checkpoints], [true, 8, 5])
})

test('every flipped byte of a record is found', async (t) => {
  const { run, db } = await sample(t, 1)
  const update = db.prepare('UPDATE records SET record = ? WHERE idx = ?')
  for (const { idx, record } of db.prepare('SELECT idx, record FROM records').all() as { idx: number; record: Uint8Array }[]) {
    for (let at = 0; at < record.length; at++) {
      const changed = Uint8Array.from(record)
      changed[at] = (changed[at] as number) ^ (1 << at % 8)
      update.run(changed, idx)
      assert.equal((await run()).ok, false, `byte ${at} of entry ${idx}`)
    }
    update.run(record, idx)
  }
  assert.equal((await run()).ok, true)
})

/** Each is what somebody with write access to the database could do; `kind` is one of the problems it must raise. */
const changes: readonly { readonly name: string; readonly sql: string; readonly kind: string }[] = [
  { name: 'an entry deleted in the middle', sql: 'DELETE FROM intents; DELETE FROM payloads WHERE idx = 3; DELETE FROM records WHERE idx = 3', kind: 'missing' },
  { name: 'the first entry deleted', sql: 'DELETE FROM records WHERE idx = 0', kind: 'missing' },
  { name: 'the last entries cut off', sql: 'DELETE FROM payloads WHERE idx > 5; DELETE FROM records WHERE idx > 5', kind: 'missing' },
  { name: 'two entries swapped', sql: 'PRAGMA foreign_keys = OFF; UPDATE records SET idx = 99 WHERE idx = 1; UPDATE records SET idx = 1 WHERE idx = 3; UPDATE records SET idx = 3 WHERE idx = 99; PRAGMA foreign_keys = ON', kind: 'root' },
  { name: 'an entry doubled at the end', sql: 'INSERT INTO records SELECT 8, exchange, parent, tenant, kind, record FROM records WHERE idx = 7; UPDATE tree SET size = 9', kind: 'root' },
  { name: 'an entry filed under another tenant', sql: "UPDATE records SET tenant = 'other' WHERE idx = 2", kind: 'column' },
  { name: 'an entry filed under another exchange', sql: "UPDATE records SET exchange = 'x9' WHERE idx = 2", kind: 'column' },
  { name: 'an entry filed as another kind', sql: 'UPDATE records SET kind = 2 WHERE idx = 2', kind: 'column' },
  { name: 'a child filed without its parent', sql: "UPDATE records SET parent = 'x0' WHERE idx = 2", kind: 'column' },
  { name: 'a record padded with white space', sql: "UPDATE records SET record = CAST(record || x'20' AS BLOB) WHERE idx = 2", kind: 'record' },
  { name: 'a record replaced by another', sql: 'UPDATE records SET record = (SELECT record FROM records WHERE idx = 0) WHERE idx = 2', kind: 'root' },
  { name: 'a payload replaced', sql: "UPDATE payloads SET bytes = x'0102' WHERE idx = 1", kind: 'payload' },
  { name: 'a checkpoint\'s note changed', sql: "UPDATE checkpoints SET note = replace(note, char(10) || '6' || char(10), char(10) || '5' || char(10)) WHERE size = 6", kind: 'signature' },
  { name: 'a checkpoint made unreadable', sql: "UPDATE checkpoints SET note = 'nonsense' WHERE size = 6", kind: 'checkpoint' },
]

for (const { name, sql, kind } of changes) {
  test(`found: ${name}`, async (t) => {
    const { run, db, saved } = await sample(t)
    db.exec(sql)
    const result = await run({ checkpoint: saved })
    assert.equal(result.ok, false)
    assert.ok(kinds(result).includes(kind), kinds(result).join())
  })
}

/** The log of `with` in the place of that of `folder`: database, keys and checkpoint file, all well-made. */
function rewrite(folder: string, made: string, names: readonly string[]): void {
  for (const name of names) cpSync(join(made, name), join(folder, name))
}

test('a log rewritten as a whole, new keys included, is found by a saved checkpoint', async (t) => {
  const folder = folderFor(t)
  const forged = folderFor(t)
  await logIn(folder, 4)
  await logIn(forged, 5, 'nothing was said')
  const saved = savedOf(folder)
  rewrite(folder, forged, ['state.db', 'audit-keys.json', 'checkpoints.log'])
  const store = await openEmbedded({ folder, readOnly: true })
  t.after(() => store.close())
  const verifiers = verifiersOf(folder)
  const checkpointFile = join(folder, 'checkpoints.log')
  assert.equal((await verify(store.receipts, { verifiers, checkpointFile })).ok, true, 'nothing inside the folder can tell')
  const result = await verify(store.receipts, { verifiers, checkpointFile, checkpoint: saved })
  assert.deepEqual(kinds(result).toSorted(), ['root', 'signature'])
})

test('a log rewritten under the same key is found by the second place\'s file', async (t) => {
  const folder = folderFor(t)
  await logIn(folder, 4)
  const forged = folderFor(t)
  cpSync(join(folder, 'audit-keys.json'), join(forged, 'audit-keys.json'))
  await logIn(forged, 4, 'nothing was said')
  rewrite(folder, forged, ['state.db'])
  const store = await openEmbedded({ folder, readOnly: true })
  t.after(() => store.close())
  const result = await verify(store.receipts, { verifiers: verifiersOf(folder), checkpointFile: join(folder, 'checkpoints.log') })
  assert.deepEqual(kinds(result), ['root'])
})

test('a log set back to an earlier state is found, and a checkpoint file that lost its end is not held against it', async (t) => {
  const folder = folderFor(t)
  await logIn(folder, 4)
  const saved = savedOf(folder)
  const short = folderFor(t)
  cpSync(join(folder, 'audit-keys.json'), join(short, 'audit-keys.json'))
  await logIn(short, 2)
  const store = await openEmbedded({ folder: short, readOnly: true })
  t.after(() => store.close())
  assert.ok(kinds(await verify(store.receipts, { verifiers: verifiersOf(folder), checkpoint: saved })).includes('missing'))
  const torn = join(folder, 'torn.log')
  writeFileSync(torn, notesOf(folder).join('').slice(0, -20))
  const own = await openEmbedded({ folder, readOnly: true })
  t.after(() => own.close())
  assert.equal((await verify(own.receipts, { verifiers: verifiersOf(folder), checkpointFile: torn })).ok, true)
})

test('after an erasure the tree still verifies', async (t) => {
  const folder = folderFor(t)
  await logIn(folder, 4)
  const saved = savedOf(folder)
  const store = await openEmbedded({ folder, scribe: scribeFor(folder) })
  t.after(() => store.close())
  const audit = await openAudit({ store, folder, settings: settleAudit({}), clock: manualClock() })
  assert.equal(await audit.erase({ subject: 'default/k', tenant: 'default', by: 'anna' }), 4)
  await audit.close()
  const result = await verify(store.receipts, { verifiers: verifiersOf(folder), checkpoint: saved, checkpointFile: join(folder, 'checkpoints.log') })
  assert.deepEqual([result.problems, result.size], [[], 9])
})

test('inclusion and consistency are proven across tiles, and a proof of something else does not hold', async (t) => {
  const folder = folderFor(t)
  await logIn(folder, 301)
  const store = await openEmbedded({ folder, readOnly: true })
  t.after(() => store.close())
  const { size } = await store.receipts.head()
  for (const index of [0, 1, 255, 256, 511, 512, 600, size - 1]) {
    const [proof] = await prove(store.receipts, index)
    assert.ok(proof && checkProof(proof))
    assert.ok(isSigned(readCheckpoint(proof.checkpoint ?? '') ?? assert.fail(), verifiersOf(folder)))
    assert.ok(!checkProof({ ...proof, record: proof.record.replace('default', 'another') }))
    assert.ok(!checkProof({ ...proof, index: (index + 1) % size }))
  }
  const both = await prove(store.receipts, 'x300')
  assert.deepEqual(both.map((one) => [one.index, checkProof(one)]), [[600, true], [601, true]])
  assert.deepEqual(await prove(store.receipts, 'x300', 'other'), [])
  assert.deepEqual(await prove(store.receipts, size), [])

  const heads = (await store.receipts.checkpoints(0, 1000)).map((one) => one.head)
  const newest = heads.at(-1) ?? assert.fail()
  for (const older of [heads[0], heads[42], heads[60], newest]) {
    const proof = await proveConsistency(store.receipts, older?.size ?? 0, newest.size)
    assert.ok(older && verifyConsistency(older, newest, proof))
    if (older !== newest) assert.ok(!verifyConsistency({ ...older, root: newest.root }, newest, proof))
  }
  await assert.rejects(proveConsistency(store.receipts, 1, size + 1), RangeError)
})

test('a checkpoint is read strictly and only its own key verifies it', (t) => {
  const folder = folderFor(t)
  return logIn(folder, 1).then(() => {
    const { origin, sign } = readKeyring(folder)
    const verifier = verifierOf(origin, sign[0].publicKey)
    const note = signCheckpoint(origin, { size: 7, root: new Uint8Array(32).fill(3) }, sign[0])
    const opened = readCheckpoint(note) ?? assert.fail()
    assert.deepEqual([opened.origin, opened.head.size, isSigned(opened, [verifier])], [origin, 7, true])
    assert.equal(isSigned(opened, [{ ...verifier, publicKey: new Uint8Array(32).fill(9) }]), false)
    assert.equal(isSigned({ ...opened, text: opened.text.replace('7', '8') }, [verifier]), false)
    for (const broken of [note.slice(0, -1), note.replace('\n7\n', '\n07\n'), note.replace('\n7\n', '\n-7\n'), note.replace('\n\n', '\n'), `${note}x`, note.replace('\u2014', '-'), '']) {
      assert.equal(readCheckpoint(broken), undefined, broken)
    }
  })
})

test('a verifier key of the C2SP specification is read, and one with a wrong hash is not', () => {
  const text = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  assert.equal(readVerifier(text)?.name, 'PeterNeumann')
  assert.equal(readVerifier(text.replace('c74f', 'c74e')), undefined)
  const note = 'If you think cryptography is the answer to your problem,\nthen you don\'t know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
  const [, name = '', value = ''] = /^\u2014 (\S+) (\S+)$/mu.exec(note) ?? []
  const signed = Buffer.from(value, 'base64')
  const verifier = readVerifier(text) ?? assert.fail()
  const opened = { origin: '', head: { size: 0, root: new Uint8Array(32) }, text: note.slice(0, note.indexOf('\n\n') + 1), signatures: [{ name, hash: signed.subarray(0, 4).toString('hex'), signature: signed.subarray(4) }] }
  assert.equal(isSigned(opened, [verifier]), true)
})
