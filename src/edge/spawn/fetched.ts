import { createHash } from 'node:crypto'
import { basename } from 'node:path'

/** A package that a command names, and that is fetched before it is run. */
export interface Fetched {
  /** Who fetches it: what its words mean, and where it puts things. */
  readonly by: 'npm' | 'python'
  readonly packages: readonly string[]
  readonly name: string
  /** Only where the command says an exact one. */
  readonly version?: string
  /** The command of the package that is run, where it is said; else its own. */
  readonly bin?: string
  /** What the fetcher itself is told, but for the packages. */
  readonly options: readonly string[]
  /** What the program itself is given. */
  readonly args: readonly string[]
}

const NPM_TAKES_VALUE = /^--(?:registry|cache|prefix|userconfig|loglevel|script-shell|shell|workspace|node-options|tag|before)$|^-w$/
const UV_TAKES_VALUE = /^--(?:python|index|index-url|default-index|extra-index-url|cache-dir|directory|config-file|spec)$|^-[pic]$/
const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
const NPM_NAME = /^(@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~_][a-z0-9._~-]*$/i

/** Reads a command that fetches what it runs: npx, npm exec, bunx, pnpm dlx, yarn dlx, uvx, pipx run. Undefined for all others. */
export function fetchedBy(command: string, args: readonly string[]): Fetched | undefined {
  const [first, ...rest] = args
  switch (basename(command)) {
    case 'npx':
    case 'bunx':
    case 'pnpx':
      return npm(args)
    case 'npm':
      return first === 'exec' || first === 'x' ? npm(rest) : undefined
    case 'pnpm':
    case 'yarn':
      return first === 'dlx' ? npm(rest) : undefined
    case 'uvx':
      return python(args, UV_TAKES_VALUE)
    case 'uv':
      return first === 'tool' && rest[0] === 'run' ? python(rest.slice(1), UV_TAKES_VALUE) : undefined
    case 'pipx':
      return first === 'run' ? python(rest, UV_TAKES_VALUE) : undefined
    default:
      return undefined
  }
}

function npm(args: readonly string[]): Fetched | undefined {
  const { named, options, own } = split(args, /^(?:-p|--package)$/, NPM_TAKES_VALUE)
  const [command, ...given] = own
  const packages = named.length > 0 ? named : command === undefined ? [] : [command]
  const [spec] = packages
  if (spec === undefined) return undefined
  const at = spec.indexOf('@', 1)
  const name = at < 0 ? spec : spec.slice(0, at)
  const version = at < 0 ? '' : spec.slice(at + 1)
  const exact = NPM_NAME.test(name) && EXACT.test(version)
  return { by: 'npm', packages, name, ...(exact && { version }), ...(named.length > 0 && command !== undefined && { bin: command }), options, args: given }
}

function python(args: readonly string[], takesValue: RegExp): Fetched | undefined {
  const { named, options, own } = split(args, /^--from$/, takesValue)
  const [command, ...given] = own
  const spec = named[0] ?? command
  if (spec === undefined) return undefined
  const [, name = spec, version = ''] = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:==|@)(.*)$/.exec(spec) ?? []
  const exact = /^\d+(?:\.\d+)*(?:(?:a|b|rc|\.post|\.dev)\d+)*$/.test(version)
  return { by: 'python', packages: [spec], name, ...(exact && { version }), ...(named.length > 0 && command !== undefined && { bin: command }), options, args: given }
}

/** Options before the command are the fetcher's; from the command on, everything is the program's. */
function split(args: readonly string[], names: RegExp, takesValue: RegExp): { readonly named: readonly string[]; readonly options: readonly string[]; readonly own: readonly string[] } {
  const named: string[] = []
  const options: string[] = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string
    const [key = '', value] = arg.split(/=(.*)/s, 2)
    if (arg === '--') return { named, options, own: args.slice(at + 1) }
    if (!arg.startsWith('-')) return { named, options, own: args.slice(at) }
    if (names.test(key)) named.push(value ?? args[++at] ?? '')
    else options.push(...(takesValue.test(arg) ? [arg, args[++at] ?? ''] : [arg]))
  }
  return { named, options, own: [] }
}

/** The folder that npx makes for these packages, as libnpmexec names it. */
export function npxName(packages: readonly string[]): string {
  const names = [...packages].sort((a, b) => a.localeCompare(b, 'en')).join('\n')
  return createHash('sha512').update(names).digest('hex').slice(0, 16)
}
