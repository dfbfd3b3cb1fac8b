import { spawnSync } from 'node:child_process'
import { lstatSync, readlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Limits, ProgramSpec, Sandbox } from '../../contract/program.ts'
import { entryOf, fileOf, interpreterOf, isFile, isFolder, isIn, real } from './entry.ts'

/** What this machine can confine programs with, and in words what it cannot. */
export interface Here {
  readonly bwrap?: string
  readonly prlimit?: string
  readonly missing: readonly string[]
}

/** A program as it is given to the operating system. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/** Absolute, so that no search path decides what confines. */
const PLACES = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']
const PROBE_MS = 5_000
/** Threads count as processes for the operating system; this many for each that is granted. */
const THREADS = 16
/** What a runtime such as V8 has set aside for itself before it uses any of it, with room, in bytes. */
const RESERVED_BYTES = 1024 * 1024 * 1024
/** Memory files of a sandbox's /tmp, in bytes. */
const SCRATCH_BYTES = 256 * 1024 * 1024

/** What a program needs of /etc: how names, certificates, users and times are read. Nothing in it is secret. */
const ETC = ['ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'passwd', 'group', 'nsswitch.conf', 'hosts', 'host.conf', 'gai.conf', 'localtime', 'timezone', 'protocols', 'services', 'mime.types', 'alternatives', 'fonts', 'ssl/certs', 'ssl/openssl.cnf', 'ca-certificates', 'pki/tls/certs', 'pki/tls/cert.pem', 'pki/ca-trust', 'crypto-policies']
const SYSTEM = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
const NAMESPACES = ['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--hostname', 'sandbox']

let here: Here | undefined

/** Looked at once: a bwrap that is there may still be forbidden to make namespaces. */
export function confinementHere(): Here {
  return (here ??= look())
}

function look(): Here {
  const find = (name: string): string | undefined => PLACES.map((place) => join(place, name)).find(isFile)
  const [bwrap, prlimit] = [find('bwrap'), find('prlimit')]
  const problem = bwrap === undefined ? 'bwrap (bubblewrap) is not installed' : probe(bwrap)
  return {
    ...(bwrap !== undefined && problem === undefined && { bwrap }),
    ...(prlimit !== undefined && { prlimit }),
    missing: [...(problem === undefined ? [] : [problem]), ...(prlimit === undefined ? ['prlimit (util-linux) is not installed'] : [])],
  }
}

function probe(bwrap: string): string | undefined {
  const { status, stderr } = spawnSync(bwrap, [...NAMESPACES, '--unshare-net', ...systemBinds(false), '--', '/usr/bin/true'], { env: {}, encoding: 'utf8', timeout: PROBE_MS, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'pipe'] })
  return status === 0 ? undefined : `bwrap does not work here (${(stderr ?? '').trim().split('\n', 1)[0]?.slice(0, 160) || 'it did not end'})`
}

/** @throws {Error} when there is no such program, or a sandbox that it must have cannot be made: it is then not started at all. */
export function commandOf(spec: ProgramSpec): Command {
  const { confinement } = spec
  const file = fileOf(spec)
  if (file === undefined) throw new Error('ENOENT')
  if (confinement === undefined) return { file, args: spec.args }
  const { bwrap, prlimit } = confinementHere()
  const { sandbox, limits } = confinement
  const limited = prlimit === undefined ? { file, args: spec.args } : { file: prlimit, args: [...limitWords(limits, sandbox !== undefined), '--', file, ...spec.args] }
  if (sandbox === undefined) return limited
  if (bwrap === undefined) throw new Error('no sandbox')
  return { file: bwrap, args: [...sandboxWords(spec, sandbox), '--', limited.file, ...limited.args] }
}

