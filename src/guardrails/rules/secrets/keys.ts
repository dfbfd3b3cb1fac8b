import { ALNUM, BASE64, BASE64URL, HEX, charSet, isIn, runEnd } from '../chars.ts'
import { entropy } from '../checksums.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'
import { random, standIn } from './plausible.ts'

function kind(rule: string, category: string, score: number): Kind {
  return { guardrail: 'secrets', rule, category, score }
}

const PEM = kind('private_key', 'private_key', 0.99)
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

/** A long run of one alphabet behind a beginning that says what it is; `sure` has the last word on the whole run. */
function run(made: Kind, beginnings: readonly string[], alphabet: Uint8Array, min: number, max: number, sure: (found: string) => boolean): Matcher {
  return {
    literals: beginnings.map((beginning) => beginning.toLowerCase()),
    maxLength: max + 64,
    find(text, at, after, final): Found {
      if (!beginnings.some((beginning) => text.startsWith(beginning, at))) return undefined
      const end = runEnd(text, after, alphabet, max)
      if (end === text.length && !final && end - after < max) return { more: at }
      return end - after >= min && sure(text.slice(at, Math.min(end, at + 4096))) ? { kind: made, start: at, end } : undefined
    },
  }
}

// `-----BEGIN ` in base 64, as kubeconfigs and secrets of clusters keep keys and certificates.
const encoded = run(kind('encoded_private_key', 'private_key', 0.97), ['LS0tLS1CRUdJTi'], BASE64, 40, PEM_MAX, (found) => Buffer.from(found.slice(0, 120), 'base64').toString('latin1').includes('PRIVATE KEY'))
// `openssh-key-v1` in base 64: the body of a key whose first line has been lost.
const openssh = run(kind('openssh_private_key', 'private_key', 0.97), ['b3BlbnNzaC1rZXktdjE'], charSet('a-zA-Z0-9+/=\n\r\\'), 100, PEM_MAX, () => true)
const vault = run(kind('ansible_vault', 'secret', 0.9), ['$ANSIBLE_VAULT;1.1;AES256', '$ANSIBLE_VAULT;1.2;AES256'], charSet('a-zA-Z0-9;_.\n\r\\ -'), 40, PEM_MAX, (found) => /[0-9a-f]{60}/.test(found))
const extended = run(kind('extended_private_key', 'private_key', 0.97), ['xprv', 'yprv', 'zprv', 'tprv'], ALNUM, 104, 110, (found) => entropy(found) > 4)
const doubled = run(kind('encoded_jwt', 'jwt', 0.85), ['ZXlKaGJHY2lPaU', 'ZXlKMGVYQWlPaU'], BASE64, 60, 4096, (found) => random(found, 3.5))

const PUTTY = kind('putty_private_key', 'private_key', 0.99)
const putty: Matcher = {
  literals: ['putty-user-key-file-'],
  maxLength: PEM_MAX,
  find(text, at, _after, final) {
    const reach = text.slice(at, at + PEM_MAX)
    const mac = reach.search(/\nPrivate-(?:MAC|Hash): [0-9a-f]{40,64}/)
    if (mac === -1) return !final && reach.length < PEM_MAX ? { more: at } : /\nPrivate-Lines: \d/.test(reach) ? { kind: PUTTY, start: at, end: at + reach.length } : undefined
    const end = runEnd(text, at + mac + reach.slice(mac).indexOf(': ') + 2, HEX, 65)
    return end === text.length && !final ? { more: at } : { kind: PUTTY, start: at, end }
  },
}

