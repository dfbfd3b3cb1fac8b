import { luhn, mod11_10, mod97, verhoeff, weighted } from '../checksums.ts'
import type { Kind } from '../matcher.ts'

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

function id(country: string, letters: number, digits: readonly number[], shape: RegExp, valid: (id: string) => boolean, near?: RegExp): NationalId {
  const kind: Kind = { guardrail: 'pii', rule: country, category: 'national_id', score: near === undefined ? 0.9 : 0.92 }
  return near === undefined ? { kind, shape, letters, digits, valid } : { kind, shape, letters, digits, valid, near }
}

const num = (text: string, at: number): number => text.charCodeAt(at) - 48

function plausibleDate(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

function ssn(digits: string): boolean {
  const area = Number(digits.slice(0, 3))
  return area !== 0 && area !== 666 && area < 900 && digits.slice(3, 5) !== '00' && digits.slice(5) !== '0000' && digits !== '123456789'
}

function cpf(digits: string): boolean {
  if (/^(.)\1+$/.test(digits)) return false
  const one = (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11 % 10
  const two = (weighted(digits, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11 % 10
  return one === num(digits, 9) && two === num(digits, 10)
}

function cnpj(digits: string): boolean {
  const check = (weights: readonly number[]): number => {
    const rest = weighted(digits, weights) % 11
    return rest < 2 ? 0 : 11 - rest
  }
  return check([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === num(digits, 12) && check([6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === num(digits, 13)
}

function chinese(text: string): boolean {
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
  return plausibleDate(Number(text.slice(10, 12)), Number(text.slice(12, 14))) && '10X98765432'[weighted(text, weights) % 11] === text[17]
}

function turkish(digits: string): boolean {
  const odd = weighted(digits, [1, 0, 1, 0, 1, 0, 1, 0, 1])
  const even = weighted(digits, [0, 1, 0, 1, 0, 1, 0, 1, 0])
  const ten = (((odd * 7 - even) % 10) + 10) % 10
  return digits[0] !== '0' && ten === num(digits, 9) && (odd + even + ten) % 10 === num(digits, 10)
}

function italian(text: string): boolean {
  const odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
  let sum = 0
  for (let i = 0; i < 15; i++) {
    const code = text.charCodeAt(i)
    const value = code < 58 ? code - 48 : code - 65
    sum += i % 2 === 0 ? (odd[value] as number) : value
  }
  return sum % 26 === text.charCodeAt(15) - 65
}

function curp(text: string): boolean {
  const order = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
  let sum = 0
  for (let i = 0; i < 17; i++) sum += order.indexOf(text.charAt(i)) * (18 - i)
  return (10 - (sum % 10)) % 10 === num(text, 17)
}

function singapore(text: string): boolean {
  const letter = text.charAt(0)
  const offset = letter === 'T' || letter === 'G' ? 4 : letter === 'M' ? 3 : 0
  const rest = (weighted(text.slice(1), [2, 7, 6, 5, 4, 3, 2]) + offset) % 11
  const table = letter === 'S' || letter === 'T' ? 'JZIHGFEDCBA' : letter === 'M' ? 'KLJNPQRTUWX' : 'XWUTRQPNMLK'
  return (letter === 'M' ? table[10 - rest] : table[rest]) === text.charAt(8)
}

const DNI = 'TRWAGMYFPDXBNJZSQVHLCKE'

/** National identifiers, each with the check its country defines. Those that a random number often passes need a word. */
export const nationalIds: readonly NationalId[] = [
  id('us_ssn', 0, [3], /\d{3}-\d{2}-\d{4}(?![\w-])/y, ssn),
  id('us_ssn_spelled', 0, [3, 5, 9], /\d{3} ?\d{2} ?\d{4}(?![\w-])/y, ssn, /\bssn\b|social security/i),
  id('us_itin', 0, [3], /9\d{2}-[5-9]\d-\d{4}(?![\w-])/y, (text) => text !== '', /\bitin\b|taxpayer/i),
  id('uk_nino', 2, [2, 4, 6], /[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/y, (text) => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(text)),
  id('uk_nhs', 0, [3, 6, 10], /\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w-])/y, (text) => (11 - (weighted(text, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === num(text, 9), /\bnhs\b/i),
  id('de_steuer_id', 0, [2, 5, 8, 11], /[1-9]\d ?\d{3} ?\d{3} ?\d{3}(?![\w-])/y, mod11_10, /steuer|tax id|\bidnr\b|identifikationsnummer/i),
  id('fr_nir', 0, [1, 3, 5, 7, 10, 13, 15], /[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d{2} ?\d{3} ?\d{3} ?\d{2}(?![\w-])/y, (text) => 97 - mod97(text.slice(0, 13)) === Number(text.slice(13))),
  id('es_dni', 0, [8], /\d{8}[ -]?[A-Z](?!\w)/y, (text) => DNI[Number(text.slice(0, 8)) % 23] === text[8]),
  id('es_nie', 1, [7], /[XYZ][ -]?\d{7}[ -]?[A-Z](?!\w)/y, (text) => DNI[Number('XYZ'.indexOf(text.charAt(0)) + text.slice(1, 8)) % 23] === text[8]),
  id('it_codice_fiscale', 6, [2], /[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)/y, italian),
  id('nl_bsn', 0, [9], /\d{9}(?![\w-])/y, (text) => weighted(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0, /\bbsn\b|burgerservicenummer|sofinummer/i),
  id('be_nrn', 0, [2], /\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}(?![\w-])/y, (text) => [text.slice(0, 9), `2${text.slice(0, 9)}`].some((head) => 97 - (Number(head) % 97) === Number(text.slice(9)))),
  id('se_personnummer', 0, [6, 8], /(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])-\d{4}(?![\w-])/y, (text) => luhn(text.slice(-10))),
  id('fi_hetu', 0, [6], /[0-3]\d[01]\d\d{2}-\d{3}[0-9A-Y](?!\w)/y, (text) => '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(text.slice(0, 6) + text.slice(-4, -1)) % 31] === text.slice(-1)),
  id('pl_pesel', 0, [11], /\d{11}(?![\w-])/y, (text) => weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0 && Number(text.slice(4, 6)) <= 31, /pesel/i),
  id('br_cpf', 0, [3], /\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])/y, cpf),
  id('br_cpf_plain', 0, [11], /\d{11}(?![\w-])/y, cpf, /\bcpf\b/i),
  id('br_cnpj', 0, [2], /\d{2}\.\d{3}\.\d{3}\/\d{4}-\d{2}(?![\w-])/y, cnpj),
  id('mx_curp', 4, [6], /[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d(?!\w)/y, curp),
  id('cn_resident_id', 0, [17, 18], /[1-8]\d{5}(?:19|20)\d{9}[\dX](?!\w)/y, chinese),
  id('in_aadhaar', 0, [4], /[2-9]\d{3} \d{4} \d{4}(?![\w-]| \d)/y, verhoeff),
  id('in_aadhaar_plain', 0, [12], /[2-9]\d{11}(?![\w-])/y, verhoeff, /aadhaa?r|आधार/i),
  id('kr_rrn', 0, [6], /\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])-[1-8]\d{6}(?![\w-])/y, (text) => (11 - (weighted(text, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === num(text, 12)),
  id('tr_tckn', 0, [11], /[1-9]\d{10}(?![\w-])/y, turkish),
  id('za_id', 0, [13], /\d{13}(?![\w-])/y, (text) => plausibleDate(Number(text.slice(2, 4)), Number(text.slice(4, 6))) && num(text, 10) < 2 && luhn(text), /\bid\b|identity/i),
  id('ca_sin', 0, [3], /[1-79]\d{2}[ -]\d{3}[ -]\d{3}(?![\w-])/y, luhn, /\bsin\b|social insurance/i),
  id('au_tfn', 0, [3, 6, 9], /\d{3} ?\d{3} ?\d{3}(?![\w-])/y, (text) => weighted(text, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0, /\btfn\b|tax file/i),
  id('sg_nric', 1, [7], /[STFGM]\d{7}[A-Z](?!\w)/y, singapore),
]
