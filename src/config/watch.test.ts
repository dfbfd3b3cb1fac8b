import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Clock } from '../contract/clock.ts'
import { watch, type Watch } from './watch.ts'

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
let policies = ''
let watching: Watch
let seen: number
let defects: unknown[]
let act: () => Promise<void>
let next: () => void

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-watch-'))
  file = join(folder, 'sallyport.yaml')
  policies = join(folder, 'policy')
  mkdirSync(policies)
  writeFileSync(file, 'posture: guard\n')
  seen = 0
  defects = []
  act = () => Promise.resolve()
  next = () => undefined
  watching = watch({
    paths: () => [file, policies],
    clock,
    changed: async () => {
      seen++
      next()
      await act()
    },
    onDefect: (error) => defects.push(error),
    settleMs: 20,
    pollMs: 50,
  })
  await watching.ready
})
afterEach(() => {
  watching.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Resolves when the watch has told of the change; never, when it does not. */
async function told(change: () => void): Promise<void> {
  const happened = new Promise<void>((resolve) => (next = resolve))
  change()
  await happened
}

test('a written file is told', () => told(() => writeFileSync(file, 'posture: strict\n')))

test('a file that is replaced, as editors do, is told', async () => {
  writeFileSync(join(folder, 'draft'), 'posture: observe, really\n')
  await told(() => renameSync(join(folder, 'draft'), file))
})

test('a file that goes and comes back is told both times', async () => {
  await told(() => rmSync(file))
  await told(() => writeFileSync(file, 'posture: guard\n'))
})

test('a new file in a watched folder is told', () => told(() => writeFileSync(join(policies, 'a.cedar'), 'permit(principal, action, resource);')))

test('a change that cannot be taken is a defect, and the next one is told', async () => {
  act = () => Promise.reject(new Error('no'))
  await told(() => writeFileSync(file, 'one'))
  act = () => Promise.resolve()
  await told(() => writeFileSync(file, 'two two'))
  assert.equal(seen, 2)
  assert.equal(defects.length, 1)
})
