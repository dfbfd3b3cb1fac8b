import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'
import type { Destination } from './settings.ts'

/** Keeps checkpoints where the log's own store cannot reach them. @throws whatever kept it from being kept. */
export type SecondPlace = (note: string) => Promise<void>

const CONNECT_MS = 5000
const TOTAL_MS = 10_000

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
  return async (note) => {
    const file = await open(path, 'a', 0o600)
    try {
      await file.writeFile(note)
      await file.sync()
    } finally {
      await file.close()
    }
  }
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
