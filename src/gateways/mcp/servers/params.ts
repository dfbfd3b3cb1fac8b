import { at, isObject, numberOf, type Tree, type TreeObject } from '../../../formats/tree.ts'

/** An argument that is repeated in a header field: `Mcp-Param-<name>`. */
interface HeaderParam {
  readonly field: string
  readonly path: readonly string[]
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const DEEPEST = 32
const MOST_PARAMS = 64
const MOST_TOOLS = 1_000

/**
 * Which arguments of a server's tools are repeated in header fields (revision 2026-07-28, `x-mcp-header`), as the tools
 * that went by said.
 */
export class HeaderParams {
  private readonly tools = new Map<string, readonly HeaderParam[]>()

  /** The same list without tools whose `x-mcp-header` breaks the rules: such a definition is to be used by nobody. */
  learn(result: TreeObject): TreeObject {
    const { tools } = { tools: result.get('tools') }
    if (!Array.isArray(tools)) return result
    const kept = tools.filter((tool) => {
      const name = isObject(tool) ? tool.get('name') : undefined
      if (!isObject(tool) || typeof name !== 'string') return true
      const found = paramsOf(tool.get('inputSchema'))
      this.tools.delete(name)
      if (found !== undefined && found.length > 0 && this.tools.size < MOST_TOOLS) this.tools.set(name, found)
      return found !== undefined
    })
    return kept.length === tools.length ? result : new Map([...result, ['tools', kept]])
  }

  fields(name: string, args: Tree | undefined): readonly (readonly [string, string])[] {
    const found = this.tools.get(name)
    if (found === undefined) return []
    return found.flatMap(({ field, path }): readonly (readonly [string, string])[] => {
      const value = at(args, path)
      const text = typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : (numberOf(value)?.toString() ?? undefined)
      return text === undefined ? [] : [[field, headerValue(text)]]
    })
  }
}

/** As a header field may hold it: anything but plain ASCII travels as base64 of its UTF-8. */
export function headerValue(text: string): string {
  const plain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !(text.startsWith('=?base64?') && text.endsWith('?='))
  return plain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}

/** Undefined where a schema says `x-mcp-header` as it must not. */
function paramsOf(schema: Tree | undefined): readonly HeaderParam[] | undefined {
  const found: HeaderParam[] = []
  const names = new Set<string>()
  const visit = (value: Tree | undefined, path: readonly string[] | undefined, depth: number): boolean => {
    if (depth > DEEPEST) return true
    if (Array.isArray(value)) return value.every((one) => visit(one, undefined, depth + 1))
    if (!isObject(value)) return true
    const name = value.get('x-mcp-header')
    if (name !== undefined) {
      const type = value.get('type')
      if (path === undefined || path.length === 0 || typeof name !== 'string' || !TOKEN.test(name) || names.has(name.toLowerCase())) return false
      if ((type !== 'string' && type !== 'integer' && type !== 'boolean') || found.length >= MOST_PARAMS) return false
      names.add(name.toLowerCase())
      found.push({ field: `mcp-param-${name.toLowerCase()}`, path })
    }
    for (const [key, inner] of value) {
      if (key === 'properties' && path !== undefined && isObject(inner)) {
        for (const [property, one] of inner) if (!visit(one, [...path, property], depth + 1)) return false
      } else if (!visit(inner, undefined, depth + 1)) return false
    }
    return true
  }
  return visit(schema, [], 0) ? found : undefined
}
