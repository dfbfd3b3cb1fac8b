import type { Fields } from '../../../contract/arrival.ts'

/** What a server says about the token that it wants (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Wanted {
  readonly resourceMetadata?: string
  readonly scopes?: readonly string[]
  readonly error?: string
}

const LONGEST = 8192
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const VALUE = /"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/?=;,@()[\]{}<>-]+?)(?=[\s,]|$)/y
const SCOPES = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,4096}$/

/** The first Bearer challenge of `WWW-Authenticate`; what cannot be read says nothing. */
export function wantedOf(fields: Fields): Wanted {
  for (const [name, value] of fields) {
    if (name.length !== 16 || name.toLowerCase() !== 'www-authenticate' || value.length > LONGEST) continue
    const found = bearer(value)
    if (found === undefined) continue
    const [resourceMetadata, scope, error] = ['resource_metadata', 'scope', 'error'].map((key) => found.get(key))
    const scopes = scope !== undefined && SCOPES.test(scope) ? [...new Set(scope.split(' ').filter((one) => one !== ''))] : []
    return { ...(resourceMetadata !== undefined && { resourceMetadata }), ...(scopes.length > 0 && { scopes }), ...(error !== undefined && { error }) }
  }
  return {}
}

/** Schemes and parameters stand in one list, parted by commas: a word that no `=` follows begins the next challenge. */
function bearer(text: string): ReadonlyMap<string, string> | undefined {
  let at = 0
  let current: Map<string, string> | undefined
  const skip = (): void => {
    while (at < text.length && (text[at] === ' ' || text[at] === '\t' || text[at] === ',')) at++
  }
  const take = (form: RegExp): RegExpExecArray | null => {
    form.lastIndex = at
    const found = form.exec(text)
    if (found !== null) at = form.lastIndex
    return found
  }
  for (skip(); at < text.length; skip()) {
    const word = take(TOKEN)?.[0].toLowerCase()
    if (word === undefined) return current
    if (text[at] !== '=') {
      if (current !== undefined) return current
      if (word === 'bearer') current = new Map()
      continue
    }
    at++
    const value = take(VALUE)
    if (value === null) return current
    // Said twice, two readers could go by different ones: the first counts.
    if (current !== undefined && !current.has(word)) current.set(word, value[1]?.replace(/\\(.)/g, '$1') ?? value[2] ?? '')
  }
  return current
}
