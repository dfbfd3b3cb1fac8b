import { hashed, LETTER, maybeWord, PAIRS } from './language/language.ts'
import { DOT, HEXISH, kindOf, KINDS, LEET, LEET_L, MARKS, NUMBER, OTHER, QUOTE, SEEN, SIGN, SPACE, SPELLED } from './units.ts'

/** Stretches of a text, as pairs of start and end. */
export type Stretches = readonly number[]

/** What one pass over a text saw of stretches that may be encoded. Decoders look at these and nowhere else. */
export interface Sketch {
  /** Letters and digits without a break that may stand for bytes. */
  readonly runs: Stretches
  /** Words that are unlike any language known here. */
  readonly odd: Stretches
  /** Single characters that stand apart. */
  readonly apart: Stretches
  /** Lists of short numbers. */
  readonly numbers: Stretches
  /** Words with digits or signs inside that may be words without them. */
  readonly broken: Stretches
  /** Words held together by signs where spaces should be. */
  readonly compounds: Stretches
  /** Chunks of dots and dashes. */
  readonly dots: Stretches
  /** Words that end as Pig Latin does. */
  readonly ays: Stretches
  /** Letters without a break, longer than words are. */
  readonly long: Stretches
  /** Words that may be letters of the spelling alphabet. */
  readonly spelled: Stretches
  /** Which of these there are, and which signs stood in the text: bits of `SEEN`. */
  readonly seen: number
  /** Set where more stood in the text than is kept. */
  readonly full: boolean
}

const SHORTEST_RUN = 8
const LONG_RUN = 20
const LONG_WORD = 15
const MOST = 1 << 17
// Natural words score more than this a letter, reversed or exchanged ones less; in sixteenths of a nat.
const EXPECTED = 10
const KNOWN = 64
const UNKNOWN = 24
const ODD = 130
const ODD_LETTERS = 9
const LONGEST_BROKEN = 80

const NONE: Stretches = []
const LISTS = ['runs', 'odd', 'broken', 'long', 'compounds', 'apart', 'numbers', 'dots', 'ays', 'spelled'] as const

// Collects stretches whose parts follow one another closely.
class Row {
  #found: number[] | undefined
  #from = -1
  #to = -1
  #count = 0
  readonly #fewest: number
  readonly #gap: number

  constructor(fewest: number, gap: number) {
    this.#fewest = fewest
    this.#gap = gap
  }

