import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openEmbedded } from '../store/embedded/open.ts'
import { openAudit } from './audit.ts'
import { readKeyring } from './keyring.ts'
import { verifierOf } from './note.ts'
import { folderFor, manualClock } from './sample.fixture.ts'
import { scribeFor } from './scribe.ts'
import { settleAudit } from './settings.ts'
import { verify } from './verify.ts'

const ROUNDS = 6
const writer = fileURLToPath(new URL('./kill.fixture.ts', import.meta.url))

/** Runs the writer until it has acknowledged so many records, kills it, and gives what it acknowledged. */
async function killAfter(records: number, folder: string, round: number, under: { push(stop: () => void): void }): Promise<string[]> {
  const child = spawn(process.execPath, [writer, folder, `r${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  under.push(() => child.kill('SIGKILL'))
  let text = ''
  let lines = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    text += chunk
    for (const character of chunk) if (character === '\n') lines++
    if (lines >= records) child.kill('SIGKILL')
  })
  await once(child, 'close')
  assert.ok(lines >= records, 'the writer ended by itself')
  return text.slice(0, text.lastIndexOf('\n')).split('\n')
}

test(`${ROUNDS} times kill -9 under load: nothing acknowledged is lost, the log verifies, open intents are closed`, async (t) => {
  const folder = folderFor(t)
  const children: (() => void)[] = []
  t.after(() => children.forEach((stop) => stop()))
  const acknowledged: string[] = []
  for (let round = 0; round < ROUNDS; round++) acknowledged.push(...(await killAfter(randomInt(1, 1500), folder, round, children)))

  const store = await openEmbedded({ folder, scribe: scribeFor(folder) })
  t.after(() => store.close())
  const open = new Set((await store.receipts.interrupted()).map((entry) => entry.id))
  const audit = await openAudit({ store, folder, settings: settleAudit({}), clock: manualClock() })
  await audit.close()

  const found = new Map<string, string[]>()
  for (let from = 0, page = await store.receipts.read(0, 1000); page.length > 0; page = await store.receipts.read(from, 1000)) {
    for (const entry of page) found.set(entry.id, [...(found.get(entry.id) ?? []), entry.kind])
    from += page.length
  }
  for (const line of acknowledged) {
    const [kind = '', id = ''] = line.split(' ')
    assert.ok(found.get(id)?.includes(kind), `${line} was acknowledged and is gone`)
  }
  for (const [id, kinds] of found) assert.deepEqual(kinds, ['intent', 'receipt'], id)
  for (const id of open) {
    const receipt = (await store.receipts.find(id)).at(-1)
    assert.equal((JSON.parse(Buffer.from(receipt?.record ?? []).toString()) as { outcome: string }).outcome, 'interrupted')
  }
  assert.deepEqual(await store.receipts.interrupted(), [])

  const { origin, sign } = readKeyring(folder)
  const result = await verify(store.receipts, { verifiers: [verifierOf(origin, sign[0].publicKey)], checkpointFile: join(folder, 'checkpoints.log') })
  assert.deepEqual(result.problems, [])
  assert.ok(result.checkpoints > 0)
})
