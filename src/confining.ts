import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import type { Confinement } from './contract/program.ts'
import { confinementHere, type Here } from './edge/spawn/confine.ts'
import { isIn, real } from './edge/spawn/entry.ts'
import type { StdioServer } from './gateways/mcp/settings.ts'

export interface Confined {
  readonly confinement: Confinement
  /** What this machine could not do of it, in words for the log. */
  readonly without: readonly string[]
}

/** At which key of a server's settings something cannot be granted, and why. */
export type OnProblem = (path: readonly (string | number)[], message: string) => void

/**
 * What a stdio server is confined to on this machine.
 * @param base Folder that relative paths start from.
 * @param own Sallyport's state, settings and policy: no server sees them, and none is granted what holds them.
 */
export function confinementOf({ sandbox, network, read, write, limits }: StdioServer, base: string, own: readonly string[], onProblem: OnProblem, here: Here = confinementHere()): Confined {
  if (sandbox === 'required') for (const what of here.missing) onProblem(['sandbox'], `cannot be had: ${what}.`)
  const boxes = sandbox !== 'off' && here.bwrap !== undefined
  const hidden = own.map(real)
  const granted = (key: 'read' | 'write', paths: readonly string[]): readonly string[] =>
    paths.map((written, index) => {
      const path = isAbsolute(written) ? written : resolve(base, written)
      const is = real(path)
      // bwrap would end before the program begins, and its callers would hear no more than that.
      if (boxes && !existsSync(path)) onProblem([key, index], `there is nothing at ${path}: make it first.`)
      else if (hidden.some((one) => isIn(one, is))) onProblem([key, index], "is Sallyport's own, and no server's.")
      else if (key === 'write' && hidden.some((one) => isIn(is, one))) onProblem([key, index], "holds Sallyport's own state, settings or policy: name the folders in it that the server needs.")
      return path
    })
  const boxed = { network, read: granted('read', read), write: granted('write', write), hidden }
  // Off was chosen; a limit that cannot be set was not.
  const without = here.missing.filter((what) => sandbox !== 'off' || !what.startsWith('bwrap'))
  return { confinement: { limits, ...(boxes && { sandbox: boxed }) }, without }
}
