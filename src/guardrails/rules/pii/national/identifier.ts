import type { Kind } from '../../matcher.ts'

/** One country's identifier, tried where a number (with the letters before it) begins. */
export interface NationalId {
  readonly kind: Kind
  /** Sticky; bounded; ends before a letter or digit. */
  readonly shape: RegExp
  /** Letters that stand before the first digit. */
  readonly letters: number
  /** Lengths that the first run of digits may have; most numbers in a text are ruled out by this alone. */
  readonly digits: readonly number[]
  /** Gets the match without separators, upper case. */
  valid(id: string): boolean
  /** Words one of which must stand shortly before: for checksums that one number in ten passes. */
  readonly near?: RegExp
}

export function id(rule: string, letters: number, digits: readonly number[], shape: RegExp, valid: (id: string) => boolean, near?: RegExp): NationalId {
  const kind: Kind = { guardrail: 'pii', rule, category: 'national_id', score: near === undefined ? 0.9 : 0.92 }
  return near === undefined ? { kind, shape, letters, digits, valid } : { kind, shape, letters, digits, valid, near }
}

export const num = (text: string, at: number): number => text.charCodeAt(at) - 48

export function plausibleDate(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

/** YYMMDD at an offset. */
export function bornOn(digits: string, at = 0): boolean {
  return plausibleDate(Number(digits.slice(at + 2, at + 4)), Number(digits.slice(at + 4, at + 6)))
}

/** DDMMYY at an offset; days of foreigners are 40 higher in some countries. */
export function bornDay(digits: string, at = 0, shift = 0): boolean {
  const day = Number(digits.slice(at, at + 2))
  return plausibleDate(Number(digits.slice(at + 2, at + 4)), day > shift ? day - shift : day)
}

/** True for a number that is one digit all over, which every sum of weights accepts. */
export function same(digits: string): boolean {
  return /^(\d)\1+$/.test(digits)
}

/** Any number of the shape, where no check digit exists and the words before decide. */
export const shapeOnly = (digits: string): boolean => !same(digits.replace(/\D/g, '')) && !/^0?123456789/.test(digits)
