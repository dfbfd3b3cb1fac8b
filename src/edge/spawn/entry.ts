import { constants, accessSync, closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, isAbsolute, resolve } from 'node:path'
import type { ProgramSpec } from '../../contract/program.ts'

/** What is run by a command: the file that is started and, where that is an interpreter, the file that it reads. */
export interface Entry {
  /** Absolute, links not followed, so that a program still finds what it was called as. */
  readonly file: string
  /** It runs what it is told to, so that the file alone says nothing. */
  readonly interpreter: boolean
  readonly script?: string
}

/** Programs whose first argument that is no option is what they run, and the options whose value is the next argument. */
const INTERPRETERS = /^(?:node|nodejs|bun|deno|tsx|python|python\d(?:\.\d+)?|pypy3?|ruby|perl|php|sh|bash)$/
const TAKES_VALUE = /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--env-file|--env-file-if-exists|--title|-W|-X|-I)$/
/** With these, what is run is no file that stands there. */
const NO_FILE = /^(?:-m|-c|-e|-p|--eval|--print|-)$/

/** The file that a command means, looked for along PATH as a shell would. */
export function fileOf({ command, env, cwd }: Pick<ProgramSpec, 'command' | 'env' | 'cwd'>): string | undefined {
  if (command.includes('/')) return isProgram(resolve(cwd, command)) ? resolve(cwd, command) : undefined
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const file = resolve(cwd, folder, command)
    if (isProgram(file)) return file
  }
  return undefined
}

export function entryOf(spec: ProgramSpec): Entry | undefined {
  const file = fileOf(spec)
  if (file === undefined) return undefined
  const interpreter = INTERPRETERS.test(basename(file))
  const script = interpreter ? scriptOf(spec) : undefined
  return { file, interpreter, ...(script !== undefined && { script }) }
}

function scriptOf({ args, cwd }: ProgramSpec): string | undefined {
  let taken = false
  for (const [index, arg] of args.entries()) {
    if (taken) taken = false
    else if (NO_FILE.test(arg)) return undefined
    else if (arg.startsWith('-')) taken = TAKES_VALUE.test(arg)
    // `deno run`, `bun run`.
    else if (index > 0 || !/^(?:run|x)$/.test(arg)) return isFile(resolve(cwd, arg)) ? resolve(cwd, arg) : undefined
  }
  return undefined
}

/** The program that the first line of a script names, if any: `#!/usr/bin/env node` means node along PATH. */
export function interpreterOf(file: string, spec: Pick<ProgramSpec, 'env' | 'cwd'>): string | undefined {
  const words = /^#!\s*(\S[^\n]*)/.exec(beginning(file))?.[1]?.trim().split(/\s+/) ?? []
  const [first, ...rest] = words
  if (first === undefined || basename(first) !== 'env') return first
  const command = rest.find((word) => !word.startsWith('-') && !word.includes('='))
  return command === undefined ? undefined : fileOf({ ...spec, command })
}

/** Without links; what is not there stays as it is. */
export function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Whether a path is a folder's own, or in it. */
export function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return isAbsolute(path) && isFile(path)
  } catch {
    return false
  }
}

function beginning(file: string): string {
  const bytes = Buffer.alloc(256)
  let open: number | undefined
  try {
    open = openSync(file, 'r')
    return bytes.toString('latin1', 0, readSync(open, bytes, 0, bytes.length, 0))
  } catch {
    return ''
  } finally {
    if (open !== undefined) closeSync(open)
  }
}

