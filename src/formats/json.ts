import { Lexeme, type Tree, type TreeObject } from './tree.ts'

export type JsonReason =
  | 'encoding'
  | 'bom'
  | 'empty'
  | 'truncated'
  | 'syntax'
  | 'trailing'
  | 'control'
  | 'escape'
  | 'lone_surrogate'
  | 'number'
  | 'duplicate_key'
  | 'forbidden_key'
  | 'depth'
  | 'nodes'

/** Why a text is not acceptable. `offset` counts UTF-16 code units (0 where the bytes are not UTF-8 at all). */
export class JsonError extends Error {
  readonly reason: JsonReason
  readonly offset: number
  constructor(reason: JsonReason, offset: number) {
    super(`json ${reason} at ${offset}`)
    this.reason = reason
    this.offset = offset
  }
}

export interface JsonLimits {
  /** Deepest nesting of arrays and objects; `[]` is 1. At most 1,000: the reader recurses. */
  readonly depth: number
  /** Most values in the whole text, containers and keys' values alike. */
  readonly nodes?: number
}

const DEEPEST = 1_000
const MOST_NODES = 4_000_000
/** Longer spellings are no numbers that anybody means, and their conversion costs more than linear time. */
const LONGEST_NUMBER = 400
/** Up to this length a string is scanned here; beyond it the engine's own vectorised scanner is faster. */
const NEAR = 28

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The one strict reader (law 3): RFC 8259 with everything refused on which two parsers could disagree, namely
 * duplicate keys, `__proto__`, lone surrogates, bytes that are not UTF-8, a byte order mark and numbers beyond
 * the range of a double.
 * @throws {JsonError}
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits): Tree {
  return new Reader(decoded(input), limits).whole()
}

function decoded(input: Uint8Array | string): string {
  let text: string
  if (typeof input === 'string') {
    if (!input.isWellFormed()) throw new JsonError('lone_surrogate', 0)
    text = input
  } else {
    try {
      text = utf8.decode(input)
    } catch {
      throw new JsonError('encoding', 0)
    }
  }
  if (text.charCodeAt(0) === 0xfeff) throw new JsonError('bom', 0)
  return text
}

/** Lives for one text; fields instead of closures, because this is the hottest loop of the gateway. */
class Reader {
  private readonly text: string
  private readonly deepest: number
  private nodesLeft: number
  private at = 0

  constructor(text: string, limits: JsonLimits) {
    this.text = text
    this.deepest = Math.min(limits.depth, DEEPEST)
    this.nodesLeft = limits.nodes ?? MOST_NODES
  }

  whole(): Tree {
    if (Number.isNaN(this.next())) throw new JsonError('empty', 0)
    const tree = this.value(0)
    this.next()
    if (this.at < this.text.length) throw new JsonError('trailing', this.at)
    return tree
  }

  /** Skips white space; the code at the new place, NaN at the end. */
  private next(): number {
    const text = this.text
    let at = this.at
    let code = text.charCodeAt(at)
    while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++at)
    this.at = at
    return code
  }

  private value(depth: number): Tree {
    if (--this.nodesLeft < 0) throw new JsonError('nodes', this.at)
    const code = this.next()
    switch (code) {
      case 34:
        this.at++
        return this.string()
      case 123:
        return this.object(depth + 1)
      case 91:
        return this.array(depth + 1)
      case 116:
        return this.word('true', true)
      case 102:
        return this.word('false', false)
      case 110:
        return this.word('null', null)
      default:
        return this.number(code)
    }
  }

  private word<T extends Tree>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.unexpected()
    this.at += word.length
    return value
  }

  private array(depth: number): Tree[] {
    if (depth > this.deepest) throw new JsonError('depth', this.at)
    const items: Tree[] = []
    this.at++
    if (this.next() === 93) {
      this.at++
      return items
    }
    for (;;) {
      items.push(this.value(depth))
      const code = this.next()
      if (code === 44) this.at++
      else if (code === 93) {
        this.at++
        return items
      } else throw this.unexpected()
    }
  }

  private object(depth: number): TreeObject {
    if (depth > this.deepest) throw new JsonError('depth', this.at)
    const fields: TreeObject = new Map()
    this.at++
    if (this.next() === 125) {
      this.at++
      return fields
    }
    for (let size = 1; ; size++) {
      if (this.next() !== 34) throw this.unexpected()
      const start = this.at++
      const key = this.string()
      if (key === '__proto__') throw new JsonError('forbidden_key', start)
      if (this.next() !== 58) throw this.unexpected()
      this.at++
      fields.set(key, this.value(depth))
      if (fields.size !== size) throw new JsonError('duplicate_key', start)
      const code = this.next()
      if (code === 44) this.at++
      else if (code === 125) {
        this.at++
        return fields
      } else throw this.unexpected()
    }
  }

  /** From behind the opening quote to behind the closing one. */
  private string(): string {
    const text = this.text
    const start = this.at
    const near = start + NEAR
    for (let at = start; at < near; at++) {
      const code = text.charCodeAt(at)
      if (code === 34) {
        this.at = at + 1
        return text.slice(start, at)
      }
      // Written so that NaN, the end of the text, leaves the loop too.
      if (code === 92 || !(code >= 32)) return this.longString(start, at)
    }
    return this.longString(start, near)
  }

  private longString(start: number, from: number): string {
    const text = this.text
    let quote = text.indexOf('"', from)
    for (;;) {
      if (quote < 0) throw new JsonError('truncated', text.length)
      let before = quote
      while (text.charCodeAt(before - 1) === 92) before--
      if (((quote - before) & 1) === 0) break
      quote = text.indexOf('"', quote + 1)
    }
    let value: string
    try {
      value = JSON.parse(text.slice(start - 1, quote + 1)) as string
    } catch {
      throw this.badString(start, quote)
    }
    // The text itself is well formed, so only an escape can bring a surrogate without its partner.
    if (value.length !== quote - start && !value.isWellFormed()) throw new JsonError('lone_surrogate', start)
    this.at = quote + 1
    return value
  }

  private badString(start: number, end: number): JsonError {
    for (let at = start; at < end; at++) if (this.text.charCodeAt(at) < 32) return new JsonError('control', at)
    return new JsonError('escape', start)
  }

  private number(first: number): number | Lexeme {
    const text = this.text
    const start = this.at
    let at = start
    let code = first
    let value = 0
    if (code === 45) code = text.charCodeAt(++at)
    const digits = at
    while (code >= 48 && code <= 57) {
      value = value * 10 + (code - 48)
      code = text.charCodeAt(++at)
    }
    const count = at - digits
    if (count === 0) throw this.unexpected(at)
    if (count > 1 && text.charCodeAt(digits) === 48) throw new JsonError('number', start)
    if (count < 16 && code !== 46 && code !== 101 && code !== 69) {
      this.at = at
      if (digits === start) return value
      return value === 0 ? new Lexeme('-0') : -value
    }
    if (code === 46) at = this.digits(at + 1)
    code = text.charCodeAt(at)
    if (code === 101 || code === 69) {
      code = text.charCodeAt(++at)
      at = this.digits(code === 43 || code === 45 ? at + 1 : at)
    }
    if (at - start > LONGEST_NUMBER) throw new JsonError('number', start)
    const lexeme = text.slice(start, at)
    const number = Number(lexeme)
    if (!Number.isFinite(number)) throw new JsonError('number', start)
    this.at = at
    return String(number) === lexeme ? number : new Lexeme(lexeme)
  }

  /** Skips one or more digits. */
  private digits(from: number): number {
    let at = from
    let code = this.text.charCodeAt(at)
    while (code >= 48 && code <= 57) code = this.text.charCodeAt(++at)
    if (at === from) throw this.unexpected(at)
    return at
  }

  private unexpected(at = this.at): JsonError {
    return new JsonError(at >= this.text.length ? 'truncated' : 'syntax', Math.min(at, this.text.length))
  }
}

