import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { explain } from './explain.ts'
import type { Problem } from './problem.ts'
import { readYaml } from './read.ts'
import { schema, settle, type Settings } from './schema.ts'
import { standardSettings } from './standard.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface Loaded extends Settings {
  /** The file that was read; absent = the embedded settings. */
  readonly file?: string
  /** Folder that relative paths in the settings start from. */
  readonly base: string
  /** SHA-256 of the text, in hex: equal texts make equal settings. */
  readonly digest: string
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
  if (path === undefined) return check(Buffer.from(standardSettings(env)), 'embedded settings', undefined)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const message = code === 'ENOENT' ? 'there is no such file.' : code === 'EISDIR' ? 'is a folder, not a file.' : `cannot be read (${code ?? String(error)}).`
    return [{ file: path, line: 0, column: 0, path: '', message }]
  }
  return check(bytes, path, path)
}

export function isLoaded(result: Loaded | readonly Problem[]): result is Loaded {
  return !Array.isArray(result)
}

function check(bytes: Uint8Array, name: string, file: string | undefined): Loaded | readonly Problem[] {
  const written = readYaml(bytes, name)
  if (!('value' in written)) return written
  const parsed = schema.safeParse(written.value)
  if (!parsed.success) return explain(parsed.error.issues, schema, written, name)
  return Object.freeze({
    ...settle(parsed.data),
    ...(file !== undefined && { file }),
    base: file === undefined ? process.cwd() : dirname(resolve(file)),
    digest: createHash('sha256').update(bytes).digest('hex'),
  })
}
