import { existsSync, fstatSync, readFileSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { LocalProcess } from '../../contract/arrival.ts'
import { run } from '../spawn/run.ts'
import { processNow, sameProcess } from './process.ts'

/** Says which process is at the other end, or in words why that is not known. Never rejects. */
export type Recognise = (socket: Socket, since: number) => Promise<LocalProcess | string>

const PLACES = ['/usr/bin/ss', '/usr/sbin/ss', '/bin/ss', '/sbin/ss', '/run/current-system/sw/bin/ss']
const LIMITS = { timeoutMs: 2_000, bytes: 16_777_216 }

/**
 * Finds the process at the other end of a unix socket through the kernel's socket diagnostics (iproute2's `ss`), since
 * Node does not expose SO_PEERCRED. What `ss` prints can be forged in part by anybody on this machine (names of sockets
 * and of processes go into it unchecked), so it only says where to look, must say it once, and the kernel is asked:
 * the descriptor has to be that socket, its maker has to be that user, and the process has to be older than the connection.
 *
 * One that hands its socket on within its own user is not noticed: there is no line between processes of one user.
 */
export function recogniser(ss: string | undefined = PLACES.find((place) => existsSync(place))): Recognise {
  if (process.platform !== 'linux') return () => Promise.resolve('processes are recognised on Linux only')
  if (ss === undefined) return () => Promise.resolve('ss (iproute2) is not installed')
  const list = shared(() => run(ss, ['-xpnH', 'state', 'established'], LIMITS))
  return async (socket, since) => {
    const own = inodeOf(socket)
    if (own === undefined) return 'the connection is gone'
    try {
      return find(await list(), own, since)
    } catch (error) {
      return error instanceof Error ? error.message : 'ss failed'
    }
  }
}

/** Clock ticks since boot, on the scale of a process's start; NaN where the system does not say. */
export function ticksNow(): number {
  try {
    // Both have a hundredth of a second: USER_HZ is 100 wherever Node runs.
    return Math.round(Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]) * 100)
  } catch {
    return NaN
  }
}

/** @param listed One socket a line: `u_str 0 0 name inode name peer-inode users:(("name",pid=1,fd=2),…)`. */
export function find(listed: string, own: string, since: number): LocalProcess | string {
  const peer = onlyMatch(listed, new RegExp(`\\s${own} +\\* +(\\d+)(?=\\s|$)`, 'g'))?.[1]
  if (peer === undefined || peer === '0') return 'the other end of the socket is not listed, or not once'
  const users = onlyMatch(listed, new RegExp(`\\s${peer} +\\* +${own}(?=\\s|$)([^\\n]*)`, 'g'))?.[1]
  if (users === undefined) return 'the other end of the socket is not listed, or not once'
  const holders = [...users.matchAll(/pid=(\d+),fd=(\d+)/g)]
  const [first] = holders
  if (first === undefined) return 'no process that may be looked at holds the other end of the socket'
  if (holders.some((one) => one[1] !== first[1])) return 'several processes hold the other end of the socket'
  const found = processNow(Number(first[1]))
  if (found === undefined) return 'the process at the other end is gone'
  const socket = statSync(`/proc/${found.pid}/fd/${first[2]}`, { bigint: true, throwIfNoEntry: false })
  if (socket?.isSocket() !== true || String(socket.ino) !== peer) return 'the process does not hold the other end of the socket'
  if (Number(socket.uid) !== found.uid) return 'the socket was made by another user than the one who holds it'
  if (!(found.started <= since)) return 'the process began after the connection'
  return sameProcess(found) ? found : 'the process at the other end is gone'
}

function onlyMatch(text: string, pattern: RegExp): RegExpExecArray | undefined {
  const [one, other] = text.matchAll(pattern)
  return other === undefined ? one : undefined
}

function inodeOf(socket: Socket): string | undefined {
  // Node has no public way to the descriptor of an accepted socket.
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd
  if (fd === undefined || fd < 0) return undefined
  try {
    return String(fstatSync(fd, { bigint: true }).ino)
  } catch {
    return undefined
  }
}

/** One run at a time; who comes while one is under way shares the next, because the present one may be too old for it. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> | undefined
  let next: Promise<T> | undefined
  const begin = (): Promise<T> => {
    const one = work()
    const over = one.then(() => {}, () => {}).then(() => {
      if (running === over) running = undefined
    })
    running = over
    return one
  }
  return () => {
    if (running === undefined) return begin()
    next ??= running.then(() => {
      next = undefined
      return begin()
    })
    return next
  }
}
