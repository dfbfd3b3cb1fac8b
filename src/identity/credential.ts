import type { Fields } from '../contract/arrival.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'

/** Where the official clients put a key, by lower-case name. */
const PLACES = new Set(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])
const BEARER = /^bearer[ \t]+/i
const DPOP = /^dpop[ \t]+/i
/** Three parts in base64url, the last of them empty where nothing is signed: meant as a JWT, whatever it is. */
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/
const LONGEST = 8192
const QUERY = /[?&](key|api[-_]?key|access[-_]?token)=/i

/**
 * The one credential that an arrival presents; undefined when it presents none. Two different ones are refused:
 * whoever sees only one of them (a proxy, a log) would think that another caller was let in. `dpop` lets a token be
 * presented under that scheme too (RFC 9449); it is nothing for keys.
 */
export function credentialOf(fields: Fields, target: string, dpop = false): string | undefined | Refusal {
  if (target.includes('?') && QUERY.test(target)) {
    return refuse('unauthenticated', { say: 'Send the key in a header, for example x-goog-api-key: keys in a URL end up in logs.', param: 'key', detail: 'credential in the query' })
  }
  let found: string | undefined
  for (const [written, raw] of fields) {
    if (written.length > 14 || !PLACES.has(written.toLowerCase())) continue
    let value = raw.trim()
    if (value === '') continue
    if (value.length > LONGEST) return refuse('unauthenticated', { detail: 'credential too long' })
    if (written.length === 13) {
      let scheme = BEARER.exec(value)
      if (scheme === null && dpop) {
        scheme = DPOP.exec(value)
        if (scheme !== null && !TOKEN.test(value.slice(scheme[0].length))) return refuse('unauthenticated', { detail: 'what is presented as DPoP is no token' })
      }
      if (scheme === null) return refuse('unauthenticated', { detail: 'authorization is not a bearer credential' })
      value = value.slice(scheme[0].length)
    }
    if (found !== undefined && found !== value) return refuse('unauthenticated', { say: 'More than one credential was presented; send one.', detail: 'different credentials' })
    found = value
  }
  return found
}

/** Whether somebody meant it as a JWT, well-formed or not. */
export function looksLikeToken(credential: string): boolean {
  return TOKEN.test(credential)
}

/** Whether some credential stands under the scheme DPoP. */
export function presentedAsDpop(fields: Fields): boolean {
  return fields.some(([name, value]) => name.length === 13 && name.toLowerCase() === 'authorization' && DPOP.test(value.trim()))
}
