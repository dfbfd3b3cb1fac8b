import { luhn, verhoeff, weighted } from '../../checksums.ts'
import { bornOn, id, num, plausibleDate, same, shapeOnly } from './identifier.ts'
import type { NationalId } from './identifier.ts'

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

function singapore(text: string): boolean {
  const letter = text.charAt(0)
  const offset = letter === 'T' || letter === 'G' ? 4 : letter === 'M' ? 3 : 0
  const rest = (weighted(text.slice(1), [2, 7, 6, 5, 4, 3, 2]) + offset) % 11
  const table = letter === 'S' || letter === 'T' ? 'JZIHGFEDCBA' : letter === 'M' ? 'KLJNPQRTUWX' : 'XWUTRQPNMLK'
  return (letter === 'M' ? table[10 - rest] : table[rest]) === text.charAt(8)
}

function taiwanese(text: string): boolean {
  const code = 'ABCDEFGHJKLMNPQRSTUVXYWZIO'.indexOf(text.charAt(0)) + 10
  return (Math.floor(code / 10) + (code % 10) * 9 + weighted(text.slice(1), [8, 7, 6, 5, 4, 3, 2, 1, 1])) % 10 === 0
}

function hongKong(text: string): boolean {
  const body = text.replace(/[()]/g, '').padStart(9, ' ')
  let sum = 0
  for (let i = 0; i < 8; i++) {
    const char = body.charAt(i)
    sum += (9 - i) * (char === ' ' ? 36 : char <= '9' ? Number(char) : char.charCodeAt(0) - 55)
  }
  const check = (11 - (sum % 11)) % 11
  return body.charAt(8) === (check === 10 ? 'A' : String(check))
}