  add(from: number, to: number, count = 1): void {
    if (this.#from >= 0 && from - this.#to > this.#gap) this.end()
    if (this.#from < 0) this.#from = from
    this.#to = to
    this.#count += count
  }

  end(): Stretches {
    if (this.#from >= 0 && this.#count >= this.#fewest && (this.#found?.length ?? 0) < MOST) (this.#found ??= []).push(this.#from, this.#to)
    this.#from = -1
    this.#count = 0
    return this.#found ?? NONE
  }
}

// True where a chunk may be a known word once digits and signs are letters. Signs at its end are punctuation.
function maybeLeet(text: string, start: number, end: number): boolean {
  let one = 0
  let other = 0
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) continue
    const as = LEET[unit] as number
    if (LETTER[unit] !== 0) {
      one = hashed(one, unit)
      other = hashed(other, unit)
    } else if (as !== 0) {
      one = hashed(one, as)
      other = hashed(other, LEET_L[unit] as number)
    }
  }
  return maybeWord(one) || maybeWord(other)
}

/** Reads a text once, chunk by chunk (what stands between white space), in time linear in its length. */
export function sketch(text: string): Sketch {
  const runs: number[] = []
  const odd: number[] = []
  const broken: number[] = []
  const long: number[] = []
  const compounds: number[] = []
  const apart = new Row(4, 12)
  const numbers = new Row(4, 4)
  const dots = new Row(3, 4)
  const ays = new Row(3, 28)
  const spelled = new Row(5, 4)
  const { length } = text
  let oddFrom = -1
  let oddTo = -1
  let oddSum = 0
  let oddPeak = 0
  let oddLetters = 0
  let marks = 0
  let first = 0
  let final = 0
  let ended = false
  let i = 0
  while (i < length) {
    const start = i
    let flags = 0
    let inner = 0
    let pending = 0
    let signs = 0
    let singles = 0
    let tokens = 0
    // Behind the last letter of another script, and whether it stands alone so far.
    let others = -1
    let alone = false
    let letters = 0
    let score = 0
    let hash = 0
    let hexish = 1
    // Behind the last letter or digit.
    let last = start
    let unit = 0
    while (i < length) {
      unit = text.charCodeAt(i)
      if (unit < 128 && ((LETTER[unit] as number) !== 0 || KINDS[unit] === NUMBER)) {
        const from = i
        let mixed = 0
        let digits = 0
        if (last !== start || i === start) inner |= pending
        pending = 0
        for (;;) {
          let before = 0
          let letter = LETTER[unit] as number
          while (letter !== 0) {
            score += PAIRS[(before << 5) | letter] as number
            before = letter
            hash = hashed(hash, unit)
            letters++
            if (i > from) mixed |= ~unit & 32
            hexish &= HEXISH[unit] as number
            unit = ++i < length ? text.charCodeAt(i) : 32
            letter = unit < 128 ? (LETTER[unit] as number) : 0
          }
          score += PAIRS[before << 5] as number
          if (unit > 127 || KINDS[unit] !== NUMBER) break
          while (unit < 128 && KINDS[unit] === NUMBER) {
            digits++
            unit = ++i < length ? text.charCodeAt(i) : 32
          }
          if (unit > 127 || LETTER[unit] === 0) break
        }
        const size = i - from
        last = i
        if (digits !== 0) flags |= NUMBER
        tokens++
        if (size === 1) singles++
        else if (size >= SHORTEST_RUN) {
          if ((size >= LONG_RUN || (mixed | digits) !== 0) && runs.length < MOST) runs.push(from, i)
          if (size >= LONG_WORD && digits === 0 && long.length < MOST) long.push(from, i)
        }
        continue
      }
      const kind = kindOf(unit)
      if (kind === SPACE) break
      flags |= kind
      if (kind === OTHER) {
        if (others === i) {
          // The second of a run: it was no single.
          if (alone) singles--
          alone = false
        } else {
          tokens++
          singles++
          alone = true
        }
        others = i + 1
        last = i + 1
      } else {
        pending |= kind
        signs++
      }
      i++
    }
    const end = i
    // The space itself.
    i++
    marks |= flags & MARKS
    const size = end - start
    if (size === 0) continue
    final = text.charCodeAt(start)
    if (first === 0) first = final
    if (ended && final > 96 && final < 123) marks |= SEEN.turned
    ended = (flags & DOT) !== 0 && last < end && text.charCodeAt(end - 1) === 46 && last === end - 1 && letters === size - 1 && letters > 2
    if (letters === size) {
      // A plain word, the commonest case by far.
      if (size === 1) {
        apart.add(start, end)
        if (hexish === 0) continue
      } else if (size === 2 && hexish === 1) numbers.add(start, end)
    } else {
      if (size === 1) {
        if ((flags & (SIGN | DOT)) === 0) apart.add(start, end)
      } else if (singles > 1 && singles === tokens && signs >= singles - 1) apart.add(start, end, singles)
      if ((flags & DOT) !== 0 && letters === 0 && (flags & (NUMBER | OTHER | QUOTE)) === 0) dots.add(start, end)
      if ((flags & OTHER) !== 0) continue
      if (hexish === 1 && (flags & NUMBER) !== 0) numbers.add(start, end, size > 11 ? signs + 1 : 1)
      if (letters === 0) continue
      if (size <= LONGEST_BROKEN && broken.length < MOST) {
        const leet = (flags & NUMBER) !== 0 || (signs > 0 && (text.charCodeAt(start) === 64 || text.charCodeAt(start) === 36 || (inner & ~(QUOTE | DOT)) !== 0))
        if ((letters > 3 && (inner & SIGN) !== 0 && maybeWord(hash)) || (leet && letters > 1 && maybeLeet(text, start, last))) broken.push(start, end)
      }
      if (inner !== 0 || (flags & NUMBER) !== 0) {
        if (tokens > 3 && signs >= tokens - 1 && letters > 11 && signs < tokens + 3 && compounds.length < MOST) compounds.push(start, end)
        if (letters === 4 && (inner & (SIGN | DOT)) === (SIGN | DOT)) spelled.add(start, end)
        continue
      }
    }
    if (letters > 40) continue
    if (letters > 3) {
      const first = text.charCodeAt(last - 1) | 32
      if (first === 121 && (text.charCodeAt(last - 2) | 32) === 97) ays.add(start, last)
      const opening = text.charCodeAt(start)
      if (letters < 9 && opening < 128 && ((SPELLED[LETTER[opening] as number] as number) & (1 << letters)) !== 0) spelled.add(start, end)
    }
    oddSum += EXPECTED * letters - score + (letters < 3 ? 0 : maybeWord(hash) ? -KNOWN : letters > 3 ? UNKNOWN : 0)
    if (oddSum > 0) {
      if (oddFrom < 0) oddFrom = start
      oddLetters += letters
      if (oddSum >= oddPeak) {
        oddPeak = oddSum
        oddTo = end
      }
      if (oddSum >= oddPeak - 2 * ODD) continue
    }
    if (oddPeak >= ODD && oddLetters >= ODD_LETTERS && odd.length < MOST) odd.push(oddFrom, oddTo)
    oddFrom = -1
    oddSum = 0
    oddPeak = 0
    oddLetters = 0
  }
  if (oddPeak >= ODD && oddLetters >= ODD_LETTERS) odd.push(oddFrom, oddTo)
  const found = { runs, odd, broken, long, compounds, apart: apart.end(), numbers: numbers.end(), dots: dots.end(), ays: ays.end(), spelled: spelled.end() }
  let seen = marks | (first > 96 && first < 123 && final > 64 && final < 91 ? SEEN.turned : 0)
  let full = false
  for (const name of LISTS) {
    const { length: size } = found[name]
    if (size > 0) seen |= SEEN[name]
    if (size >= MOST) full = true
  }
  return { ...found, seen, full }
}
