import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Confinement, Limits, ProgramSpec, Sandbox } from '../../contract/program.ts'
import { confinementHere } from './confine.ts'
import { startProgram } from './program.ts'

const hostile = join(import.meta.dirname, 'hostile.fixture.ts')
const LIMITS: Limits = { memoryBytes: 1024 ** 3, processes: 64, files: 1024, fileBytes: 1024 ** 3 }
const here = confinementHere()
/** Why the tests of what only a sandbox does are left out. */
const skip = here.bwrap === undefined ? here.missing.join('; ') : false

interface Said {
  readonly done?: unknown
  readonly failed?: string
}

interface Place {
  readonly folder: string
  readonly state: string
  start(confinement: Confinement, more?: Partial<ProgramSpec>): Started
}

interface Started {
  ask(...words: readonly string[]): Promise<Said>
  readonly ended: Promise<string>
  readonly heard: readonly string[]
  stop(): Promise<void>
}

/** A folder with a state folder in it, which holds a key and the program's home. */
function place(t: TestContext): Place {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'spawn-')))
  const state = join(folder, 'state')
  const home = join(state, 'mcp', 'one')
  const running: Started[] = []
  mkdirSync(state)
  writeFileSync(join(state, 'admin.key'), 'secret')
  t.after(async () => {
    await Promise.all(running.map((one) => one.stop()))
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder,
    state,
    start(confinement, more = {}) {
      const waiting: ((said: Said) => void)[] = []
      const heard: string[] = []
      const over = Promise.withResolvers<string>()
      const spec: ProgramSpec = { command: process.execPath, args: ['--disable-warning=ExperimentalWarning', hostile, folder], env: { PATH: process.env['PATH'] ?? '', HOME: home }, cwd: home, home, lineBytes: 1024 * 1024, confinement, ...more }
      const program = startProgram(spec, {
        line: (bytes) => waiting.shift()?.(JSON.parse(Buffer.from(bytes).toString()) as Said),
        oversized: () => undefined,
        said: (text) => void heard.push(text),
        ended(why) {
          over.resolve(why)
          for (const one of waiting.splice(0)) one({ failed: why })
        },
      })
      const started: Started = {
        heard,
        ended: over.promise,
        stop: () => program.stop(),
        ask: (...words) =>
          new Promise((resolve) => {
            waiting.push(resolve)
            if (!program.write(JSON.stringify(words))) resolve({ failed: 'not written' })
          }),
      }
      running.push(started)
      return started
    },
  }
}

function boxed(state: string, more: Partial<Sandbox> = {}, limits: Partial<Limits> = {}): Confinement {
  return { limits: { ...LIMITS, ...limits }, sandbox: { network: false, read: [], write: [], hidden: [state], ...more } }
}

/** Pids of what `leave` has left behind, wherever it is now. */
function leftBehind(folder: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(`left-by-${folder}`)
    } catch {
      return false
    }
  })
}

test('in a sandbox, state and what was not granted are not there; its own folder is its own', { skip }, async (t) => {
  const { folder, state, start } = place(t)
  for (const name of ['open', 'own']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'open/note'), 'read me')
  const { ask } = start(boxed(state, { read: [join(folder, 'open')], write: [join(folder, 'own')] }))
  assert.deepEqual(await ask('read', join(state, 'admin.key')), { failed: 'ENOENT' })
  assert.deepEqual(await ask('list', folder), { done: ['open', 'own', 'state'] })
  assert.deepEqual(await ask('list', state), { done: ['mcp'] })
  assert.deepEqual(await ask('read', join(folder, 'open/note')), { done: 'read me' })
  assert.deepEqual(await ask('write', join(folder, 'open/note'), 'x'), { failed: 'EROFS' })
  assert.deepEqual(await ask('write', join(folder, 'own/note'), 'x'), { done: null })
  assert.equal(readFileSync(join(folder, 'own/note'), 'utf8'), 'x')
  assert.deepEqual(await ask('write', join(state, 'mcp/one/note'), 'x'), { done: null })
  assert.equal(readFileSync(join(state, 'mcp/one/note'), 'utf8'), 'x')
  assert.deepEqual(await ask('where'), { done: join(state, 'mcp/one') })
  for (const path of ['/etc/shadow', '/root', '/home', '/var/log']) assert.deepEqual(await ask('list', path), { failed: 'ENOENT' }, path)
  assert.match(String((await ask('write', '/usr/bin/sallyport-was-here', 'x')).failed), /EROFS|EACCES/)
})

