import { parseArgs, type ParseArgsOptionDescriptor } from 'node:util'
import { closest } from '../config/problem.ts'
import { UsageError, type Args, type Command, type Option } from './command.ts'

export const everywhere: readonly Option[] = [
  { name: 'json', help: 'Write JSON for programs instead of text for people.' },
  { name: 'help', short: 'h', help: 'Show this help.' },
]

/** Splits the command line into a command and the rest; the longest name wins. */
export function choose(argv: readonly string[], commands: readonly Command[]): { readonly command: Command; readonly rest: readonly string[] } | undefined {
  const words = argv.filter((word) => !word.startsWith('-'))
  const fitting = commands.filter((one) => one.name.split(' ').every((part, i) => words[i] === part))
  const [command] = fitting.sort((a, b) => b.name.length - a.name.length)
  if (command === undefined) return undefined
  const rest = [...argv]
  for (const part of command.name.split(' ')) rest.splice(rest.indexOf(part), 1)
  return { command, rest }
}

/** @throws {UsageError} for unknown options, missing values and flags with values; names what was probably meant. */
export function parse(argv: readonly string[], options: readonly Option[]): Args {
  const known = [...options, ...everywhere]
  const config = Object.fromEntries(known.map((one) => [one.name, descriptor(one)]))
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true })
    return { values: values as Args['values'], positionals }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    throw new UsageError(code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? unknown(argv, known, message) : (message.split('\n')[0] ?? message))
  }
}

function descriptor(option: Option): ParseArgsOptionDescriptor {
  return {
    type: option.value === undefined ? 'boolean' : 'string',
    ...(option.short !== undefined && { short: option.short }),
    ...(option.many && { multiple: true }),
  }
}

function unknown(argv: readonly string[], known: readonly Option[], message: string): string {
  const bare = /^Unknown option '(-[^']*)'/.exec(message)?.[1] ?? argv.find((one) => one.startsWith('-')) ?? ''
  const best = closest(bare.replace(/^-+/, ''), known.map((one) => one.name))
  return `there is no option ${bare}${best === undefined ? '' : `; did you mean --${best}?`}`
}