/**
 * The one writer: compact JSON with keys in the tree's order and numbers in their own spelling.
 * @throws {TypeError} for a number that JSON cannot express.
 */
export function writeJson(tree: Tree): string {
  switch (typeof tree) {
    case 'string':
      return quoted(tree)
    case 'number':
      if (!Number.isFinite(tree)) throw new TypeError('a number that JSON cannot express')
      return String(tree)
    case 'boolean':
      return tree ? 'true' : 'false'
    default:
  }
  if (tree === null) return 'null'
  if (tree instanceof Lexeme) return tree.text
  if (tree instanceof Map) {
    let out = '{'
    for (const [key, value] of tree) {
      out += (out.length === 1 ? '' : ',') + quoted(key) + ':' + writeJson(value)
    }
    return out + '}'
  }
  let out = '['
  for (let index = 0; index < tree.length; index++) {
    out += (index === 0 ? '' : ',') + writeJson(tree[index] as Tree)
  }
  return out + ']'
}

/** A JSON string literal. A call into the engine costs more than looking at a short text here. */
export function quoted(text: string): string {
  if (text.length > NEAR) return JSON.stringify(text)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 || code === 34 || code === 92 || code > 126) return JSON.stringify(text)
  }
  return '"' + text + '"'
}

/**
 * The tree of a plain value, as JSON.stringify would see it: fields that are undefined are left out.
 * @throws {TypeError} for what JSON has no word for (functions, symbols, NaN, class instances).
 */
export function fromPlain(value: unknown): Tree {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number that JSON cannot express')
    return value
  }
  if (typeof value === 'bigint') return new Lexeme(String(value))
  if (value instanceof Lexeme) return value
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : fromPlain(item)))
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no JSON`)
  const made: TreeObject = new Map()
  if (value instanceof Map) {
    for (const [key, item] of value) made.set(String(key), fromPlain(item))
    return made
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('a class instance has no JSON')
  for (const [key, item] of Object.entries(value)) if (item !== undefined) made.set(key, fromPlain(item))
  return made
}

/** Plain JavaScript values, for tests and libraries: spellings of numbers and order of integer-like keys are lost. */
export function toPlain(tree: Tree): unknown {
  if (tree instanceof Lexeme) return Number(tree.text)
  if (Array.isArray(tree)) return tree.map(toPlain)
  if (!(tree instanceof Map)) return tree
  const made: Record<string, unknown> = {}
  for (const [key, value] of tree) {
    // Plain assignment to `__proto__` would change the prototype instead of adding a field.
    if (key === '__proto__') Object.defineProperty(made, key, { value: toPlain(value), enumerable: true })
    else made[key] = toPlain(value)
  }
  return made
}

const foldedNames = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>()

/**
 * A key that equals a known name only after case folding, or undefined. Decoders that ignore case (Go's) would
 * take such a key for the known field that the reader did not inspect. `knownNames` must not change afterwards.
 */
export function caseVariant(object: TreeObject, knownNames: ReadonlySet<string>): string | undefined {
  let folded: ReadonlySet<string> | undefined
  for (const key of object.keys()) {
    if (knownNames.has(key)) continue
    if (folded === undefined) {
      folded = foldedNames.get(knownNames)
      if (folded === undefined) {
        folded = new Set([...knownNames].map(fold))
        foldedNames.set(knownNames, folded)
      }
    }
    if (folded.has(fold(key))) return key
  }
  return undefined
}

/** Upper case first: the long s (U+017F) and the dotless i only fold that way; the Kelvin sign only downwards. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}
