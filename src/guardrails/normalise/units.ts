import { LETTER } from './language/language.ts'
import { SPELLING } from './spelling.ts'

/** What wakes a decoder. */
export const SEEN = {
  runs: 1, odd: 1 << 1, apart: 1 << 2, numbers: 1 << 3, broken: 1 << 4, dots: 1 << 5, ays: 1 << 6, long: 1 << 7, spelled: 1 << 8, compounds: 1 << 9,
  percent: 1 << 10, ampersand: 1 << 11, backslash: 1 << 12, equals: 1 << 13, plus: 1 << 14,
  /** Anything that is not ASCII. */
  foreign: 1 << 15,
  /** A sentence that ends before a small letter, or a text that begins with a small letter and ends with a capital word. */
  turned: 1 << 16,
} as const

// Kinds of units below 128; letters are 0 here because they have a table of their own.
export const SPACE = 1
export const NUMBER = 2
export const SIGN = 4
export const DOT = 8
export const QUOTE = 16
export const OTHER = 32

export const KINDS = new Uint16Array(128).fill(SIGN)
for (let i = 0; i <= 32; i++) KINDS[i] = SPACE
for (let i = 48; i < 58; i++) KINDS[i] = NUMBER
for (const char of '.-_/|') KINDS[char.charCodeAt(0)] = SIGN | DOT
for (const [char, bit] of [['%', SEEN.percent], ['&', SEEN.ampersand], ['\\', SEEN.backslash], ['=', SEEN.equals], ['+', SEEN.plus]] as const) KINDS[char.charCodeAt(0)] = SIGN | bit
export const MARKS = SEEN.percent | SEEN.ampersand | SEEN.backslash | SEEN.equals | SEEN.plus
for (const char of '\'"()[]{}<>,;:') KINDS[char.charCodeAt(0)] = SIGN | QUOTE
const DASHES = new Set([0x00b7, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2022, 0x2212, 0x22c5, 0x30fb, 0x2219, 0x25cf, 0x02d9])
const SPACES = new Set([0x00a0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000])

/** What kind of unit this is, for those that are neither letter nor digit of ASCII. */
export function kindOf(unit: number): number {
  if (unit < 128) return KINDS[unit] as number
  if (SPACES.has(unit) || (unit >= 0x2000 && unit <= 0x200a)) return SPACE
  if (DASHES.has(unit)) return SIGN | DOT
  // Symbols and what is made of surrogates, which here is emoji: styled letters are folded before.
  return (unit >= 0x2010 && unit <= 0x2bff) || (unit >= 0xd800 && unit < 0xe000) || unit < 0xc0 ? SIGN : OTHER
}

// How digits and signs read inside leet words; 1 stands for i, and in the second table for l.
export const LEET = new Uint8Array(128)
for (const [from, to] of ['0o', '1i', '2z', '3e', '4a', '5s', '6g', '7t', '8b', '9g', '@a', '$s', '+t', '!i', '|i', '(c']) {
  LEET[(from as string).charCodeAt(0)] = (to as string).charCodeAt(0)
}
export const LEET_L = LEET.slice()
for (const char of '1!|') LEET_L[char.charCodeAt(0)] = 108

export const HEXISH = new Uint8Array(128)
for (const char of 'abcdefABCDEFxX') HEXISH[char.charCodeAt(0)] = 1
// Index is the first letter; a bit for each length that a word of the spelling alphabet has.
export const SPELLED = new Int32Array(27)
for (const word of SPELLING) SPELLED[LETTER[word.charCodeAt(0)] as number] = (SPELLED[LETTER[word.charCodeAt(0)] as number] as number) | (1 << word.replace('-', '').length)
