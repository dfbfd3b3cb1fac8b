import { mixed, SLICE, unitsOf } from './units.ts'
import type { Work } from './work.ts'

/**
 * Marks of text, to recognise it where it was copied to: every run of five words, and runs of letters without what stands
 * between them, of which neighbours share one (winnowing: Schleimer et al., SIGMOD 2003), because there are so many more.
 */
const WORDS = { run: 5, window: 1 }
const LETTERS = { run: 24, window: 12 }
const WORD_SALT = 1
const LETTER_SALT = 2
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
  /** Makes room for so many at once, instead of twice as much again and again. */
  expect(more: number): void
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
  const widen = (length: number): void => {
    const larger = new Uint32Array(length)
    for (let i = 0; i < table.length; i++) {
      const one = table[i] as number
      if (one !== 0) larger[placeIn(larger, one)] = one
    }
    table = larger
  }
  return {
    has(hash) {
      const mark = hash || 1
      return table[placeIn(table, mark)] !== 0 || (former !== undefined && former[placeIn(former, mark)] !== 0)
    },
    add(hash) {
      const mark = hash || 1
      const at = placeIn(table, mark)
      if (table[at] !== 0) return
      if (size >= most) {
        forgot ||= former !== undefined
        former = table
        table = new Uint32Array(SMALLEST)
        table[placeIn(table, mark)] = mark
        size = 1
        return
      }
      table[at] = mark
      if (++size * 2 > table.length) widen(table.length * 2)
    },
    expect(more) {
      let length = table.length
      while (length < 2 * Math.min(most, size + more)) length *= 2
      if (length > table.length) widen(length)
    },
    forgot: () => forgot,
  }
}

/** Where a mark stands, or would. */
function placeIn(table: Uint32Array, mark: number): number {
  const mask = table.length - 1
  let at = Math.imul(mark, 0x9e3779b1) & mask
  for (let there = table[at]; there !== 0 && there !== mark; there = table[at]) at = (at + 1) & mask
  return at
}

const BASE = 0x01000193

/** The hash of every run of `run` units, rolling; `salt` keeps words and letters apart. */
function* runsOf(units: Uint16Array | Uint32Array, length: number, run: number, salt: number): Work<Uint32Array> {
  const made = new Uint32Array(Math.max(0, length - run + 1))
  let out = 1
  for (let i = 0; i < run; i++) out = Math.imul(out, BASE)
  let hash = 0
  for (let from = 0; from < length; from += SLICE) {
    if (from > 0) yield
    hash = roll(units, from, Math.min(length, from + SLICE), run, salt, out, hash, made)
  }
  return made
}

/** @param out BASE to the power of `run`. @returns the hash to go on with. */
function roll(units: Uint16Array | Uint32Array, from: number, to: number, run: number, salt: number, out: number, before: number, made: Uint32Array): number {
  let hash = before
  for (let i = from; i < to; i++) {
    hash = (Math.imul(hash, BASE) + (units[i] as number)) | 0
    if (i >= run) hash = (hash - Math.imul(out, units[i - run] as number)) | 0
    if (i >= run - 1) made[i - run + 1] = mixed(hash ^ salt)
  }
  return hash
}

/** Of every window of hashes the least, each once: in their place, at the beginning. @returns how many. */
function winnow(runs: Uint32Array, window: number): number {
  let kept = 0
  let last = -1
  for (let from = 0; from === 0 ? runs.length > 0 : from + window <= runs.length; from++) {
    let least = from
    let hash = runs[from] as number
    // The last least is still inside the window mostly, and then only the newcomer is looked at.
    if (last >= from) {
      const newcomer = from + window - 1
      least = (runs[newcomer] as number) <= (runs[last] as number) ? newcomer : last
      hash = runs[least] as number
    } else {
      for (let i = from + 1; i < Math.min(from + window, runs.length); i++) {
        if ((runs[i] as number) > hash) continue
        least = i
        hash = runs[i] as number
      }
    }
    if (least !== last) runs[kept++] = hash
    last = least
  }
  return kept
}

export interface Span {
  readonly start: number
  readonly end: number
}

/** Text that was seen, by its marks. */
export interface Prints {
  /** Marks that `except` has are left out. */
  add(text: string, except?: Prints): Work
  /** Stretches of a text that were seen, whole words, in order and apart. */
  copied(text: string): Work<readonly Span[]>
  has(hash: number): boolean
  /** Whether some of what was added is not known any more. */
  readonly forgot: () => boolean
}

export function prints(most: number): Prints {
  const kept = marks(most)
  let empty = true
  const keep = function* (hashes: Uint32Array, count: number, except: Prints | undefined): Work {
    kept.expect(count)
    for (let from = 0; from < count; from += SLICE) {
      if (from > 0) yield
      for (let i = from; i < Math.min(count, from + SLICE); i++) {
        const hash = hashes[i] as number
        if (except?.has(hash) !== true) kept.add(hash)
      }
    }
  }
  const spansOf = (runs: Uint32Array, starts: Uint32Array, endOf: (unit: number) => number, { run, window }: { readonly run: number; readonly window: number }, least: number): Span[] => {
    const found: Span[] = []
    let from = -1
    let to = -1
    const close = (): void => {
      if (from >= 0 && to - from >= least) found.push({ start: starts[from] as number, end: endOf(to - 1) })
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
    return found
  }
  return {
    has: kept.has,
    forgot: kept.forgot,
    *add(text, except) {
      const units = yield* unitsOf(text)
      empty = false
      yield
      // Of words every run is kept.
      const words = yield* runsOf(units.hashes, units.words, WORDS.run, WORD_SALT)
      yield
      yield* keep(words, words.length, except)
      yield
      const letters = yield* runsOf(units.codes, units.letters, LETTERS.run, LETTER_SALT)
      yield
      const count = winnow(letters, LETTERS.window)
      yield
      yield* keep(letters, count, except)
    },
    *copied(text) {
      if (empty) return []
      const { words, hashes, starts, ends, letters, codes, at } = yield* unitsOf(text)
      yield
      const byWords = spansOf(yield* runsOf(hashes, words, WORDS.run, WORD_SALT), starts, (unit) => ends[unit] as number, WORDS, LEAST_WORDS)
      yield
      const byLetters = spansOf(yield* runsOf(codes, letters, LETTERS.run, LETTER_SALT), at, (unit) => (at[unit] as number) + 1, LETTERS, LEAST_LETTERS)
      // Of a copy that only letters show, winnowing may have left out as much as its window at either end.
      let near = 0
      const widened = byLetters.map(({ start, end }) => {
        while (near < byWords.length && (byWords[near] as Span).end <= start) near++
        return near < byWords.length && (byWords[near] as Span).start < end ? { start, end } : { start: Math.max(0, start - LETTERS.window), end: end + LETTERS.window }
      })
      return merged([...byWords, ...widened], text)
    },
  }
}

/** Joined, and widened to what stands without a blank beside it. No letter is looked at twice, however many spans there are. */
function merged(spans: readonly Span[], text: string): readonly Span[] {
  const blank = /\s/
  const made: { start: number; end: number }[] = []
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = made.at(-1)
    const before = last === undefined ? 0 : last.end + 1
    if (last !== undefined && end <= last.end) continue
    let from = start
    let to = end
    while (from > before && !blank.test(text.charAt(from - 1))) from--
    while (to < text.length && !blank.test(text.charAt(to))) to++
    if (last !== undefined && from <= before) last.end = to
    else made.push({ start: from, end: to })
  }
  return made
}
