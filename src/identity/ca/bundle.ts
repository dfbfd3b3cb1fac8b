import { X509Certificate } from 'node:crypto'
import type { Authority } from './authority.ts'

/** The roots of the trust domain, as others are told of them. */
export interface Bundle {
  /** Grows with every change and never falls, also across restarts. */
  readonly sequence: number
  /** SPIFFE trust bundle: JSON of a JWK set (SPIFFE_Trust_Domain_and_Bundle, section 4). */
  readonly json: string
  /** The same roots for TLS libraries, the signing one first. */
  readonly pem: string
}

export function bundleOf(authorities: readonly Authority[], sequence: number, refreshSeconds: number): Bundle {
  const keys = authorities.map(({ der }) => {
    const { kty, crv, x, y } = new X509Certificate(der).publicKey.export({ format: 'jwk' })
    return { use: 'x509-svid', kty, crv, x, y, x5c: [Buffer.from(der).toString('base64')] }
  })
  return {
    sequence,
    json: JSON.stringify({ keys, spiffe_sequence: sequence, spiffe_refresh_hint: refreshSeconds }),
    pem: authorities.map(({ pem }) => pem).join(''),
  }
}
