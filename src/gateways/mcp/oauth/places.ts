import { addressClass, normalHost } from '../../../formats/hostnames.ts'

/** What of the places that a server or an authorization server names may be used. */
export interface Bounds {
  /** The operator's own words: the server's origin, and that of the issuer that settings name. */
  readonly known: ReadonlySet<string>
  readonly allowPrivate: boolean
}

/** Why something that others say cannot be gone by. In words for who looks after the server. */
export class OAuthProblem extends Error {
  /** The code of OAuth, where the authorization server said one. */
  readonly error: string | undefined
  constructor(problem: string, error?: string) {
    super(problem)
    this.error = error
  }
}

/** The name of a scope (RFC 6749, 3.3), as far as people and terminals are shown it. */
export const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/

const LONGEST = 2048

/**
 * An address that somebody else named: http(s), of a public host or one that the operator named, nothing that a shell or
 * a browser would take for something else. What its name resolves to, the dialer looks at when it connects.
 * `by` is who named it: what somebody at https names is not spoken to over http, whatever else may be.
 * @throws {OAuthProblem}
 */
export function placeOf(text: string, what: string, { known, allowPrivate }: Bounds, by?: string): URL {
  const url = text.length <= LONGEST && /^[\x21-\x7e]+$/.test(text) ? URL.parse(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new OAuthProblem(`its ${what} is no http address`)
  if (url.username !== '' || url.password !== '' || text.includes('#')) throw new OAuthProblem(`its ${what} has a user or a fragment`)
  const host = normalHost(url.hostname)
  if (host === undefined) throw new OAuthProblem(`its ${what} has no proper host`)
  if (known.has(url.origin)) return url
  if (url.protocol !== 'https:' && (!allowPrivate || by?.startsWith('https:') === true)) throw new OAuthProblem(`its ${what} is not https`)
  if (allowPrivate) return url
  const is = host.kind !== 'name' ? addressClass(host.text) : /(?:^|\.)localhost$/.test(host.text) ? 'loopback' : 'public'
  if (is !== 'public') throw new OAuthProblem(`its ${what} is at a ${is} address`)
  return url
}
