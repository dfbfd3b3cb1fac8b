import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { problemLine, type Problem } from '../../config/problem.ts'
import { exit, flag, UsageError, type Command, type Io } from '../command.ts'
import { printable } from '../show.ts'
import { many, near, placeOf } from './books.ts'

const usual = 'cases/policy'

export const policyTest: Command = {
  name: 'policy test',
  summary: 'Run cases: files of questions with the answers that policy must give.',
  usage: '[PATH…]',
  options: [],
  more: `PATH is a file (.yaml, .yml or .json) or a folder of them; without one, ./${usual}. The format is told in
docs/policy-commands.md. A case that fails shows what was expected, what came and why. Exit code 1: a case failed, or a
file is not what it should be.`,
  async run(args, io) {
    const files = filesOf(args.positionals.length === 0 ? [usual] : args.positionals, io)
    // Loaded here, because Cedar is large and most commands do not need it.
    const [{ BadFile, readCases }, { runCase }] = await Promise.all([import('./cases.ts'), import('./case.ts')])
    const results: { readonly file: string; readonly cases: readonly ReturnType<typeof runCase>[]; readonly problems: readonly Problem[] }[] = []
    const failures: string[] = []
    for (const file of files) {
      if (io.signal.aborted) return exit.failure
      try {
        const { book, cases } = await readCases(file, io.env)
        const ran = cases.map((one) => runCase(one, book))
        results.push({ file, cases: ran, problems: [] })
        for (const [index, one] of ran.entries()) {
          if (one.ok) continue
          const place = `${near(io, file)}:${cases[index]?.line ?? 0}`
          failures.push([`${place} ${printable(one.name)}`, ...one.wrong.map((line) => `  ${line}`), `  decided by ${one.policies.map((id) => placeOf(io, book, id)).join(', ') || 'no policy'}`, ...one.why.map((line) => `  ${line}`)].join('\n'))
        }
      } catch (error) {
        if (!(error instanceof BadFile)) throw error
        results.push({ file, cases: [], problems: error.problems })
        failures.push(...error.problems.map((one) => problemLine({ ...one, file: near(io, one.file) })))
      }
    }
    const all = results.flatMap((one) => one.cases)
    const failed = all.filter((one) => !one.ok).length
    const broken = results.filter((one) => one.problems.length > 0).length
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ ok: failed + broken === 0, passed: all.length - failed, failed, files: results })}\n`)
    else {
      const closing = `${all.length - failed} of ${many(all.length, 'case')} passed${broken === 0 ? '' : `, ${many(broken, 'file')} could not be read`} (${many(files.length, 'file')}).`
      await io.out(`${[...failures, closing].join('\n')}\n`)
    }
    return failed + broken === 0 ? exit.ok : exit.negative
  },
}

function filesOf(paths: readonly string[], io: Io): readonly string[] {
  const files = paths.flatMap((path) => {
    const whole = resolve(io.cwd, path)
    let isFolder: boolean
    try {
      isFolder = statSync(whole).isDirectory()
    } catch {
      throw new UsageError(`${path}: there is no such file or folder${path === usual ? '; name the files of cases, or run this where they are' : ''}`)
    }
    return isFolder ? readdirSync(whole).filter((name) => /\.(?:ya?ml|json)$/.test(name)).sort().map((name) => join(whole, name)) : [whole]
  })
  if (files.length === 0) throw new UsageError(`${paths.join(', ')}: there is no file of cases (.yaml or .json)`)
  return files
}
