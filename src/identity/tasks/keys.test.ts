import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTaskKeys } from './keys.ts'

const DAY = 86_400_000

async function inFolder(work: (file: string, clock: { now: number; wall(): number; monotonic(): number; timer(): () => void }) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-task-keys-'))
  const clock = { now: 1_800_000_000_000, wall: () => clock.now, monotonic: () => clock.now, timer: () => () => undefined }
  try {
    await work(join(folder, 'tasks.json'), clock)
    assert.deepEqual(await readdir(folder), ['tasks.json'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('the key is made once, for its owner only, and found again', () =>
  inFolder(async (file, clock) => {
    const first = await openTaskKeys(file, clock)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const second = await openTaskKeys(file, clock)
    assert.equal(second.signing.kid, first.signing.kid)
    assert.equal(second.find(first.signing.kid)?.type, 'public')
    assert.equal(second.find('other'), undefined)
  }))

test('two starts at once agree on one key', () =>
  inFolder(async (file, clock) => {
    const [a, b] = await Promise.all([openTaskKeys(file, clock), openTaskKeys(file, clock)])
    assert.equal(a.signing.kid, b.signing.kid)
  }))

test('an old key is followed by a new one, and still verifies', () =>
  inFolder(async (file, clock) => {
    const kids = [(await openTaskKeys(file, clock)).signing.kid]
    for (let month = 0; month < 3; month += 1) {
      clock.now += 31 * DAY
      kids.unshift((await openTaskKeys(file, clock)).signing.kid)
    }
    assert.equal(new Set(kids).size, 4)
    const keys = await openTaskKeys(file, clock)
    assert.deepEqual(kids.map((kid) => keys.find(kid) !== undefined), [true, true, true, false])
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  }))

test('a file that others can read, or that is something else, is not used and not replaced', () =>
  inFolder(async (file, clock) => {
    await openTaskKeys(file, clock)
    await chmod(file, 0o644)
    await assert.rejects(openTaskKeys(file, clock), /read by others/)
    await chmod(file, 0o600)
    for (const text of ['', '{}', '{"keys":[]}', 'x'.repeat(5000)]) {
      await writeFile(file, text)
      await assert.rejects(openTaskKeys(file, clock))
      assert.equal(await readFile(file, 'utf8'), text)
    }
  }))
