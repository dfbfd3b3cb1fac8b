import type { Command, Option } from './command.ts'
import { everywhere } from './parse.ts'

const exits = `Exit codes: 0 done · 1 the answer is no · 2 wrong usage · 3 could not be done`

/** Help for the whole program: every command in one line. */
export function overview(commands: readonly Command[]): string {
  return `Usage: sallyport COMMAND [options]

An AI firewall: one process between AI agents and everything they touch.

${columns(commands.map((one) => [one.name, one.summary]))}

sallyport COMMAND --help explains a command.
${exits}
`
}

export function helpOf(command: Command): string {
  const more = command.more === undefined ? '' : `\n${command.more.trim()}\n`
  return `Usage: sallyport ${command.name}${command.usage === '' ? '' : ` ${command.usage}`}

${command.summary}
${more}
${columns([...command.options, ...everywhere].map((one) => [optionText(one), one.help]))}

${exits}
`
}

function optionText({ name, short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
