/** Exit codes of every command. */
export const exit = {
  ok: 0,
  /** The command worked, and its answer is no: a check failed, something was found, a record does not verify. */
  negative: 1,
  /** The command was called wrongly. */
  usage: 2,
  /** The command could not do its work. */
  failure: 3,
} as const

export interface Option {
  /** Without the dashes. */
  readonly name: string
  readonly short?: string
  /** What stands for the value in help; absent = a flag. */
  readonly value?: string
  /** May be given more than once. */
  readonly many?: true
  readonly help: string
}

/** What a command may touch of the process it runs in. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: AsyncIterable<Uint8Array>
  /** Resolves when the other end takes more. Rejects with code EPIPE when it has gone. */
  out(text: string): Promise<void>
  err(text: string): void
  /** True when somebody watches stderr: progress is shown then, and only then. */
  readonly terminal: boolean
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

/** Arguments after parsing: only options that the command declares. */
export interface Args {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  readonly positionals: readonly string[]
}

/** One command: one file, listed in commands.ts. */
export interface Command {
  /** As typed, such as `audit verify`. */
  readonly name: string
  readonly summary: string
  /** What follows the name, such as `ID [options]`. */
  readonly usage: string
  /** Everything besides `--help` and `--json`, which every command has. */
  readonly options: readonly Option[]
  /** Longer explanation and examples, for `--help`. */
  readonly more?: string
  /** Resolves to an exit code. @throws {UsageError} and {Failure} with messages that say what to do next. */
  run(args: Args, io: Io): Promise<number>
}

/** Called wrongly: ends with exit code 2. */
export class UsageError extends Error {}

/** Could not do its work: ends with exit code 3. The message says what to do next. */
export class Failure extends Error {}

export function text(args: Args, name: string): string | undefined {
  const value = args.values[name]
  return typeof value === 'string' ? value : undefined
}

export function flag(args: Args, name: string): boolean {
  return args.values[name] === true
}

export function list(args: Args, name: string): readonly string[] | undefined {
  const value = args.values[name]
  return Array.isArray(value) ? (value as readonly string[]) : undefined
}

/** The only positional argument of a command that takes one. @throws {UsageError} when it is missing or not alone. */
export function only(args: Args, what: string): string {
  const [one, ...rest] = args.positionals
  if (one === undefined) throw new UsageError(`${what} is missing`)
  if (rest.length > 0) throw new UsageError(`one ${what} is expected, got ${args.positionals.length}`)
  return one
}

export function none(args: Args): void {
  if (args.positionals.length > 0) throw new UsageError(`unexpected argument "${args.positionals[0]}"`)
}

/** A whole number between two bounds, or the default. @throws {UsageError} */
export function count(args: Args, name: string, usual: number, most: number): number {
  const written = text(args, name)
  if (written === undefined) return usual
  const number = Number(written)
  if (!Number.isInteger(number) || number < 1 || number > most) throw new UsageError(`--${name} takes a whole number from 1 to ${most}, not "${written}"`)
  return number
}
