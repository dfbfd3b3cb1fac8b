import { wordStarts, ALNUM, isIn } from './chars.ts'

/**
 * An Aho-Corasick automaton over literals, case ignored, as one flat transition table: one table look-up per
 * character, whatever the number of literals. Accepting states have the highest numbers, so that the common case is a
 * single comparison.
 */
export interface Automaton {
  /** Character class of every UTF-16 unit; 0 = in no literal. */
  readonly classes: Uint8Array | Uint16Array
  /** `next[state + class]`; states are multiplied by `width` already. */
  readonly next: Uint32Array
  readonly width: number
  /** States from here on accept. */
  readonly accepting: number
  /** For each accepting state: pairs of literal length and matcher index, longest literal first. */
  readonly outputs: readonly (readonly number[])[]
  /** Per state (not multiplied): how much of a literal has been read, and the state of the next shorter suffix. */
  readonly depth: Uint16Array
  readonly fallback: Uint32Array
  /** Per state: 1 where it leads to a literal whose beginning a stream must withhold. */
  readonly holds: Uint8Array
  /** Per state: 1 where the state or one of its shorter suffixes holds. */
  readonly restless: Uint8Array
}

export interface Literal {
  readonly text: string
  readonly matcher: number
  readonly hold: boolean
}

function classesOf(literals: readonly Literal[]): { classes: Uint8Array | Uint16Array; width: number } {
  const classes = new Uint16Array(65536)
  let width = 1
  for (const { text } of literals) {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (classes[unit] !== 0) continue
      classes[unit] = width
      const upper = text.charAt(i).toUpperCase()
      if (upper.length === 1) classes[upper.charCodeAt(0)] = width
      width++
    }
  }
  return { classes: width < 256 ? Uint8Array.from(classes) : classes, width }
}

/** Builds the automaton. Literals must be lower case. */
export function automaton(literals: readonly Literal[]): Automaton {
  const { classes, width } = classesOf(literals)
  const children: Map<number, number>[] = [new Map<number, number>()]
  const depths = [0]
  const outputs: number[][] = [[]]
  const held = new Set<number>()
  for (const { text, matcher, hold } of literals) {
    let node = 0
    for (let i = 0; i < text.length; i++) {
      const unit = classes[text.charCodeAt(i)] as number
      let child = children[node]?.get(unit)
      if (child === undefined) {
        child = children.length
        children.push(new Map())
        depths.push(i + 1)
        outputs.push([])
        children[node]?.set(unit, child)
      }
      node = child
      if (hold) held.add(node)
    }
    outputs[node]?.push(text.length, matcher)
  }
  const fails = new Uint32Array(children.length)
  const order: number[] = [0]
  for (let head = 0; head < order.length; head++) {
    const node = order[head] as number
    for (const [unit, child] of children[node] as Map<number, number>) {
      order.push(child)
      if (node === 0) continue
      let fail = fails[node] as number
      while (fail !== 0 && !children[fail]?.has(unit)) fail = fails[fail] as number
      fails[child] = children[fail]?.get(unit) ?? 0
      outputs[child]?.push(...(outputs[fails[child] as number] as number[]))
    }
  }
  const plain = order.filter((node) => outputs[node]?.length === 0)
  const accept = order.filter((node) => outputs[node]?.length !== 0)
  const rank = new Uint32Array(children.length)
  for (const [index, node] of [...plain, ...accept].entries()) rank[node] = index
  const next = new Uint32Array(children.length * width)
  const depth = new Uint16Array(children.length)
  const fallback = new Uint32Array(children.length)
  const holds = new Uint8Array(children.length)
  for (const node of held) holds[rank[node] as number] = 1
  const restless = new Uint8Array(children.length)
  for (const node of order) {
    const row = (rank[node] as number) * width
    const failRow = (rank[fails[node] as number] as number) * width
    if (node !== 0) next.copyWithin(row, failRow, failRow + width)
    for (const [unit, child] of children[node] as Map<number, number>) next[row + unit] = (rank[child] as number) * width
    depth[rank[node] as number] = depths[node] as number
    fallback[rank[node] as number] = rank[fails[node] as number] as number
    restless[rank[node] as number] = (holds[rank[node] as number] as number) | (restless[rank[fails[node] as number] as number] as number)
  }
  return { classes, next, width, accepting: plain.length * width, outputs: accept.map((node) => outputs[node] as number[]), depth, fallback, holds, restless }
}

/**
 * Units at the end of `text` that may be the beginning of a literal, given the state reached there. A suffix that
 * begins inside a word is no beginning, so most words' last letters are not withheld.
 */
export function pendingTail(made: Automaton, state: number, text: string): number {
  for (let node = state / made.width; node !== 0; node = made.fallback[node] as number) {
    const start = text.length - (made.depth[node] as number)
    if (start < 0 || made.holds[node] === 0) continue
    if (!isIn(ALNUM, text.charCodeAt(start)) || wordStarts(text, start)) return text.length - start
  }
  return 0
}