function limitWords({ memoryBytes, processes, files, fileBytes, cpuSeconds }: Limits, sandboxed: boolean): readonly string[] {
  return [
    // Of data, not of addresses: V8, Go and Java reserve far more of those than they ever use, and some of this too.
    `--data=${memoryBytes + RESERVED_BYTES}`,
    `--nofile=${files}`,
    `--fsize=${fileBytes}`,
    '--core=0',
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`]),
    // Counted for each user; only in a user namespace of its own are those the program's alone, and root is never refused.
    ...(sandboxed && process.getuid?.() !== 0 ? [`--nproc=${processes * THREADS}`] : []),
  ]
}

function sandboxWords(spec: ProgramSpec, { network, read, write, hidden }: Sandbox): readonly string[] {
  const home = real(spec.home)
  const concealed = hidden.map(real)
  const holdsHidden = (path: string): boolean => concealed.some((one) => isIn(path, one))
  const cwd = real(spec.cwd)
  // Whoever may write to a folder may put another in the place of what is hidden in it.
  const writes = [...write, ...(isIn(home, cwd) || holdsHidden(cwd) ? [] : [spec.cwd])]
  const reads = [...read, ...partsOf(spec), ...(holdsHidden(cwd) ? [spec.cwd] : [])]
  for (const path of writes) if (holdsHidden(real(path))) throw new Error(`${path} holds what is Sallyport's own`)
  for (const path of [...writes, ...reads]) {
    const around = [...writes, spec.home].find((one) => one !== path && isIn(one, path))
    if (around !== undefined && !isIn(real(around), real(path))) throw new Error(`${path} leads out of ${around}`)
  }
  /** Whether it may be changed. */
  const binds = new Map([...reads.map((path) => [real(path), false] as const), ...writes.map((path) => [real(path), true] as const)])
  // What lies in another is put in after it.
  const ordered = [...binds].sort(([a], [b]) => a.length - b.length)
  const words = [...NAMESPACES, ...(network ? [] : ['--unshare-net']), ...systemBinds(network)]
  for (const [to, writable] of ordered) words.push(writable ? '--bind' : '--ro-bind', to, to)
  const masked = concealed.filter((one) => [...binds.keys(), '/usr'].some((path) => isIn(path, one)))
  for (const path of masked) words.push(...(isFolder(path) ? ['--tmpfs', path] : isFile(path) ? ['--ro-bind', '/dev/null', path] : []))
  words.push('--bind', home, home)
  // What was fetched for it is not its to change.
  const fetched = join(home, '.npm')
  if (!network && isFolder(fetched)) words.push('--ro-bind', real(fetched), fetched)
  for (const path of masked) if (isFolder(path)) words.push('--remount-ro', path)
  return [...words, ...linkWords([spec.home, spec.cwd, ...writes, ...reads], [...binds.keys(), home]), '--chdir', cwd]
}

function systemBinds(network: boolean): readonly string[] {
  const words = ['--ro-bind', '/usr', '/usr']
  for (const path of SYSTEM) {
    const about = lstatSync(path, { throwIfNoEntry: false })
    if (about?.isSymbolicLink() === true) words.push('--symlink', readlinkSync(path), path)
    else if (about?.isDirectory() === true) words.push('--ro-bind', path, path)
  }
  for (const name of [...ETC, ...(network ? ['resolv.conf'] : [])]) words.push('--ro-bind-try', `/etc/${name}`, `/etc/${name}`)
  return [...words, '--proc', '/proc', '--dev', '/dev', '--size', String(SCRATCH_BYTES), '--tmpfs', '/tmp']
}

/** A path that was written with links in it is still found by that name. */
function linkWords(written: readonly string[], bound: readonly string[]): readonly string[] {
  const made: string[] = []
  const words: string[] = []
  for (const path of written) {
    const to = real(path)
    if (to === path || [...bound, ...made, '/usr'].some((one) => isIn(one, path)) || SYSTEM.some((one) => isIn(one, path))) continue
    words.push('--symlink', to, path)
    made.push(path)
  }
  return words
}

/** The files and folders that a program is made of, besides the system's. */
export function partsOf(spec: ProgramSpec): readonly string[] {
  const entry = entryOf(spec)
  if (entry === undefined) return []
  const parts = new Set<string>()
  const own = [spec.home, ...(spec.confinement?.sandbox?.write ?? []), spec.cwd].map(real)
  const add = (path: string): void => {
    if (![...own, '/usr'].some((one) => isIn(one, path)) && !SYSTEM.some((one) => isIn(one, path))) parts.add(path)
  }
  const program = (file: string): void => {
    for (const path of new Set([file, real(file)])) for (const part of installed(path)) add(part)
  }
  program(entry.file)
  const interpreter = interpreterOf(real(entry.file), spec)
  if (interpreter !== undefined) program(interpreter)
  if (entry.script !== undefined) for (const path of new Set([entry.script, real(entry.script)])) for (const part of packageOf(path)) add(part)
  return [...parts]
}

/** Of a program `prefix/bin/name`: what lies where such programs look for their own; never the prefix, which may be somebody's home. */
function installed(file: string): readonly string[] {
  const folder = dirname(file)
  const prefix = dirname(folder)
  if (basename(folder) !== 'bin') return packageOf(file)
  return [folder, ...['lib', 'lib64', 'libexec', 'pyvenv.cfg'].map((name) => join(prefix, name)).filter((path) => isFolder(path) || isFile(path))]
}

const PACKAGE = ['package.json', 'pyproject.toml', 'pyvenv.cfg', 'deno.json']

/** The package around a file, with what is installed beside it; the file alone where there is none, or its folder is somebody's home. */
function packageOf(file: string): readonly string[] {
  const at = file.indexOf('/node_modules/')
  if (at >= 0) return [join(file.slice(0, at), 'node_modules'), ...(isFile(join(file.slice(0, at), 'package.json')) ? [join(file.slice(0, at), 'package.json')] : [])]
  for (let folder = dirname(file); folder !== dirname(folder) && !isIn(folder, homedir()); folder = dirname(folder)) {
    if (!PACKAGE.some((name) => isFile(join(folder, name)))) continue
    // A package of a workspace finds what is installed above it.
    const above: string[] = []
    for (let up = dirname(folder); up !== dirname(up); up = dirname(up)) if (isFolder(join(up, 'node_modules'))) above.push(join(up, 'node_modules'))
    return [folder, ...above]
  }
  return [file]
}
