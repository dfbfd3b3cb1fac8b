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
