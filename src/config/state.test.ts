import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { clearRunning, makeStateFolder, readRunning, stateFolder, writeRunning } from './state.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-state-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the state folder is the one named, else the XDG one, else below home', { skip: process.platform === 'win32' }, () => {
  assert.equal(stateFolder({ SALLYPORT_HOME: '/a/b', XDG_STATE_HOME: '/x', HOME: '/h' }), '/a/b')
  assert.equal(stateFolder({ XDG_STATE_HOME: '/x', HOME: '/h' }), '/x/sallyport')
  assert.equal(stateFolder({ HOME: '/h' }), '/h/.local/state/sallyport')
})

test('a relative state folder is refused: it would be in a workspace', () => {
  assert.throws(() => stateFolder({ SALLYPORT_HOME: './state' }), /absolute/)
})

test('the folder is closed to others, also when it was open before', { skip: process.platform === 'win32' }, () => {
  const open = join(folder, 'state')
  mkdirSync(open, { mode: 0o755 })
  makeStateFolder(open)
  assert.equal(statSync(open).mode & 0o777, 0o700)
})

test('the note about the running instance counts while its process lives', () => {
  const note = { pid: process.pid, admin: 'http://127.0.0.1:1', data: 'http://127.0.0.1:2' }
  writeRunning(folder, note)
  assert.deepEqual(readRunning(folder), note)
  clearRunning(folder, process.pid + 1)
  assert.deepEqual(readRunning(folder), note)
  clearRunning(folder, process.pid)
  assert.equal(readRunning(folder), undefined)
  writeRunning(folder, { ...note, pid: 2 ** 22 + 1 })
  assert.equal(readRunning(folder), undefined)
})
