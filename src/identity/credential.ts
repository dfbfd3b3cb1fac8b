import type { Fields } from '../contract/arrival.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'

/** Where the official clients put a key, by lower-case name. */
const PLACES = new Set(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])
const BEARER = /^bearer[ \t]+/i
const LONGEST = 8192
const QUERY = /[?&](key|api[-_]?key|access[-_]?token)=/i

/**
 * The one credential that an arrival presents; undefined when it presents none. Two different ones are refused:
 * whoever sees only one of them (a proxy, a log) would think that another caller was let in.
 */
export function credentialOf(fields: Fields, target: string): string | undefined | Refusal {
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
      const scheme = BEARER.exec(value)
      if (scheme === null) return refuse('unauthenticated', { detail: 'authorization is not a bearer credential' })
      value = value.slice(scheme[0].length)
    }
    if (found !== undefined && found !== value) return refuse('unauthenticated', { say: 'More than one credential was presented; send one.', detail: 'different credentials' })
    found = value
  }
  return found
}
