import { ALNUM, DIGIT, isIn } from '../chars.ts'
import { luhn } from '../checksums.ts'
import type { Kind, Span } from '../matcher.ts'

const CARD: Kind = { guardrail: 'pii', rule: 'card_luhn', category: 'card', score: 0.97 }

/** Lengths that an issuer's cards have, by the number's first digits (ISO/IEC 7812). */
function issued(digits: string): boolean {
  const length = digits.length
  const two = Number(digits.slice(0, 2))
  const four = Number(digits.slice(0, 4))
  if (digits[0] === '4') return length === 13 || length === 16 || length === 19
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16
  if (two === 34 || two === 37) return length === 15
  if (four === 6011 || two === 65 || (four >= 6440 && four <= 6499)) return length >= 16
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)) return length === 14 || length === 16
  if (four >= 3528 && four <= 3589) return length >= 16
  if (four === 2131 || four === 1800) return length === 15
  if (four >= 2200 && four <= 2204) return length >= 16
  if (two === 62 || two === 81 || two === 60) return length >= 16
  if (four >= 9792 && four <= 9792) return length === 16
  return (two === 50 || (two >= 56 && two <= 58) || two === 63 || two === 67) && length >= 12
}

/** A payment card at `at`: issuer's range, length and Luhn; one kind of separator, never two in a row. */
export function card(text: string, at: number): Span | undefined {
  let digits = ''
  let separator = 0
  let best: Span | undefined
  for (let i = at; i < text.length && digits.length < 19; i++) {
    const code = text.charCodeAt(i)
    if (code === 32 || code === 45 || code === 46) {
      const before = text.charCodeAt(i - 1)
      if ((separator !== 0 && code !== separator) || before === 32 || before === 45 || before === 46) break
      separator = code
      continue
    }
    if (!isIn(DIGIT, code)) break
    digits += text.charAt(i)
    if (digits.length < 12 || isIn(ALNUM, text.charCodeAt(i + 1))) continue
    if (issued(digits) && luhn(digits) && !/^(\d)\1+$/.test(digits)) best = { kind: CARD, start: at, end: i + 1 }
  }
  return best
}
