import { quoted } from './json.ts'
import { Lexeme, type Tree } from './tree.ts'

/** Deeper values are taken for a cycle. */
const DEEPEST = 100

/**
 * RFC 8785 canonical JSON of a plain value: keys sorted by UTF-16 code units, numbers as ECMAScript prints them,
 * no white space. Fields that are undefined are left out. Hashes and signatures cover exactly this text, so what
 * has no single spelling is refused.
 * @throws {TypeError} for lone surrogates, NaN, infinities, bigints, class instances and undefined elsewhere.
 */
export function canonicalJson(value: unknown): string {
  return written(value, 0)
}

/**
 * The same for what the strict reader made. A number that JavaScript cannot hold keeps its spelling, so that two that
 * differ never have one text.
 * @throws {TypeError} for lone surrogates, and for what is too deep.
 */
export function canonicalTree(tree: Tree, depth = 0): string {
  if (tree instanceof Lexeme) return tree.text
  if (Array.isArray(tree)) {
    if (depth === DEEPEST) throw new TypeError('too deep, or a cycle')
    return `[${tree.map((one) => canonicalTree(one, depth + 1)).join(',')}]`
  }
  if (!(tree instanceof Map)) return written(tree, depth)
  if (depth === DEEPEST) throw new TypeError('too deep, or a cycle')
  // As RFC 8785 has it: sorted by UTF-16 code units.
  const keys = [...tree.keys()].sort()
  return `{${keys.map((key) => `${text(key)}:${canonicalTree(tree.get(key) as Tree, depth + 1)}`).join(',')}}`
}

function written(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return text(value)
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('a number that JSON cannot express')
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      break
    default:
      throw new TypeError(`a ${typeof value} has no canonical JSON`)
  }
  if (value === null) return 'null'
  if (depth === DEEPEST) throw new TypeError('too deep, or a cycle')
  if (Array.isArray(value)) {
    let out = '['
    for (let index = 0; index < value.length; index++) {
      out += (index === 0 ? '' : ',') + written(value[index], depth + 1)
    }
    return out + ']'
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('a class instance has no canonical JSON')
  const fields = value as Readonly<Record<string, unknown>>
  let out = '{'
  for (const key of Object.keys(fields).sort()) {
    const field = fields[key]
    if (field !== undefined) out += (out.length === 1 ? '' : ',') + text(key) + ':' + written(field, depth + 1)
  }
  return out + '}'
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('a lone surrogate has no canonical JSON')
  return quoted(value)
}
