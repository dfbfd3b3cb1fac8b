import { BASE64, charSet, runEnd } from '../chars.ts'
import { entropy } from '../checksums.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'
import { opaque, placeholder, standIn, strongPassword, strongSecret } from './plausible.ts'

const BEARER: Kind = { guardrail: 'secrets', rule: 'bearer_token', category: 'secret', score: 0.9 }
// A bare digest or UUID behind `Bearer` is sometimes a token and often an identifier that somebody pasted there.
const BEARER_ID: Kind = { ...BEARER, rule: 'bearer_identifier', score: 0.7 }
const BASIC: Kind = { guardrail: 'secrets', rule: 'basic_credential', category: 'password', score: 0.9 }
const OPTION: Kind = { guardrail: 'secrets', rule: 'command_line_password', category: 'password', score: 0.88 }
const REGISTRY: Kind = { guardrail: 'secrets', rule: 'registry_auth', category: 'password', score: 0.9 }

const VALUE = charSet('a-zA-Z0-9!#$%&*+./:=?@^_|~-')
const MAX = 2048

function pair(value: string): boolean {
  const decoded = Buffer.from(value, 'base64').toString('latin1')
  return /^[\x20-\x7e]{1,128}:[\x20-\x7e]{4,}$/.test(decoded) && !placeholder(decoded.slice(decoded.indexOf(':') + 1))
}

const scheme: Matcher = {
  literals: ['bearer ', 'basic '],
  maxLength: MAX,
  spanAfter: true,
  find(text, at, after, final): Found {
    const isBearer = (text.charCodeAt(at + 1) | 32) === 101
    const run = runEnd(text, after, isBearer ? VALUE : BASE64, MAX)
    if (run - after >= MAX) return undefined
    if (run === text.length && !final) return { more: after }
    let end = run
    while (end > after && /[.:?]/.test(text.charAt(end - 1))) end--
    const value = text.slice(after, end)
    if (!isBearer) return value.length >= 12 && !standIn(value) && pair(value) ? { kind: BASIC, start: after, end } : undefined
    if (opaque(value)) return strongSecret(value, true) ? { kind: BEARER_ID, start: after, end } : undefined
    return value.length >= 16 && strongSecret(value, false) && entropy(value) >= 3.3 && !/^ORD-|^1Z/.test(value) ? { kind: BEARER, start: after, end } : undefined
  },
}

// Docker, npm and many others keep `user:password` in base 64 under `auth`.
const registry: Matcher = {
  literals: ['"auth"', '_auth='],
  spanAfter: true,
  maxLength: MAX,
  find(text, _at, after, final): Found {
    let from = after
    while (from - after < 8 && /[\s:"]/.test(text.charAt(from))) from++
    const run = runEnd(text, from, BASE64, MAX)
    if (run === text.length && !final) return { more: from }
    return run - from >= 12 && run - from < MAX && pair(text.slice(from, run)) ? { kind: REGISTRY, start: from, end: run } : undefined
  },
}

const WORD = charSet('a-zA-Z0-9!#$%&*+,./=?@^_~-')
const USER = charSet('a-zA-Z0-9._@+-')

// `curl -u user:password`, `sshpass -p password`, `mysql -ppassword`.
const option: Matcher = {
  literals: [' -u ', ' --user ', ' --proxy-user ', 'sshpass -p ', ' -p'],
  spanAfter: true,
  maxLength: 128,
  find(text, at, after, final): Found {
    const quote = text.charAt(after) === '"' || text.charAt(after) === "'" ? 1 : 0
    let from = after + quote
    const word = text.slice(at, after)
    if (word === ' -p') {
      // Behind `mysql` the password follows without a space; elsewhere `-p` is a port or a path.
      if (!/\b(?:mysql\w*|mariadb\w*|mongo\w*|7z|zip)\b[^\n|;]{0,60}$/.test(text.slice(Math.max(0, at - 80), at))) return undefined
    } else if (word !== 'sshpass -p ') {
      const colon = runEnd(text, from, USER, 48)
      if (colon === text.length && !final) return { more: from }
      if (text.charCodeAt(colon) !== 58) return undefined
      from = colon + 1
    }
    const end = runEnd(text, from, WORD, 96)
    if (end === text.length && !final && end - from < 96) return { more: from }
    const value = text.slice(from, end)
    return value.length >= 6 && value.length < 96 && !standIn(value) && (strongPassword(value) || strongSecret(value, true)) ? { kind: OPTION, start: from, end } : undefined
  },
}

export const headers: readonly Matcher[] = [scheme, registry, option]
