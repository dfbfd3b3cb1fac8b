/** Words of one shingle, and shingles of one window: whoever copies a run of 8 words is seen (Schleimer et al., SIGMOD 2003). */
export const SHINGLE = 5
const WINDOW = 4
export const SHORTEST_RUN = SHINGLE + WINDOW - 1

/** Words of a text as hashes, and where each stands. Case, punctuation and spacing do not count. */
export interface Words {
  readonly hashes: Float64Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

// Scripts without spaces: each letter is a word.
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{N}\p{M}])+/gu

// Two 26-bit halves: few enough bits for exact arithmetic, enough that a million fingerprints hardly ever collide.
function hashed(word: string): number {
  let a = 0x811c9dc5
  let b = 0x1000193
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 13)
  }
  return (a >>> 6) * 0x4000000 + (b >>> 6)
}

/** Reads at most `most` words. */
export function wordsIn(text: string, most: number): Words {
  const hashes: number[] = []
  const starts: number[] = []
  const ends: number[] = []
  WORD.lastIndex = 0
  for (let found = WORD.exec(text); found !== null && hashes.length < most; found = WORD.exec(text)) {
    const [word] = found
    hashes.push(hashed(word.toLowerCase().normalize('NFKC')))
    starts.push(found.index)
    ends.push(found.index + word.length)
  }
  return { hashes: Float64Array.from(hashes), starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) }
}

/** The hash of every run of five words. */
export function shinglesOf({ hashes }: Words): Float64Array {
  const made = new Float64Array(Math.max(0, hashes.length - SHINGLE + 1))
  for (let i = 0; i < made.length; i++) {
    let high = 17
    let low = 31
    for (let k = 0; k < SHINGLE; k++) {
      const hash = hashes[i + k] as number
      high = Math.imul(high, 0x9e3779b1) ^ Math.floor(hash / 0x4000000)
      low = Math.imul(low ^ (hash % 0x4000000), 0x85ebca6b) + k
    }
    made[i] = (high >>> 6) * 0x4000000 + (low >>> 6)
  }
  return made
}

/** The shingles that stand for a text: of each four neighbours the least, the rightmost of equals. */
export function winnowed(shingles: Float64Array): readonly number[] {
  if (shingles.length === 0) return []
  const kept: number[] = []
  let last = -1
  for (let from = 0; from === 0 || from + WINDOW <= shingles.length; from++) {
    let least = from
    for (let i = from + 1; i < Math.min(from + WINDOW, shingles.length); i++) if ((shingles[i] as number) <= (shingles[least] as number)) least = i
    if (least !== last) kept.push(shingles[least] as number)
    last = least
  }
  return kept
}

/** A run of words of a text that a collection knows. */
export interface Run {
  /** First word, and the one behind the last. */
  readonly from: number
  readonly to: number
  /** What `known` said about its first shingle. */
  readonly source: number
}

/**
 * Runs of known words, at least eight long. `known` gives the number of a source, or -1. Gaps as wide as winnowing
 * leaves are closed.
 */
export function runsIn(shingles: Float64Array, known: (shingle: number) => number): readonly Run[] {
  const runs: Run[] = []
  let open: { from: number; to: number; source: number } | undefined
  for (let i = 0; i < shingles.length; i++) {
    const source = known(shingles[i] as number)
    if (source < 0) continue
    if (open !== undefined && i <= open.to) open.to = i + SHINGLE
    else {
      if (open !== undefined) runs.push(open)
      open = { from: i, to: i + SHINGLE, source }
    }
  }
  if (open !== undefined) runs.push(open)
  return runs.filter(({ from, to }) => to - from >= SHORTEST_RUN)
}
