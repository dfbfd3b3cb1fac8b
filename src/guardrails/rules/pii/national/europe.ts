import { icao9303, luhn, mod11_10, mod97, weighted } from '../../checksums.ts'
import { bornDay, bornOn, id, num, plausibleDate, same, shapeOnly } from './identifier.ts'
import type { NationalId } from './identifier.ts'

const DNI = 'TRWAGMYFPDXBNJZSQVHLCKE'
const HETU = '0123456789ABCDEFHJKLMNPRSTUVWXY'

function nhs(digits: string): boolean {
  return !same(digits) && (11 - (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === num(digits, 9)
}

// The last digit of a sum of weights modulo 11, where 10 means 0 or nothing.
function mod11(digits: string, weights: readonly number[], ten: number): boolean {
  const rest = weighted(digits, weights) % 11
  return (rest === 10 ? ten : rest) === num(digits, weights.length)
}

function utr(digits: string): boolean {
  return num('21987654321', weighted(digits.slice(1), [6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11) === num(digits, 0)
}

const ausweis = (text: string): boolean => icao9303(text.slice(0, -1), text.slice(-1))

// Of the first ten digits one stands there twice or three times, and no other more than once.
function steuerId(digits: string): boolean {
  const counts = [...'0123456789'].map((digit) => digits.slice(0, 10).split(digit).length - 1)
  return mod11_10(digits) && counts.filter((count) => count > 1).length === 1 && Math.max(...counts) <= 3
}

function rentenversicherung(text: string): boolean {
  const letter = String(text.charCodeAt(8) - 64).padStart(2, '0')
  const digits = text.slice(0, 8) + letter + text.slice(9, 11)
  let sum = 0
  for (const [i, weight] of [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1].entries()) {
    const product = num(digits, i) * weight
    sum += Math.floor(product / 10) + (product % 10)
  }
  return sum % 10 === num(text, 11) && bornDay(text, 2, 50)
}

function nir(text: string): boolean {
  const head = text.slice(0, 13).replace('2A', '19').replace('2B', '18')
  return 97 - mod97(head) === Number(text.slice(13))
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

function belgian(text: string): boolean {
  // The month is 20 or 40 higher where the sex was not known, and all are 0 where the date was not.
  return Number(text.slice(2, 4)) % 20 <= 12 && Number(text.slice(4, 6)) <= 31 && [text.slice(0, 9), `2${text.slice(0, 9)}`].some((head) => 97 - (Number(head) % 97) === Number(text.slice(9)))
}

function pesel(text: string): boolean {
  return !same(text) && weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0 && Number(text.slice(4, 6)) <= 31 && Number(text.slice(2, 4)) % 20 <= 12
}

function norwegian(text: string): boolean {
  const one = (11 - (weighted(text, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11)) % 11
  const two = (11 - (weighted(text, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11
  return one === num(text, 9) && two === num(text, 10) && bornDay(text, 0, 40)
}

function czech(text: string): boolean {
  const month = Number(text.slice(2, 4))
  const plain = month > 70 ? month - 70 : month > 50 ? month - 50 : month > 20 ? month - 20 : month
  return plausibleDate(plain, Number(text.slice(4, 6))) && (text.length === 9 || Number(text) % 11 === 0 || (Number(text.slice(0, 9)) % 11 === 10 && text.endsWith('0')))
}

function ahv(text: string): boolean {
  return (10 - (weighted(text, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]) % 10)) % 10 === num(text, 12)
}

function pps(text: string): boolean {
  const second = text.length === 9 && text.charAt(8) !== 'W' ? (text.charCodeAt(8) - 64) * 9 : 0
  return 'WABCDEFGHIJKLMNOPQRSTUV'[(weighted(text, [8, 7, 6, 5, 4, 3, 2]) + second) % 23] === text.charAt(7)
}

// Estonia and Lithuania: two rows of weights, the second where the first gives ten.
function baltic(text: string): boolean {
  const one = weighted(text, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11
  const two = weighted(text, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11
  return bornOn(text, 1) && (one < 10 ? one : two % 10) === num(text, 10)
}

// The unique number of citizens in what was Yugoslavia.
function jmbg(text: string): boolean {
  const rest = 11 - (weighted(text, [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)
  return bornDay(text) && (rest > 9 ? 0 : rest) === num(text, 12)
}

function nif(digits: string): boolean {
  const rest = 11 - (weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2]) % 11)
  return (rest > 9 ? 0 : rest) === num(digits, 8)
}

function snils(digits: string): boolean {
  const sum = weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, 1])
  return (sum % 101) % 100 === Number(digits.slice(9))
}

function inn(digits: string): boolean {
  const check = (weights: readonly number[]): boolean => (weighted(digits, weights) % 11) % 10 === num(digits, weights.length)
  return digits.length === 10 ? check([2, 4, 10, 3, 5, 9, 4, 6, 8]) : check([7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && check([3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
}

export const europe: readonly NationalId[] = [
  id('uk_nino', 2, [2, 4, 6], /[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/y, (text) => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(text)),
  id('uk_nhs', 0, [3, 6, 10], /\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w-])/y, nhs, /\bnhs\b|\bchi number/i),
  id('uk_utr', 0, [5, 10], /\d{5} ?\d{5}(?![\w-])/y, utr, /\butr\b|taxpayer reference/i),
  id('de_steuer_id', 0, [2, 5, 8, 11], /[1-9]\d ?\d{3} ?\d{3} ?\d{3}(?![\w-])/y, steuerId, /steuer|tax id|\bidnr\b|identifikationsnummer/i),
  id('de_rvnr', 0, [2, 8], /\d{2} ?\d{6} ?[A-Z] ?\d{2} ?\d(?!\w)/y, rentenversicherung),
  id('de_ausweis', 1, [1, 2, 3, 4, 5, 6, 7, 8, 9], /[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d(?!\w)/y, ausweis, /ausweis|\bperso\b|identity card/i),
  id('de_ausweis_short', 1, [1, 2, 3, 4, 5, 6, 7, 8], /[CFGHJKLMNPRTVWXYZ](?=[A-Z]{0,7}\d)[CFGHJKLMNPRTVWXYZ0-9]{8}(?!\w)/y, shapeOnly, /ausweis(?:nummer|nr)|\bperso\b/i),
  id('at_svnr', 0, [4, 10], /\d{4} ?\d{6}(?![\w-])/y, (text) => mod11(text.slice(0, 3) + text.slice(4) + text.slice(3, 4), [3, 7, 9, 5, 8, 4, 2, 1, 6], -1) && bornDay(text, 4), /svnr|sozialversicherung|\bsv-?n(?:umme)?r/i),
  id('ch_ahv', 0, [3, 13], /756\.?\d{4}\.?\d{4}\.?\d{2}(?![\w-])/y, ahv),
  id('fr_nir', 0, [1, 3, 5, 7, 10, 13, 15], /[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?![\w-])/y, nir),
  id('fr_spi', 0, [2, 13], /[0-3]\d ?\d{2} ?\d{3} ?\d{3} ?\d{3}(?![\w-])/y, (text) => Number(text.slice(0, 10)) % 511 === Number(text.slice(10)), /\bspi\b|num[eé]ro fiscal|r[eé]f[eé]rence fiscal/i),
  id('es_dni', 0, [8], /\d{8}[ -]?[A-Z](?!\w)/y, (text) => DNI[Number(text.slice(0, 8)) % 23] === text[8]),
  id('es_dni_dotted', 0, [2], /\d{2}\.\d{3}\.\d{3}[ -]?[A-Z](?!\w)/y, (text) => DNI[Number(text.slice(0, 8)) % 23] === text[8]),
  id('es_nie', 1, [7], /[XYZ][ -]?\d{7}[ -]?[A-Z](?!\w)/y, (text) => DNI[Number('XYZ'.indexOf(text.charAt(0)) + text.slice(1, 8)) % 23] === text[8]),
  id('pt_nif', 0, [3, 9], /[1-35689]\d{2} ?\d{3} ?\d{3}(?![\w-])/y, nif, /\bnif\b|contribuinte|\bnipc\b/i),
  id('it_codice_fiscale', 6, [2], /[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z](?!\w)/y, italian),
  id('it_partita_iva', 0, [11], /\d{11}(?![\w-])/y, luhn, /partita iva|p\.? ?iva/i),
  id('nl_bsn', 0, [3, 4, 8, 9], /\d{3,4}[. ]?\d{2,3}[. ]?\d{2,3}(?![\w-])/y, (text) => !same(text) && weighted(text.padStart(9, '0'), [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 && text.length >= 8 && text.length <= 9, /\bbsn\b|burgerservicenummer|sofinummer/i),
  id('be_nrn', 0, [2, 11], /\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}(?![\w-])/y, belgian),
  id('be_nrn_plain', 0, [11, 6], /\d{6}[ -]?\d{3}[ .-]?\d{2}(?![\w-])/y, belgian, /rijksregister|registre national|\bniss\b|\binsz\b|national number/i),
  id('lu_matricule', 0, [13], /(?:19|20)\d{11}(?![\w-])/y, (text) => bornOn(text, 2) && luhn(text.slice(0, 12)), /matricule|luxemb/i),
  id('ie_pps', 0, [7], /\d{7}[A-W][A-IW]?(?!\w)/y, pps, /\bpps|public service number/i),
  id('se_personnummer', 0, [6, 8], /(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[-+]\d{4}(?![\w-])/y, (text) => luhn(text.replace(/\D/g, '').slice(-10))),
  id('se_personnummer_plain', 0, [10, 12], /(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{4}(?![\w-])/y, (text) => luhn(text.slice(-10)), /personnummer|personal identity/i),
  id('no_fodselsnummer', 0, [6, 11], /\d{6} ?\d{5}(?![\w-])/y, norwegian),
  id('dk_cpr', 0, [6], /\d{6}-\d{4}(?![\w-])/y, (text) => bornDay(text) && weighted(text, [4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0),
  id('dk_cpr_named', 0, [6, 10], /\d{6}[- ]?\d{4}(?![\w-])/y, (text) => bornDay(text), /\bcpr\b|personnummer/i),
  id('fi_hetu', 0, [6], /[0-3]\d[01]\d\d{2}[-+A-FU-Y]\d{3}[0-9A-Y](?!\w)/y, (text) => HETU[Number(text.slice(0, 6) + text.slice(-4, -1)) % 31] === text.slice(-1)),
  id('is_kennitala', 0, [6, 10], /\d{6}-?\d{4}(?![\w-])/y, (text) => bornDay(text, 0, 40) && weighted(text, [3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0 && /[089]$/.test(text), /kennitala/i),
  id('pl_pesel', 0, [11], /\d{11}(?![\w-])/y, pesel, /pesel/i),
  id('pl_nip', 0, [3, 10], /\d{3}-?\d{2,3}-?\d{2,3}-?\d{2,3}(?![\w-])/y, (text) => text.length === 10 && mod11(text, [6, 5, 7, 2, 3, 4, 5, 6, 7], -1), /\bnip\b/i),
  id('cz_rodne_cislo', 0, [6], /\d{6}\/\d{3,4}(?![\w-])/y, czech),
  id('cz_rodne_cislo_plain', 0, [9, 10], /\d{9,10}(?![\w-])/y, czech, /rodn[eé] [cč][ií]slo|\br\.? ?[cč]\.?\b|birth number/i),
  id('hu_taj', 0, [3, 9], /\d{3}[ -]?\d{3}[ -]?\d{3}(?![\w-])/y, (text) => weighted(text, [3, 7, 3, 7, 3, 7, 3, 7]) % 10 === num(text, 8), /\btaj\b/i),
  id('hu_tax', 0, [10], /8\d{9}(?![\w-])/y, (text) => weighted(text, [1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 === num(text, 9), /ad[oó]azonos/i),
  id('ro_cnp', 0, [13], /[1-8]\d{12}(?![\w-])/y, (text) => bornOn(text, 1) && mod11(text, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], 1), /\bcnp\b|cod numeric/i),
  id('bg_egn', 0, [10], /\d{10}(?![\w-])/y, (text) => plausibleDate(Number(text.slice(2, 4)) % 20, Number(text.slice(4, 6))) && mod11(text, [2, 4, 8, 5, 10, 9, 7, 3, 6], 0), /\begn\b|егн/i),
  id('hr_oib', 0, [11], /\d{11}(?![\w-])/y, mod11_10, /\boib\b/i),
  id('yu_jmbg', 0, [13], /\d{13}(?![\w-])/y, jmbg, /jmbg|em[sš]o|јмбг|мати[чк]ен/i),
  id('ee_lt_code', 0, [11], /[1-6]\d{10}(?![\w-])/y, baltic, /isikukood|asmens kod|personal code/i),
  id('lv_code', 0, [6], /\d{6}-\d{5}(?![\w-])/y, (text) => bornDay(text) || text.startsWith('32'), /personas kods/i),
  id('gr_amka', 0, [11], /\d{11}(?![\w-])/y, (text) => bornDay(text) && luhn(text), /amka|αμκα/i),
  id('gr_afm', 0, [9], /\d{9}(?![\w-])/y, (text) => (weighted(text, [256, 128, 64, 32, 16, 8, 4, 2]) % 11) % 10 === num(text, 8), /\bafm\b|αφμ/i),
  id('ru_snils', 0, [3], /\d{3}-\d{3}-\d{3}[ -]\d{2}(?![\w-])/y, snils),
  id('ru_snils_plain', 0, [11], /\d{11}(?![\w-])/y, snils, /снилс|snils/i),
  id('ru_inn', 0, [10, 12], /\d{10}(?:\d{2})?(?![\w-])/y, inn, /инн|\binn\b/i),
  id('ua_rnokpp', 0, [10], /\d{10}(?![\w-])/y, (text) => ((((weighted(text, [-1, 5, 7, 9, 4, 6, 10, 5, 7]) % 11) + 11) % 11) % 10) === num(text, 9), /рнокпп|іпн|ідентифікаційн/i),
]
