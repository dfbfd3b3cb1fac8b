import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { PackageFacts, PackageOf, ProgramSpec } from '../../contract/program.ts'
import { entryOf, isFile, isFolder, real } from './entry.ts'
import { fetchedBy, npxName, type Fetched } from './fetched.ts'

/** Larger ones are nobody's: what is read here may have been written by the program itself. */
const LARGEST_JSON = 32 * 1024 * 1024
const LARGEST_FILE = 1024 * 1024 * 1024

type Json = Readonly<Record<string, unknown>>

/** Reads what a program is from the disk: its package's name, exact version and integrity, and the file that is run. */
export const packageOf: PackageOf = async (spec) => {
  const fetched = fetchedBy(spec.command, spec.args)
  if (fetched?.by === 'npm') return npmFacts(fetched, spec)
  if (fetched !== undefined) return { name: fetched.name, ...(fetched.version !== undefined && { version: fetched.version }), floating: fetched.version === undefined }
  const entry = entryOf(spec)
  if (entry === undefined) return { name: basename(spec.command), floating: true }
  const path = real(entry.script ?? entry.file)
  const file = await digestOf(path)
  // An interpreter whose script is not known may run anything.
  if (file === undefined || (entry.interpreter && entry.script === undefined)) return { name: basename(path), floating: true }
  const { name = basename(path), version, integrity = file } = (await packageAround(path)) ?? {}
  return { name, ...(version !== undefined && { version }), integrity, file, floating: false }
}

/** A package in the folder where npm, or npx, has put it. */
export interface NpmPackage {
  /** What holds `node_modules`. */
  readonly root: string
  readonly version: string
  /** The file that its command runs, links not followed. */
  readonly file?: string
}

/** Where npx puts what it fetches. */
export function npxFolder({ env, home }: Pick<ProgramSpec, 'env' | 'home'>, packages: readonly string[]): string {
  return join(env['npm_config_cache'] ?? join(env['HOME'] ?? home, '.npm'), '_npx', npxName(packages))
}

/** The project that a folder belongs to, as npm finds it. */
function projectOf(folder: string): string | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) if (isFile(join(at, 'package.json')) || isFolder(join(at, 'node_modules'))) return at
  return undefined
}

/** Where a package lies that npx runs: as npx does, the project that it runs in comes before its own cache. */
export async function npmPackage({ packages, name, version, bin }: Fetched, spec: ProgramSpec): Promise<NpmPackage | undefined> {
  // Without an exact version npx asks the registry, and what lies in the project is not what it takes.
  const project = version === undefined ? undefined : projectOf(spec.cwd)
  for (const root of [...(project === undefined ? [] : [project]), npxFolder(spec, packages)]) {
    const found = await jsonOf(join(root, 'node_modules', name, 'package.json'))
    const there = textOf(found?.['version'])
    if (found === undefined || there === undefined || (version !== undefined && there !== version)) continue
    const path = binOf(name, found['bin'], bin)
    return { root, version: there, ...(path !== undefined && { file: join(root, 'node_modules', name, path) }) }
  }
  return undefined
}

/** As libnpmexec chooses: the only one, else the one with the package's own name. */
function binOf(name: string, bins: unknown, wanted: string | undefined): string | undefined {
  if (typeof bins === 'string') return bins
  const all = Object.entries((bins ?? {}) as Json)
  const own = wanted ?? (all.length === 1 ? all[0]?.[0] : name.slice(name.indexOf('/') + 1))
  return textOf(all.find(([key]) => key === own)?.[1])
}

async function npmFacts(fetched: Fetched, spec: ProgramSpec): Promise<PackageFacts> {
  const found = await npmPackage(fetched, spec)
  const floating = fetched.version === undefined
  if (found === undefined) return { name: fetched.name, ...(!floating && { version: fetched.version }), floating }
  const lock = await lockOf(found.root)
  const integrity = textOf(lock?.[`node_modules/${fetched.name}`]?.['integrity'])
  const file = found.file === undefined ? undefined : await digestOf(real(found.file))
  // What else lies in a project's folder is the project's own affair.
  const all = lock === undefined || found.root !== npxFolder(spec, fetched.packages) ? undefined : dependenciesOf(lock)
  return { name: fetched.name, version: found.version, ...(integrity !== undefined && { integrity }), ...(file !== undefined && { file }), ...(all !== undefined && { dependencies: all }), floating }
}

/** The nearest package around a file, and what the lock of the folder that it was installed into says of it. */
async function packageAround(file: string): Promise<{ readonly name: string; readonly version?: string; readonly integrity?: string } | undefined> {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const found = await jsonOf(join(folder, 'package.json'))
    const name = textOf(found?.['name'])
    // One without a name says how its files are read, and is no package.
    if (name === undefined) continue
    const version = textOf(found?.['version'])
    const at = folder.indexOf('/node_modules/')
    const lock = at < 0 ? undefined : await lockOf(folder.slice(0, at))
    const locked = lock?.[folder.slice(at + 1)]
    const integrity = locked?.['version'] === version ? textOf(locked?.['integrity']) : undefined
    return { name, ...(version !== undefined && { version }), ...(integrity !== undefined && { integrity }) }
  }
  return undefined
}

async function lockOf(root: string): Promise<Readonly<Record<string, Json>> | undefined> {
  const lock = (await jsonOf(join(root, 'node_modules', '.package-lock.json'))) ?? (await jsonOf(join(root, 'package-lock.json')))
  return lock?.['packages'] as Readonly<Record<string, Json>> | undefined
}

function dependenciesOf(lock: Readonly<Record<string, Json>>): string {
  const lines = Object.entries(lock).flatMap(([path, one]) => (path === '' ? [] : [JSON.stringify([path, one['version'] ?? '', one['integrity'] ?? ''])]))
  return `sha256-${createHash('sha256').update(lines.sort().join('\n')).digest('base64')}`
}

async function jsonOf(path: string): Promise<Json | undefined> {
  try {
    // A pipe or a device would be waited for without end.
    const about = await stat(path)
    if (!about.isFile() || about.size > LARGEST_JSON) return undefined
    const file = await open(path)
    try {
      const bytes = Buffer.alloc(about.size)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      const read: unknown = JSON.parse(bytes.toString('utf8', 0, bytesRead))
      return typeof read === 'object' && read !== null && !Array.isArray(read) ? (read as Json) : undefined
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}

async function digestOf(path: string): Promise<string | undefined> {
  try {
    const about = await stat(path)
    if (!about.isFile() || about.size > LARGEST_FILE) return undefined
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path, { end: LARGEST_FILE })) hash.update(chunk as Buffer)
    return `sha256-${hash.digest('base64')}`
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
