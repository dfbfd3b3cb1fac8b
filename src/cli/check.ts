import { resolve } from 'node:path'
import { findConfig, isLoaded, loadConfig } from '../config/load.ts'
import { problemLine, type Problem } from '../config/problem.ts'
import { exit, flag, none, text, type Command } from './command.ts'

export const check: Command = {
  name: 'check',
  summary: 'Check settings and policies without starting anything.',
  usage: '[--config FILE]',
  options: [{ name: 'config', short: 'c', value: 'FILE', help: 'The settings file. Default: $SALLYPORT_CONFIG, else ./sallyport.yaml, else the embedded settings.' }],
  more: `Reads the settings file and the policies that it names exactly as a start or a reload would, and reports everything
that is wrong: file, line, key, what was expected, and what was probably meant.`,
  async run(args, io) {
    none(args)
    const named = text(args, 'config')
    const file = named === undefined ? findConfig(io.cwd, io.env) : resolve(io.cwd, named)
    const loaded = loadConfig(file, io.env)
    const problems: readonly Problem[] = isLoaded(loaded) ? [] : loaded
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify({ ok: problems.length === 0, file: file ?? null, problems })}\n`)
    } else if (problems.length === 0) {
      await io.out(`${file ?? 'The embedded settings'}: nothing is wrong.\n`)
    } else {
      await io.out(`${problems.map(problemLine).join('\n')}\n${problems.length === 1 ? 'One thing is' : `${problems.length} things are`} wrong.\n`)
    }
    return problems.length === 0 ? exit.ok : exit.negative
  },
}
