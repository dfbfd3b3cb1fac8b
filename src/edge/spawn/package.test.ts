import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { ProgramSpec } from '../../contract/program.ts'
import { fetchedBy } from './fetched.ts'
import { npxFolder, packageOf } from './package.ts'

const SRI = 'sha512-AAAA'

function place(t: TestContext, files: Readonly<Record<string, unknown>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'package-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

function spec(folder: string, command: string, ...args: string[]): ProgramSpec {
  return { command, args, env: { PATH: process.env['PATH'] ?? '' }, cwd: folder, home: folder, lineBytes: 1024 }
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

test('a script in a package is that package, as the lock beside it says', async (t) => {
  const folder = place(t, {
    'node_modules/.package-lock.json': { packages: { 'node_modules/@a/b': { version: '1.2.3', integrity: SRI } } },
    'node_modules/@a/b/package.json': { name: '@a/b', version: '1.2.3' },
    'node_modules/@a/b/dist/package.json': { type: 'module' },
    'node_modules/@a/b/dist/index.js': 'first',
  })
  const by = spec(folder, process.execPath, '--import', './x.js', '--no-warnings', 'node_modules/@a/b/dist/index.js', 'other.js')
  assert.deepEqual(await packageOf(by), { name: '@a/b', version: '1.2.3', integrity: SRI, file: sha256('first'), floating: false })
  writeFileSync(join(folder, 'node_modules/@a/b/dist/index.js'), 'changed')
  assert.equal((await packageOf(by)).file, sha256('changed'))
  // A lock of another version says nothing of this one.
  writeFileSync(join(folder, 'node_modules/@a/b/package.json'), JSON.stringify({ name: '@a/b', version: '1.2.4' }))
  assert.deepEqual(await packageOf(by), { name: '@a/b', version: '1.2.4', integrity: sha256('changed'), file: sha256('changed'), floating: false })
})

test('a command that is a link into a package is that package; a file of its own is its digest', async (t) => {
  const folder = place(t, { 'node_modules/one/package.json': { name: 'one', version: '2.0.0' }, 'node_modules/one/cli.js': 'x', tool: '#!/bin/sh\n' })
  for (const file of ['node_modules/one/cli.js', 'tool']) chmodSync(join(folder, file), 0o755)
  mkdirSync(join(folder, 'node_modules/.bin'))
  symlinkSync('../one/cli.js', join(folder, 'node_modules/.bin/one'))
  assert.deepEqual(await packageOf(spec(folder, './node_modules/.bin/one')), { name: 'one', version: '2.0.0', integrity: sha256('x'), file: sha256('x'), floating: false })
  const own = sha256('#!/bin/sh\n')
  assert.deepEqual(await packageOf(spec(folder, join(folder, 'tool'))), { name: 'tool', integrity: own, file: own, floating: false })
})

test('what npx fetches is known when it is there: the version asked for, its integrity, and all that came with it', async (t) => {
  const by = spec(place(t), 'npx', '-y', '@a/b@1.2.3', '.')
  assert.deepEqual(await packageOf(by), { name: '@a/b', version: '1.2.3', floating: false })
  const folder = npxFolder(by, ['@a/b@1.2.3'])
  const locked = { 'node_modules/@a/b': { version: '1.2.3', integrity: SRI }, 'node_modules/c': { version: '4.0.0', integrity: SRI } }
  const put = (packages: object): void => writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages }))
  mkdirSync(join(folder, 'node_modules/@a/b'), { recursive: true })
  writeFileSync(join(folder, 'node_modules/@a/b/package.json'), JSON.stringify({ name: '@a/b', version: '1.2.3', bin: { 'b-server': 'run.js' } }))
  writeFileSync(join(folder, 'node_modules/@a/b/run.js'), 'x')
  put(locked)
  const { dependencies, ...facts } = await packageOf(by)
  assert.deepEqual(facts, { name: '@a/b', version: '1.2.3', integrity: SRI, file: sha256('x'), floating: false })
  put({ ...locked, 'node_modules/c': { version: '4.0.1', integrity: SRI } })
  assert.notEqual((await packageOf(by)).dependencies, dependencies)
})

test('what names no exact version, or runs what nobody sees, is floating', async (t) => {
  const folder = place(t, { 'a.js': '' })
  for (const words of [['npx', '-y', '@a/b'], ['npx', '@a/b@latest'], ['npx', 'a@^1.0.0'], ['npx', '-p', 'a', 'b'], ['npm', 'exec', '--', 'a'], ['npx', 'github:a/b'], ['bunx', 'a@1'], ['uvx', 'a'], ['uvx', 'a>=1'], ['node', '-e', '1'], ['python3', '-m', 'thing'], ['node', 'missing.js'], ['no-such-program-anywhere']]) {
    const [command = '', ...args] = words
    assert.equal((await packageOf(spec(folder, command, ...args))).floating, true, words.join(' '))
  }
  for (const words of [['npx', '--yes', '--package=a@1.0.0', '--', 'b', '-p', 'x'], ['npm', 'x', '-y', 'a@1.0.0-rc.1'], ['uvx', 'mcp-server-git==2025.1.14'], ['uvx', '--from', 'a[cli]==1.0', 'a'], ['node', 'a.js']]) {
    const [command = '', ...args] = words
    assert.equal((await packageOf(spec(folder, command, ...args))).floating, false, words.join(' '))
  }
})

test('the words of a fetching command are read as it reads them', () => {
  assert.deepEqual(fetchedBy('/usr/bin/npx', ['--registry', 'r', '-y', '-p', 'a@1.0.0', '-p', 'b', 'run', '-p', 'x']), { by: 'npm', packages: ['a@1.0.0', 'b'], name: 'a', version: '1.0.0', bin: 'run', options: ['--registry', 'r', '-y'], args: ['-p', 'x'] })
  assert.equal(fetchedBy('node', ['npx']), undefined)
  assert.equal(fetchedBy('npx', []), undefined)
})

test('a package file that is no file, or no JSON, or huge, is none', async (t) => {
  const folder = place(t, { 'a/x.js': 'x', 'b/x.js': 'x', 'b/package.json': '[1' })
  mkdirSync(join(folder, 'a/package.json'))
  for (const one of ['a', 'b']) assert.deepEqual(await packageOf(spec(folder, 'node', resolve(folder, one, 'x.js'))), { name: 'x.js', integrity: sha256('x'), file: sha256('x'), floating: false })
})
