import { folded } from './fold.ts'

/**
 * Marks of text, to recognise it where it was copied to: every run of five words, and runs of letters without what stands
 * between them, of which neighbours share one (winnowing: Schleimer et al., SIGMOD 2003), because there are so many more.
 */
const WORDS = { run: 5, window: 1 }
const LETTERS = { run: 24, window: 12 }
/** What agrees over fewer words is a common turn of phrase, and no copy. */
const LEAST_WORDS = 8
const LEAST_LETTERS = LETTERS.run

/**
 * Hashes of 32 bits in open addressing: 4 to 8 bytes each, which a Set would need ten times. When there are more than
 * `most`, those of the generation before are forgotten.
 */
export interface Marks {
  has(hash: number): boolean
  add(hash: number): void
  /** Whether any were forgotten. */
  readonly forgot: () => boolean
}

/** Most tasks say little. */
const SMALLEST = 64

export function marks(most: number): Marks {
  let table = new Uint32Array(SMALLEST)
  let former: Uint32Array | undefined
  let size = 0
  let forgot = false
  const place = (into: Uint32Array, hash: number): number => {
    let at = Math.imul(hash, 0x9e3779b1) >>> 0
    for (at &= into.length - 1; into[at] !== 0 && into[at] !== hash; at = (at + 1) & (into.length - 1));
    return at
  }
  return {
    has: (hash) => table[place(table, hash || 1)] !== 0 || (former !== undefined && former[place(former, hash || 1)] !== 0),
    add(hash) {
      const mark = hash || 1
      const at = place(table, mark)
      if (table[at] !== 0) return
      if (size >= most) {
        forgot ||= former !== undefined
        former = table
        table = new Uint32Array(SMALLEST)
        size = 0
        this.add(hash)
        return
      }
      table[at] = mark
      size++
      if (size * 2 > table.length) {
        const larger = new Uint32Array(table.length * 2)
        for (const one of table) if (one !== 0) larger[place(larger, one)] = one
        table = larger
      }
    },
    forgot: () => forgot,
  }
}

/** Text as a row of units (words or letters), with where each stands. */
interface Units {
  readonly hashes: Uint32Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

// Scripts without spaces: each letter is a word.
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{N}\p{M}])+/gu
const ASCII = /^[\x00-\x7f]*$/

function wordsOf(text: string): Units {
  const hashes: number[] = []
  const starts: number[] = []
  const ends: number[] = []
  const plain = ASCII.test(text)
  for (const found of text.matchAll(plain ? /[A-Za-z0-9]+/g : WORD)) {
    const [word] = found
    hashes.push(hashOf(plain ? word.toLowerCase() : folded(word)))
    starts.push(found.index)
    ends.push(found.index + word.length)
  }
  return { hashes: Uint32Array.from(hashes), starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) }
}

function lettersOf(text: string, words: Units): Units {
  let length = 0
  for (let i = 0; i < words.starts.length; i++) length += (words.ends[i] as number) - (words.starts[i] as number)
  const hashes = new Uint32Array(length)
  const starts = new Uint32Array(length)
  const plain = ASCII.test(text)
  let at = 0
  for (let i = 0; i < words.starts.length; i++) {
    for (let from = words.starts[i] as number; from < (words.ends[i] as number); from++) {
      const code = text.charCodeAt(from)
      hashes[at] = code >= 65 && code <= 90 ? code + 32 : plain || code < 128 ? code : folded(text.charAt(from)).charCodeAt(0)
      starts[at++] = from
    }
  }
  return { hashes, starts, ends: starts.map((start) => start + 1) }
}

export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mixed(hash)
}

function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const BASE = 0x01000193

