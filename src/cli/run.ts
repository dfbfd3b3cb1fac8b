import { closest } from '../config/problem.ts'
import { commands } from './commands.ts'
import { exit, Failure, UsageError, type Io } from './command.ts'
import { helpOf, overview } from './help.ts'
import { choose, parse } from './parse.ts'

/** Runs one command line to its exit code. Never rejects. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    // The reader of a pipe (head, less) has seen enough.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return exit.ok
    if (error instanceof UsageError || error instanceof Failure) {
      io.err(`sallyport: ${error.message}\n`)
      return error instanceof UsageError ? exit.usage : exit.failure
    }
    io.err(`sallyport: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return exit.failure
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv
  if (first === '--version' || first === '-v') return dispatch(['version', ...argv.slice(1)], io)
  if (first === undefined) {
    io.err(overview(commands))
    return exit.usage
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    const asked = choose(argv.slice(1), commands)
    await io.out(asked === undefined ? overview(commands) : helpOf(asked.command))
    return exit.ok
  }
  const chosen = choose(argv, commands)
  if (chosen === undefined) return unknown(argv, io)
  const { command, rest } = chosen
  if (rest.includes('--help') || rest.includes('-h')) {
    await io.out(helpOf(command))
    return exit.ok
  }
  try {
    const args = parse(rest, command.options)
    return await command.run(args, io)
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${error.message}\nSee: sallyport ${command.name} --help`)
    throw error
  }
}

/** A group such as `audit` without a command of it, or a word that is no command. */
async function unknown(argv: readonly string[], io: Io): Promise<number> {
  const [first = '', second] = argv.filter((one) => !one.startsWith('-'))
  const group = commands.filter((one) => one.name.startsWith(`${first} `))
  if (group.length > 0) {
    const meant = second === undefined ? undefined : closest(`${first} ${second}`, group.map((one) => one.name))
    if (meant !== undefined) throw new UsageError(`there is no command "${first} ${second}"; did you mean "${meant}"?\nSee: sallyport ${first} --help`)
    const wantsHelp = argv.includes('--help') || argv.includes('-h')
    const message = `${first} has these commands:\n${group.map((one) => `  sallyport ${one.name} ${one.usage}\n      ${one.summary}`).join('\n')}\n`
    if (wantsHelp) await io.out(message)
    else io.err(`sallyport: ${message}`)
    return wantsHelp ? exit.ok : exit.usage
  }
  const best = closest(first, [...new Set(commands.flatMap((one) => [one.name, one.name.split(' ')[0] ?? '']))])
  throw new UsageError(`there is no command "${first}"${best === undefined ? '' : `; did you mean "${best}"?`}\nSee: sallyport --help`)
}

