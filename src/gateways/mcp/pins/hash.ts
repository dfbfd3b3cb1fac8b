import { createHash } from 'node:crypto'
import type { PackageFacts } from '../../../contract/program.ts'
import { canonicalTree } from '../../../formats/canonical.ts'
import { fromPlain } from '../../../formats/json.ts'
import { isNumber, isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Introduction } from '../servers/link.ts'

/** What is pinned: the items that a server lists, and what it says and is itself. */
export type PinKind = 'tools' | 'prompts' | 'resources' | 'templates' | 'info' | 'instructions' | 'package'

/** Those that a server has one of. */
export const SINGLE: ReadonlySet<PinKind> = new Set(['info', 'instructions', 'package'])

/** The text that a hash covers, which is what operators are shown, and the hash. */
export interface Printed {
  readonly text: string
  /** SHA-256 in hexadecimal. */
  readonly hash: string
}

/** RFC 8785 over kind, name and all members of the definition. @throws {TypeError} for what has no single spelling. */
export function printed(kind: PinKind, name: string, definition: Tree): Printed {
  const text = canonicalTree(kind === 'resources' && isObject(definition) ? lasting(definition) : definition)
  return { text, hash: hashOf(kind, name, text) }
}

/** Of a text that was kept. */
export function hashOf(kind: string, name: string, text: string): string {
  return createHash('sha256').update(`${kind}\n${name}\n${text}`).digest('hex')
}

/** A resource without what changes whenever its content does. */
function lasting(definition: TreeObject): TreeObject {
  const kept = new Map(definition)
  // Anything else in their places is content like any other.
  if (isNumber(kept.get('size'))) kept.delete('size')
  const annotations = kept.get('annotations')
  if (!isObject(annotations)) return kept
  const rest = new Map(annotations)
  const at = rest.get('lastModified')
  if (typeof at === 'string' && MOMENT.test(at)) rest.delete('lastModified')
  if (rest.size === 0) kept.delete('annotations')
  else kept.set('annotations', rest)
  return kept
}

/** ISO 8601, as the schema of MCP has it. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/

/** What looks like a version says nothing to a model; anything longer may. */
const VERSION = /^v?\d[\w.+-]{0,63}$/

/**
 * What a server shows of itself and can do, without its version: a server behind a URL has a new one with every
 * deployment, what a model reads of it is pinned piece by piece, and a program's is in its package.
 */
export function infoOf({ info, capabilities }: Pick<Introduction, 'info' | 'capabilities'>): TreeObject {
  const { version, rest } = unversioned(info)
  return object({ capabilities, serverInfo: version === undefined ? info : rest })
}

/** The pinned info with the version of now. */
export function withVersion(pinned: TreeObject, seen: TreeObject): TreeObject {
  const { version } = unversioned(seen)
  return pinned.has('version') ? pinned : new Map([...pinned, ['version', version ?? '0']])
}

function unversioned(info: TreeObject): { readonly version: string | undefined; readonly rest: TreeObject } {
  const version = info.get('version')
  if (typeof version !== 'string' || !VERSION.test(version)) return { version: undefined, rest: info }
  const rest = new Map(info)
  rest.delete('version')
  return { version, rest }
}

/** All that is known of what is run, but for how it was asked for. */
export function packageTree({ name, version, integrity, file, dependencies }: PackageFacts): TreeObject {
  return fromPlain({ name, version, integrity, file, dependencies }) as TreeObject
}

/** Whether all that was known of a package when it was pinned still holds: a program that was never started says less. */
export function completes(pinned: TreeObject, seen: TreeObject): boolean {
  for (const [key, value] of pinned) if (seen.get(key) !== value) return false
  return true
}

/** Whether a package that has not been started yet is known to be another one than `pinned`. */
export function differs(pinned: TreeObject, facts: PackageFacts): boolean {
  for (const [key, value] of packageTree(facts)) if (pinned.has(key) && pinned.get(key) !== value) return true
  return false
}
