import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'

/** The variable that what is started carries, so that it is found when nothing else leads to it. */
export const MARK = 'SALLYPORT_PROGRAM'

/** How often the marked are looked for again: one may be starting another while it is found. */
const ROUNDS = 20

/**
 * A process and all below it, as /proc shows them; at most `most`. In a process namespace what lost its parent stays
 * below the first of them, so that nobody is missing. Empty where there is no /proc, or the process is gone.
 */
export function familyOf(pid: number, most: number): readonly number[] {
  const found: number[] = [pid]
  for (let at = 0; at < found.length && found.length < most; at++) found.push(...childrenOf(found[at] as number))
  return found.length === 1 && statusOf(pid) === undefined ? [] : found
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => numbers(readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')))
  } catch {
    return []
  }
}

function numbers(text: string): number[] {
  return text.split(' ').flatMap((one) => (one.trim() === '' ? [] : [Number(one)]))
}

/** Memory that is a process's own, or that it shares with its like, in bytes; files that it has mapped are not counted. */
export function memoryOf(pid: number): number {
  const status = statusOf(pid)
  if (status === undefined) return 0
  let kib = 0
  for (const [, value] of status.matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm)) kib += Number(value)
  return kib * 1024
}

function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1')
  } catch {
    return undefined
  }
}

/** Kills everything that carries the mark, wherever it has moved to. Never rejects. */
export async function killMarked(mark: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const marked = await markedWith(Buffer.from(`${MARK}=${mark}\0`))
    for (const pid of marked) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
    if (marked.length === 0) return
    // Who was killed is listed until it is reaped.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function markedWith(variable: Buffer): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => [])
  const looked = names.map(async (name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    const environment = await readFile(`/proc/${name}/environ`).catch(() => undefined)
    return environment?.includes(variable) === true ? [Number(name)] : []
  })
  return (await Promise.all(looked)).flat()
}
