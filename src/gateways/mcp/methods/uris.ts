/** What a URI template says at one place: text as it stands, or any text of certain characters. */
type Piece = string | RegExp

/** RFC 3986, unreserved and percent-encoded, and the comma that RFC 6570 writes between values. */
const PLAIN = /[A-Za-z0-9._~%,-]/
const PAIRS = /[A-Za-z0-9._~%,;=&?-]/
const SEGMENTS = /[A-Za-z0-9._~%,/-]/
const ANY = /[\x21-\x7e]/
const MOST_PIECES = 64

const OPERATORS: Readonly<Record<string, RegExp>> = { '+': ANY, '#': ANY, '/': SEGMENTS, '.': PLAIN, ';': PAIRS, '?': PAIRS, '&': PAIRS }

export function schemeOf(uri: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]{0,63}):/.exec(uri)?.[1]?.toLowerCase() ?? ''
}

/** Schemes whose URIs have one spelling that everybody agrees on (WHATWG URL). */
const AGREED: ReadonlySet<string> = new Set(['http', 'https', 'ws', 'wss', 'ftp', 'file'])

/**
 * What lets two readers of a URI arrive at two places, whoever wrote it: a path that goes up, or one inside an escape, a
 * backslash, an escape of what ends texts or of no UTF-8. No policy can decide about such a thing by its name.
 */
export function ambiguity(uri: string): string | undefined {
  const [, scheme = '', rest = '', query = ''] = /^([A-Za-z][A-Za-z0-9+.-]{0,63}):([^?#]*)(.*)$/s.exec(uri) ?? []
  if (scheme === '') return 'has no scheme'
  if (/%(?![0-9A-Fa-f]{2})/.test(uri) || !isUtf8(uri)) return 'has an escape that is none'
  if (/%(?:[01][0-9A-Fa-f]|7[Ff])/.test(uri)) return 'has an escape of a control character'
  if (/\\|%5c|%2f/i.test(rest)) return 'has a backslash, or a slash inside an escape'
  if (/%25[0-9A-Fa-f]{2}/.test(rest)) return 'is escaped twice'
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(rest)) return 'has a path that goes up, or stays where it is'
  // Whoever opens a file leaves these out.
  return scheme.toLowerCase() === 'file' && query !== '' ? 'has more than a path' : undefined
}

/**
 * How a URI is spelled otherwise than RFC 3986 section 6.2 and the URL standard say: policies know one spelling of each
 * thing. `covered`: a template of its server covers it, so that what stands for a host can be a value with capitals.
 */
export function misspelling(uri: string, covered: boolean): string | undefined {
  const [, scheme = '', authority = '', path = '', rest = ''] = /^([^:]*):(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s.exec(uri) ?? []
  if (/[A-Z]/.test(scheme) || (!covered && /[A-Z]/.test(authority.slice(authority.lastIndexOf('@') + 1)))) return 'has capitals in its scheme or host'
  if (/%(?:2[dD]|2[eE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA]|7[eE])/.test(uri)) return 'escapes what needs no escape'
  if (/%[0-9A-F]?[a-f]/.test(uri)) return 'has an escape in small letters'
  if (/^\?(?:#|$)|#$/.test(rest)) return 'ends in an empty query or fragment'
  if (path.includes('//') && !/^(?:https?|wss?)$/.test(scheme)) return 'has an empty part in its path'
  if (!AGREED.has(scheme)) return undefined
  return URL.parse(uri)?.href === uri ? undefined : 'is not spelled as URLs are'
}

function isUtf8(uri: string): boolean {
  try {
    decodeURIComponent(uri)
    return true
  } catch {
    return false
  }
}

/**
 * Whether a URI can come of a template (RFC 6570), rather too seldom than too often: a value reaches no further than its
 * characters, and no path goes up. In time that grows with both lengths.
 */
export function covers(template: string, uri: string): boolean {
  if (/(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\?#]|$)/i.test(uri) || /%2f|%5c/i.test(uri)) return false
  const pieces = piecesOf(template)
  if (pieces === undefined) return false
  // Where in the URI each piece can begin.
  let places = new Set([0])
  for (const piece of pieces) {
    const next = new Set<number>()
    if (typeof piece === 'string') {
      for (const at of places) if (uri.startsWith(piece, at)) next.add(at + piece.length)
    } else {
      let open = false
      for (let at = 0; at <= uri.length; at++) {
        open = (open && piece.test(uri[at - 1] as string)) || places.has(at)
        if (open) next.add(at)
      }
    }
    if (next.size === 0) return false
    places = next
  }
  return places.has(uri.length)
}

function piecesOf(template: string): readonly Piece[] | undefined {
  const pieces: Piece[] = []
  let from = 0
  for (const found of template.matchAll(/\{([^{}]{1,512})\}/g)) {
    if (found.index > from) pieces.push(template.slice(from, found.index))
    pieces.push(OPERATORS[(found[1] as string)[0] as string] ?? PLAIN)
    from = found.index + found[0].length
    if (pieces.length > MOST_PIECES) return undefined
  }
  if (from < template.length) pieces.push(template.slice(from))
  return pieces
}
