import { generateKeyPairSync, sign } from 'node:crypto'

/** A self-signed certificate for tests, made on the spot so that no private key lies in the repository. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const head = body.length < 128 ? [tag, body.length] : [tag, 0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Uint8Array.from(head), body])
}

const oid = (...bytes: readonly number[]): Buffer => der(0x06, Uint8Array.from(bytes))
const ECDSA_SHA256 = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

/** ECDSA P-256, valid for these DNS names and IPv4 addresses; may sign itself (CA:TRUE). */
export function certificateFor(names: readonly string[], addresses: readonly string[] = []): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('sallyport test')))))
  const validity = der(0x30, der(0x18, Buffer.from('20200101000000Z')), der(0x18, Buffer.from('20991231235959Z')))
  const alternatives = der(
    0x30,
    ...names.map((dns) => der(0x82, Buffer.from(dns))),
    ...addresses.map((ip) => der(0x87, Uint8Array.from(ip.split('.').map(Number)))),
  )
  const basic = der(0x30, oid(0x55, 0x1d, 0x13), der(0x01, Uint8Array.of(0xff)), der(0x04, der(0x30, der(0x01, Uint8Array.of(0xff)))))
  const extensions = der(0xa3, der(0x30, basic, der(0x30, oid(0x55, 0x1d, 0x11), der(0x04, alternatives))))
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1)),
    ECDSA_SHA256,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  )
  const whole = der(0x30, signed, ECDSA_SHA256, der(0x03, Uint8Array.of(0), sign('sha256', signed, privateKey)))
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}
