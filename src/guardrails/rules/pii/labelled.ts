import { charSet } from '../chars.ts'
import { abaRouting, clabe, luhn, vin } from '../checksums.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { label } from './label.ts'

function kind(rule: string, category: string, score: number): Kind {
  return { guardrail: 'pii', rule, category, score }
}

const CODE = charSet('a-zA-Z0-9 .*/-')
const DIGITS = charSet('0-9 .-')
const WORDS = charSet("a-zA-Z0-9 ,.'/-")
// `number is`, `no. (US):`, `Nr.`; never into the next line but one, never over another number.
const GAP = String.raw`^(?:'?s?)[^\d\n]{0,28}?(?:\n[ \t]{0,4})?[\s:#=|"'([]{0,4}`

const digitsIn = (value: string): number => value.replace(/\D/g, '').length

const MONTHS = 'jan(?:uary|vier|uar|eiro)?|feb(?:ruary|ruar|rero)?|f[eé]v(?:rier|ereiro)?|m(?:ar(?:ch|s|zo|ço)?|ärz|rz)|a(?:pr(?:il)?|vr(?:il)?|br(?:il)?)|ma[iyj]o?|jun[ei]?o?|juin|jul[yi]?o?|juillet|aug(?:ust)?|ao[uû]t|ago(?:sto)?|sep(?:t(?:ember|embre|iembre)?)?|set(?:embro|tembre)?|o[ck]t(?:ober|obre|ubre)?|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?|de[cz](?:ember|embre|embro)?|d[eé]c(?:embre)?|dic(?:iembre|embre)?'
const DATE = String.raw`(?<value>\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}(?!\d)|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}(?!\d)|(?:19|20)\d{2}年\d{1,2}月\d{1,2}日|\d{1,2}(?:st|nd|rd|th|\.)?(?: of| de)? (?:${MONTHS})\.?,?(?: de| of)? (?:19|20)\d{2}(?!\d)|(?:${MONTHS})\.? \d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\d{2}(?!\d))`
const DATE_ALPHABET = charSet('a-zA-Z0-9 ,./-')

const birth = [
  label({
    kind: kind('date_of_birth', 'date_of_birth', 0.9),
    words: ['date of birth', 'birth date', 'birthdate', 'birthday', 'dob', 'd.o.b', 'geburtsdatum', 'geburtstag', 'geb.', 'date de naissance', 'fecha de nac', 'data de nasc', 'data di nascita', 'geboortedatum', 'fodelsedatum', 'fodselsdato', 'syntymaaika', 'data urodzenia', 'datum narozeni', 'dogum tarihi', 'ngay sinh', 'data nasterii', 'szuletesi', 'tanggal lahir', 'date_of_birth', 'birth_date', 'дата рождения', 'дата народження', '生年月日', '出生日期', '生日', '생년월일', 'تاريخ الميلاد', 'जन्म तिथि', 'วันเกิด', 'תאריך לידה'],
    pattern: new RegExp(`^[^\\d\\n]{0,32}?(?:\\n[ \\t]{0,4})?[^\\d\\n]{0,4}?${DATE}`, 'iu'),
    alphabet: DATE_ALPHABET,
    wide: true,
  }),
  label({
    kind: kind('born', 'date_of_birth', 0.82),
    words: ['born on', 'born:', 'i was born', 'was born', 'geboren am', 'nacido el', 'nacida el', 'naci el', 'nato il', 'nata il', 'nascido em', 'nascida em', 'ne le', 'nee le', 'geboren op', 'fodt', 'urodzon', 'родился', 'родилась', '出生于', '生まれ'],
    pattern: new RegExp(`^[^\\d\\n.]{0,28}?${DATE}`, 'iu'),
    alphabet: DATE_ALPHABET,
    wide: true,
  }),
]

const age = label({
  kind: kind('age', 'age', 0.6),
  words: ['age:', 'age is', 'aged ', 'my age', 'i am ', "i'm ", 'alter:', 'edad:', 'idade:', 'eta:'],
  pattern: /^[ =:"]{0,3}(?<value>\d{1,3})(?= ?(?:years? old|y\/?o\b|yrs|jahre|ans|anos|años|,|\.|"|$|\n))/i,
  alphabet: DIGITS,
  check: (value) => Number(value) > 0 && Number(value) < 120,
})

