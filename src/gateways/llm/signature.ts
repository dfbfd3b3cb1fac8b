/**
 * Signatures and sealed thinking are worth something only to the provider that made them, and another provider
 * refuses the request that carries them. In the neutral form they therefore name their maker (`gemini:…`), and they
 * keep that name on the wire of a foreign dialect, so that they come back to their maker when the caller resends its
 * history. Signatures are base64: a colon never occurs in one.
 */
export type Maker = 'openai' | 'anthropic' | 'gemini'

const NAMED = /^(openai|anthropic|gemini):/

/** Names the maker, unless the signature already names one: then it only travelled through this dialect. */
export function sign(maker: Maker, raw: string): string {
  return NAMED.test(raw) ? raw : `${maker}:${raw}`
}

/** The bytes as their maker gave them; undefined for another maker's. */
export function signedBy(maker: Maker, signature: string | undefined): string | undefined {
  if (signature === undefined || signature.length <= maker.length + 1) return undefined
  return signature.startsWith(maker) && signature[maker.length] === ':' ? signature.slice(maker.length + 1) : undefined
}

/** True for a signature on the wire that some other provider made. */
export function isForeign(maker: Maker, raw: string): boolean {
  return NAMED.test(raw) && !raw.startsWith(`${maker}:`)
}

/** A foreign wire has one place for both: sealed thinking carries a mark there (`openai:~…`). */
export function sealOnWire(sealed: string): string {
  const colon = sealed.indexOf(':')
  return `${sealed.slice(0, colon + 1)}~${sealed.slice(colon + 1)}`
}

/** The sealed thinking behind such a mark; undefined for a plain signature. */
export function sealedFromWire(wire: string): string | undefined {
  const colon = wire.indexOf(':')
  return wire[colon + 1] === '~' ? wire.slice(0, colon + 1) + wire.slice(colon + 2) : undefined
}
