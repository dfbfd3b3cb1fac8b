import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createPublicKey } from 'node:crypto'

/** A request that was signed with the key that it names. Nothing else of it counts: names and extensions are ignored. */
export interface SoundRequest {
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
}

const LONGEST = 8 * 1024
const PEM = /^\s*-----BEGIN ((?:NEW )?CERTIFICATE REQUEST)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/
const HASHES: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512'])
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1'])
const RSA_BITS = [2048, 4096] as const

/**
 * Reads a certificate signing request (RFC 2986, PEM of at most 8 KiB) as strictly as one that strangers send:
 * ECDSA on P-256 or P-384, Ed25519 or RSA of 2,048 to 4,096 bits, with its own valid signature over SHA-2.
 * Gives the problem, for the record, where there is one. Never rejects.
 */
export async function readRequest(pem: string): Promise<SoundRequest | { readonly problem: string }> {
  if (pem.length > LONGEST) return { problem: `the request is longer than ${LONGEST} bytes` }
  const [, , base64] = PEM.exec(pem) ?? []
  if (base64 === undefined) return { problem: 'the request is not one PEM block of a certificate request' }
  const der = Buffer.from(base64, 'base64')
  if (der.length !== derLength(der)) return { problem: 'the request is cut off, or something follows it' }
  try {
    const request = new x509.Pkcs10CertificateRequest(der)
    const publicKey = new Uint8Array(request.publicKey.rawData)
    const problem = keyProblem(publicKey)
    if (problem !== undefined) return { problem }
    const { name, hash } = request.signatureAlgorithm as { readonly name: string; readonly hash?: { readonly name: string } }
    if (name !== 'Ed25519' && !HASHES.has(hash?.name ?? '')) return { problem: `the request is signed with ${name} over ${hash?.name ?? 'an unknown hash'}` }
    return (await request.verify()) ? { publicKey } : { problem: 'the request is not signed with its own key' }
  } catch (error) {
    return { problem: `the request cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : 'malformed'}` }
  }
}

function keyProblem(spki: Uint8Array): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (type === 'ed25519') return undefined
  if (type === 'ec') return CURVES.has(details?.namedCurve ?? '') ? undefined : `the key is on the curve ${details?.namedCurve ?? 'of its own'}`
  if (type !== 'rsa') return `the key is of the kind ${type ?? 'unknown'}`
  const bits = details?.modulusLength ?? 0
  // A large exponent makes whoever verifies work for the sender.
  return bits >= RSA_BITS[0] && bits <= RSA_BITS[1] && details?.publicExponent === 65_537n ? undefined : `the key is RSA of ${bits} bits, or with an uncommon exponent`
}

/** Length of the outermost SEQUENCE with its head; -1 where it is none in DER. */
function derLength(der: Uint8Array): number {
  const [tag, first = 0] = der
  if (tag !== 0x30) return -1
  if (first < 0x80) return 2 + first
  const size = first & 0x7f
  if (size < 1 || size > 2 || der.length < 2 + size) return -1
  let length = 0
  for (let at = 0; at < size; at += 1) length = length * 256 + (der[2 + at] as number)
  return length < 0x80 || (size === 2 && length < 0x100) ? -1 : 2 + size + length
}
