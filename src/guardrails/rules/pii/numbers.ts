import { isIPv4 } from 'node:net'
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import type { CountryCode } from 'libphonenumber-js/min'
import { ALNUM, DIGIT, LETTER, charSet, isIn, runEnd, runStart } from '../chars.ts'
import { base58Check, luhn, mod97 } from '../checksums.ts'
import type { Found, Kind, Matcher, Span } from '../matcher.ts'
import { nationalIds } from './national.ts'

const CARD: Kind = { guardrail: 'pii', rule: 'card_luhn', category: 'card', score: 0.97 }
const IBAN: Kind = { guardrail: 'pii', rule: 'iban_mod97', category: 'iban', score: 0.98 }
const PHONE: Kind = { guardrail: 'pii', rule: 'phone', category: 'phone', score: 0.85 }
const IPV4: Kind = { guardrail: 'pii', rule: 'ipv4', category: 'ip_address', score: 0.85 }
const BTC: Kind = { guardrail: 'pii', rule: 'bitcoin_base58', category: 'wallet', score: 0.97 }

// A number may carry separators; the longest that any rule reads, with room for the character behind it.
const NUMBER = charSet('0-9 ().x/-')
const RUN = 40
const IBAN_RUN = charSet('a-zA-Z0-9 -')
const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24,
  DE: 22, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28,
  HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20,
  LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30, NL: 18, NO: 15, PK: 24, PL: 28, PS: 29, PT: 25,
  QA: 29, RO: 24, RS: 22, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24, SM: 27, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26,
  UA: 29, VA: 22, VG: 24, XK: 20,
}

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
  if (four >= 3528 && four <= 3589) return length === 16
  if (four === 2131 || four === 1800) return length === 15
  if (four >= 2200 && four <= 2204) return length === 16
  if (two === 62 || two === 81) return length >= 16
  return (two === 50 || (two >= 56 && two <= 58) || two === 63 || two === 67) && (length === 16 || length === 18 || length === 19)
}

function card(text: string, at: number): Span | undefined {
  let digits = ''
  let separator = 0
  let best: Span | undefined
  for (let i = at; i < text.length && digits.length < 19; i++) {
    const code = text.charCodeAt(i)
    if (code === 32 || code === 45) {
      const before = text.charCodeAt(i - 1)
      if ((separator !== 0 && code !== separator) || before === 32 || before === 45) break
      separator = code
      continue
    }
    if (!isIn(DIGIT, code)) break
    digits += text.charAt(i)
    if (digits.length < 13 || isIn(ALNUM, text.charCodeAt(i + 1))) continue
    if (issued(digits) && luhn(digits) && !/^(\d)\1+$/.test(digits)) best = { kind: CARD, start: at, end: i + 1 }
  }
  return best
}

function iban(text: string, start: number, final: boolean): Found {
  const country = text.slice(start, start + 2).toUpperCase()
  const length = IBAN_LENGTHS[country]
  if (length === undefined) return undefined
  let body = ''
  let i = start
  for (; i < text.length && body.length < length; i++) {
    const code = text.charCodeAt(i)
    if (!isIn(IBAN_RUN, code)) return undefined
    if (code === 32 || code === 45) {
      // Printed in groups of four.
      if (body.length % 4 !== 0 || !isIn(ALNUM, text.charCodeAt(i - 1))) return undefined
    } else body += text.charAt(i)
  }
  if (i === text.length && !final) return { more: start }
  if (body.length < length || isIn(ALNUM, text.charCodeAt(i))) return undefined
  const upper = body.toUpperCase()
  return mod97(upper.slice(4) + upper.slice(0, 4)) === 1 ? { kind: IBAN, start, end: i } : undefined
}

const PHONE_SHAPE = /\+?\(?\d[\d ().\/-]{5,24}\d(?:[ ]?x[ ]?\d{1,6})?(?![\w])/y
// Our own marker is no word for what follows it.
const PHONE_WORD = /(?<!REDACTED_)(?:phone|tel(?:e(?:phone|fono?|fon))?|call|mobile|cell|fax|whatsapp|sms|text me|dial|ring|contact|handy|m[oó]vil|celular|t[ée]l[ée]?phone|portable|电话|手机|電話|전화|dien thoai|điện thoại)[^\n]{0,20}$/i
const NANP = /^(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?x ?\d{1,6})?$/
const REGIONS: readonly CountryCode[] = ['US', 'GB', 'DE', 'FR', 'ES', 'IT', 'IN', 'BR', 'AU', 'NL', 'SE', 'JP', 'CH', 'VN', 'CN', 'MX']

function phone(text: string, start: number, run: number): Span | undefined {
  PHONE_SHAPE.lastIndex = start
  const shape = PHONE_SHAPE.exec(text)?.[0]
  if (shape === undefined || start + shape.length > run + 1) return undefined
  const digits = shape.replace(/x.*$|[^0-9]/g, '').length
  if (digits < 7 || digits > 15) return undefined
  const span = { kind: PHONE, start, end: start + shape.length }
  if (shape.startsWith('+')) return parsePhoneNumberFromString(shape)?.isPossible() === true ? span : undefined
  if (/^00[1-9]/.test(shape) && digits >= 11) return parsePhoneNumberFromString(`+${shape.slice(2)}`)?.isPossible() === true ? span : undefined
  if (NANP.test(shape)) return parsePhoneNumberFromString(shape, 'US')?.isPossible() === true ? span : undefined
  if (!PHONE_WORD.test(text.slice(Math.max(0, start - 48), start))) return undefined
  return REGIONS.some((region) => parsePhoneNumberFromString(shape, region)?.isValid() === true) ? span : undefined
}

const IP_SHAPE = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|[.-]\w)/y
const VERSION = /(?:v|version|release|build)[ :=]{0,3}$/i

