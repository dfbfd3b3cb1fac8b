import { ENGLISH, OTHERS } from './words.ts'

/** 1–26 for an ASCII letter of either case, 0 for everything else below 128. */
export const LETTER = new Uint8Array(128)
for (let i = 0; i < 26; i++) {
  LETTER[65 + i] = i + 1
  LETTER[97 + i] = i + 1
}

/** Row length of `PAIRS`: a pair's index is `before << 5 | letter`, 0 standing for the edge of a word. */
export const ROW = 32
/** Sixteenths of a nat that a pair of letters speaks for language (above 0) or for noise (below). */
export const PAIRS = new Int8Array(27 * ROW)
const SCALE = 16

const words = (list: string): string[] => list.split(/\s+/).filter((word) => word !== '')
const english = words(ENGLISH)
const cost = new Map<string, number>()
for (const [rank, word] of english.entries()) cost.set(word, Math.log(rank + 12) + 3)
const all = new Set([...english, ...OTHERS.flatMap(words)])

function learn(): void {
  const counts = new Float64Array(27 * ROW).fill(0.02)
  const add = (word: string, weight: number): void => {
    let before = 0
    for (let i = 0; i <= word.length; i++) {
      const letter = i === word.length ? 0 : (LETTER[word.charCodeAt(i)] as number)
      const at = before * ROW + letter
      counts[at] = (counts[at] as number) + weight
      before = letter
    }
  }
  for (const [rank, word] of english.entries()) add(word, 12 / (rank + 30) + 0.03)
  for (const list of OTHERS) for (const [rank, word] of words(list).entries()) add(word, 2 / (rank + 10) + 0.02)
  for (let before = 0; before < 27; before++) {
    let sum = 0
    for (let letter = 0; letter < 27; letter++) sum += counts[before * ROW + letter] as number
    for (let letter = 0; letter < 27; letter++) {
      const nats = Math.log(((counts[before * ROW + letter] as number) / sum) * 27)
      PAIRS[before * ROW + letter] = Math.round(Math.max(-4, Math.min(3, nats)) * SCALE)
    }
  }
}
learn()

const BUCKETS = 1 << 16
const filter = new Uint8Array(BUCKETS)

/** The next state of a word's hash; begins at 0. The case of ASCII letters makes no difference. */
export function hashed(hash: number, unit: number): number {
  return (Math.imul(hash, 31) + (unit | 32)) & 0x7fffffff
}

for (const word of all) {
  let hash = 0
  for (let i = 0; i < word.length; i++) hash = hashed(hash, word.charCodeAt(i))
  filter[(hash ^ (hash >>> 15)) & (BUCKETS - 1)] = 1
}

/** False where no known word has this hash; true for known words and a few others. */
export function maybeWord(hash: number): boolean {
  return filter[(hash ^ (hash >>> 15)) & (BUCKETS - 1)] === 1
}

/** True for a frequent word of one of the languages known here; lower case, without accents. */
export function isWord(word: string): boolean {
  return all.has(word)
}

const LITTLE = new Set('the and you your yours all this that are have has what was were but now please must any me my us it its him her them they'.split(' '))

/** True for the little words that sentences have, and names of things in programs do not. */
export function isLittle(word: string): boolean {
  return LITTLE.has(word)
}

/** Natural logarithm of how rare an English word is; undefined for a word not known. */
export function rarity(word: string): number | undefined {
  return cost.get(word)
}

/** How a text reads: nats per letter for language, and the share of its letters that stand in known words. */
export interface Likeness {
  readonly letters: number
  readonly perLetter: number
  readonly known: number
}

/** Reads at most `most` units of a text. Letters other than a–z are neither for nor against. */
export function likeness(text: string, most = 4096): Likeness {
  const end = Math.min(text.length, most)
  let letters = 0
  let score = 0
  let known = 0
  let before = 0
  let from = 0
  for (let i = 0; i <= end; i++) {
    const unit = i < end ? text.charCodeAt(i) : 32
    const letter = unit < 128 ? (LETTER[unit] as number) : 0
    if (letter === 0 && before === 0) {
      from = i + 1
      continue
    }
    score += PAIRS[before * ROW + letter] as number
    if (letter === 0) {
      if (i - from > 1 && i - from < 20 && all.has(text.slice(from, i).toLowerCase())) known += i - from
      from = i + 1
    } else letters++
    before = letter
  }
  return { letters, perLetter: letters === 0 ? 0 : score / SCALE / letters, known: letters === 0 ? 0 : known / letters }
}

/** True where a text reads like a language known here: for what only language can tell from noise. */
export function isLanguage(text: string, fewest = 8): boolean {
  const { letters, perLetter, known } = likeness(text)
  if (letters < fewest) return false
  return perLetter > 0.3 && (known >= 0.35 || (perLetter > 0.75 && known >= 0.2))
}
