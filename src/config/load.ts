import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { explain } from './explain.ts'
import { closest, pathText, type Problem } from './problem.ts'
import { readYaml, type Written } from './read.ts'
import { schema, settle, type Settings, type WrittenSettings } from './schema.ts'
import { standardSettings } from './standard.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface Loaded extends Settings {
  /** The file that was read; absent = the embedded settings. */
  readonly file?: string
  /** Folder that relative paths in the settings start from. */
  readonly base: string
  /** SHA-256 of the text, in hex: equal texts make equal settings. */
  readonly digest: string
  /** Line and column of a key's value, for problems that only show when the settings are used. */
  readonly place: (path: readonly PropertyKey[]) => { readonly line: number; readonly column: number }
}

/** The settings file of a working directory: `$SALLYPORT_CONFIG`, else `sallyport.yaml` there; undefined = none. */
export function findConfig(cwd: string, env: Env): string | undefined {
  const named = env['SALLYPORT_CONFIG']
  if (named !== undefined && named !== '') return resolve(cwd, named)
  const usual = join(cwd, 'sallyport.yaml')
  return existsSync(usual) ? usual : undefined
}

/**
 * Reads and checks settings whole: either all of them, frozen, or every problem that was found. Without a path the
 * embedded settings count, which depend only on which provider credentials the environment names.
 */
export function loadConfig(path: string | undefined, env: Env): Loaded | readonly Problem[] {
  if (path === undefined) return check(Buffer.from(standardSettings(env)), 'embedded settings', undefined, env)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const message = code === 'ENOENT' ? 'there is no such file.' : code === 'EISDIR' ? 'is a folder, not a file.' : `cannot be read (${code ?? String(error)}).`
    return [{ file: path, line: 0, column: 0, path: '', message }]
  }
  return check(bytes, path, path, env)
}

export function isLoaded(result: Loaded | readonly Problem[]): result is Loaded {
  return !Array.isArray(result)
}

function check(bytes: Uint8Array, name: string, file: string | undefined, env: Env): Loaded | readonly Problem[] {
  const written = readYaml(bytes, name)
  if (!('value' in written)) return written
  const parsed = schema.safeParse(written.value)
  if (!parsed.success) return inOrder(explain(parsed.error.issues, schema, written, name))
  const base = file === undefined ? process.cwd() : dirname(resolve(file))
  let settings: Settings
  try {
    settings = settle(written.value as WrittenSettings, { base, env })
  } catch (error) {
    return [mistake(error, written, name)]
  }
  return Object.freeze({
    ...settings,
    ...(file !== undefined && { file }),
    base,
    place: (path: readonly PropertyKey[]) => written.place(path, 'value'),
    digest: createHash('sha256').update(bytes).digest('hex'),
  })
}

/** What a folder's settle function refused: an error that says at which key. Anything else is a defect and passes on. */
function mistake(error: unknown, written: Written, file: string): Problem {
  const path = error instanceof Error && 'path' in error && Array.isArray(error.path) ? (error.path as (string | number)[]) : undefined
  if (path === undefined) throw error
  const known = Object.keys((written.value as WrittenSettings).providers ?? {})
  const found = path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], written.value)
  const best = typeof found === 'string' && /provider|target|context_length/.test(String(path.at(-1))) ? closest(found, known) : undefined
  const message = (error as Error).message.replace(`${path.join('.')}: `, '')
  return { file, ...written.place(path, 'value'), path: pathText(path), message: /[.!?]$/.test(message) ? message : `${message}.`, ...(best !== undefined && { hint: `Did you mean "${best}"?` }) }
}

const mostProblems = 30

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column).slice(0, mostProblems)
}