const documents = [
  label({
    kind: kind('passport', 'passport', 0.88),
    words: ['passport', 'reisepass', 'passnummer', 'passeport', 'pasaporte', 'passaporto', 'passaporte', 'paspoort', 'paszport', 'pasaport', 'ho chieu', 'паспорт', '护照', '護照', 'パスポート', '旅券', '여권', 'جواز', 'पासपोर्ट'],
    pattern: new RegExp(`${GAP}(?<value>[A-Z]{0,2}\\d{6,9}|[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ\\d]{8}|\\d{2}[A-Z]{2}\\d{5}|[A-Z]\\d{2}[A-Z]\\d{5}|\\d{2} \\d{2} \\d{6})(?![\\w])`),
    alphabet: CODE,
    check: (value) => digitsIn(value) >= 4 && !/^(?:19|20)\d{6}$/.test(value),
  }),
  label({
    kind: kind('driver_licence', 'driver_licence', 0.88),
    words: ["driver's licen", 'driver’s licen', 'drivers licen', 'driver licen', 'driving licen', 'driving permit', 'drivers_licen', 'driver_licen', "driver's permit", 'dl number', 'dl no', 'dl#', 'fuhrerschein', 'permis de conduire', 'carnet de conducir', 'licencia de conducir', 'permiso de conducir', 'carteira de motorista', 'carta di guida', 'patente di guida', 'patente n', 'rijbewijs', 'prawo jazdy', 'prawa jazdy', 'korkort', 'forerkort', 'ajokortti', 'cnh', 'giay phep lai xe', 'водительск', '驾驶证', '駕照', '運転免許', '운전면허', 'رخصة القيادة'],
    pattern: new RegExp(`${GAP}(?<value>[A-Z]{1,5}[ -]?\\d[A-Z\\d]{2,4}[A-Z\\d -]{0,12}\\d[A-Z]{0,3}|[A-Z]{0,2}\\d{5,17}[A-Z]{0,3}|\\d{2,4}(?:[ -]\\d{2,4}){2,4})(?![\\w])`),
    alphabet: CODE,
    check: (value) => digitsIn(value) >= 4 && value.length >= 5 && value.length <= 20,
  }),
  label({
    kind: kind('vehicle_vin', 'vehicle', 0.9),
    words: ['vin', 'vehicle identification', 'chassis', 'fahrgestell', 'fin:', 'bastidor', 'telaio', 'chassinummer'],
    pattern: /^[^\d\n]{0,24}?(?<![A-Za-z0-9])(?<value>[A-HJ-NPR-Z\d]{17})(?!\w)/,
    alphabet: CODE,
    check: (value) => vin(value) || (digitsIn(value) >= 4 && /[A-Z]/.test(value.slice(0, 3)) && /\d{4}$/.test(value)),
  }),
  label({
    kind: kind('vehicle_plate', 'vehicle', 0.82),
    words: ['license plate', 'licence plate', 'number plate', 'registration plate', 'plate number', 'kennzeichen', "plaque d'immatriculation", 'matricula', 'kenteken', 'nummernschild', '车牌', 'ナンバープレート'],
    pattern: /^[^\d\n:]{0,16}?(?: is| was|:|=|#| ist| est| es)[ "']{1,3}(?<value>(?=[A-Z\d -]{0,8}\d)[A-Z\d]{1,3}[ -]?[A-Z\d]{1,4}(?:[ -]?[A-Z\d]{1,4})?)(?![\w-])/,
    alphabet: CODE,
    check: (value) => digitsIn(value) >= 1 && /[A-Z]/.test(value) && value.length >= 4 && value.length <= 9,
  }),
  label({
    kind: kind('health_number', 'health_id', 0.85),
    words: ['medical record', 'mrn', 'patient id', 'patient number', 'health insurance number', 'health card', 'krankenversicherungs', 'versichertennummer', 'kvnr', 'ehic'],
    pattern: new RegExp(`${GAP}(?<value>[A-Z]{0,3}-?\\d[\\d-]{4,18})(?![\\w])`),
    alphabet: CODE,
    check: (value) => digitsIn(value) >= 5,
  }),
]

const ACCOUNT = ['account number', 'account no', 'account #', 'acct', 'a/c no', 'bank account', 'kontonummer', 'konto-nr', 'kontonr', 'numero de compte', 'numero de cuenta', 'cuenta bancaria', 'conta corrente', 'conto corrente', 'rekeningnummer', 'numer konta', 'cislo uctu', 'account_number', 'номер счета', 'расчетный счет', '银行账号', '口座番号', '계좌번호']

const bank = [
  label({ kind: kind('us_routing', 'bank_account', 0.9), words: ['routing', 'aba', 'rtn'], pattern: /^[^\d\n]{0,24}?(?<!\d)(?<value>\d{9})(?![\w-])/, alphabet: DIGITS, check: abaRouting }),
  label({ kind: kind('uk_sort_code', 'bank_account', 0.9), words: ['sort code', 'sort-code', 'sortcode', 'sort_code'], pattern: /^[^\d\n]{0,12}?(?<value>\d{2}[- ]?\d{2}[- ]?\d{2}(?:[ ,;]{1,3}(?:account|acc|a\/c)?[^\d\n]{0,12}\d{8})?)(?![\w-])/, alphabet: charSet('a-zA-Z0-9 ,;/-') }),
  label({ kind: kind('au_bsb', 'bank_account', 0.88), words: ['bsb'], pattern: /^[^\d\n]{0,10}?(?<value>\d{3}[- ]?\d{3})(?![\w-])/, alphabet: DIGITS }),
  label({ kind: kind('in_ifsc', 'bank_account', 0.88), words: ['ifsc'], pattern: /^[^\n]{0,10}?(?<![A-Za-z0-9])(?<value>[A-Z]{4}0[A-Z\d]{6})(?!\w)/, alphabet: CODE }),
  label({ kind: kind('mx_clabe', 'bank_account', 0.92), words: ['clabe'], pattern: /^[^\d\n]{0,20}?(?<value>\d{18})(?![\w-])/, alphabet: DIGITS, check: clabe }),
  label({ kind: kind('bic', 'bank_account', 0.8), words: ['swift', 'bic'], pattern: /^(?:\/(?:bic|swift))?(?: code)?(?: is|:|=)?[ "']{1,3}(?<value>[A-Z]{4}(?:A[DELTU]|B[AEGHRY]|C[AHLNORYZ]|D[EKO]|E[EGS]|F[IR]|G[BEIR]|H[KRU]|I[DELNST]|J[OP]|K[RWZ]|L[ITUV]|M[CDTXY]|N[LOZ]|P[HKLT]|QA|R[OSU]|S[AEGIKM]|T[HNRW]|U[AS]|VN|XK|ZA)[A-Z\d]{2}(?:[A-Z\d]{3})?)(?!\w)/, alphabet: CODE }),
  label({ kind: kind('bank_account', 'bank_account', 0.85), words: ACCOUNT, pattern: new RegExp(`${GAP}(?<value>\\d(?:[ -]?\\d){6,19})(?![\\w-])`), alphabet: DIGITS, check: (value) => value.length >= 7 && !/^(\d)\1+$/.test(value) }),
]

// Written in pairs, as on the card; in one piece it needs no word.
const insurance = label({ kind: kind('uk_nino_spaced', 'national_id', 0.92), words: ['national insurance', 'nino', 'ni number', 'ni no', 'nin '], pattern: /^[^\d\n]{0,20}?(?<![A-Za-z])(?<value>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d{2} ?\d{2} ?\d{2} ?[A-D])(?!\w)/, alphabet: CODE })

const devices = [
  label({ kind: kind('imei', 'device_id', 0.92), words: ['imei'], pattern: /^[^\d\n]{0,16}?(?<value>\d{2}[- ]?\d{6}[- ]?\d{6}[- ]?\d)(?![\w-])/, alphabet: DIGITS, check: luhn }),
  label({ kind: kind('mac_dashed', 'mac_address', 0.85), words: ['mac ', 'mac:', 'mac_', 'ethernet', 'physical address', 'bssid'], pattern: /^[^\n]{0,20}?(?<![A-Za-z0-9])(?<value>(?:[\da-fA-F]{2}-){5}[\da-fA-F]{2}|(?:[\da-fA-F]{4}\.){2}[\da-fA-F]{4})(?![\w-])/, alphabet: CODE }),
  label({ kind: kind('username', 'username', 0.6), words: ['username', 'user name', 'user_name', 'login name', 'benutzername', "nom d'utilisateur", 'nombre de usuario', 'gebruikersnaam'], pattern: /^(?: is|:|=| ist| est| es)[ "'`]{1,3}(?<value>[\w.@+-]{3,40})/, alphabet: charSet('a-zA-Z0-9_.@+-') }),
]

// `Deliver to 12 Long Lane, Leeds LS1 4AB`: a number, words, and as much as looks like the rest of an address.
const address = label({
  kind: kind('address_named', 'address', 0.82),
  words: ['address is', 'address:', 'address to', 'adresse:', 'adresse ist', 'adresse est', 'anschrift', 'direccion', 'endereco', 'indirizzo', 'live at', 'lives at', 'living at', 'reside at', 'resides at', 'deliver to', 'delivered to', 'ship to', 'shipped to', 'sent to', 'meet me at', 'wohne in der', 'wohnt in der', "j'habite", 'vivo en'],
  pattern: /^[:\s]{0,4}(?:to |is |at |es |ist |est |au |en |la |the |à )?(?<value>\d{1,5}[A-Za-z]?,? [A-Za-z][\w.'-]+(?: [\w.'/-]+){0,8}(?:, ?[\w.' -]{2,24}){0,3}|[A-Z][\w.-]+(?:str\.|straße|strasse|weg|platz|gasse|allee|straat|laan|gatan|vägen|vej)? \d{1,4}[a-z]?(?:, ?\d{4,5} [A-Z][\w-]+)?)/,
  alphabet: WORDS,
  check: (value) => /[a-z]{3}/i.test(value),
})

/** What has no form of its own, or hardly one: documents, accounts, dates, devices, behind the words that name them. */
export const labelled: readonly Matcher[] = [...birth, age, ...documents, insurance, ...bank, ...devices, address]
