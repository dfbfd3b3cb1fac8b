/** Buckets of the hashed features; a power of two. */
export const BUCKETS = 1 << 18
/** What the linear model answers, in the order of its weights. */
export const FAST_HEADS = ['injection', 'jailbreak', 'harmful', 'toxicity'] as const
const HEADS = FAST_HEADS.length

const PRIME = 0x01000193
const SEED = 0x811c9dc5
// Seeds keep the families of features apart: a word never counts as the piece of another.
const WORD_SEED = 0x9e3779b9
const PAIR_SEED = 0x85ebca6b
const SKIP_SEED = 0xc2b2ae35

// Letters and digits of ASCII in lower case; 0 = no part of a word. Everything beyond ASCII counts as a letter.
const LETTERS = new Uint8Array(128)
for (let code = 48; code <= 57; code++) LETTERS[code] = code
for (let code = 97; code <= 122; code++) {
  LETTERS[code] = code
  LETTERS[code - 32] = code
}

function mixed(hash: number): number {
  let h = hash
  h ^= h >>> 16
  h = Math.imul(h, 0x7feb352d)
  h ^= h >>> 15
  return h & (BUCKETS - 1)
}

/**
 * Calls `take` with the bucket of every feature of a folded text: words, pairs of neighbouring words, pairs with one
 * word between, and pieces of three to five units inside words with their borders. The hashing trick: Weinberger et
 * al. 2009. Answers how many there were.
 */
export function features(text: string, take: (bucket: number) => void): number {
  let count = 0
  let word = 0
  let before = 0
  let twoBefore = 0
  let length = 0
  // The last units of the word, border first: pieces end at the unit that was read last.
  let a = 32
  let b = 32
  let c = 32
  let d = 32
  const close = (): void => {
    take(mixed(word))
    count++
    if (before !== 0) {
      take(mixed(Math.imul(before ^ PAIR_SEED, PRIME) ^ word))
      count++
    }
    if (twoBefore !== 0) {
      take(mixed(Math.imul(twoBefore ^ SKIP_SEED, PRIME) ^ word))
      count++
    }
    piece(32)
    twoBefore = before
    before = word
    length = 0
  }
  const piece = (unit: number): void => {
    const three = Math.imul(Math.imul(Math.imul(SEED ^ unit, PRIME) ^ d, PRIME) ^ c, PRIME)
    if (length >= 2) {
      take(mixed(three))
      count++
    }
    if (length >= 3) {
      const four = Math.imul(three ^ b, PRIME)
      take(mixed(four))
      count++
      if (length >= 4) {
        take(mixed(Math.imul(four ^ a, PRIME)))
        count++
      }
    }
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const unit = code < 128 ? (LETTERS[code] as number) : code
    if (unit === 0) {
      if (length > 0) close()
      continue
    }
    if (length === 0) {
      word = WORD_SEED
      a = b = c = 32
      d = 32
      length = 1
    }
    piece(unit)
    word = Math.imul(word ^ unit, PRIME)
    a = b
    b = c
    c = d
    d = unit
    length++
  }
  if (length > 0) close()
  return count
}

/** The linear model: four weights of eight bits for each bucket, a scale and a bias for each head. */
export interface Linear {
  readonly weights: Int8Array
  readonly scale: readonly number[]
  readonly bias: readonly number[]
}

const totals = new Int32Array(HEADS)

/**
 * Logits of one window of folded text, one for each of `FAST_HEADS`: the sum of its features' weights over the square
 * root of their number, plus the bias. `into` receives them.
 */
export function fastLogits({ weights, scale, bias }: Linear, folded: string, into: Float32Array): void {
  totals.fill(0)
  const count = features(folded, (bucket) => {
    const at = bucket * HEADS
    totals[0] = (totals[0] as number) + (weights[at] as number)
    totals[1] = (totals[1] as number) + (weights[at + 1] as number)
    totals[2] = (totals[2] as number) + (weights[at + 2] as number)
    totals[3] = (totals[3] as number) + (weights[at + 3] as number)
  })
  const norm = 1 / Math.sqrt(Math.max(count, 1))
  for (let k = 0; k < HEADS; k++) into[k] = (totals[k] as number) * (scale[k] as number) * norm + (bias[k] as number)
}
