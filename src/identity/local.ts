import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { LocalProcess } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import type { SettledIdentity, SettledLocal } from './settings.ts'

/** Programs of this machine, by what the kernel says of the process at the other end of the local socket. */
export interface Local {
  /** Undefined where no entry fits. Looks at the process anew at each call: its id may be another's by now. */
  identify(process: LocalProcess, settled: Pick<SettledIdentity, 'local'>): Promise<Principal | Refusal | undefined>
}

export interface LocalParts {
  /** SHA-256 (hex) of the program that the process runs now; undefined where that cannot be said. */
  readonly executableHash: (process: LocalProcess) => Promise<string | undefined>
  readonly sameProcess: (process: LocalProcess) => boolean
}

const MOST_BYTES = 512 * 1024 * 1024
const REMEMBERED = 256
const MOST_PROCESSES = 4096

export function makeLocal({ executableHash, sameProcess }: LocalParts): Local {
  const files = new Map<string, { readonly key: string; readonly hash: string }>()
  // Made once for each process, so that a call allocates none.
  const principals = new Map<string, { readonly of: SettledLocal; readonly principal: Principal }>()

  /** What a path of the settings stands for now. */
  const hashOfFile = async (path: string): Promise<string | undefined> => {
    const file = await open(path, 'r').catch(() => undefined)
    if (file === undefined) return undefined
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
      if (size > MOST_BYTES) return undefined
      const key = [dev, ino, size, mtimeNs, ctimeNs].join(':')
      const known = files.get(path)
      if (known?.key === key) return known.hash
      const sum = createHash('sha256')
      for await (const chunk of file.createReadStream({ autoClose: false, start: 0 })) sum.update(chunk as Uint8Array)
      const made = sum.digest('hex')
      if (files.size >= REMEMBERED) files.clear()
      files.set(path, { key, hash: made })
      return made
    } catch {
      return undefined
    } finally {
      await file.close().catch(() => undefined)
    }
  }

  const principalFor = (entry: SettledLocal, process: LocalProcess): Principal => {
    const id = `pid:${process.pid}:${process.started}`
    const known = principals.get(id)
    if (known?.of === entry) return known.principal
    const principal = Object.freeze({ ...entry.principal, proof: Object.freeze({ kind: 'local', id } as const) })
    if (principals.size >= MOST_PROCESSES) principals.clear()
    principals.set(id, { of: entry, principal })
    return principal
  }

  return {
    async identify(process, { local }) {
      const mine = local.filter((one) => one.uid === process.uid)
      if (mine.length === 0) return undefined
      const hash = await executableHash(process)
      if (hash === undefined) return refuse('unauthenticated', { detail: `process ${process.pid}: it ended, or its program cannot be read` })
      for (const entry of mine) {
        const expected = 'sha256' in entry.executable ? entry.executable.sha256 : await hashOfFile(entry.executable.path)
        if (expected !== hash) continue
        // Asked last: while hashes were waited for, the process may have ended and its id gone to another.
        return sameProcess(process) ? principalFor(entry, process) : refuse('unauthenticated', { detail: `process ${process.pid}: it ended` })
      }
      return undefined
    },
  }
}
