import { isPathSegment, isWorkloadId } from './spiffe.ts'

/** A name with claims in it, in pieces: of a SPIFFE id one for each segment of the path, of a user's name as written. */
export type Piece = { readonly text: string } | { readonly claim: string }

const CLAIM = /^\{([^{}\s]{1,128})\}$/

/**
 * Reads `spiffe://<trust domain>/ci/{repository}`: gives the pieces of its path, or says what is wrong. A claim is a
 * whole segment, because two claims that share one could spell the same name for two different tokens.
 */
export function workloadTemplate(text: string, trustDomain: string): readonly Piece[] | string {
  const start = `spiffe://${trustDomain}/`
  if (!text.startsWith(start)) return `must start with ${start}`
  const pieces: Piece[] = []
  // A slash inside braces belongs to the name of the claim.
  for (const segment of text.slice(start.length).split(/\/(?![^{}]*\})/)) {
    const claim = CLAIM.exec(segment)?.[1]
    if (claim === undefined && !isPathSegment(segment)) return `"${segment}" is no segment of a SPIFFE id: write letters, digits, dot, underscore and hyphen, or one claim in braces`
    pieces.push(claim === undefined ? { text: segment } : { claim })
  }
  return Object.freeze(pieces)
}

/** Reads `{iss}#{sub}`: gives its pieces, or says what is wrong. */
export function userTemplate(text: string): readonly Piece[] | string {
  const pieces: Piece[] = []
  for (const part of text.match(/\{[^{}]*\}|[^{}]+|[{}]/g) ?? []) {
    const claim = CLAIM.exec(part)?.[1]
    if (claim === undefined && /[{}\s\p{C}]/u.test(part)) return 'must be text without blanks, and claims in braces'
    pieces.push(claim === undefined ? { text: part } : { claim })
  }
  return pieces.some((piece) => 'claim' in piece) ? Object.freeze(pieces) : 'must have a claim in it: all users would be one'
}

export type Claims = Readonly<Record<string, unknown>>

/** A claim by its name, else by the names on the way to it, parted by slashes: `kubernetes.io/serviceaccount/name`. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let here: unknown = claims
  for (const step of name.split('/')) {
    if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, step)) return undefined
    here = (here as Claims)[step]
  }
  return here
}

/**
 * The SPIFFE id that a token's claims make; undefined where one is missing, empty or has characters that no SPIFFE id
 * has: none is ever replaced, so that different tokens have different names. Slashes may stand in the last claim only.
 */
export function workloadOf(pieces: readonly Piece[], claims: Claims, trustDomain: string): string | undefined {
  let id = `spiffe://${trustDomain}`
  for (const [index, piece] of pieces.entries()) {
    const value = 'text' in piece ? piece.text : claimOf(claims, piece.claim)
    if (typeof value !== 'string' || (index < pieces.length - 1 && value.includes('/'))) return undefined
    id += `/${value}`
  }
  return isWorkloadId(id, trustDomain) ? id : undefined
}

/** The name that a user's claims make; undefined where one is missing, empty or strange. */
export function userOf(pieces: readonly Piece[], claims: Claims): string | undefined {
  let name = ''
  for (const piece of pieces) {
    const value = 'text' in piece ? piece.text : claimOf(claims, piece.claim)
    if (typeof value !== 'string' || value === '') return undefined
    name += value
  }
  return name.length <= 256 && /^[^\s\p{C}]+$/u.test(name) ? name : undefined
}
