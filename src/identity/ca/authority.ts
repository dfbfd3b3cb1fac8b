import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

/** One CA: a self-signed root, and the key behind it while it still signs. */
export interface Authority {
  /** First half of the SHA-256 of its public key, hexadecimal. */
  readonly id: string
  readonly pem: string
  readonly der: Uint8Array
  /** SHA-256 of the certificate, hexadecimal: what clients pin. */
  readonly fingerprint: string
}

/** A certificate that was just made, and nowhere kept yet. */
export interface Issued {
  /** The leaf alone: roots are the verifier's own, and there is nothing between. */
  readonly pem: string
  /** Upper-case hexadecimal. */
  readonly serial: string
  /** Id of the authority that signed it. */
  readonly authority: string
  /** Milliseconds since the Unix epoch; whole seconds. */
  readonly expires: number
}

export interface Subject {
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  readonly id: string
  /** DNS names and addresses, for servers. */
  readonly names?: readonly string[]
}

export interface Signer {
  readonly authority: Authority
  readonly key: KeyObject
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const
const ROOT_YEARS = 10
/** Clocks of workloads may be behind ours. */
const SKEW_MS = 60_000

export function newCaKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** @throws {Error} for what is no private ECDSA key on P-256 in PEM PKCS#8; `where` is named in the message. */
export function caKey(pem: string, where: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw new Error(`${where} holds no private key that can be read (PEM PKCS#8, without a passphrase)`)
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error(`${where} holds no ECDSA key on P-256`)
  return key
}

export function idOfKey(key: KeyObject): string {
  return createHash('sha256').update(createPublicKey(key).export({ type: 'spki', format: 'der' })).digest('hex').slice(0, 32)
}

export function authorityOf(pem: string): Authority {
  const certificate = new x509.X509Certificate(pem)
  const der = new Uint8Array(certificate.rawData)
  return {
    id: createHash('sha256').update(new Uint8Array(certificate.publicKey.rawData)).digest('hex').slice(0, 32),
    pem: `${certificate.toString('pem').trim()}\n`,
    der,
    fingerprint: createHash('sha256').update(der).digest('hex'),
  }
}

/** The trust domain's root for a key (X.509-SVID, section 3: a CA's SPIFFE id has no path). */
export async function selfSigned(key: KeyObject, trustDomain: string, now: number): Promise<Authority> {
  const id = idOfKey(key)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // The name tells the roots of an overlap apart, so that verifiers try the right one first.
    name: [{ O: ['Sallyport'] }, { CN: [`Sallyport CA ${id.slice(0, 8)}`] }],
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(now + ROOT_YEARS * 365 * 86_400_000),
    signingAlgorithm: SIGNING,
    keys: { privateKey: key.toCryptoKey(P256, false, ['sign']), publicKey: createPublicKey(key).toCryptoKey(P256, true, ['verify']) },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await x509.SubjectKeyIdentifierExtension.create(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    ],
  })
  return authorityOf(certificate.toString('pem'))
}

/** Signs an X.509-SVID: one URI name, whatever else was asked for. */
export async function signSvid({ authority, key }: Signer, { publicKey, id, names = [] }: Subject, now: number, until: number): Promise<Issued> {
  const root = new x509.X509Certificate(authority.der)
  const serial = newSerial()
  const expires = Math.floor(until / 1000) * 1000
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ O: ['Sallyport'] }],
    issuer: root.subjectName,
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(expires),
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey: key.toCryptoKey(P256, false, ['sign']),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: id }, ...names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))]),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return { pem: `${certificate.toString('pem').trim()}\n`, serial: serial.toUpperCase(), authority: authority.id, expires }
}

/** 128 bits, the first two fixed: positive and of one length, so that every tool spells it alike. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}
