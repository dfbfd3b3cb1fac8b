import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

// The launcher is run from a copy of bin/ in a small house of its own, with a stand-in for npm that installs at once.

const repository = fileURLToPath(new URL('..', import.meta.url))
let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-launch-'))
  cpSync(join(repository, 'bin'), join(root, 'bin'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(root, 'package-lock.json'), '{}')
  const runtimes = readdirSync(join(repository, 'node_modules')).filter((name) => /^node-(linux|darwin|win|bin-)/.test(name))
  mkdirSync(join(root, 'packages'))
  for (const name of runtimes) symlinkSync(join(repository, 'node_modules', name), join(root, 'packages', name), 'junction')
  writeFileSync(
    join(root, 'npm-cli.js'),
    `import { appendFileSync, cpSync, writeFileSync } from 'node:fs'
     appendFileSync('installs', process.argv.slice(2).join(' ') + '\\n')
     console.log('npm talks')
     if (process.env.NPM_FAILS) { console.error('no network'); process.exit(1) }
     cpSync('packages', 'node_modules', { recursive: true, verbatimSymlinks: true })
     writeFileSync('node_modules/.package-lock.json', '{}')`,
  )
  writeFileSync(
    join(root, 'program.ts'),
    `const [what, code]: string[] = process.argv.slice(2)
     process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(7) })
     console.log('ready', what)
     if (what === 'wait') setInterval(() => {}, 1000)
     else if (what === 'die') process.kill(process.pid, 'SIGKILL')
     else process.exitCode = Number(code ?? 0)`,
  )
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [join(root, 'bin/launch.js'), 'program.ts', ...args], {
    env: { ...process.env, npm_execpath: join(root, 'npm-cli.js'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; out: string; err: string }> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, err })))
}

async function ready(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()))
}

const installs = (): number => (existsSync(join(root, 'installs')) ? readFileSync(join(root, 'installs'), 'utf8').split('\n').length - 1 : 0)

test('installs once, then never again, and writes nothing but the program\'s own output', async () => {
  assert.deepEqual(await ended(start(['first', '5'])), { code: 5, signal: null, out: 'ready first\n', err: '' })
  assert.deepEqual(await ended(start(['second'])), { code: 0, signal: null, out: 'ready second\n', err: '' })
  assert.equal(installs(), 1)
})

test('installs again when the lock file is newer than what is installed', async () => {
  await ended(start(['first']))
  utimesSync(join(root, 'package-lock.json'), new Date(), new Date(Date.now() + 60_000))
  await ended(start(['second']))
  assert.equal(installs(), 2)
})

test('two first starts at once install one after the other', async () => {
  const both = await Promise.all([ended(start(['a'])), ended(start(['b']))])
  assert.deepEqual(both.map(({ code, out }) => [code, out]), [[0, 'ready a\n'], [0, 'ready b\n']])
  assert.equal(installs(), 1)
  assert.ok(!existsSync(join(root, '.install.lock')))
})

test('a lock left by an installer that died is taken over', async () => {
  const gone = spawn(process.execPath, ['-e', ''])
  await ended(gone)
  writeFileSync(join(root, '.install.lock'), String(gone.pid))
  assert.equal((await ended(start(['x']))).code, 0)
})

test('a failed installation says what npm said and what to do', async () => {
  const { code, out, err } = await ended(start(['x'], { NPM_FAILS: '1' }))
  assert.equal(code, 3)
  assert.equal(out, '')
  assert.match(err, /no network[^]*npm ci failed \(exit code 1\)/)
})

test('SIGTERM reaches the program, and its exit code comes back', async () => {
  const child = start(['wait'])
  const end = ended(child)
  await ready(child)
  child.kill('SIGTERM')
  assert.equal((await end).code, 7)
})

test('a program that dies of a signal makes the launcher die of it', async () => {
  assert.equal((await ended(start(['die']))).signal, 'SIGKILL')
})

test('the program ends when the launcher is killed', async () => {
  const child = start(['wait'])
  const end = ended(child)
  await ready(child)
  child.kill('SIGKILL')
  // `close` comes only when the program, which holds the other end of the pipe, has ended too.
  assert.match((await end).out, /asked to stop/)
})
