import { chmodSync, linkSync, lstatSync, mkdirSync, statSync, unlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { type Door, type ParserLimits, parserOptions } from './door.ts'
import { recogniser, type Recognise, ticksNow } from './recognise.ts'

export interface LocalDoorOptions extends ParserLimits {
  /** Absolute; at most 96 bytes. */
  readonly path: string
  readonly open: 'owner' | 'group'
  /** Told why the process at the other end of a connection is not known. */
  readonly onUnknown: (why: string) => void
  /** Replaces how processes are found, for tests. */
  readonly recognise?: Recognise
}

const LONGEST_PATH = 96
const ANSWER_MS = 1_000

/** The same API on a unix socket, where the kernel knows which process calls. */
export function localDoor(options: LocalDoorOptions): Door {
  const { path, onUnknown } = options
  const recognise = options.recognise ?? recogniser()
  const server = createServer(parserOptions(options))
  const since = new WeakMap<object, number>()
  let remove = (): void => {}
  return {
    server,
    made: 'connection',
    strict: true,
    peerOf(socket) {
      since.set(socket, ticksNow())
      return { address: 'local', port: 0 }
    },
    async recognise(socket, peer) {
      const found = await recognise(socket, since.get(socket) ?? NaN)
      if (typeof found !== 'string') return { ...peer, process: found }
      onUnknown(found)
      return peer
    },
    async open() {
      remove = await bind(server, path, options.open)
      return { host: path, port: 0 }
    },
    shut: () => remove(),
  }
}

/**
 * Binds under another name and then gives it its own, for two reasons: nobody can connect before the mode is set, and the
 * system's way to close a socket removes whatever has the name by which it was bound.
 * @returns What takes the name away again, if it is still this socket's.
 */
async function bind(server: Server, path: string, open: 'owner' | 'group'): Promise<() => void> {
  if (!path.startsWith('/') || Buffer.byteLength(path) > LONGEST_PATH) throw new RangeError(`${path} is not an absolute path of at most ${LONGEST_PATH} bytes`)
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: open === 'group' ? 0o750 : 0o700 })
  const { mode } = statSync(folder)
  // In a folder that others write to they can put their own socket in its place, and callers would give it their keys.
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) throw new Error(`${folder} can be written to by others`)
  const born = `${path}.${process.pid}`
  await clear(born)
  await clear(path)
  const before = process.umask(0o177)
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    try {
      server.listen({ path: born, backlog: 1_024 }, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
  await listening
  try {
    if (open === 'group') chmodSync(born, 0o660)
    const { ino, dev } = lstatSync(born)
    // A link, because it never replaces what is there.
    linkSync(born, path)
    unlinkSync(born)
    return () => {
      const now = lstatSync(path, { throwIfNoEntry: false })
      if (now?.ino === ino && now.dev === dev) unlinkSync(path)
    }
  } catch (error) {
    server.close()
    throw error
  }
}

/** Makes room for a socket where only a dead one of this user is in the way. */
async function clear(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there === undefined) return
  if (!there.isSocket()) throw new Error(`${path} exists and is no socket`)
  if (there.uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`)
  if (await answers(path)) throw new Error(`${path} is in use by another process`)
  const now = lstatSync(path, { throwIfNoEntry: false })
  if (now?.ino === there.ino && now.dev === there.dev) unlinkSync(path)
}

/** Whether somebody listens; only a refused connection says that nobody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const told = (yes: boolean) => (): void => {
      socket.destroy()
      resolve(yes)
    }
    socket.setTimeout(ANSWER_MS, told(true))
    socket.on('connect', told(true))
    socket.on('error', (error: NodeJS.ErrnoException) => told(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')())
  })
}
