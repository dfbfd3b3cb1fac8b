import { BASE64, BASE64URL, LETTER, charSet, isIn, runEnd } from '../chars.ts'
import { entropy } from '../checksums.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'
import { publicValue, random, standIn } from './plausible.ts'

const PASSWORD: Kind = { guardrail: 'secrets', rule: 'named_password', category: 'password', score: 0.85 }
const NAMED: Kind = { guardrail: 'secrets', rule: 'named_secret', category: 'secret', score: 0.85 }
const BEARER: Kind = { guardrail: 'secrets', rule: 'bearer_token', category: 'secret', score: 0.9 }
const BASIC: Kind = { guardrail: 'secrets', rule: 'basic_credential', category: 'password', score: 0.9 }
const URL_PASSWORD: Kind = { guardrail: 'secrets', rule: 'url_password', category: 'password', score: 0.92 }
const PEM: Kind = { guardrail: 'secrets', rule: 'private_key', category: 'private_key', score: 0.99 }

const NAME_REST = charSet('a-zA-Z0-9_-')
// Everything that may stand between a name and its value; the longest is a YAML pair of lines.
const BETWEEN = /["'`*)\]]{0,3}[ \t]{0,3}(?:(?:=>|:=|==?|:|\|)[ \t]{0,3}|(?:is|was)[ \t]{0,2}:?[ \t]{1,2}|\\?\r?\n[ \t]{0,8}value:[ \t]{0,3})["'`]?/y
const VALUE = charSet('a-zA-Z0-9!#$%&*+./:=?@^_~-')
const MAX_VALUE = 256

// The value's own end: closing punctuation of the sentence or the code around it is no part of it.
function trimmed(text: string, from: number, to: number): number {
  let end = to
  while (end > from && (text.charCodeAt(end - 1) === 46 || text.charCodeAt(end - 1) === 58 || text.charCodeAt(end - 1) === 63)) end--
  return end
}

function strongPassword(value: string): boolean {
  if (value.length < 8 || value.length > 64 || standIn(value) || publicValue(value)) return false
  if (!/[a-zA-Z]/.test(value)) return false
  if (/^[\w]+(?:\.[\w]+)+$|^[\w.]+\(|^\/|:\/\//.test(value)) return false
  const kinds = Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/[0-9]/.test(value)) + Number(/[^a-zA-Z0-9]/.test(value))
  return kinds >= 3 && entropy(value) >= 2.8
}

function strongSecret(value: string): boolean {
  if (value.length < 16 || publicValue(value) || !random(value, 3)) return false
  if (!/[0-9]/.test(value) || !/[a-zA-Z]/.test(value)) return false
  // Names and versions have dots and dashes and few digits; random text has digits throughout.
  const digits = value.replace(/[^0-9]/g, '').length
  if (/^[a-z0-9]+(?:[._-][a-z0-9]+)+$/.test(value) && digits < value.length / 5) return false
  return !/:\/\//.test(value) && !/^[/.]/.test(value) && entropy(value) >= 3.2
}

// The name inside our own marker names nothing.
const MARKER = /\[REDACTED_[A-Z_]{0,16}$/

interface Name {
  readonly literals: readonly string[]
  readonly kind: Kind
  strong(value: string): boolean
}

// A name counts at a word start, behind `_` or `-`, or where camel case begins a word.
function nameStarts(text: string, at: number): boolean {
  if (at === 0) return true
  const before = text.charCodeAt(at - 1)
  if (!isIn(LETTER, before)) return true
  const first = text.charCodeAt(at)
  return !isIn(LETTER, first) || (first <= 90 && before >= 97)
}

function named(name: Name): Matcher {
  return {
    literals: name.literals,
    anywhere: true,
    spanAfter: true,
    maxLength: MAX_VALUE,
    find(text, at, after, final): Found {
      if (!nameStarts(text, at)) return undefined
      const end = runEnd(text, after, NAME_REST, 24)
      BETWEEN.lastIndex = end
      if (!BETWEEN.test(text)) return undefined
      const from = BETWEEN.lastIndex
      if (MARKER.test(text.slice(Math.max(0, at - 26), at))) return undefined
      const run = runEnd(text, from, VALUE, MAX_VALUE)
      if (run === text.length && !final && run - from < MAX_VALUE) return { more: from }
      if (run - from >= MAX_VALUE) return undefined
      const stop = trimmed(text, from, run)
      return name.strong(text.slice(from, stop)) ? { kind: name.kind, start: from, end: stop } : undefined
    },
  }
}

const passwords = named({
  literals: ['password', 'passwd', 'passphrase', 'pwd', '_pass', 'passwort', 'contrasena', 'mot de passe', 'senha'],
  kind: PASSWORD,
  strong: (value) => strongPassword(value) || strongSecret(value),
})

const secrets = named({
  literals: ['secret', 'token', 'api_key', 'api-key', 'apikey', 'api key', '_key', 'accesskey', 'secretkey', 'authkey', 'privatekey', 'credential'],
  kind: NAMED,
  strong: strongSecret,
})

// "I am using X for db_password": the name comes behind its value.
const FOR_NAME = /^ (?:for|as) (?:the |my |our )?[\w-]{0,32}(?:password|passwd|_pass|secret|token|_key|api key|credential)/i
const FOR_REACH = 56

const used: Matcher = {
  literals: ['using '],
  spanAfter: true,
  maxLength: MAX_VALUE + FOR_REACH,
  find(text, _at, after, final) {
    const run = runEnd(text, after, VALUE, MAX_VALUE)
    if (run - after >= MAX_VALUE) return undefined
    if (run === text.length && !final) return { more: after }
    const value = text.slice(after, run)
    if (!strongPassword(value) && !strongSecret(value)) return undefined
    if (!final && text.length - run < FOR_REACH) return { more: after }
    return FOR_NAME.test(text.slice(run, run + FOR_REACH)) ? { kind: NAMED, start: after, end: run } : undefined
  },
}

const MAX_BEARER = 2048

const bearer: Matcher = {
  literals: ['bearer ', 'basic '],
  maxLength: MAX_BEARER,
  spanAfter: true,
  find(text, at, after, final) {
    const isBearer = (text.charCodeAt(at + 1) | 32) === 101
    const run = runEnd(text, after, isBearer ? VALUE : BASE64, MAX_BEARER)
    if (run - after >= MAX_BEARER) return undefined
    if (run === text.length && !final) return { more: after }
    const end = trimmed(text, after, run)
    const value = text.slice(after, end)
    if (isBearer) return value.length >= 20 && strongSecret(value) ? { kind: BEARER, start: after, end } : undefined
    if (value.length < 12 || standIn(value)) return undefined
    return /^[\x20-\x7e]{1,128}:[\x20-\x7e]{4,}$/.test(Buffer.from(value, 'base64').toString('latin1')) ? { kind: BASIC, start: after, end } : undefined
  },
}

const AUTHORITY = charSet('a-zA-Z0-9!#$%&*+.:=?^_~-')
const COMMON = /^(?:pass(?:word|wd)?|pwd|secret|root|admin|user|postgres|mysql|redis|guest|test|token|pw)$/i

// A stream keeps LOOK_BEHIND units: the scheme's end must be among them when the password begins.
const MAX_USER = 100

const urlPassword: Matcher = {
  literals: ['://'],
  spanAfter: true,
  maxLength: 320,
  find(text, _at, after, final) {
    // The password may hold an `@` itself: the last one before the host counts.
    let end = runEnd(text, after, AUTHORITY, 300)
    const colon = text.indexOf(':', after)
    if (colon === -1 || colon >= end || colon - after > MAX_USER) return undefined
    while (text.charCodeAt(end) === 64 && end - after < 300) {
      const next = runEnd(text, end + 1, AUTHORITY, 300)
      if (text.charCodeAt(next) !== 64) break
      end = next
    }
    const whole = text.charCodeAt(end) === 64 ? runEnd(text, end + 1, AUTHORITY, 300) : end
    if (whole === text.length && !final && whole - after < 300) return { more: colon + 1 }
    if (text.charCodeAt(end) !== 64 || (colon === after && end - colon < 6)) return undefined
    const value = text.slice(colon + 1, end)
    if (value.length < 3 || COMMON.test(value) || standIn(value)) return undefined
    return { kind: URL_PASSWORD, start: colon + 1, end }
  },
}

const PEM_HEAD = /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
const PEM_TITLE = charSet('A-Z0-9 -')
const PEM_BODY = charSet('a-zA-Z0-9+/=\\ \n\r\t:,.-')
const PEM_MAX = 8192

const privateKey: Matcher = {
  literals: ['-----begin '],
  maxLength: PEM_MAX,
  find(text, at, after, final) {
    PEM_HEAD.lastIndex = at
    const head = PEM_HEAD.exec(text)
    if (head === null) {
      const known = runEnd(text, after, PEM_TITLE, 80)
      return known === text.length && !final && known - after < 80 ? { more: at } : undefined
    }
    const body = at + head[0].length
    // Within reach only: a text full of beginnings must not be searched to its end from each of them.
    const reach = text.slice(body, at + PEM_MAX)
    const tail = reach.indexOf('-----END')
    if (tail !== -1) {
      const close = reach.slice(tail + 8, tail + 72).indexOf('-----')
      if (close !== -1) return { kind: PEM, start: at, end: body + tail + close + 13 }
      if (!final && text.length - body - tail < 72) return { more: at }
    }
    if (!final && tail === -1 && text.length - at < PEM_MAX) return { more: at }
    // Cut off, or its end was taken out: what looks like key material goes.
    const next = reach.indexOf('-----')
    return { kind: PEM, start: at, end: runEnd(text, body, PEM_BODY, next === -1 ? reach.length : next) }
  },
}

const JWT: Kind = { guardrail: 'secrets', rule: 'jwt', category: 'jwt', score: 0.9 }

const jwt: Matcher = {
  literals: ['eyj'],
  maxLength: 10_400,
  find(text, at, after, final) {
    // The payload begins with the same letters; it is no token of its own.
    if (!text.startsWith('eyJ', at) || text.charCodeAt(at - 1) === 46) return undefined
    const head = runEnd(text, after, BASE64URL, 1024)
    if (head + 4 > text.length && !final && head - after < 1024) return { more: at }
    if (!text.startsWith('.eyJ', head)) return undefined
    const payload = runEnd(text, head + 4, BASE64URL, 8192)
    if (payload === text.length && !final) return { more: at }
    if (text.charCodeAt(payload) !== 46) return undefined
    const end = runEnd(text, payload + 1, BASE64URL, 1024)
    if (end === text.length && !final) return { more: at }
    if (head - after < 10 || payload - head < 9 || end - payload < 17) return undefined
    return random(text.slice(at, end), 3.5) ? { kind: JWT, start: at, end } : undefined
  },
}

export const contextual: readonly Matcher[] = [passwords, secrets, used, bearer, urlPassword, privateKey, jwt]