const JWK = kind('json_web_key', 'private_key', 0.95)
const jwk: Matcher = {
  literals: ['"d"'],
  spanAfter: true,
  maxLength: 1024,
  find(text, _at, after, final) {
    let from = after
    while (from - after < 6 && /[\s:"]/.test(text.charAt(from))) from++
    const end = runEnd(text, from, BASE64URL, 1024)
    if (end === text.length && !final) return { more: from }
    return end - from >= 43 && text.charAt(end) === '"' && random(text.slice(from, end), 4) ? { kind: JWK, start: from, end } : undefined
  },
}

const HASH = kind('password_hash', 'password', 0.85)
const HASH_BODY = charSet('a-zA-Z0-9./+=$,*_-')
const HASHES = /^(?:\$apr1\$[^$]{1,8}\$[./\w]{22}|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$[156]\$(?:rounds=\d{3,9}\$)?[^$]{1,16}\$[./\w]{22,86}|\$y\$[./\w]+\$[./\w]{4,86}\$[./\w]{40,45}|\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[\w+/]{10,}\$[\w+/]{20,}|\$pbkdf2-sha\d+\$\d+\$[\w./+]{10,}\$[\w./+]{20,}|\$scrypt\$[\w=,]+\$[\w+/]{10,}\$[\w+/=]{20,})/

/** Passwords as htpasswd, shadow files and databases keep them: they can be guessed at leisure. */
const hashes: Matcher = {
  literals: ['$apr1$', '$2a$', '$2b$', '$2x$', '$2y$', '$1$', '$5$', '$6$', '$y$', '$argon2', '$pbkdf2-', '$scrypt$'],
  maxLength: 300,
  find(text, at, _after, final) {
    const end = runEnd(text, at, HASH_BODY, 300)
    if (end === text.length && !final && end - at < 300) return { more: at }
    const matched = HASHES.exec(text.slice(at, end))?.[0]
    return matched !== undefined && random(matched, 3.5) ? { kind: HASH, start: at, end: at + matched.length } : undefined
  },
}

const AWS = kind('aws_secret_near_id', 'secret', 0.95)
const AWS_ID = charSet('A-Z0-9')
const SECRET = charSet('a-zA-Z0-9+/')

// The secret stands near its id, whatever either is called: in a table, a CSV file, a sentence.
const nearId: Matcher = {
  literals: ['akia', 'asia'],
  spanAfter: true,
  maxLength: 120,
  find(text, at, after, final) {
    const id = runEnd(text, after, AWS_ID, 17)
    if (id - after !== 16) return undefined
    for (let i = id; i < text.length && i - id < 80; ) {
      if (!isIn(SECRET, text.charCodeAt(i))) {
        i++
        continue
      }
      const end = runEnd(text, i, SECRET, 41)
      if (end === text.length && !final && end - i < 41) return { more: i }
      if (end - i === 40 && i - at < 100) {
        const value = text.slice(i, end)
        return entropy(value) >= 4.2 && /[a-z]/.test(value) && /[A-Z]/.test(value) && !standIn(value) ? { kind: AWS, start: i, end } : undefined
      }
      i = end + 1
    }
    return undefined
  },
}

const JWT = kind('jwt', 'jwt', 0.9)
const JWT_HEAD = 1024

function header(text: string): boolean {
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof read === 'object' && read !== null && 'alg' in read && typeof read.alg === 'string'
  } catch {
    return false
  }
}

// The token that every introduction shows.
const TAUGHT = /^eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI/

/** JSON web tokens, signed or encrypted: the first part must say which algorithm. */
const jwt: Matcher = {
  literals: ['eyj'],
  maxLength: 10_400,
  find(text, at, after, final) {
    // The payload begins with the same letters; it is no token of its own.
    if (!text.startsWith('eyJ', at) || text.charCodeAt(at - 1) === 46) return undefined
    const head = runEnd(text, after, BASE64URL, JWT_HEAD)
    if (head + 4 > text.length && !final && head - after < JWT_HEAD) return { more: at }
    if (text.charCodeAt(head) !== 46 || head - after < 10) return undefined
    const signed = text.startsWith('.eyJ', head)
    const payload = runEnd(text, head + 1, BASE64URL, 8192)
    if (payload === text.length && !final) return { more: at }
    if (text.charCodeAt(payload) !== 46) return undefined
    let end = runEnd(text, payload + 1, BASE64URL, 4096)
    if (end === text.length && !final) return { more: at }
    if (!signed) {
      // Five parts: encrypted.
      for (let part = 0; part < 2; part++) {
        if (text.charCodeAt(end) !== 46) return undefined
        end = runEnd(text, end + 1, BASE64URL, 4096)
        if (end === text.length && !final) return { more: at }
      }
    } else if (payload - head < 9 || end - payload < 17 || TAUGHT.test(text.slice(head + 1, head + 60))) return undefined
    return header(text.slice(at, head)) && random(text.slice(at, Math.min(end, at + 1024)), 3.5) ? { kind: JWT, start: at, end } : undefined
  },
}

export const keys: readonly Matcher[] = [privateKey, encoded, openssh, vault, extended, doubled, putty, jwk, hashes, nearId, jwt]
