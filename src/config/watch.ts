import { watch as watchFile, type FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../contract/clock.ts'

export interface Watch {
  /** Resolves once it is known what the files are like now: every later change is seen. */
  readonly ready: Promise<void>
  stop(): void
}

interface Options {
  /** Files, and folders whose files count. They need not exist yet. */
  readonly paths: () => readonly string[]
  readonly clock: Clock
  /** Called when something changed and then stayed as it is for `settleMs`. Never called twice at once. */
  readonly changed: () => Promise<void>
  /** Told when `changed` rejects; watching goes on. */
  readonly onDefect: (error: unknown) => void
  readonly settleMs?: number
  /** How often to look where the system tells nothing (network folders, containers). */
  readonly pollMs?: number
}

/**
 * Watches settings and policies. The system's notices make it prompt; looking at intervals makes it certain, because
 * editors replace files and mounted folders send no notices. What counts is the files' size and time, so a notice
 * without a change does nothing.
 */
export function watch(options: Options): Watch {
  const { clock, settleMs = 200, pollMs = 2000 } = options
  let stopped = false
  let known = ''
  let cancel = (): void => {}
  let watchers: readonly FSWatcher[] = []

  const listen = (): void => {
    for (const one of watchers) one.close()
    const folders = new Set(options.paths().flatMap((path) => [path, dirname(path)]))
    watchers = [...folders].flatMap((folder) => {
      try {
        const one = watchFile(folder, { persistent: false }, () => look(settleMs))
        one.on('error', () => one.close())
        return [one]
      } catch {
        return []
      }
    })
  }

  const look = (after: number): void => {
    cancel()
    if (!stopped) cancel = clock.timer(after, () => void check())
  }

  const check = async (): Promise<void> => {
    const now = await fingerprint(options.paths())
    if (stopped) return
    if (now !== known) {
      await new Promise<void>((resolve) => (cancel = clock.timer(settleMs, resolve)))
      // Still being written: the next look sees it whole.
      if (stopped || (await fingerprint(options.paths())) !== now) return look(settleMs)
      known = now
      await options.changed().catch(options.onDefect)
      if (stopped) return
      listen()
    }
    look(pollMs)
  }

  const ready = fingerprint(options.paths()).then((first) => {
    known = first
    if (stopped) return
    listen()
    look(pollMs)
  })
  return {
    ready,
    stop: () => {
      stopped = true
      cancel()
      for (const one of watchers) one.close()
    },
  }
}

async function fingerprint(paths: readonly string[]): Promise<string> {
  const parts = await Promise.all(paths.map(describe))
  return parts.join('\n')
}

async function describe(path: string): Promise<string> {
  try {
    const about = await stat(path)
    if (!about.isDirectory()) return `${path} ${about.size} ${about.mtimeMs} ${about.ino}`
    const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort()
    const inside = await Promise.all(names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(path, name))
      return `${name} ${size} ${mtimeMs}`
    }))
    return `${path} [${inside.join(',')}]`
  } catch (error) {
    return `${path} ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`
  }
}
