import { hash } from 'node:crypto'

/**
 * The Merkle tree of RFC 6962 (section 2): leaf = SHA-256(0x00 ‖ record), node = SHA-256(0x01 ‖ left ‖ right).
 * Sizes and indexes are plain numbers and exact up to 2^53.
 */

/** Leaves below one stored tile: a tile is the root of that many leaves, so that proofs need not read them all. */
export const TILE = 256

/** Root of the tree without leaves. */
export const EMPTY_ROOT: Uint8Array = hash('sha256', '', 'buffer')

const pair = new Uint8Array(65)
pair[0] = 1

/** Hash of one record's bytes. */
export function leafHash(record: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(record.length + 1)
  prefixed.set(record, 1)
  return hash('sha256', prefixed, 'buffer')
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1)
  pair.set(right, 33)
  return hash('sha256', pair, 'buffer')
}

/** What of a tree must be kept to append to it: the roots of its complete subtrees, largest first. */
export interface Frontier {
  size(): number
  /** Appends a leaf's hash; returns the tile's root when this leaf completed one. */
  push(leaf: Uint8Array): Uint8Array | undefined
  root(): Uint8Array
  /** The subtree roots joined, 32 bytes each: with `size` enough to go on later. */
  bytes(): Uint8Array
}

/**
 * A frontier that goes on from `size` leaves.
 * @throws {RangeError} when `bytes` is not what a tree of that size has.
 */
export function frontierOf(size: number, bytes: Uint8Array): Frontier {
  const stack: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 32) stack.push(bytes.slice(at, at + 32))
  if (bytes.length % 32 !== 0 || stack.length !== ones(size)) throw new RangeError('the frontier does not fit the size of its tree')
  let count = size
  return {
    size: () => count,
    push(leaf) {
      let top = leaf
      let tile: Uint8Array | undefined
      let width = 1
      for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) {
        top = nodeHash(stack.pop() as Uint8Array, top)
        width *= 2
        if (width === TILE) tile = top
      }
      stack.push(top)
      count++
      return tile
    },
    root: () => fold(stack),
    bytes() {
      const joined = new Uint8Array(stack.length * 32)
      for (const [at, one] of stack.entries()) joined.set(one, at * 32)
      return joined
    },
  }
}

/** Root over subtree roots that stand side by side, largest first. */
function fold(stack: readonly Uint8Array[]): Uint8Array {
  let root: Uint8Array | undefined
  for (let at = stack.length - 1; at >= 0; at--) {
    const left = stack[at] as Uint8Array
    root = root === undefined ? left : nodeHash(left, root)
  }
  return root ?? EMPTY_ROOT
}

function ones(size: number): number {
  let found = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) found += rest % 2
  return found
}

/**
 * Root over complete tiles followed by fewer than `TILE` leaves: the hash of any subtree that starts on a tile.
 */
export function rootOver(tiles: readonly Uint8Array[], leaves: readonly Uint8Array[]): Uint8Array {
  return fold([...stackOf(tiles), ...stackOf(leaves)])
}

function stackOf(hashes: readonly Uint8Array[]): Uint8Array[] {
  const stack: Uint8Array[] = []
  for (let count = 0; count < hashes.length; count++) {
    let top = hashes[count] as Uint8Array
    for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) top = nodeHash(stack.pop() as Uint8Array, top)
    stack.push(top)
  }
  return stack
}

/** Half-open range of leaves whose subtree hash belongs into a proof. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Largest power of two below `count` (which is at least 2). */
function splitOf(count: number): number {
  let half = 1
  while (half * 2 < count) half *= 2
  return half
}

/** The subtrees whose hashes make the audit path of leaf `index` in a tree of `size` leaves (RFC 6962, 2.1.1). */
export function inclusionSpans(index: number, size: number): Span[] {
  const spans: Span[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
    }
  }
  return spans.reverse()
}

/** The subtrees whose hashes prove that the tree of `older` leaves is the start of that of `newer` (2.1.2). */
export function consistencySpans(older: number, newer: number): Span[] {
  if (older === 0 || older === newer) return []
  const spans: Span[] = []
  let from = 0
  let to = newer
  let whole = true
  while (older !== to) {
    const middle = from + splitOf(to - from)
    if (older <= middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
      whole = false
    }
  }
  if (!whole) spans.push({ from, to })
  return spans.reverse()
}

/** Whether `proof` shows that `leaf` (a leaf hash) stands at `index` below `root` (RFC 9162, 2.1.3.2). */
export function verifyInclusion(leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  let place = index
  let last = size - 1
  let made = leaf
  for (const step of proof) {
    if (last === 0 || step.length !== 32) return false
    if (place % 2 === 1 || place === last) {
      made = nodeHash(step, made)
      while (place % 2 === 0 && place !== 0) {
        place /= 2
        last = Math.floor(last / 2)
      }
    } else {
      made = nodeHash(made, step)
    }
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && sameBytes(made, root)
}

/** Whether `proof` shows that the tree `newer` begins with the tree `older` (RFC 9162, 2.1.4.2). */
export function verifyConsistency(
  older: { readonly size: number; readonly root: Uint8Array },
  newer: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!Number.isSafeInteger(older.size) || !Number.isSafeInteger(newer.size) || older.size < 0 || older.size > newer.size) return false
  if (older.size === newer.size) return proof.length === 0 && sameBytes(older.root, newer.root)
  if (older.size === 0) return proof.length === 0 && sameBytes(older.root, EMPTY_ROOT)
  let place = older.size - 1
  let last = newer.size - 1
  while (place % 2 === 1) {
    place = (place - 1) / 2
    last = Math.floor(last / 2)
  }
  const steps = place === 0 ? [older.root, ...proof] : [...proof]
  const first = steps.shift()
  if (first === undefined || first.length !== 32) return false
  let oldMade = first
  let newMade = first
  for (const step of steps) {
    if (last === 0 || step.length !== 32) return false
    if (place % 2 === 1 || place === last) {
      oldMade = nodeHash(step, oldMade)
      newMade = nodeHash(step, newMade)
      while (place % 2 === 0 && place !== 0) {
        place /= 2
        last = Math.floor(last / 2)
      }
    } else {
      newMade = nodeHash(newMade, step)
    }
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && sameBytes(oldMade, older.root) && sameBytes(newMade, newer.root)
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
