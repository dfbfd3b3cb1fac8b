import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Where keys, receipts and counters live: `$SALLYPORT_HOME`, else the XDG state folder. Never the working directory,
 * because that is where agents write.
 * @throws {Error} when the environment names a relative folder.
 */
export function stateFolder(env: Env): string {
  const chosen = env['SALLYPORT_HOME']
  if (chosen !== undefined && chosen !== '') return absolute('SALLYPORT_HOME', chosen)
  const xdg = env['XDG_STATE_HOME']
  if (xdg !== undefined && xdg !== '') return join(absolute('XDG_STATE_HOME', xdg), 'sallyport')
  const local = env['LOCALAPPDATA']
  if (process.platform === 'win32' && local !== undefined && local !== '') return join(local, 'sallyport')
  return join(env['HOME'] ?? homedir(), '.local', 'state', 'sallyport')
}

/** Makes the state folder, readable for its owner only. @throws {Error} when others could read an existing one. */
export function makeStateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return
  const mode = statSync(folder).mode & 0o777
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

/** Says which instance uses a state folder, and where its admin port is. */
export interface Running {
  readonly pid: number
  /** `http://127.0.0.1:8081` */
  readonly admin: string
  readonly data: string
}

const runningFile = 'running.json'

export function writeRunning(folder: string, running: Running): void {
  const path = join(folder, runningFile)
  writeFileSync(`${path}.new`, JSON.stringify(running) + '\n', { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** Takes the note away, unless another instance has written its own since. */
export function clearRunning(folder: string, pid: number): void {
  if (readRunning(folder)?.pid === pid) rmSync(join(folder, runningFile), { force: true })
}

/** The instance that uses this folder, if its process lives. */
export function readRunning(folder: string): Running | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(join(folder, runningFile), 'utf8'))
    if (!isRunning(note)) return undefined
    process.kill(note.pid, 0)
    return note
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') throw new Error(`the instance that uses ${folder} belongs to another user`, { cause: error })
    return undefined
  }
}

function isRunning(note: unknown): note is Running {
  if (typeof note !== 'object' || note === null) return false
  const { pid, admin, data } = note as Partial<Record<keyof Running, unknown>>
  return Number.isInteger(pid) && (pid as number) > 0 && typeof admin === 'string' && typeof data === 'string'
}

function absolute(name: string, path: string): string {
  if (!isAbsolute(path)) throw new Error(`${name} must be an absolute path, not "${path}": state never lives in the working directory`)
  return path
}

/** Files of the state folder that more than one part of the house knows by name. */
export function stateFiles(folder: string): { readonly keySecret: string; readonly adminKey: string } {
  return { keySecret: join(folder, 'keys.secret'), adminKey: join(folder, 'admin.key') }
}
