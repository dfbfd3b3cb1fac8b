import { open, type FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'
import type { Destination } from './settings.ts'

/** Keeps checkpoints where the log's own store cannot reach them. @throws whatever kept it from being kept. */
export type SecondPlace = (note: string) => Promise<void>

const CONNECT_MS = 5000
const TOTAL_MS = 10_000
/** More than any note has. */
const TAIL_BYTES = 20_000

/** Where the checkpoints of a state folder go when they go to a file. */
export function checkpointFile(folder: string, to: Destination): string | undefined {
  return to.kind === 'file' ? resolve(folder, to.path) : undefined
}

/** @throws {Error} when the destination is a URL and no `dial` is at hand. */
export function secondPlaceOf(to: Destination, folder: string, clock: Clock, dial: Dial | undefined): SecondPlace {
  if (to.kind === 'stdout') return toStdout
  if (to.kind === 'file') return toFile(resolve(folder, to.path))
  if (dial === undefined) throw new Error('audit.checkpoints.to is a URL, and there is no way out to it')
  return toUrl(to.url, clock, dial)
}

function toStdout(note: string): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(note, (error) => (error === null || error === undefined ? done() : fail(error)))
  })
}

/** Opened anew each time, so that a file that was moved away is not written on to unseen. */
function toFile(path: string): SecondPlace {
  let mended = false
  return async (note) => {
    if (!mended) await mend(path)
    mended = true
    const file = await open(path, 'a', 0o600)
    try {
      await file.writeFile(note)
      await file.sync()
    } finally {
      await file.close()
    }
  }
}

/** Cuts off a note that a stopping machine left unfinished: the next one would become part of it. */
async function mend(path: string): Promise<void> {
  let file: FileHandle
  try {
    file = await open(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start)
    // One character a byte, so that lengths are offsets in the file.
    const tail = buffer.toString('latin1', 0, bytesRead)
    const kept = wholeNotes(tail)
    if (kept < bytesRead) await file.truncate(start + kept)
  } finally {
    await file.close()
  }
}

/** Length of the part of `tail` that ends with a whole note: with the line break after a signature. */
function wholeNotes(tail: string): number {
  const dash = Buffer.from('\n\u2014 ').toString('latin1')
  const signature = tail.lastIndexOf(dash)
  const end = signature < 0 ? -1 : tail.indexOf('\n', signature + dash.length)
  if (end >= 0) return end + 1
  const before = signature < 0 ? -1 : tail.lastIndexOf(dash, signature - 1)
  return before < 0 ? 0 : tail.indexOf('\n', before + dash.length) + 1
}

function toUrl(url: string, clock: Clock, dial: Dial): SecondPlace {
  return async (note) => {
    const limit = new AbortController()
    const cancel = clock.timer(TOTAL_MS, () => limit.abort())
    try {
      const reply = await dial({
        method: 'POST',
        url,
        fields: [['content-type', 'text/plain; charset=utf-8']],
        body: note,
        signal: limit.signal,
        timeouts: { connectMs: CONNECT_MS, headMs: CONNECT_MS },
      })
      reply.abort()
      if (reply.status < 200 || reply.status > 299) throw new Error(`the second place answered ${reply.status}`)
    } finally {
      cancel()
    }
  }
}
