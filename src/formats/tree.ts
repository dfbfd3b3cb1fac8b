/**
 * The tree that the strict reader makes and the one writer emits (law 3). Objects are Maps: they keep the order of
 * keys (plain objects move integer-like keys to the front) and have no prototype to pollute. A number is a plain
 * JavaScript number where printing it gives back the very same lexeme, and a `Lexeme` otherwise.
 */
export type Tree = null | boolean | number | string | Lexeme | Tree[] | TreeObject
export type TreeObject = Map<string, Tree>

/** A number whose spelling (1.0, 1e5, 12345678901234567890) must survive the way through. */
export class Lexeme {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export function isObject(value: Tree | undefined): value is TreeObject {
  return value instanceof Map
}

export function isNumber(value: Tree | undefined): value is number | Lexeme {
  return typeof value === 'number' || value instanceof Lexeme
}

export function numberOf(value: Tree | undefined): number | undefined {
  return typeof value === 'number' ? value : value instanceof Lexeme ? Number(value.text) : undefined
}

export function stringOf(value: Tree | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Builds an object from pairs, leaving out undefined values: the short way to write a reply. */
export function object(fields: Readonly<Record<string, Tree | undefined>>): TreeObject {
  const made: TreeObject = new Map()
  for (const key in fields) {
    const value = fields[key]
    if (value !== undefined) made.set(key, value)
  }
  return made
}

/** Value at a path; undefined when any step is missing. */
export function at(tree: Tree | undefined, path: readonly (string | number)[]): Tree | undefined {
  let here = tree
  for (const step of path) {
    if (typeof step === 'number') here = Array.isArray(here) ? here[step] : undefined
    else here = here instanceof Map ? here.get(step) : undefined
  }
  return here
}

/** A copy of the tree with another value at `path`; everything off the path is shared, nothing is mutated. */
export function withAt(tree: Tree, path: readonly (string | number)[], value: Tree, depth = 0): Tree {
  if (depth === path.length) return value
  const step = path[depth]
  if (typeof step === 'number') {
    if (!Array.isArray(tree) || step >= tree.length) throw new RangeError(`no element ${step}`)
    const copy = tree.slice()
    copy[step] = withAt(copy[step] as Tree, path, value, depth + 1)
    return copy
  }
  if (!(tree instanceof Map) || step === undefined || !tree.has(step)) throw new RangeError(`no field ${String(step)}`)
  const copy = new Map(tree)
  copy.set(step, withAt(copy.get(step) as Tree, path, value, depth + 1))
  return copy
}
