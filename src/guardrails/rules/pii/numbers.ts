import { ALNUM, DIGIT, LETTER, charSet, isIn, runEnd, runStart } from '../chars.ts'
import type { Found, Matcher, Span } from '../matcher.ts'
import { numbered } from './address.ts'
import { card } from './card.ts'
import { iban } from './iban.ts'
import { identifiersOf } from './national.ts'
import { phone } from './phone.ts'
import { coordinates, halfPlace, ipv4 } from './place.ts'
import { wallet } from './wallets.ts'

// A number may carry separators; the longest that any rule reads, with room for the character behind it.
const NUMBER = charSet('0-9 ().x/-')
const RUN = 40
const IDENTIFIER = charSet('a-zA-Z0-9 .()/-')
const MARK = charSet('A-Z+')
const TRAIL = charSet('A-Z0-9 +-')
// Identifiers whose digits stop early: `131052A308T`, `1EG4-TE5-MK73`.
const MIXED = /^(?:\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]|[1-9][A-Z][A-Z\d]\d-?[A-Z][A-Z\d]\d-?[A-Z]{2}\d{2})(?!\w)/

function national(text: string, start: number, letters: number, digits: number): Span | undefined {
  for (const id of identifiersOf(letters, digits)) {
    id.shape.lastIndex = start
    const shape = id.shape.exec(text)?.[0]
    if (shape === undefined) continue
    if (id.near !== undefined && !id.near.test(text.slice(Math.max(0, start - 60), start))) continue
    const bare = shape.replace(/[ .\/-]/g, '')
    if (id.valid(id.kind.rule === 'fi_hetu' ? shape : bare)) return { kind: id.kind, start, end: start + shape.length }
  }
  return undefined
}

// Where the number goes on from an earlier one (`1.2.3-4`, a range), the earlier one's matcher has seen it.
function continues(text: string, start: number): boolean {
  if (start < 2) return false
  const before = text.charCodeAt(start - 1)
  return (before === 45 || before === 46 || before === 47 || before === 32) && isIn(DIGIT, text.charCodeAt(start - 2))
}

function lettered(text: string, at: number, final: boolean): Found {
  const start = runStart(text, at, LETTER, 7)
  const letters = at - start
  if (letters > 6) return undefined
  if (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1))) return undefined
  if (letters === 2) {
    const found = iban(text, start, final)
    if (found !== undefined) return found
  }
  const digits = runEnd(text, at, DIGIT, 20) - at
  if (digits < 20 && at + digits < text.length && identifiersOf(letters, digits).length === 0) return undefined
  const end = runEnd(text, at, IDENTIFIER, 24)
  if (end === text.length && !final) return { more: start }
  return national(text, start, letters, digits)
}

// Tables and logs are full of dates, and no rule here reads `2024-01-28`.
function dated(text: string, at: number, run: number): boolean {
  const mark = text.charCodeAt(at + 4)
  const first = text.charCodeAt(at)
  if ((mark !== 45 && mark !== 47) || (first !== 49 && first !== 50) || run - at > 10) return false
  return text.charCodeAt(at + 6) === mark || text.charCodeAt(at + 7) === mark
}

// A sign, or the bracket or plus before an area code, belongs to the number.
function startOf(text: string, at: number, before: number): number {
  if (before === 43) return at - 1
  if (before === 40) return text.charCodeAt(at - 2) === 43 ? at - 2 : at - 1
  return at
}

/** Everything that has digits in it: cards, IBANs, phones, IPv4, national ids, house numbers, coordinates, Bitcoin addresses. */
export const numbers: Matcher = {
  literals: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  anywhere: true,
  maxLength: 128,
  tail(text) {
    const letters = text.length - runStart(text, text.length, LETTER, 7)
    if (letters > 0) return letters <= 6 ? letters : 0
    const last = text.charCodeAt(text.length - 1)
    return last === 40 ? (text.charCodeAt(text.length - 2) === 43 ? 2 : 1) : last === 43 || last === 45 ? 1 : 0
  },
  find(text, at, _after, final) {
    const before = at === 0 ? 0 : text.charCodeAt(at - 1)
    if (isIn(DIGIT, before)) return undefined
    if (isIn(LETTER, before)) return lettered(text, at, final)
    if (before === 95) return undefined
    const start = startOf(text, at, before)
    const run = runEnd(text, at, NUMBER, RUN)
    if (!final && run + 2 > text.length && (run === text.length || isIn(ALNUM, text.charCodeAt(run)))) return { more: before === 45 ? at - 1 : start }
    const digits = runEnd(text, at, DIGIT, 20) - at
    // Letters inside or behind belong to some identifiers.
    if (!final && isIn(MARK, text.charCodeAt(run)) && (run - at >= 6 || digits === 1)) {
      const trail = runEnd(text, run, TRAIL, 14)
      if (trail === text.length && trail - run < 14) return { more: start }
    }
    const first = text.charCodeAt(at)
    if ((first === 49 || first === 51 || first === 52 || first === 56) && isIn(LETTER, text.charCodeAt(run)) && run - at < 12 && text.charCodeAt(run - 1) !== 32) {
      const found = wallet(text, at, final)
      if (found !== undefined) return found
    }
    // A house's number, and the street behind it.
    if (run - at < 8 && text.charCodeAt(run - 1) === 32 && isIn(LETTER, text.charCodeAt(run)) && !continues(text, at)) {
      const found = numbered(text, at, final)
      if (found !== undefined) return found
    }
    // Most numbers are short: years, counts, prices.
    if (run - at < 7) return (digits === 6 || digits === 1) && isIn(MARK, text.charCodeAt(run)) && MIXED.test(text.slice(at, at + 14)) ? national(text, at, 0, digits) : undefined
    if ((digits === 4 && dated(text, at, run)) || (continues(text, at) && before !== 32)) return undefined
    if (!final && digits <= 2 && halfPlace(text.slice(at))) return { more: before === 45 ? at - 1 : start }
    // Printed cards begin with a group of four.
    const found =
      (digits === 4 || digits >= 12 ? card(text, at) : undefined) ??
      (digits <= 3 && text.charCodeAt(at + digits) === 46 ? (ipv4(text, at) ?? coordinates(text, at)) : undefined) ??
      national(text, at, 0, digits)
    return found ?? (continues(text, start) ? undefined : phone(text, start, run, final))
  },
}
