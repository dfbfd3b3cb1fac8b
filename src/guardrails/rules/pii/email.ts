import { charSet, isIn, runEnd, runStart } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

const EMAIL: Kind = { guardrail: 'pii', rule: 'email', category: 'email', score: 0.95 }
const BRACKETED: Kind = { ...EMAIL, rule: 'email_disguised', score: 0.85 }
// `meet me at noon dot dot dot` is said too.
const SPELLED: Kind = { ...EMAIL, rule: 'email_spelled', score: 0.7 }

// Fewer characters than RFC 5322 allows: the others are nearly always markup or code around an address.
const LOCAL = charSet("a-zA-Z0-9.%+_'-")
const FIRST = charSet('a-zA-Z0-9_')
const DOMAIN = charSet('a-zA-Z0-9.-')
const MAX_LOCAL = 64
const MAX_DOMAIN = 190
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62})\.){1,8}[a-zA-Z]{2,24}/
const FILES = /\.(?:png|jpe?g|gif|svg|webp|avif|js|mjs|ts|css|json|html?|py|rb|md|txt|lock|ya?ml|so|service|target|socket|timer)$/i

// `user:password@host` in a URL is the secrets guardrail's.
function inAuthority(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - 60), start)
  return /\/\/[^\s/@]{0,56}$/.test(before)
}

// Where the local part that ends at `at` begins; `at` where there is none.
function localStart(text: string, at: number): number {
  const first = runStart(text, at, LOCAL, MAX_LOCAL + 1)
  if (first === at || at - first > MAX_LOCAL) return at
  let start = first
  // In JSON text the letter of an escape is no part of the address.
  if (text.charCodeAt(start - 1) === 92 && /[nrt]/.test(text.charAt(start))) start++
  while (start < at && !isIn(FIRST, text.charCodeAt(start))) start++
  return start
}

/** E-mail addresses: the mark is the `@`, so a stream withholds the word that may become a local part. */
export const email: Matcher = {
  literals: ['@'],
  anywhere: true,
  maxLength: MAX_LOCAL + MAX_DOMAIN + 2,
  tail(text) {
    const length = text.length - runStart(text, text.length, LOCAL, MAX_LOCAL + 1)
    return length > MAX_LOCAL ? 0 : length
  },
  find(text, at, after, final): Found {
    const start = localStart(text, at)
    if (start === at) return undefined
    const end = runEnd(text, after, DOMAIN, MAX_DOMAIN)
    if (end === text.length && !final) return { more: start }
    const host = HOST.exec(text.slice(after, end))?.[0]
    if (host === undefined || FILES.test(host)) return undefined
    const local = text.slice(start, at)
    // `git@host:path` names a server's account, `pkg@1.2.x` a version.
    if ((local === 'git' && text.charCodeAt(after + host.length) === 58) || inAuthority(text, start)) return undefined
    return { kind: EMAIL, start, end: after + host.length }
  },
}

const DISGUISE = /^ {0,2}(?:\[ ?at ?\]|\( ?at ?\)|\{ ?at ?\}) {0,2}[a-z0-9-]{1,40}(?:(?: {0,2}(?:\[ ?dot ?\]|\( ?dot ?\)|\{ ?dot ?\}) {0,2}|\.| dot )[a-z0-9-]{2,24}){1,3}/i
const SPELLING = /^ at [a-z0-9-]{2,40}(?: dot [a-z0-9-]{2,24}){1,3}\b/i
const REACH = 110
const PENDING = /[\w.%+'-]{1,64}(?: {0,2}(?:[[({] ?(?:at?)?)?| at?)$/i

/** Addresses written so that programs do not see them: `name [at] host [dot] com`, `name at host dot com`. */
export const disguised: Matcher = {
  literals: ['[at]', '(at)', '{at}', '[ at ]', '( at )', ' at '],
  maxLength: MAX_LOCAL + REACH,
  tail(text) {
    return PENDING.exec(text.slice(-72))?.[0].length ?? 0
  },
  find(text, at, after, final): Found {
    const spelled = text.charCodeAt(at) === 32 && text.charCodeAt(after - 1) === 32
    let end = at
    while (!spelled && end > at - 2 && text.charCodeAt(end - 1) === 32) end--
    const start = localStart(text, end)
    if (start === end) return undefined
    const window = text.slice(end, end + REACH)
    const found = (spelled ? SPELLING : DISGUISE).exec(window)?.[0]
    if (!final && end + REACH > text.length && (found === undefined ? /^[\w\s.()[\]{}-]*$/.test(window) && (!spelled || window.length < 48) : window.length - found.length < 30)) return { more: start }
    return found === undefined ? undefined : { kind: spelled ? SPELLED : BRACKETED, start, end: end + found.length }
  },
}
