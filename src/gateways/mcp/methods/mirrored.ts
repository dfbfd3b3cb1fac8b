import type { Fields } from '../../../contract/arrival.ts'
import type { Path } from '../../../contract/segment.ts'
import { at, isObject, Lexeme, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Item } from '../servers/items.ts'
import { decoded, single } from '../callers/modern.ts'

/** An argument that a header repeats, for those on the way who go by it: revision 2026-07-28, `x-mcp-header`. */
export interface Mirror {
  readonly path: Path
  /** Of the header, in lower case. */
  readonly header: string
  readonly type: 'string' | 'integer' | 'boolean'
}

const MARK = 'x-mcp-header'
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const DEEPEST = 64
const MOST_PARTS = 20_000

const known = new WeakMap<TreeObject, readonly Mirror[] | string>()

/** What of a tool's arguments headers repeat, or why what it says of that cannot stand. */
export function mirroredOf({ definition }: Pick<Item, 'definition'>): readonly Mirror[] | string {
  let found = known.get(definition)
  if (found === undefined) known.set(definition, (found = read(definition.get('inputSchema'))))
  return found
}

function read(schema: Tree | undefined): readonly Mirror[] | string {
  const mirrors = new Map<string, Mirror>()
  let parts = 0
  /** `path` is undefined where no value has a place of its own: there, and at the root, nothing may be marked. */
  const visit = (part: Tree, path: Path | undefined, depth: number): string | undefined => {
    if (depth > DEEPEST || ++parts > MOST_PARTS) return 'its schema is too large'
    if (Array.isArray(part)) return first(part, (one) => visit(one, undefined, depth + 1))
    if (!isObject(part)) return undefined
    const mark = part.get(MARK)
    if (mark !== undefined) {
      const type = part.get('type')
      if (path === undefined || path.length === 0) return `${MARK} where no argument is`
      if (typeof mark !== 'string' || !TOKEN.test(mark)) return `${MARK} is no name of a header`
      if (type !== 'string' && type !== 'integer' && type !== 'boolean') return `${MARK} on something that is no text, whole number or truth value`
      const header = `mcp-param-${mark.toLowerCase()}`
      if (mirrors.has(header)) return `${MARK} twice of one name`
      mirrors.set(header, { path, header, type })
    }
    return first([...part], ([key, inside]) => {
      if (key !== 'properties' || !isObject(inside)) return DATA.has(key) ? undefined : visit(inside, undefined, depth + 1)
      return first([...inside], ([name, one]) => visit(one, path && [...path, name], depth + 1))
    })
  }
  return visit(schema ?? null, [], 0) ?? [...mirrors.values()]
}

/** Keywords that hold values, not schemas. */
const DATA: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples', 'required'])

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const one of items) {
    const found = look(one)
    if (found !== undefined) return found
  }
  return undefined
}

/** What of the arguments a header repeats otherwise, or not at all. @throws {RpcMistake} for one that stands twice. */
export function mirrorProblem(tool: Pick<Item, 'definition'>, args: TreeObject, fields: Fields): string | undefined {
  const mirrors = mirroredOf(tool)
  if (typeof mirrors === 'string') return undefined
  return first(mirrors, ({ path, header, type }) => {
    const value = at(args, path)
    if (value === undefined || value === null || Array.isArray(value) || isObject(value)) return undefined
    const said = single(fields, header, undefined)
    if (said === undefined) return `the header ${header} is missing`
    const text = decoded(said)
    if (text === undefined) return `the header ${header} is not readable`
    const own = value instanceof Lexeme ? value.text : String(value)
    const same = text === own || (type === 'integer' && /^-?\d+(?:\.\d+)?$/.test(text) && typeof value !== 'string' && Number(text) === Number(own))
    return same ? undefined : `the header ${header} says something else than the message`
  })
}