function ipv4(text: string, at: number): Span | undefined {
  IP_SHAPE.lastIndex = at
  const shape = IP_SHAPE.exec(text)?.[0]
  if (shape === undefined || !isIPv4(shape)) return undefined
  // Loopback and wildcard addresses name nobody; four single digits are a version far more often than a host.
  if (/^(?:0|127|255)\.|^\d\.\d\.\d\.\d$/.test(shape) || VERSION.test(text.slice(Math.max(0, at - 12), at))) return undefined
  return { kind: IPV4, start: at, end: at + shape.length }
}

// By letters before and length of the first run of digits.
const byForm = new Map<number, readonly (typeof nationalIds)[number][]>()
for (const id of nationalIds) for (const digits of id.digits) byForm.set(id.letters * 64 + digits, [...(byForm.get(id.letters * 64 + digits) ?? []), id])

function national(text: string, start: number, letters: number, digits: number): Span | undefined {
  for (const id of byForm.get(letters * 64 + digits) ?? []) {
    id.shape.lastIndex = start
    const shape = id.shape.exec(text)?.[0]
    if (shape === undefined) continue
    if (id.near !== undefined && !id.near.test(text.slice(Math.max(0, start - 60), start))) continue
    const bare = shape.replace(/[ .\/-]/g, '')
    if (id.valid(id.kind.rule === 'fi_hetu' ? shape : bare)) return { kind: id.kind, start, end: start + shape.length }
  }
  return undefined
}

function wallet(text: string, at: number, final: boolean): Found {
  const end = runEnd(text, at, ALNUM, 36)
  if (end === text.length && !final) return { more: at }
  if (end - at < 26 || end - at > 35) return undefined
  return base58Check(text.slice(at, end)) ? { kind: BTC, start: at, end } : undefined
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
  if (letters > 6 || letters === 3 || letters === 5) return undefined
  if (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1))) return undefined
  if (letters === 2) {
    const found = iban(text, start, final)
    if (found !== undefined) return found
  }
  const end = runEnd(text, at, IBAN_RUN, 24)
  if (end === text.length && !final) return { more: start }
  return national(text, start, letters, runEnd(text, at, DIGIT, 20) - at)
}

/** Everything that has digits in it: cards, IBANs, phones, IPv4, national ids, Bitcoin addresses. */
export const numbers: Matcher = {
  literals: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  anywhere: true,
  maxLength: 48,
  tail(text) {
    const letters = text.length - runStart(text, text.length, LETTER, 7)
    if (letters > 0) return letters <= 6 ? letters : 0
    const last = text.charCodeAt(text.length - 1)
    return last === 40 ? (text.charCodeAt(text.length - 2) === 43 ? 2 : 1) : last === 43 ? 1 : 0
  },
  find(text, at, _after, final) {
    const before = at === 0 ? 0 : text.charCodeAt(at - 1)
    if (isIn(DIGIT, before)) return undefined
    if (isIn(LETTER, before)) return lettered(text, at, final)
    if (before === 95) return undefined
    let start = at
    if (before === 40 || before === 43) start = before === 40 && text.charCodeAt(at - 2) === 43 ? at - 2 : at - 1
    const run = runEnd(text, at, NUMBER, RUN)
    if (!final && run + 2 > text.length && (run === text.length || isIn(ALNUM, text.charCodeAt(run)))) return { more: start }
    if (text.charCodeAt(at) === 49 || text.charCodeAt(at) === 51) {
      const found = isIn(LETTER, text.charCodeAt(run)) ? wallet(text, at, final) : undefined
      if (found !== undefined) return found
    }
    // Most numbers are short: years, counts, prices.
    if (run - at < 7) return undefined
    if (continues(text, at) && before !== 32) return undefined
    const digits = runEnd(text, at, DIGIT, 20) - at
    // Printed cards begin with a group of four.
    const found =
      (digits === 4 || digits >= 13 ? card(text, at) : undefined) ??
      (digits <= 3 && text.charCodeAt(at + digits) === 46 ? ipv4(text, at) : undefined) ??
      national(text, at, 0, digits)
    return found ?? (continues(text, start) ? undefined : phone(text, start, run))
  },
}
