import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Clock } from '../contract/clock.ts'
import { follow } from './follow.ts'
import { isLoaded, loadConfig } from './load.ts'
import type { Watch } from './watch.ts'

const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

let folder = ''
let file = ''
let watching: Watch
let events: string[]
let next: () => void
let settle: (posture: string) => Promise<void>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-follow-'))
  file = join(folder, 'sallyport.yaml')
  events = []
  next = () => undefined
  settle = () => Promise.resolve()
  writeFileSync(file, 'posture: guard\n')
  const first = loadConfig(file, {})
  assert.ok(isLoaded(first))
  const happened = (what: string): void => {
    events.push(what)
    next()
  }
  watching = follow({
    first,
    load: () => loadConfig(file, {}),
    paths: () => [file],
    swap: async ({ posture }) => {
      await settle(posture)
      happened(posture)
    },
    refused: (problems, error) => happened(`refused: ${problems[0]?.replace(file, 'f') ?? String(error)}`),
    clock,
    settleMs: 20,
    pollMs: 50,
  })
  await watching.ready
})
afterEach(() => {
  watching.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function after(change: () => void): Promise<string | undefined> {
  const told = new Promise<void>((resolve) => (next = resolve))
  change()
  await told
  return events.at(-1)
}

test('a change is put in force', async () => {
  assert.equal(await after(() => writeFileSync(file, 'posture: strict\n')), 'strict')
})

test('a broken edit is refused with its reason, and the next good one is taken', async () => {
  assert.match((await after(() => writeFileSync(file, 'postur: strict\n'))) ?? '', /^refused: f:1:1 postur/)
  assert.equal(await after(() => writeFileSync(file, 'posture: observe\n')), 'observe')
})

test('a file that is replaced, as editors do, is seen', async () => {
  writeFileSync(join(folder, 'draft'), 'posture: observe\n')
  assert.equal(await after(() => renameSync(join(folder, 'draft'), file)), 'observe')
})

test('what cannot be built is refused, and watching goes on', async () => {
  settle = (posture) => (posture === 'strict' ? Promise.reject(new Error('no such policy')) : Promise.resolve())
  assert.match((await after(() => writeFileSync(file, 'posture: strict\n'))) ?? '', /^refused: Error: no such policy/)
  assert.equal(await after(() => writeFileSync(file, 'posture: observe\n')), 'observe')
})
