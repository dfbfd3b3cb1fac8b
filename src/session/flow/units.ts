import { folded } from './fold.ts'
import type { Work } from './work.ts'

/** Words and letters of a text as rows of numbers, with where each stands. */
export interface Units {
  /** Words, each by the hash of its one spelling. */
  words: number
  hashes: Uint32Array
  starts: Uint32Array
  ends: Uint32Array
  /** The letters in them, each as the first of what it folds to. */
  letters: number
  readonly codes: Uint16Array
  readonly at: Uint32Array
}

// Scripts without spaces: each letter is a word.
const ALONE_SCRIPTS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const IN_WORDS = /[\p{L}\p{N}\p{M}]/u
const MARK_LETTER = /\p{M}/u

const KNOWN = 1
const ALONE = 2
const INNER = 4
const MARK = 8

// Filled as letters are met: asking a pattern about each letter of a text costs more than all the rest.
const kinds: Uint8Array[] = []

function kindOf(point: number): number {
  const plane = (kinds[point >>> 16] ??= new Uint8Array(0x10000))
  return plane[point & 0xffff] || (plane[point & 0xffff] = kindAnew(point))
}

function kindAnew(point: number): number {
  const letter = String.fromCodePoint(point)
  const alone = ALONE_SCRIPTS.test(letter)
  return KNOWN | (alone ? ALONE : 0) | (!alone && IN_WORDS.test(letter) ? INNER : 0) | (MARK_LETTER.test(letter) ? MARK : 0)
}

/** Letters and digits of ASCII in lower case, 0 for the rest. */
const LOWER = Uint8Array.from({ length: 128 }, (_, code) => (/[a-z0-9]/i.test(String.fromCharCode(code)) ? String.fromCharCode(code).toLowerCase().charCodeAt(0) : 0))

// One above, so that 0 is what was not met yet.
const firsts = new Uint32Array(0x10000)

/** The first letter of what a letter folds to by itself; 0 where nothing is left of it. */
function firstOf(code: number): number {
  const known = firsts[code] as number
  if (known !== 0) return known - 1
  const first = folded(String.fromCharCode(code)).charCodeAt(0) || 0
  firsts[code] = first + 1
  return first
}

const singles = new Uint8Array(0x10000)

/**
 * Whether a letter folds to one letter whatever stands beside it: no mark and no part of a Hangul syllable, which join
 * what is before them, and no sigma, which is written in another way at the end of a word.
 */
function isSingle(code: number): boolean {
  const known = singles[code] as number
  if (known !== 0) return known === 2
  const fold = folded(String.fromCharCode(code))
  const joins = (one: number): boolean => (one >= 0x1100 && one <= 0x11ff) || (one >= 0xa960 && one <= 0xa97f) || (one >= 0xd7b0 && one <= 0xdfff)
  const single = String.fromCharCode(code).normalize('NFKC') !== 'Σ' && fold.length === 1 && !MARK_LETTER.test(fold) && !joins(code) && !joins(fold.charCodeAt(0))
  singles[code] = single ? 2 : 1
  return single
}

const SEED = 0x811c9dc5
const PRIME = 0x01000193

/** Spreads 32 bits over all of them. */
export function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** 32 bits of a text (FNV-1a, spread). */
export function hashOf(text: string): number {
  let hash = SEED
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
  return mixed(hash)
}

/** Letters between two places where a long text can be put aside. */
export const SLICE = 32_768

/** Passes over a text once. */
export function* unitsOf(text: string): Work<Units> {
  const room = (text.length >>> 2) + 16
  const units: Units = { words: 0, hashes: new Uint32Array(room), starts: new Uint32Array(room), ends: new Uint32Array(room), letters: 0, codes: new Uint16Array(text.length), at: new Uint32Array(text.length) }
  for (let at = 0; at < text.length; ) {
    at = pass(text, units, at, Math.min(text.length, at + SLICE))
    if (at < text.length) yield
  }
  return units
}

function addWord(units: Units, hash: number, start: number, end: number): void {
  if (units.words === units.hashes.length) {
    units.hashes = doubled(units.hashes)
    units.starts = doubled(units.starts)
    units.ends = doubled(units.ends)
  }
  units.hashes[units.words] = hash
  units.starts[units.words] = start
  units.ends[units.words++] = end
}

function doubled(row: Uint32Array): Uint32Array {
  const larger = new Uint32Array(row.length * 2)
  larger.set(row)
  return larger
}

/** @returns where it stopped: behind `to`, when a word stands there. */
function pass(text: string, units: Units, from: number, to: number): number {
  const { codes, at: places } = units
  let letters = units.letters
  let at = from
  while (at < to) {
    const start = at
    let hash = SEED
    let single = true
    let kind = 0
    while (at < text.length) {
      const code = text.charCodeAt(at)
      if (code < 128) {
        const lower = LOWER[code] as number
        if (lower === 0) break
        codes[letters] = lower
        places[letters++] = at++
        hash = Math.imul(hash ^ lower, PRIME)
        continue
      }
      const point = (code & 0xfc00) === 0xd800 ? (text.codePointAt(at) as number) : code
      kind = kindOf(point)
      if ((kind & INNER) === 0) break
      single &&= point === code && isSingle(code)
      const first = firstOf(code)
      codes[letters] = first
      places[letters++] = at++
      hash = Math.imul(hash ^ first, PRIME)
      if (point === code) continue
      codes[letters] = firstOf(text.charCodeAt(at))
      places[letters++] = at++
    }
    if (at > start) {
      addWord(units, single ? mixed(hash) : hashOf(folded(text.slice(start, at))), start, at)
      continue
    }
    if ((kind & ALONE) === 0) {
      at++
      continue
    }
    at = pastAlone(text, at)
    const code = text.charCodeAt(start)
    addWord(units, at === start + 1 && isSingle(code) ? mixed(Math.imul(SEED ^ firstOf(code), PRIME)) : hashOf(folded(text.slice(start, at))), start, at)
    for (let one = start; one < at; one++) {
      codes[letters] = firstOf(text.charCodeAt(one))
      places[letters++] = one
    }
  }
  units.letters = letters
  return at
}

/** Behind a letter that is a word by itself, and the marks on it. */
function pastAlone(text: string, start: number): number {
  let at = start + widthAt(text, start)
  while (at < text.length && text.charCodeAt(at) >= 128 && (kindOf(text.codePointAt(at) as number) & MARK) !== 0) at += widthAt(text, at)
  return at
}

function widthAt(text: string, at: number): 1 | 2 {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1
}
