import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { LocalProcess } from '../../contract/arrival.ts'
import { run } from '../spawn/run.ts'
import { executableHash, processNow, sameProcess } from './process.ts'
import { find, ticksNow } from './recognise.ts'

const onLinux = { skip: process.platform !== 'linux' && 'needs /proc' }
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
const own = (): LocalProcess => processNow(process.pid) as LocalProcess

/** Runs a program until the test is over; resolves when it runs as itself. */
async function running(t: TestContext, file: string, ...args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(file, [...args], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.after(() => child.kill('SIGKILL'))
  await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject))
  return child
}

test('a process is its number, its real user and its start, whatever it calls itself', onLinux, async (t) => {
  assert.equal(own().uid, process.getuid?.())
  assert.equal(sameProcess(own()), true)
  assert.equal(processNow(2 ** 30), undefined)
  const child = await running(t, process.execPath, '-e', 'process.title = "a) Z (1 2"; console.log("up"); setInterval(() => {}, 1e6)')
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  assert.match(readFileSync(`/proc/${child.pid}/stat`, 'latin1'), /\(a\) Z \(1 2\)/)
  const named = processNow(child.pid as number)
  assert.ok(named !== undefined && named.started >= own().started && named.started <= ticksNow())
})

test('the hash is of the program that runs, not of what lies at its path now', onLinux, async (t) => {
  assert.equal(await executableHash(own()), sha256(process.execPath))
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-hash-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const cat = realpathSync('/bin/cat')
  const copy = join(folder, 'tool')
  copyFileSync(cat, copy)
  const child = await running(t, copy)
  const known = processNow(child.pid as number) as LocalProcess
  const [one, two] = await Promise.all([executableHash(known), executableHash(known)])
  assert.deepEqual([one, two], [sha256(cat), sha256(cat)])
  unlinkSync(copy)
  writeFileSync(copy, 'something else')
  assert.equal(await executableHash(known), sha256(cat))
  assert.equal(await executableHash({ ...known, started: known.started + 1 }), undefined, 'another process of that number')
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(await executableHash(known), undefined)
})

test('a program of more than 512 MiB has no hash', onLinux, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-hash-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const large = join(folder, 'large')
  copyFileSync(realpathSync('/bin/cat'), large)
  // A hole at its end: it takes no space.
  truncateSync(large, 536_870_913)
  const child = await running(t, large)
  assert.equal(await executableHash(processNow(child.pid as number) as LocalProcess), undefined)
})

/** Both ends of a connection in this process: descriptors and inodes as the kernel has them. */
async function pair(t: TestContext): Promise<{ readonly near: string; readonly far: string; readonly fd: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-pair-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 's')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => server.close())
  const accepted = new Promise<Socket>((resolve) => server.on('connection', resolve))
  const client = connect({ path })
  t.after(() => client.destroy())
  const descriptor = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd
  const fd = descriptor(client)
  const inode = async (at: number): Promise<string> => /\[(\d+)\]/.exec((await run('/bin/readlink', [`/proc/${process.pid}/fd/${at}`], { timeoutMs: 5_000, bytes: 1_000 })))?.[1] ?? ''
  const near = await inode(descriptor(await accepted))
  return { near, far: await inode(fd), fd }
}

test('a list of sockets is only where to look: what is forged in it makes nobody somebody', onLinux, async (t) => {
  const { near, far, fd } = await pair(t)
  const { pid } = process
  const ours = `u_str 0      0      /run/gate.sock ${near} * ${far} users:(("gate",pid=1,fd=9))\n`
  const theirs = (users: string, name = ' '): string => `u_str 0      0   ${name}   ${far} * ${near} ${users}\n`
  const us = `users:(("me",pid=${pid},fd=${fd}))`
  const why = (listed: string, since = ticksNow()): unknown => {
    const found = find(listed, near, since)
    return typeof found === 'string' ? found : found.pid
  }
  assert.equal(why(ours + theirs(us)), pid)
  assert.equal(why(theirs(us) + ours), pid)
  assert.equal(why(ours + theirs(us), own().started - 1), 'the process began after the connection')
  assert.equal(why(ours + theirs(us), NaN), 'the process began after the connection')
  const child = await running(t, '/bin/cat')
  const victim = `("victim",pid=${child.pid},fd=1)`
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /not listed/],
    ['only our end', ours, /not listed/],
    ['the other end was closed', ours.replace(`* ${far}`, '* 0'), /not listed/],
    ['our end twice, once in the name of somebody\'s socket', `${ours}u_str 0 0 @x\nu_str 0 0 x ${near} * 77 users:(${victim})\n${theirs(us)}`, /not once/],
    ['their end twice', ours + theirs(`users:(${victim})`) + theirs(us), /not once/],
    ['a forged pair in their own name', ours + theirs(us, `x ${far} * ${near} users:(${victim}) y`), /several/],
    ['a name that speaks of another process', ours + theirs(`users:(("x",pid=${child.pid},fd=1",pid=${pid},fd=${fd}))`), /several/],
    ['a name with a carriage return', ours + theirs(`users:(("a\r",pid=${pid},fd=${fd}),${victim})`), /several/],
    ['a process that does not hold it', ours + theirs(`users:(${victim})`), /does not hold/],
    ['another descriptor of the right process', ours + theirs(`users:(("me",pid=${pid},fd=0))`), /does not hold/],
    ['a descriptor that is not there', ours + theirs(`users:(("me",pid=${pid},fd=99999))`), /does not hold/],
    ['a process that is gone', ours + theirs('users:(("x",pid=1073741824,fd=1))'), /is gone/],
    ['a process that is not shown', ours + theirs(''), /no process/],
  ]
  for (const [name, listed, expected] of cases) assert.match(String(why(listed)), expected, name)
})

test('a command gets nothing of our surroundings, and is ended when it is slow or says too much', async () => {
  const limits = { timeoutMs: 5_000, bytes: 1_000 }
  assert.equal(await run('/usr/bin/env', [], limits), 'LC_ALL=C\n')
  assert.equal(await run('/bin/echo', ['$HOME; id'], limits), '$HOME; id\n')
  assert.equal(await run('/bin/cat', [], limits), '', 'its input is empty')
  await assert.rejects(run('/bin/false', [], limits))
  await assert.rejects(run('/nonexistent', [], limits), /ENOENT/)
  await assert.rejects(run('/bin/sleep', ['60'], { timeoutMs: 50, bytes: 10 }), /did not end within 50 ms/)
  await assert.rejects(run('/bin/cat', ['/dev/zero'], limits), /maxBuffer|exceeded/)
})
