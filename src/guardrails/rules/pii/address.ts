import { DIGIT, charSet, isIn, runStart } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

const FULL: Kind = { guardrail: 'pii', rule: 'address', category: 'address', score: 0.85 }
// A street and a number may be a shop's, a museum's, a song's.
const STREET: Kind = { ...FULL, rule: 'street', score: 0.6 }

const REACH = 120
const STREET_WORD = String.raw`(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|Close|Crescent|Cres|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Trl|Alley|Mews|Row|Grove|Gardens|Gdns|Quay|Walk|Hill|Parade)\b\.?`
const UNIT = String.raw`(?:,? {1,2}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|#)\.? {0,2}#?[\w-]{1,6})?`
// ZIP, Canadian and British codes, Australian and continental ones behind a place.
const CODE = String.raw`(?:(?:[A-Z]{2} {1,2})?\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT) \d{4})(?!\w)`
const PLACE = String.raw`(?:[A-Z][\w.'-]{0,20} ?){1,3}`
const LINE = String.raw`(?:,? ?\n? {0,3})`
const ENGLISH = new RegExp(String.raw`\d{1,5}[A-Za-z]?(?:-\d{1,4})? (?:[NSEW]\.? )?(?:(?:[A-Z][\w'.-]{0,20}|\d{1,3}(?:st|nd|rd|th)|de|of|the) ){1,4}?${STREET_WORD}(?: [NSEW]{1,2}\b\.?)?${UNIT}(?<rest>,?${LINE}(?:${PLACE},? ){0,2}${CODE})?`, 'y')
const FRENCH = new RegExp(String.raw`\d{1,4}(?: ?(?:bis|ter|quater))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|all[ée]e|impasse|quai|cours|route|square|passage) (?:(?:de|du|des|la|le|les|l'|d')? ?[A-Z][\w'’éèêàâôûîïç-]{0,20} ?){1,4}(?<rest>,?${LINE}\d{5} ${PLACE})?`, 'iy')

/** Addresses that begin with the house's number; undefined where the number begins none. */
export function numbered(text: string, at: number, final: boolean): Found {
  const window = text.slice(at, at + REACH)
  for (const form of [ENGLISH, FRENCH]) {
    form.lastIndex = 0
    const found = form.exec(window)
    if (found === null) continue
    const whole = found[0].trimEnd()
    // A code may follow yet.
    if (!final && at + REACH > text.length && window.length - whole.length < 60 && !window.slice(whole.length).includes('\n\n')) return { more: at }
    return { kind: found.groups?.['rest'] === undefined ? STREET : FULL, start: at, end: at + whole.length }
  }
  if (final || at + REACH <= text.length) return undefined
  // What is known may be the beginning of one.
  return /^\d{1,5}[A-Za-z]?(?:[ -][\w'’.-]{0,20},?){0,6}$/.test(window) ? { more: at } : undefined
}

const SURNAME = String.raw`[A-ZÄÖÜ][\wäöüßéèáíóúñç.'-]{0,24}`
const TAIL = String.raw`(?<rest>,?${LINE}(?:[A-Z]{1,2}-)?(?:\d{4,5}|\d{4} ?[A-Z]{2}|\d{2}-\d{3}|\d{3} \d{2}) ${SURNAME}(?: ${SURNAME}){0,2})?`

const STREETS = new RegExp(String.raw`(?:calle|avenida|plaza|paseo|carrer|via|viale|piazza|corso|rua|praça|praca|travessa|ul\.|ulica|al\.|aleja|strada|bulevardul|c\/) (?:(?:de|del|della|dello|dei|di|da|do|dos|das|la|las|el|los|san|santa) ){0,3}(?:${SURNAME},? ){1,4}(?:n[º°o.]{1,2} ?)?\d{1,4}[A-Za-z]?\b${TAIL}`, 'iy')

/** Addresses whose number stands behind the street, as on most of the continent. */
export const streets: Matcher = {
  literals: ['calle ', 'avenida ', 'plaza ', 'paseo ', 'carrer ', 'via ', 'viale ', 'piazza ', 'corso ', 'rua ', 'praca ', 'travessa ', 'ul. ', 'ulica ', 'al. ', 'aleja ', 'strada ', 'bulevardul ', 'c/ '],
  maxLength: REACH,
  find(text, at, _after, final): Found {
    const window = text.slice(at, at + REACH)
    STREETS.lastIndex = 0
    const found = STREETS.exec(window)
    const open = !final && at + REACH > text.length
    if (found === null) return open && !/[\n.;:!?]\s/.test(window) && window.length < 60 ? { more: at } : undefined
    const whole = found[0].trimEnd()
    if (open && window.length - whole.length < 60) return { more: at }
    return { kind: found.groups?.['rest'] === undefined ? STREET : FULL, start: at, end: at + whole.length }
  },
}

const SUFFIXED = new RegExp(String.raw`(?:strasse|str\.|weg|platz|gasse|allee|ufer|damm|straat|laan|plein|gracht|gatan|vagen|vej|gade|katu) \d{1,4}(?: ?[a-zA-Z]\b)?(?:[-/]\d{1,4})?\b${TAIL}`, 'iy')
const NAME = charSet("a-zA-Z.'-")

/** Streets whose word is the end of their name. The folded view is what shows `Straße` as `Strasse`. */
export const suffixed: Matcher = {
  literals: ['strasse ', 'str. ', 'weg ', 'platz ', 'gasse ', 'allee ', 'ufer ', 'damm ', 'straat ', 'laan ', 'plein ', 'gracht ', 'gatan ', 'vagen ', 'vej ', 'gade ', 'katu '],
  anywhere: true,
  maxLength: REACH + 32,
  tail: (text) => text.length - runStart(text, text.length, NAME, 32),
  find(text, at, after, final): Found {
    const start = runStart(text, at, NAME, 32)
    if (start === at && !/[A-Z]/.test(text.charAt(at))) return undefined
    if (after === text.length) return final ? undefined : { more: start }
    if (!isIn(DIGIT, text.charCodeAt(after))) return undefined
    const window = text.slice(at, at + REACH)
    SUFFIXED.lastIndex = 0
    const found = SUFFIXED.exec(window)
    if (!final && at + REACH > text.length && (found === null || window.length - found[0].length < 60)) return { more: start }
    if (found === null) return undefined
    return { kind: found.groups?.['rest'] === undefined ? STREET : FULL, start, end: at + found[0].trimEnd().length }
  },
}
