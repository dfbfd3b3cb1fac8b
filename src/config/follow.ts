import type { Clock } from '../contract/clock.ts'
import { isLoaded, type Loaded } from './load.ts'
import { problemLine, type Problem } from './problem.ts'
import { watch, type Watch } from './watch.ts'

/** Why changed settings were not taken: as lines for a person. */
export class SettingsRefused extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems[0] ?? 'wrong settings')
    this.problems = problems
  }
}

interface Options {
  readonly first: Loaded
  readonly load: () => Loaded | readonly Problem[]
  /** Files and folders that the settings are made of: the settings file, the policy folders, what else they name. */
  readonly paths: (loaded: Loaded) => readonly string[]
  /** Builds everything from the new settings and puts it in force, whole, or rejects and changes nothing. */
  readonly swap: (loaded: Loaded) => Promise<void>
  /** Told why the old settings stay in force. */
  readonly refused: (problems: readonly string[], error: unknown) => void
  readonly clock: Clock
  readonly settleMs?: number
  readonly pollMs?: number
}

/** Follows the settings while the house runs: a change is checked whole, then put in force; a broken one changes nothing. */
export function follow(options: Options): Watch {
  let current = options.first
  const { settleMs, pollMs } = options
  return watch({
    paths: () => options.paths(current),
    clock: options.clock,
    ...(settleMs !== undefined && { settleMs }),
    ...(pollMs !== undefined && { pollMs }),
    changed: async () => {
      const loaded = options.load()
      if (!isLoaded(loaded)) return options.refused(loaded.map(problemLine), undefined)
      await options.swap(loaded)
      current = loaded
    },
    onDefect: (error) => options.refused(error instanceof SettingsRefused ? error.problems : [], error),
  })
}
