import 'reflect-metadata'
import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import { exportJWK, type JWK } from 'jose'

/** A certificate with its key, made on the spot. */
export interface Made {
  readonly der: Uint8Array
  readonly certificate: x509.X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
  readonly serial: string
}

export interface Wanted {
  readonly issuer?: Made
  readonly uris?: readonly string[]
  readonly dns?: readonly string[]
  readonly ca?: boolean
  readonly pathLength?: number
  readonly usage?: number
  readonly usageCritical?: boolean
  readonly extended?: readonly string[]
  readonly from?: number
  readonly until?: number
  readonly name?: string
  readonly extensions?: readonly x509.Extension[]
}

export const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags
export const CLIENT = '1.3.6.1.5.5.7.3.2'
export const SERVER = '1.3.6.1.5.5.7.3.1'
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** A certificate as wanted: a good leaf's parts where nothing else is said. `usage: 0` leaves key usage out. */
export async function certificate(wanted: Wanted, now: number): Promise<Made> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const { issuer, uris = [], dns = [], ca = false, usage = ca ? keyCertSign | cRLSign : digitalSignature } = wanted
  const subject = `CN=${wanted.name ?? (ca ? 'authority' : 'leaf')}`
  const serial = `7${randomBytes(16).toString('hex').slice(1)}`
  const names = [...uris.map((value) => ({ type: 'url' as const, value })), ...dns.map((value) => ({ type: 'dns' as const, value }))]
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    notBefore: new Date(wanted.from ?? now - 60_000),
    notAfter: new Date(wanted.until ?? now + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new x509.BasicConstraintsExtension(ca, wanted.pathLength, true),
      ...(usage === 0 ? [] : [new x509.KeyUsagesExtension(usage, wanted.usageCritical ?? true)]),
      ...(ca && wanted.extended === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...(wanted.extended ?? [SERVER, CLIENT])])]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ...(wanted.extensions ?? []),
    ],
  })
  return { der: new Uint8Array(made.rawData), certificate: made, keys, serial: serial.toUpperCase() }
}

export interface SigningKey {
  readonly kid: string
  readonly private: KeyObject
  readonly jwk: JWK
}

export async function signingKey(kid: string, kind: 'ec' | 'rsa' | 'rsa1024' | 'ed25519' = 'ec'): Promise<SigningKey> {
  const pair =
    kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024 })
  return { kid, private: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, use: 'sig' } }
}

const part = (value: object | string): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A compact JWS of exactly these texts. The algorithm that signs is the key's own, whatever the header says. */
export function jws(header: object | string, claims: object | string, key?: KeyObject | { readonly hmac: string }): string {
  const input = `${part(header)}.${part(claims)}`
  if (key === undefined) return `${input}.`
  if ('hmac' in key) return `${input}.${createHmac('sha256', key.hmac).update(input).digest('base64url')}`
  const hashed = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return `${input}.${sign(hashed, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The public key as the PEM text that a careless verifier might take for a shared secret. */
export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
}

export interface Listening {
  readonly url: string
  readonly server: Server
  close(): void
}

export async function serve(answer: RequestListener): Promise<Listening> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** An issuer on a loopback port, which says where its keys are and shows them. */
export async function issuerOf(keys: readonly SigningKey[]): Promise<Listening> {
  const listening: Listening = await serve((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify({ issuer: listening.url, jwks_uri: `${listening.url}/jwks` }))
    else if (request.url === '/jwks') response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
    else response.writeHead(404).end()
  })
  return listening
}
