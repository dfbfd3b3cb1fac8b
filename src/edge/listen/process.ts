import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { LocalProcess } from '../../contract/arrival.ts'

/** Largest executable that is hashed: 512 MiB. */
const MOST_BYTES = 536_870_912
/** Read at once: little enough that other calls do not notice the hashing between. */
const CHUNK = 262_144
/** Most executables whose hash is remembered. */
const REMEMBERED = 256

/** A process as the kernel describes it now; undefined when it is gone or is not to be seen. Linux only. */
export function processNow(pid: number): LocalProcess | undefined {
  const started = startOf(pid)
  if (started === undefined) return undefined
  const uid = /^Uid:\t(\d+)\t/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1]
  return uid === undefined ? undefined : { pid, uid: Number(uid), started }
}

/**
 * True while this very process runs: its id may meanwhile belong to another. It says nothing about which program it
 * runs, because `exec` keeps both id and start; executableHash does. Always false where there is no /proc.
 */
export function sameProcess({ pid, started }: LocalProcess): boolean {
  return startOf(pid) === started
}

/** By device, inode, size and times: what was hashed once is not hashed for each connection. */
const hashes = new Map<string, Promise<string | undefined>>()

/**
 * SHA-256 (hex) of the program that a process runs, read through the kernel, so that a file that was replaced or
 * deleted since does not matter. Undefined when the process is gone or changed its program meanwhile, may not be
 * looked at, or the program is larger than 512 MiB. An interpreter's hash says nothing of the script that it runs.
 */
export async function executableHash(process: LocalProcess): Promise<string | undefined> {
  const first = await opened(process)
  if (first === undefined) return undefined
  let hash: string | undefined
  try {
    hash = await hashOf(first)
  } finally {
    await first.file.close().catch(() => {})
  }
  const second = await opened(process)
  if (second === undefined) return undefined
  await second.file.close().catch(() => {})
  return second.key === first.key && sameProcess(process) ? hash : undefined
}

interface Opened {
  readonly file: FileHandle
  readonly size: number
  readonly key: string
}

async function opened(process: LocalProcess): Promise<Opened | undefined> {
  if (!sameProcess(process)) return undefined
  let file: FileHandle
  try {
    file = await open(`/proc/${process.pid}/exe`, 'r')
  } catch {
    return undefined
  }
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
    if (size <= BigInt(MOST_BYTES)) return { file, size: Number(size), key: [dev, ino, size, mtimeNs, ctimeNs].join(':') }
  } catch {
    // Refused below: what cannot be looked at has no hash.
  }
  await file.close().catch(() => {})
  return undefined
}

function hashOf({ file, size, key }: Opened): Promise<string | undefined> {
  const known = hashes.get(key)
  if (known !== undefined) return known
  if (hashes.size >= REMEMBERED) hashes.delete(hashes.keys().next().value as string)
  const made = read(file, size).catch(() => undefined)
  hashes.set(key, made)
  void made.then((hash) => {
    // What failed once may work later.
    if (hash === undefined && hashes.get(key) === made) hashes.delete(key)
  })
  return made
}

async function read(file: FileHandle, size: number): Promise<string | undefined> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, size)))
  let at = 0
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) break
    at += bytesRead
    if (at > size) return undefined
    hash.update(chunk.subarray(0, bytesRead))
  }
  return at === size ? hash.digest('hex') : undefined
}

/** Field 22 of /proc/PID/stat. The name before it may hold anything, parentheses too, so fields count from the last one. */
function startOf(pid: number): number | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // Of a process that ended only its number is left until its parent has asked for it.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  const started = Number(fields[19])
  return Number.isSafeInteger(started) ? started : undefined
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
