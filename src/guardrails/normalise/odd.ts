import { isWord, LETTER, PAIRS, ROW } from './language/language.ts'
import { spend } from './piece.ts'
import type { Source } from './piece.ts'

/** Words that are unlike language, counted by pairs of letters: any exchange of letters is judged without making it. */
export interface Oddity {
  readonly start: number
  readonly end: number
  readonly letters: number
  /** Triples: letter before, letter (0 = edge of a word), how often. */
  readonly pairs: readonly number[]
  /** Sixteenths of a nat a letter, as it stands. */
  readonly score: number
}

const READ = 2048
const known = new WeakMap<Source['sketch'], readonly Oddity[]>()

function counted(source: Source): readonly Oddity[] {
  const { text, sketch, work } = source
  const found: Oddity[] = []
  const counts = new Int32Array(27 * ROW)
  for (let s = 0; s < sketch.odd.length; s += 2) {
    const start = sketch.odd[s] as number
    const end = sketch.odd[s + 1] as number
    const stop = Math.min(end, start + READ)
    if (!spend(work, (stop - start) * 4)) break
    counts.fill(0)
    const used: number[] = []
    let letters = 0
    let before = 0
    for (let i = start; i <= stop; i++) {
      const unit = i < stop ? text.charCodeAt(i) : 32
      const letter = unit < 128 ? (LETTER[unit] as number) : 0
      if (letter === 0 && before === 0) continue
      const at = before * ROW + letter
      if (counts[at] === 0) used.push(at)
      counts[at] = (counts[at] as number) + 1
      if (letter !== 0) letters++
      before = letter
    }
    const pairs: number[] = []
    let sum = 0
    for (const at of used) {
      const count = counts[at] as number
      pairs.push(at >> 5, at & 31, count)
      sum += count * (PAIRS[at] as number)
    }
    found.push({ start, end, letters, pairs, score: letters === 0 ? 0 : sum / letters })
  }
  return found
}

/** The odd stretches of a source, counted once for all decoders. */
export function oddities(source: Source): readonly Oddity[] {
  let made = known.get(source.sketch)
  if (made === undefined) known.set(source.sketch, (made = counted(source)))
  return made
}

/** What the stretch would score with each letter exchanged; `map[0]` is 0. */
export function exchanged({ pairs, letters }: Oddity, map: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < pairs.length; i += 3) {
    sum += (pairs[i + 2] as number) * (PAIRS[((map[pairs[i] as number] as number) << 5) | (map[pairs[i + 1] as number] as number)] as number)
  }
  return letters === 0 ? 0 : sum / letters
}

/** What the stretch would score read backwards. */
export function backwards({ pairs, letters }: Oddity): number {
  let sum = 0
  for (let i = 0; i < pairs.length; i += 3) sum += (pairs[i + 2] as number) * (PAIRS[((pairs[i + 1] as number) << 5) | (pairs[i] as number)] as number)
  return letters === 0 ? 0 : sum / letters
}

// In sixteenths of a nat a letter: what language scores at least, and by how much it must beat what stands there.
export const LIKELY = 8
export const BETTER = 5

const WORD = /[A-Za-z]+/g

// Any exchange makes a word of some abbreviation: it takes several, of some length together.
const FEWEST_WORDS = 2
const FEWEST_LETTERS = 9

/**
 * Share of a text's letters that stand in known words once each word is changed; 0 where there are too few different
 * ones. Reads at most 60 words.
 */
export function wordShare(text: string, change: (word: string) => string): number {
  let letters = 0
  let hits = 0
  let count = 0
  let different = 0
  const seen = new Set<string>()
  WORD.lastIndex = 0
  for (let found = WORD.exec(text); found !== null && count < 60; found = WORD.exec(text), count++) {
    const [word] = found
    letters += word.length
    if (word.length < 2 || word.length > 20) continue
    const changed = change(word.toLowerCase())
    if (!isWord(changed)) continue
    hits += word.length
    if (!seen.has(changed)) different += word.length
    seen.add(changed)
  }
  return seen.size < FEWEST_WORDS || different < FEWEST_LETTERS ? 0 : hits / letters
}

/** Takes words at either end into a stretch while they too become known words. */
export function widened(text: string, start: number, end: number, change: (word: string) => string): { start: number; end: number } {
  let low = start
  let high = end
  for (let n = 0; n < 24; n++) {
    const found = /([A-Za-z]+)[^A-Za-z]{1,4}$/.exec(text.slice(Math.max(0, low - 32), low))
    if (found === null || !isWord(change((found[1] as string).toLowerCase()))) break
    low -= found[0].length
  }
  for (let n = 0; n < 24; n++) {
    const found = /^[^A-Za-z]{1,4}([A-Za-z]+)/.exec(text.slice(high, high + 32))
    if (found === null || !isWord(change((found[1] as string).toLowerCase()))) break
    high += found[0].length
  }
  return { start: low, end: high }
}
