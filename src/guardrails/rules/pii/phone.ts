import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import type { CountryCode } from 'libphonenumber-js/min'
import { DIGIT, isIn } from '../chars.ts'
import type { Found, Kind } from '../matcher.ts'

const PHONE: Kind = { guardrail: 'pii', rule: 'phone', category: 'phone', score: 0.85 }

const SHAPE = /\+?\(?\d[\d ().\/-]{4,24}\d(?:[ ]?(?:x|ext\.?)[ ]?\d{1,6})?(?![\w])/y
// Our own marker is no word for what follows it.
const WORD = /(?<!REDACTED_)(?:(?<![a-z])(?:phones?|tele(?:ph?one?|fon[eo]?|foon)|tel|tél|tlf|puh(?:elin)?|call(?:ing|s|ed)?|mobile?|cell(?:ulare?)?|cellphone|fax|whats ?app|sms|text (?:me|us|him|her|them)?|dial|ring|contact|reach|answering|hotline|handy|rufnummer|anrufen|m[oó]vil|celular|llam\w+|appel\w+|portable|gsm|komórk\w+|numer)|телефон|тел\.|моб|电话|手机|電話|携帯|전화|휴대폰|điện thoại|dien thoai|هاتف|फोन)[^\n]{0,24}$/i
const LABEL = /(?<!REDACTED_)(?<![a-z])(?:phone|telephone|telefon[oe]?|tel|tél|mobile|cell|fax|call|whats ?app|handy|portable|celular|dial|answering at)(?: (?:number|no|nr|nummer|me|us|him|her|them|at|on))*[.:#]{0,2} {0,2}$/i
// What stands behind a number on a business card.
const AFTER = /^ {0,2}-? {0,2}\(?(?:office|fax|mobile|cell|home|work|phone|tel|direct|büro|privat|bureau|oficina|handy|móvil)\b/i
const AFTER_REACH = 14
const NANP = /^(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?$/
const DATE = /^(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}|(?:19|20)\d{2} ?[-\/] ?(?:19|20)\d{2}|\d{1,3}(?:\.\d{1,3}){3}|[\d.]+\/\d+)(?: \d{1,2})?$/
// Money, amounts, orders and times say something else with the same digits.
const OTHER = /(?:order|invoice|case|ticket|ref(?:erence)?|tracking|serial|isbn|issn|sku|upc|ean|model|version|page|pp?\.|vol|id|no\. of|zip|postal|account|iban|card|timestamp|row|line|issue|pr|commit|bestell\w*|rechnung\w*|commande|facture|pedido|[$€£¥])[ \w.#:]{0,12}$/i

/** Countries whose national form is accepted beside a word that speaks of telephones. */
const REGIONS: readonly CountryCode[] = [
  'US', 'GB', 'DE', 'FR', 'ES', 'IT', 'IN', 'BR', 'AU', 'NL', 'SE', 'JP', 'CH', 'VN', 'CN', 'MX', 'AT', 'BE', 'PL', 'CZ', 'DK', 'NO', 'FI', 'PT', 'IE', 'HU', 'RO', 'GR', 'TR', 'RU', 'UA', 'ZA', 'NZ', 'AR', 'CL', 'CO', 'KR', 'TW', 'SG', 'IS', 'SI', 'HR', 'EE', 'CY',
]

/** A telephone number that begins at `start`; `run` is the end of the digits and separators there. */
export function phone(text: string, start: number, run: number, final: boolean): Found {
  SHAPE.lastIndex = start
  let shape = SHAPE.exec(text)?.[0]
  if (shape === undefined || start + shape.length > run + 6) return undefined
  // A bracket that nothing opened belongs to the sentence.
  if (!shape.includes('(') && shape.includes(')')) shape = shape.slice(0, shape.indexOf(')'))
  const digits = shape.replace(/(?:x|ext).*$|[^0-9]/g, '').length
  if (digits < 6 || digits > 15 || DATE.test(shape)) return undefined
  const span = { kind: PHONE, start, end: start + shape.length }
  const before = text.slice(Math.max(0, start - 56), start)
  // A sum is no number to call.
  if (shape.startsWith('+')) return !isIn(DIGIT, text.charCodeAt(start - 1)) && parsePhoneNumberFromString(shape)?.isPossible() === true ? span : undefined
  if (/^00[1-9]/.test(shape) && digits >= 11) return parsePhoneNumberFromString(`+${shape.slice(2)}`)?.isPossible() === true ? span : undefined
  if (NANP.test(shape)) return parsePhoneNumberFromString(shape, 'US')?.isPossible() === true ? span : undefined
  const spoken = WORD.test(before)
  if (spoken && !OTHER.test(before)) {
    if (LABEL.test(before) && digits <= 13 && /[ ().-]|^0/.test(shape)) return span
    if (digits >= 7 && REGIONS.some((region) => parsePhoneNumberFromString(shape, region)?.isValid() === true)) return span
  }
  const end = span.end
  if (!final && text.length - end < AFTER_REACH && /^[ (\w-]*$/.test(text.slice(end))) return { more: start }
  return AFTER.test(text.slice(end, end + AFTER_REACH)) && digits <= 13 ? span : undefined
}
