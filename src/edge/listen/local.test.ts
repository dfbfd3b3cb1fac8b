import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Arrival, LocalProcess } from '../../contract/arrival.ts'
import { echo, HOST } from './house.fixture.ts'
import { type Handler, type Listener, listenLocal, type LocalOptions, type Malformed } from './http.ts'
import { processNow, sameProcess } from './process.ts'
import { recogniser } from './recognise.ts'

const onLinux = { skip: process.platform !== 'linux' && 'needs /proc' }

interface LocalHouse {
  readonly listener: Listener
  readonly path: string
  readonly arrivals: Arrival[]
  readonly unknown: string[]
  readonly malformed: Malformed[]
}

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'sallyport-local-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const asked: Handler = async ({ peer }, outlet) => {
  outlet.head(200, [])
  outlet.end(`<${peer.address} ${peer.process?.pid ?? 'nobody'}>`)
}

async function local(t: TestContext, handler: Handler = asked, more: Partial<LocalOptions> = {}): Promise<LocalHouse> {
  const path = more.path ?? join(folder(t), 'gate.sock')
  const arrivals: Arrival[] = []
  const unknown: string[] = []
  const malformed: Malformed[] = []
  const listener = await listenLocal(
    { open: 'owner', newId: () => 'id', onUnknown: (why) => unknown.push(why), onMalformed: (info) => malformed.push(info), lingerMs: 200, ...more, path },
    (arrival, outlet) => {
      arrivals.push(arrival)
      return handler(arrival, outlet)
    },
  )
  t.after(() => listener.close({ graceMs: 0 }))
  return { listener, path, arrivals, unknown, malformed }
}

/** Everything that comes back for these bytes, up to `until` or the end. */
function ask(path: string, bytes: string, until = />/): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ path })
    const done = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (until.test(text)) done()
    })
    socket.on('close', done)
    socket.on('error', done)
    socket.write(bytes)
  })
}

