import { sealOnWire, sealedFromWire, sign, signedBy } from '../signature.ts'

/** `thoughtSignature` is bytes in Google's clients, so a foreign name must not stand there in clear: base64 of the whole. */
const FOREIGN = /^(YW50aHJvcGljO|b3BlbmFpO)/

/** For calls that some other model made: documented by Google for histories that come from elsewhere. */
export const NO_SIGNATURE = 'skip_thought_signature_validator'

/** What a caller's `thoughtSignature` is in the neutral form. */
export function fromWire(raw: string): { readonly signature: string } | { readonly sealed: string } {
  if (!FOREIGN.test(raw)) return { signature: sign('gemini', raw) }
  const text = Buffer.from(raw, 'base64').toString('utf8')
  const sealed = sealedFromWire(text)
  return sealed === undefined ? { signature: text } : { sealed }
}

/** The `thoughtSignature` to show a Gemini caller. */
export function toWire(signature: string, sealed = false): string {
  return signedBy('gemini', signature) ?? Buffer.from(sealed ? sealOnWire(signature) : signature).toString('base64')
}

/** True for a `thoughtSignature` that only travelled here and that Google would refuse. */
export function isForeignWire(raw: string): boolean {
  return FOREIGN.test(raw)
}
