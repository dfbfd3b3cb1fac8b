import { relative, resolve } from 'node:path'
import { findConfig, isLoaded, loadConfig, type Loaded } from '../../config/load.ts'
import { problemLine, type Problem } from '../../config/problem.ts'
import type { Rulebook } from '../../policing.ts'
import { Failure, list, text, type Args, type Io, type Option } from '../command.ts'
import { printable } from '../show.ts'

export const configOption: Option = { name: 'config', short: 'c', value: 'FILE', help: 'The settings file. Default: $SALLYPORT_CONFIG, else ./sallyport.yaml, else the embedded settings.' }

export const policiesOption: Option = {
  name: 'policies', value: 'WHICH', many: true,
  help: 'Other policies than those of the settings: a folder, a .cedar file, starter:NAME, shipped, or a settings file. May be repeated.',
}

/** The settings that `--config` names, or those that would count here; or what is wrong with them. */
export function settingsFor(args: Args, io: Io): Loaded | readonly Problem[] {
  const named = text(args, 'config')
  return loadConfig(named === undefined ? findConfig(io.cwd, io.env) : resolve(io.cwd, named), io.env)
}

/** @throws {Failure} when they are wrong. */
export function soundSettings(args: Args, io: Io): Loaded {
  const loaded = settingsFor(args, io)
  if (isLoaded(loaded)) return loaded
  throw new Failure(`the settings are wrong; see: sallyport check\n${loaded.map(problemLine).join('\n')}`)
}

/** The policies of the settings, or those that `--policies` names with the settings' declarations. @throws {BadPolicies} */
export async function bookFor(args: Args, io: Io, loaded: Loaded): Promise<Rulebook> {
  // Loaded here, because Cedar is large and most commands do not need it.
  const { configuredRulebook, namedRulebook } = await import('../../policing.ts')
  const named = list(args, 'policies')
  return named === undefined ? configuredRulebook(loaded) : namedRulebook(named, io.cwd, loaded.policy.extras, io.env)
}

/** Does the work; policies and files that are not what they should be end the command with every problem told. */
export async function withProblems<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && 'problems' in error) throw new Failure(`${what}\n${(error.problems as readonly Problem[]).map(problemLine).join('\n')}`)
    throw error
  }
}

/** A path as people would type it from here. */
export function near(io: Io, path: string): string {
  const short = relative(io.cwd, path)
  return printable(short === '' || short.startsWith('..') ? path : short)
}

/** `no-wires (policy/own.cedar:12)`: where a policy stands. */
export function placeOf(io: Io, book: Rulebook, id: string): string {
  const found = book.policy.policies.find((one) => one.id === id)
  return found === undefined ? printable(id) : `${id} (${found.file === 'builtin' ? 'built in' : `${near(io, found.file)}:${found.line}`})`
}

/** `2 policies`, `1 policy`. */
export function many(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`
}
