import { LETTER, charSet, isIn, runEnd, runStart } from '../chars.ts'
import { LOOK_BEHIND } from '../matcher.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'
import { BETWEEN, OPENING, SPACE } from './between.ts'
import { HARMLESS, HARMLESS_BEFORE, PASSWORDS, QUALIFIED, SECRETS } from './names.ts'
import { opaque, strongPassword, strongSecret, wordlike } from './plausible.ts'

const PASSWORD: Kind = { guardrail: 'secrets', rule: 'named_password', category: 'password', score: 0.85 }
const NAMED: Kind = { guardrail: 'secrets', rule: 'named_secret', category: 'secret', score: 0.85 }

const IDENTIFIER = charSet('a-zA-Z0-9_-')
const NAME = 24
const VALUE = charSet('a-zA-Z0-9!#$%&*+./:=?@^_~-')
const QUERY = charSet('a-zA-Z0-9!$%*+./:=?@^_~-')
// Between quotes everything counts but the quotes themselves, an escape, and a space: sentences are no secrets.
const QUOTED = charSet('a-zA-Z0-9!#$%&*+./:=?@^_~(){},;|<>[]-')
const MAX_VALUE = 512

// The value's own end: closing punctuation of the sentence or the code around it is no part of it.
function trimmed(text: string, from: number, to: number): number {
  let end = to
  while (end > from && /[.:?,;!*]/.test(text.charAt(end - 1)) && (text.charCodeAt(end - 1) !== 33 || end === text.length || text.charCodeAt(end) <= 32 || text.charCodeAt(end) === 42)) {
    // An exclamation mark ends passwords as often as sentences.
    if (text.charCodeAt(end - 1) === 33) break
    end--
  }
  return end
}

// The name inside our own marker names nothing.
const MARKER = /\[REDACTED_[A-Z_]{0,16}$/

// A name counts at a word start, behind `_` or `-`, or where camel case begins a word.
function nameStarts(text: string, at: number): boolean {
  if (at === 0) return true
  const before = text.charCodeAt(at - 1)
  if (!isIn(LETTER, before)) return true
  const first = text.charCodeAt(at)
  return !isIn(LETTER, first) || (first <= 90 && before >= 97) || text.charCodeAt(at - 2) === 92
}

interface Place {
  /** Where the value, or its opening quote, begins. */
  readonly from: number
  /** Nothing but a space says that the two belong together. */
  readonly loose: boolean
  readonly query: boolean
}

// Finds where the value of the name at `at` begins. A bare `key` names so many things that its value must be stronger.
function placeOf(text: string, at: number, after: number): (Place & { readonly weak: boolean }) | undefined {
  if (!nameStarts(text, at)) return undefined
  const first = runStart(text, at, IDENTIFIER, NAME)
  const end = runEnd(text, after, IDENTIFIER, NAME)
  const whole = text.slice(first, end)
  const word = text.slice(at, after).toLowerCase()
  if (word === 'pass' && isIn(LETTER, text.charCodeAt(after)) && text.charCodeAt(after) >= 97) return undefined
  if (word === 'key' && end - after > 1) return undefined
  if (HARMLESS.test(whole) || HARMLESS_BEFORE.test(text.slice(Math.max(0, first - 20), first))) return undefined
  if (MARKER.test(text.slice(Math.max(0, at - 26), at)) || /\barn:[\w:-]{0,56}$/.test(text.slice(Math.max(0, at - 60), at))) return undefined
  const weak = /^-{0,2}keys?$/i.test(whole) && !QUALIFIED.test(text.slice(Math.max(0, first - 16), first))
  const mark = text.charCodeAt(first - 1)
  const query = mark === 38 || mark === 63
  BETWEEN.lastIndex = end
  if (BETWEEN.test(text)) {
    // To pass something is also a verb.
    if (word === 'pass' && !/[:=：]| is /.test(text.slice(end, BETWEEN.lastIndex))) return undefined
    return { from: BETWEEN.lastIndex, loose: false, query, weak }
  }
  SPACE.lastIndex = end
  if (weak || word === 'pass' || !SPACE.test(text)) return undefined
  return { from: SPACE.lastIndex, loose: !whole.startsWith('-'), query, weak }
}

function named(names: readonly string[], kind: Kind): Matcher {
  const strong = (value: string, loose: boolean, weak: boolean): boolean => {
    if (weak || loose) {
      if (opaque(value) || wordlike(value) || !/[0-9]/.test(value)) return false
      if (weak) return value.length >= 20 && /[a-z]/.test(value) && /[A-Z]/.test(value) && strongSecret(value, false)
      return (/[A-Z]/.test(value) && /[a-z]/.test(value) && strongPassword(value)) || strongSecret(value, false)
    }
    // Types and classes are named after tokens too: `credential: X509Credential`.
    return strongSecret(value, true) || (strongPassword(value) && (kind === PASSWORD || !wordlike(value)))
  }
  return {
    literals: names,
    anywhere: true,
    spanAfter: true,
    maxLength: MAX_VALUE,
    find(text, at, after, final): Found {
      const place = placeOf(text, at, after)
      if (place === undefined || place.from - at > LOOK_BEHIND - NAME - 4) return undefined
      OPENING.lastIndex = place.from
      const opened = OPENING.exec(text)?.[0] ?? ''
      const from = place.from + opened.length
      const quote = opened.replace(/^[*\\]+/, '')
      const run = runEnd(text, from, quote !== '' ? QUOTED : place.query ? QUERY : VALUE, MAX_VALUE)
      if (run === text.length && !final && run - from < MAX_VALUE) return { more: from }
      if (run - from >= MAX_VALUE) return undefined
      const next = text.charAt(run)
      // A quoted value with a space in it is a sentence; a name with a bracket behind it is a call.
      if ((quote !== '' && (next === ' ' || next === '\n')) || (quote === '' && next === '(')) return undefined
      const stop = quote !== '' ? run : trimmed(text, from, run)
      const value = text.slice(from, stop)
      // Badges and links carry short words under such names.
      if (place.query && kind === NAMED && value.length < 12) return undefined
      return strong(value, place.loose, place.weak) ? { kind, start: from, end: stop } : undefined
    },
  }
}

// "I am using X for db_password": the name comes behind its value.
const FOR_NAME = /^["'`*]{0,3},? (?:for|as|is|in) (?:the |my |our |your |a )?([\w -]{0,32}(?:password|passwd|[_ ]pass|passphrase|secret|token|[_ -]?key|credential)[\w-]{0,8})/i
const FOR_REACH = 64

const used: Matcher = {
  literals: ['using ', 'use '],
  spanAfter: true,
  maxLength: MAX_VALUE + FOR_REACH,
  find(text, _at, after, final) {
    OPENING.lastIndex = after
    const from = after + (OPENING.exec(text)?.[0].length ?? 0)
    const run = runEnd(text, from, VALUE, MAX_VALUE)
    if (run - from >= MAX_VALUE) return undefined
    if (run === text.length && !final) return { more: from }
    const value = text.slice(from, run)
    if (run - from < 8 || (!strongPassword(value) && !strongSecret(value, true))) return undefined
    if (!final && text.length - run < FOR_REACH) return { more: from }
    const name = FOR_NAME.exec(text.slice(run, run + FOR_REACH))?.[1]
    return name !== undefined && !HARMLESS.test(name) ? { kind: NAMED, start: from, end: run } : undefined
  },
}

/** Values that only their surroundings give away: names in many languages, and the forms of a dozen notations. */
export const contextual: readonly Matcher[] = [named(PASSWORDS, PASSWORD), named(SECRETS, NAMED), used]