test('what is hidden stays hidden inside what is granted, and nobody may write around it', { skip }, async (t) => {
  const { folder, state, start } = place(t)
  writeFileSync(join(folder, 'sallyport.yaml'), 'secret')
  writeFileSync(join(folder, 'other'), 'there')
  const hidden = [state, join(folder, 'sallyport.yaml')]
  const { ask } = start(boxed(state, { read: [folder], hidden }))
  assert.deepEqual(await ask('read', join(folder, 'other')), { done: 'there' })
  assert.notEqual((await ask('read', join(folder, 'sallyport.yaml'))).done, 'secret')
  assert.deepEqual(await ask('list', state), { done: ['mcp'] })
  assert.deepEqual(await ask('write', join(state, 'admin.key'), 'x'), { failed: 'EROFS' })
  const inIt = start(boxed(state, { hidden }), { cwd: folder })
  assert.deepEqual(await inIt.ask('write', join(folder, 'other'), 'x'), { failed: 'EROFS' })
  assert.deepEqual(await inIt.ask('where'), { done: folder })
  assert.match(await start(boxed(state, { write: [folder], hidden })).ended, /holds what is Sallyport's own/)
})

test('a link that a program leaves for its next start leads nowhere', { skip }, async (t) => {
  const { folder, state, start } = place(t)
  mkdirSync(join(folder, 'own'))
  mkdirSync(join(folder, 'private'))
  symlinkSync(join(folder, 'private'), join(folder, 'own/sub'))
  assert.match(await start(boxed(state, { write: [join(folder, 'own')], read: [join(folder, 'own/sub')] })).ended, /leads out of/)
})

test('folders that were named through links are found by these names', { skip }, async (t) => {
  const { folder, state, start } = place(t)
  mkdirSync(join(folder, 'real'))
  writeFileSync(join(folder, 'real/note'), 'here')
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  const { ask } = start(boxed(state, { read: [join(folder, 'link')] }))
  assert.deepEqual(await ask('read', join(folder, 'link/note')), { done: 'here' })
})

test('without network no listener of this machine is reached, with it one is', { skip }, async (t) => {
  const { state, start } = place(t)
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const port = String((server.address() as AddressInfo).port)
  assert.match(String((await start(boxed(state)).ask('connect', port)).failed), /ECONNREFUSED|ENETUNREACH/)
  assert.deepEqual(await start(boxed(state, { network: true })).ask('connect', port), { done: 'connected' })
})

for (const sandboxed of [true, false]) {
  const way = sandboxed ? 'in a sandbox' : 'without a sandbox'
  const at = (state: string, limits: Partial<Limits> = {}): Confinement => (sandboxed ? boxed(state, {}, limits) : { limits: { ...LIMITS, ...limits } })
  const unless = sandboxed ? skip : false

  test(`${way}, what was left behind by a program ends with it, stopped or dead`, { skip: unless }, async (t) => {
    const { folder, state, start } = place(t)
    const stopped = start(at(state))
    assert.equal(typeof (await stopped.ask('leave')).done, 'number')
    assert.equal(leftBehind(folder).length, 1)
    await stopped.stop()
    assert.deepEqual(leftBehind(folder), [])
    const dead = start(at(state))
    await dead.ask('leave')
    await dead.ask('leave')
    assert.equal(leftBehind(folder).length, 2)
    process.kill(Number(readdirSync('/proc').find((name) => isProgram(name, folder))), 'SIGKILL')
    await dead.ended
    assert.deepEqual(leftBehind(folder), [])
  })

  test(`${way}, two lives of one program do not end each other`, { skip: unless }, async (t) => {
    const { folder, state, start } = place(t)
    const [first, second] = [start(at(state)), start(at(state))]
    await Promise.all([first.ask('leave'), second.ask('leave')])
    await first.stop()
    assert.equal(leftBehind(folder).length, 1)
    assert.deepEqual(await second.ask('where'), { done: join(state, 'mcp/one') })
  })

  test(`${way}, who will not leave is killed`, { skip: unless }, async (t) => {
    const { state, start } = place(t)
    const stubborn = start(at(state))
    assert.deepEqual(await stubborn.ask('stay'), { done: true })
    await stubborn.stop()
    assert.match(await stubborn.ended, /SIGKILL/)
  })

  test(`${way}, a program that takes memory without end ends, and nobody else`, { skip: unless }, async (t) => {
    const { state, start } = place(t)
    const limits = { memoryBytes: 400 * 1024 * 1024 }
    const [greedy, beside] = [start(at(state, limits)), start(at(state, limits))]
    const taking = (async () => {
      while ((await greedy.ask('take', '20')).failed === undefined);
    })()
    assert.match(await greedy.ended, /memory|exit 134|SIGABRT|exit 1/)
    await taking
    assert.deepEqual(await beside.ask('where'), { done: join(state, 'mcp/one') })
  })

  test(`${way}, the processes of a program together are held to its memory`, { skip: unless }, async (t) => {
    const { state, start } = place(t)
    const many = start(at(state, { memoryBytes: 60 * 1024 * 1024 }))
    void many.ask('fork', '8')
    assert.match(await many.ended, /^more than \d+ bytes of memory$/)
  })

  test(`${way}, a program that starts too many others ends`, { skip: unless }, async (t) => {
    const { state, start } = place(t)
    const many = start(at(state, { processes: 5 }))
    void many.ask('fork', '12')
    assert.match(await many.ended, /^more than 5 processes$/)
  })

  test(`${way}, files are no larger than they may be`, { skip: unless || (here.prlimit === undefined ? here.missing.join('; ') : false) }, async (t) => {
    const { state, start } = place(t)
    const { ask } = start(at(state, { fileBytes: 1024 * 1024 }))
    assert.deepEqual(await ask('fill', join(state, 'mcp/one/large'), '2'), { failed: 'EFBIG' })
  })
}

test('a program gets its environment and nothing of ours', async (t) => {
  const { state, start } = place(t)
  const own = { PATH: process.env['PATH'] ?? '', ONE: 'two' }
  const bare = (await start({ limits: LIMITS }, { env: own }).ask('env')).done as Record<string, string>
  assert.deepEqual(Object.keys(bare).sort(), ['ONE', 'PATH', 'SALLYPORT_PROGRAM'])
  if (here.bwrap === undefined) return t.diagnostic(String(skip))
  const inBox = (await start(boxed(state), { env: own }).ask('env')).done as Record<string, string>
  assert.deepEqual(Object.keys(inBox).sort(), ['ONE', 'PATH', 'PWD', 'SALLYPORT_PROGRAM'])
})

test('what is not there does not start, with and without a sandbox', async (t) => {
  const { state, start } = place(t)
  for (const confinement of [boxed(state), { limits: LIMITS }]) assert.match(await start(confinement, { command: 'no-such-program-anywhere' }).ended, /ENOENT/)
})

function isProgram(name: string, folder: string): boolean {
  if (!/^\d+$/.test(name)) return false
  try {
    const words = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0')
    return words[0] === process.execPath && words.includes(hostile) && words.includes(folder)
  } catch {
    return false
  }
}