function japanese(digits: string): boolean {
  const rest = weighted(digits, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
  return !same(digits) && (rest < 2 ? 0 : 11 - rest) === num(digits, 11)
}

function korean(digits: string): boolean {
  return (11 - (weighted(digits, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === num(digits, 12)
}

function thai(digits: string): boolean {
  return (11 - (weighted(digits, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === num(digits, 12)
}

function iranian(digits: string): boolean {
  const rest = weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11
  return !same(digits) && (rest < 2 ? rest : 11 - rest) === num(digits, 9)
}

function kazakh(digits: string): boolean {
  const one = weighted(digits, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11
  const two = weighted(digits, [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11
  return bornOn(digits) && (one < 10 ? one : two) === num(digits, 11)
}

function ird(digits: string): boolean {
  const eight = digits.slice(0, -1).padStart(8, '0')
  const check = (weights: readonly number[]): number => (11 - (weighted(eight, weights) % 11)) % 11
  const one = check([3, 2, 7, 6, 5, 4, 3, 2])
  return (one < 10 ? one : check([7, 4, 3, 2, 5, 2, 7, 6])) === num(digits, digits.length - 1)
}

// Asia, Oceania and Africa.
export const asia: readonly NationalId[] = [
  id('cn_resident_id', 0, [17, 18], /[1-8]\d{5}(?:19|20)\d{9}[\dX](?!\w)/y, chinese),
  id('hk_id', 1, [6], /[A-Z]\d{6}\([\dA]\)(?!\w)/y, hongKong),
  id('hk_id_two', 2, [6], /[A-Z]{2}\d{6}\([\dA]\)(?!\w)/y, hongKong),
  id('tw_id', 1, [9], /[A-Z][1289]\d{8}(?!\w)/y, taiwanese, /身[分份][證证]|taiwan|\bid\b/i),
  id('jp_my_number', 0, [4, 12], /\d{4}[ -]?\d{4}[ -]?\d{4}(?![\w-])/y, japanese, /my number|マイナンバー|個人番号/i),
  id('kr_rrn', 0, [6], /\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])-[1-8]\d{6}(?![\w-])/y, korean),
  id('kr_rrn_named', 0, [6, 13], /\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])-?[1-8]\d{6}(?![\w-])/y, shapeOnly, /주민등록|\brrn\b|resident registration/i),
  id('sg_nric', 1, [7], /[STFGM]\d{7}[A-Z](?!\w)/y, singapore),
  id('my_nric', 0, [6], /\d{6}-\d{2}-\d{4}(?![\w-])/y, (text) => bornOn(text)),
  id('th_id', 0, [1, 13], /[1-8]-?\d{4}-?\d{5}-?\d{2}-?\d(?![\w-])/y, thai, /thai|national id|citizen|บัตรประชาชน|เลขประจำตัว/i),
  id('id_nik', 0, [16], /[1-9]\d{15}(?![\w-])/y, (text) => plausibleDate(Number(text.slice(8, 10)), Number(text.slice(6, 8)) % 40), /\bnik\b|\bktp\b/i),
  id('vn_cccd', 0, [12], /0\d{11}(?![\w-])/y, shapeOnly, /cccd|c[aă]n c[uư][oớ]c|cmnd/i),
  id('ph_sss', 0, [2], /\d{2}-\d{7}-\d(?![\w-])/y, shapeOnly, /\bsss\b|social security/i),
  id('in_aadhaar', 0, [4], /[2-9]\d{3} \d{4} \d{4}(?![\w-]| \d)/y, verhoeff),
  id('in_aadhaar_plain', 0, [4, 12], /[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}(?![\w-])/y, verhoeff, /aadhaa?r|आधार|\buid(?:ai)?\b/i),
  id('in_pan', 5, [4], /[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z](?!\w)/y, shapeOnly, /\bpan\b|income tax|permanent account/i),
  id('pk_cnic', 0, [5], /[1-7]\d{4}-\d{7}-\d(?![\w-])/y, shapeOnly),
  id('lk_nic', 0, [9, 12], /(?:\d{9}[VX]|(?:19|20)\d{10})(?!\w)/y, shapeOnly, /\bnic\b|sri lanka/i),
  id('ae_id', 0, [3, 15], /784-?(?:19|20)\d{2}-?\d{7}-?\d(?![\w-])/y, luhn),
  id('sa_id', 0, [10], /[12]\d{9}(?![\w-])/y, luhn, /iqama|national id|الهوية|saudi/i),
  id('il_id', 0, [8, 9], /\d{8,9}(?![\w-])/y, (text) => luhn(text.padStart(9, '0')), /teudat|זהות|\bt\.?z\.?\b|israel/i),
  id('ir_id', 0, [3, 10], /\d{3}-?\d{6}-?\d(?![\w-])/y, iranian, /کد ملی|کدملی|melli/i),
  id('tr_tckn', 0, [11], /[1-9]\d{10}(?![\w-])/y, turkish, /kimlik|\btckn\b|\bt\.? ?c\.?\b|turkish/i),
  id('kz_iin', 0, [12], /\d{12}(?![\w-])/y, kazakh, /иин|жсн|\biin\b/i),
  id('au_tfn', 0, [3, 6, 8, 9], /\d{3} ?\d{3} ?\d{2,3}(?![\w-])/y, (text) => (text.length === 9 ? weighted(text, [1, 4, 3, 7, 5, 8, 6, 9, 10]) : weighted(text, [10, 7, 8, 4, 6, 3, 5, 1])) % 11 === 0, /\btfn\b|tax file/i),
  id('au_medicare', 0, [4, 10, 11], /[2-6]\d{3} ?\d{5} ?\d(?:[ -\/]?\d)?(?![\w-])/y, (text) => weighted(text, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === num(text, 8), /medicare/i),
  id('au_abn', 0, [2, 11], /\d{2} ?\d{3} ?\d{3} ?\d{3}(?![\w-])/y, (text) => (weighted(text, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0, /\babn\b|business number/i),
  id('nz_ird', 0, [2, 3, 8, 9], /\d{2,3}[- ]?\d{3}[- ]?\d{3}(?![\w-])/y, ird, /\bird\b|inland revenue/i),
  id('za_id', 0, [13], /\d{13}(?![\w-])/y, (text) => bornOn(text) && num(text, 10) < 2 && luhn(text), /\bid\b|identity/i),
  id('eg_id', 0, [14], /[23]\d{13}(?![\w-])/y, (text) => bornOn(text, 1), /national id|الرقم القومي|egypt/i),
  id('ng_nin', 0, [11], /\d{11}(?![\w-])/y, shapeOnly, /\bnin\b|\bbvn\b/i),
  id('ke_id', 0, [7, 8], /\d{7,8}(?![\w-])/y, shapeOnly, /kenya|kitambulisho/i),
]