const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`

/** Another process that runs this script; `said` resolves with its first line. */
function other(t: TestContext, script: string, ...args: readonly string[]): { readonly child: ChildProcess; readonly said: Promise<string> } {
  const child = spawn(process.execPath, ['-e', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  const said = new Promise<string>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    child.on('exit', () => resolve(text))
  })
  return { child, said }
}

const CALLER = `
const socket = require('node:net').connect(process.argv[1])
let text = ''
socket.on('data', (chunk) => { text += chunk; const found = /<(.*)>/.exec(text); if (found) { console.log(found[1]); text = '' } })
process.stdin.on('data', () => socket.write(${JSON.stringify(GET)}))
socket.write(${JSON.stringify(GET)})
`

test('two processes in the same place are two callers, each asked about once', onLinux, async (t) => {
  const real = recogniser()
  let lookups = 0
  const { path, arrivals, unknown, listener } = await local(t, asked, {
    recognise: (...call) => {
      lookups++
      return real(...call)
    },
  })
  const callers = [other(t, CALLER, path), other(t, CALLER, path)]
  for (const { child, said } of callers) assert.equal(await said, `local ${child.pid}`)
  const [first] = callers
  const again = new Promise((resolve) => first?.child.stdout?.once('data', resolve))
  first?.child.stdin?.write('x')
  await again
  assert.equal(lookups, 2)
  assert.deepEqual(unknown, [])
  const [one] = arrivals
  assert.equal(arrivals[2]?.peer.process?.pid, first?.child.pid)
  assert.ok(arrivals.filter(({ peer }) => peer === one?.peer).length >= 1)
  const known = one?.peer.process as LocalProcess
  assert.deepEqual([known.uid, sameProcess(known)], [process.getuid?.(), true])
  assert.equal(listener.drop(({ process: from }) => from?.pid === first?.child.pid), 1)
})

test('requests in a pipeline wait for one answer of the kernel, and keep their order', onLinux, async (t) => {
  const { path, arrivals } = await local(t, async (arrival, outlet) => {
    outlet.head(200, [])
    outlet.end(`<${arrival.target}${arrival.peer.process?.pid === process.pid}>`)
  })
  const text = await ask(path, ['/1', '/2', '/3'].map((at) => GET.replace('/', at)).join(''), /<\/3/)
  assert.deepEqual(text.match(/<.*?>/g), ['</1true>', '</2true>', '</3true>'])
  assert.equal(new Set(arrivals.map(({ peer }) => peer)).size, 1)
})

test('a process that ends is not the one that has its number next', onLinux, async (t) => {
  const { path, arrivals } = await local(t)
  const { child, said } = other(t, CALLER, path)
  await said
  const known = arrivals[0]?.peer.process as LocalProcess
  assert.equal(sameProcess(known), true)
  assert.equal(sameProcess({ ...known, started: known.started - 1 }), false)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(sameProcess(known), false)
  assert.equal(processNow(known.pid), undefined)
})

test('a socket that several processes hold is nobody\'s', onLinux, async (t) => {
  const { path, arrivals, unknown } = await local(t)
  other(
    t,
    `const net = require('node:net'), { spawn } = require('node:child_process')
    const socket = net.connect(process.argv[1], () => {
      // The child ends with its input, which ends with this process.
      const child = spawn('/bin/cat', [], { stdio: ['pipe', 'ignore', 'ignore', socket] })
      child.on('spawn', () => socket.write(${JSON.stringify(GET)}))
    })`,
    path,
  )
  while (arrivals.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(arrivals[0]?.peer.process, undefined)
  assert.deepEqual(unknown, ['several processes hold the other end of the socket'])
})

test('a child that was handed the socket is not taken for its parent, nor for its maker', onLinux, async (t) => {
  let go = (): void => {}
  const ready = new Promise<void>((resolve) => (go = resolve))
  const real = recogniser()
  const { path, arrivals, unknown } = await local(t, asked, {
    recognise: async (...call) => {
      await ready
      return real(...call)
    },
  })
  const { child, said } = other(
    t,
    `const net = require('node:net'), { spawn } = require('node:child_process')
    const socket = net.connect(process.argv[1], () => {
      setTimeout(() => {
        const child = spawn('/bin/sleep', ['60'], { stdio: [socket, 'ignore', 'ignore'], detached: true })
        child.on('spawn', () => socket.write(${JSON.stringify(GET)}, () => { require('node:fs').writeSync(1, child.pid + '\\n'); process.kill(process.pid, 'SIGKILL') }))
      }, 50)
    })`,
    path,
  )
  const heir = Number(await said)
  t.after(() => {
    try {
      process.kill(heir, 'SIGKILL')
    } catch {
      // It ended before.
    }
  })
  await new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.on('exit', resolve) : resolve(undefined)))
  go()
  while (arrivals.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(arrivals[0]?.peer.process, undefined)
  assert.deepEqual(unknown, ['the process began after the connection'])
})

test('without ss nobody is known, and calls go on', async (t) => {
  for (const [ss, why] of [[undefined, /not installed/], ['/nonexistent/ss', /ENOENT/], ['/bin/false', /./], ['/bin/true', /not listed/]] as const) {
    const { path, unknown } = await local(t, asked, { recognise: ss === undefined ? () => Promise.resolve('ss (iproute2) is not installed') : recogniser(ss) })
    assert.match(await ask(path, GET), /<local nobody>/)
    assert.equal(unknown.length, 1)
    if (process.platform === 'linux') assert.match(unknown[0] ?? '', why)
  }
})

test('many connections at once are recognised, each as its own process', onLinux, async (t) => {
  const { path, unknown } = await local(t)
  const texts = await Promise.all(Array.from({ length: 40 }, () => ask(path, GET)))
  assert.ok(texts.every((text) => text.includes(`<local ${process.pid}>`)), unknown[0] ?? '')
})

test('curl speaks to it, and what is malformed is refused as on a port', async (t) => {
  const { path, malformed } = await local(t, echo)
  const out = await new Promise<string>((resolve) => execFile('curl', ['-sS', '--unix-socket', path, '-d', 'hello', 'http://localhost/v1'], (error, text) => resolve(error === null ? text : error.message)))
  assert.equal(out, 'hello')
  assert.match(await ask(path, 'nonsense\r\n\r\n', /never/), /^HTTP\/1.1 400 /)
  assert.match(await ask(path, 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n', /misdirected/), /^HTTP\/1.1 421 /)
  assert.match(await ask(path, `GET / HTTP/1.0\r\n${HOST}\r\n`, /never/), /^HTTP\/1.1 400 /)
  assert.deepEqual(malformed.map(({ peer }) => peer.address), ['local', 'local', 'local'])
})

test('only its owner may connect, or its group too, and it leaves nothing behind', async (t) => {
  const place = join(folder(t), 'new')
  const path = join(place, 'gate.sock')
  const mask = process.umask()
  const { listener } = await local(t, asked, { path })
  assert.equal(process.umask(), mask)
  assert.deepEqual([lstatSync(path).mode & 0o777, statSync(place).mode & 0o777], [0o600, 0o700])
  assert.deepEqual([listener.host, listener.port], [path, 0])
  await listener.close({ graceMs: 0 })
  assert.equal(existsSync(path), false)
  assert.equal(existsSync(`${path}.${process.pid}`), false)
  await local(t, asked, { path, open: 'group' })
  assert.equal(lstatSync(path).mode & 0o777, 0o660)
})

test('only a dead socket of ours makes room', async (t) => {
  const place = folder(t)
  const at = (name: string): string => join(place, name)
  writeFileSync(at('file'), 'precious')
  symlinkSync(at('file'), at('link'))
  mkdirSync(at('folder'))
  for (const name of ['file', 'link', 'folder']) {
    await assert.rejects(() => local(t, asked, { path: at(name) }), /exists and is no socket/)
    assert.ok(existsSync(at(name)))
  }
  const { listener } = await local(t, asked, { path: at('live') })
  await assert.rejects(() => local(t, asked, { path: at('live') }), /in use/)
  assert.match(await ask(at('live'), GET), /<local /)
  const { said } = other(t, `require('node:net').createServer().listen(process.argv[1], () => { console.log('up'); process.kill(process.pid, 'SIGKILL') })`, at('dead'))
  await said
  while (await answering(at('dead'))) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(lstatSync(at('dead')).isSocket())
  await local(t, asked, { path: at('dead') })
  assert.match(await ask(at('dead'), GET), /<local /)
  // Somebody took its name: what is there now is not ours to remove.
  unlinkSync(at('live'))
  const foreign = createServer()
  await new Promise<void>((resolve) => foreign.listen(at('live'), resolve))
  t.after(() => foreign.close())
  await listener.close({ graceMs: 0 })
  assert.ok(lstatSync(at('live')).isSocket())
})

test('a folder that others write to, and a path that does not fit, are refused', async (t) => {
  const place = folder(t)
  chmodSync(place, 0o777)
  await assert.rejects(() => local(t, asked, { path: join(place, 'gate.sock') }), /written to by others/)
  chmodSync(place, 0o1777)
  await local(t, asked, { path: join(place, 'gate.sock') })
  await assert.rejects(() => local(t, asked, { path: `/tmp/${'x'.repeat(100)}` }), RangeError)
  await assert.rejects(() => local(t, asked, { path: 'gate.sock' }), RangeError)
})

function answering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