/** The hash of every run of `run` units, rolling; `salt` keeps words and letters apart. */
function runsOf({ hashes }: Units, run: number, salt: number): Uint32Array {
  const made = new Uint32Array(Math.max(0, hashes.length - run + 1))
  let out = 1
  for (let i = 0; i < run; i++) out = Math.imul(out, BASE)
  let hash = 0
  for (let i = 0; i < hashes.length; i++) {
    hash = Math.imul(hash, BASE) + (hashes[i] as number)
    if (i >= run) hash -= Math.imul(out, hashes[i - run] as number)
    if (i >= run - 1) made[i - run + 1] = mixed(hash ^ salt)
  }
  return made
}

function addWinnowed(runs: Uint32Array, window: number, add: (hash: number) => void): void {
  let last = -1
  for (let from = 0; from === 0 ? runs.length > 0 : from + window <= runs.length; from++) {
    let least = from
    // The last least is still inside the window mostly, and then only the newcomer is looked at.
    if (last >= from) {
      const newcomer = from + window - 1
      least = (runs[newcomer] as number) <= (runs[last] as number) ? newcomer : last
    } else for (let i = from + 1; i < Math.min(from + window, runs.length); i++) if ((runs[i] as number) <= (runs[least] as number)) least = i
    if (least !== last) add(runs[least] as number)
    last = least
  }
}

export interface Span {
  readonly start: number
  readonly end: number
}

/** Text that was seen, by its marks. */
export interface Prints {
  /** Marks that `except` has are left out. */
  add(text: string, except?: Prints): void
  /** Stretches of a text that were seen, whole words, in order and apart. */
  copied(text: string): readonly Span[]
  has(hash: number): boolean
  /** Whether some of what was added is not known any more. */
  readonly forgot: () => boolean
}

export function prints(most: number): Prints {
  const kept = marks(most)
  let empty = true
  const spansOf = (units: Units, run: number, window: number, least: number, salt: number, into: Span[]): void => {
    const runs = runsOf(units, run, salt)
    let from = -1
    let to = -1
    const close = (): void => {
      if (from >= 0 && to - from >= least) into.push({ start: units.starts[from] as number, end: units.ends[to - 1] as number })
    }
    for (let i = 0; i < runs.length; i++) {
      if (!kept.has(runs[i] as number)) continue
      // Winnowing leaves gaps no wider than its window; one that is wider parts two copies.
      if (from < 0 || i > to - run + window) {
        close()
        from = i
      }
      to = i + run
    }
    close()
  }
  return {
    has: kept.has,
    forgot: kept.forgot,
    add(text, except) {
      const words = wordsOf(text)
      const add = (hash: number): void => {
        if (except?.has(hash) !== true) kept.add(hash)
      }
      empty = false
      addWinnowed(runsOf(words, WORDS.run, 1), WORDS.window, add)
      addWinnowed(runsOf(lettersOf(text, words), LETTERS.run, 2), LETTERS.window, add)
    },
    copied(text) {
      if (empty) return []
      const words = wordsOf(text)
      const byWords: Span[] = []
      const byLetters: Span[] = []
      spansOf(words, WORDS.run, WORDS.window, LEAST_WORDS, 1, byWords)
      spansOf(lettersOf(text, words), LETTERS.run, LETTERS.window, LEAST_LETTERS, 2, byLetters)
      // Of a copy that only letters show, winnowing may have left out as much as its window at either end.
      const widened = byLetters.map(({ start, end }) => (byWords.some((one) => one.start < end && start < one.end) ? { start, end } : { start: Math.max(0, start - LETTERS.window), end: end + LETTERS.window }))
      return merged([...byWords, ...widened], text)
    },
  }
}

/** Joined, and widened to what stands without a blank beside it. */
function merged(spans: readonly Span[], text: string): readonly Span[] {
  const blank = /\s/
  const made: { start: number; end: number }[] = []
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    let from = start
    let to = end
    while (from > 0 && !blank.test(text.charAt(from - 1))) from--
    while (to < text.length && !blank.test(text.charAt(to))) to++
    const last = made.at(-1)
    if (last !== undefined && from <= last.end + 1) last.end = Math.max(last.end, to)
    else made.push({ start: from, end: to })
  }
  return made
}
