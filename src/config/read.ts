import { isAlias, isCollection, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml'
import { pathText, type Problem } from './problem.ts'

/** Settings as written: plain values, and where each stands. */
export interface Written {
  readonly value: unknown
  /** Line and column of the value at a path, or of its key; of the nearest that exists when the path does not. */
  place(path: readonly PropertyKey[], what: 'key' | 'value'): { readonly line: number; readonly column: number }
}

const mostBytes = 1024 * 1024
const mostDepth = 24

/**
 * Reads YAML 1.2 strictly: one document; UTF-8; no tabs for indentation, duplicate keys, anchors, aliases, tags or
 * keys that are no text. Anchors are refused because a few lines of them can stand for gigabytes, and because a
 * setting that stands elsewhere cannot be pointed at.
 */
export function readYaml(bytes: Uint8Array, file: string): Written | readonly Problem[] {
  if (bytes.length > mostBytes) return [{ ...whole(file), message: `is larger than ${mostBytes / 1024} KB.` }]
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return [{ ...whole(file), message: 'is not UTF-8.' }]
  }
  const lines = new LineCounter()
  let document: Document.Parsed
  try {
    document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true, version: '1.2', prettyErrors: false, stringKeys: false })
  } catch (error) {
    // Thousands of nested brackets exhaust the parser's stack.
    if (error instanceof RangeError) return [{ ...whole(file), message: 'is nested too deeply.' }]
    throw error
  }
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const wrong = [...document.errors, ...document.warnings]
  // The first error explains the ones that follow from it.
  if (wrong.length > 0) return wrong.slice(0, 3).map((one) => ({ file, ...at(one.pos[0]), path: pathText(pathOf(document, one.pos[0])), message: spoken(one.code, one.message) }))
  const odd = oddities(document, file, at)
  if (odd.length > 0) return odd
  const value: unknown = document.toJS()
  return { value: value ?? {}, place: (path, what) => at(offsetOf(document, path, what)) }
}

function whole(file: string): Problem {
  return { file, line: 0, column: 0, path: '', message: '' }
}

function spoken(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used as indentation; YAML allows spaces only.'
    case 'DUPLICATE_KEY':
      return 'this key stands twice in the same place.'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; settings are one document.'
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deeply.'
    case 'TAG_RESOLVE_FAILED':
      return 'tags (!name) are not allowed.'
    default:
      return /call stack/.test(message) ? 'is nested too deeply.' : `${message.replace(/\s+/g, ' ')}.`
  }
}

/** What YAML allows and settings do not. */
function oddities(document: Document.Parsed, file: string, at: (offset: number) => { line: number; column: number }): readonly Problem[] {
  const found: Problem[] = []
  const say = (node: unknown, path: readonly unknown[], message: string): void => {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    found.push({ file, ...at(offset), path: pathText(keysOf(path)), message })
  }
  visit(document, {
    Node(_, node, path) {
      if (isAlias(node)) say(node, path, 'aliases (*name) are not allowed; write the value out.')
      else if (node.anchor !== undefined) say(node, path, 'anchors (&name) are not allowed; write the value out where it is needed.')
      else if (node.tag !== undefined && node.tag.startsWith('!')) say(node, path, `tags (${node.tag}) are not allowed.`)
      if (path.filter(isCollection).length > mostDepth) {
        say(node, path, 'is nested too deeply.')
        return visit.BREAK
      }
      return undefined
    },
    Pair(_, pair, path) {
      if (!isScalar(pair.key) || typeof pair.key.value !== 'string') say(pair.key, path, 'a key must be text; put it in quotes.')
      else if (pair.key.value === '__proto__') say(pair.key, path, '"__proto__" is not allowed as a key.')
      else if (pair.key.value === '<<') say(pair.key, path, 'merge keys (<<) are not allowed; write the values out.')
    },
  })
  return found
}

function keysOf(path: readonly unknown[]): PropertyKey[] {
  return path.flatMap((one) => (isPair(one) && isScalar(one.key) ? [String(one.key.value)] : []))
}

/** The innermost key whose line holds an offset: where a syntax error stands. */
function pathOf(document: Document.Parsed, offset: number): PropertyKey[] {
  let found: PropertyKey[] = []
  visit(document, {
    Pair(_, pair, path) {
      const from = start(pair.key)
      const to = isNode(pair.value) ? pair.value.range?.[2] : isNode(pair.key) ? pair.key.range?.[2] : undefined
      if (from !== undefined && to !== undefined && from <= offset && offset <= to) found = [...keysOf(path), ...keysOf([pair])]
    },
  })
  return found
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], what: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const key of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find((one) => isScalar(one.key) && one.key.value === key)
      if (pair === undefined) return offset
      next = pair.value
      offset = (what === 'key' ? start(pair.key) : start(next)) ?? start(pair.key) ?? offset
    } else if (isCollection(node) && typeof key === 'number') {
      next = node.items[key]
      offset = start(next) ?? offset
    }
    if (!isNode(next)) return offset
    node = next
  }
  return offset
}

function start(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined
}
