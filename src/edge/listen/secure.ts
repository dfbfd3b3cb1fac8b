import { constants } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import { plainAddress } from './admit.ts'
import { type Door, type ParserLimits, parserOptions } from './door.ts'

/** What a TLS listener shows, both in PEM: the certificates leaf first, without the root. */
export interface ServerCredential {
  readonly cert: string
  readonly key: string
}

export interface SecureOptions extends ParserLimits {
  readonly host: string
  readonly port: number
  readonly secure: () => ServerCredential
  /** Told why a handshake was refused, once something had been said in it. */
  readonly onRefused: (fault: HandshakeFault) => void
  readonly onDefect: (error: unknown) => void
}

export interface HandshakeFault {
  readonly code: 'bad_request' | 'head_too_slow'
  readonly detail: string
  readonly peer: { readonly address: string; readonly port: number }
}

const MOST_CERTIFICATES = 5
const MOST_BYTES = 16_384
/** Forward secrecy and authenticated encryption only. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * TLS 1.2 and 1.3 with a client certificate that is asked for and not required. Whether a certificate leads to anybody is
 * identity's question; here only its key was proven. Nothing is resumed: a session that goes on would bring the leaf
 * without its chain, and an identity as it was when the session began.
 * @throws {Error} when the first credential is not one.
 */
export function secureDoor(options: SecureOptions): Door {
  let shown = options.secure()
  const server = createServer({
    ...parserOptions(options),
    ...contextOf(shown),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: options.headMs ?? 10_000,
  })
  const handshakes = new Map<string, Socket>()

  function renew(): void {
    try {
      const next = options.secure()
      if (next === shown) return
      // Also what turns out to be none is not tried again for each connection.
      shown = next
      server.setSecureContext(contextOf(next))
    } catch (error) {
      options.onDefect(error)
    }
  }

  // Before the handshake's own listener: a new certificate is for this connection already.
  server.prependListener('connection', (socket: Socket) => {
    renew()
    const name = nameOf(socket)
    handshakes.set(name, socket)
    socket.on('close', () => {
      if (handshakes.get(name) === socket) handshakes.delete(name)
    })
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const code = faultOf(error.code ?? '')
    const { remoteAddress, remotePort } = socket
    if (code !== undefined) options.onRefused({ code, detail: `tls: ${error.code}`, peer: { address: plainAddress(remoteAddress ?? ''), port: remotePort ?? 0 } })
    socket.destroy()
  })

  return {
    server: server as unknown as HttpServer,
    made: 'secureConnection',
    strict: true,
    peerOf(socket) {
      handshakes.delete(nameOf(socket))
      if (!(socket instanceof TLSSocket) || socket.isSessionReused()) return 'a resumed session'
      const certificates: Uint8Array[] = []
      let bytes = 0
      for (let one = socket.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate) {
        bytes += one.raw.length
        if (certificates.length === MOST_CERTIFICATES || bytes > MOST_BYTES) return 'too many certificates'
        certificates.push(one.raw)
      }
      const peer = { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0, secure: true } as const
      return certificates.length === 0 ? peer : { ...peer, certificates: Object.freeze(certificates) }
    },
    open: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host: options.host, port: options.port, backlog: 1_024 }, () => {
          server.off('error', reject)
          const { address, port } = server.address() as AddressInfo
          resolve({ host: address, port })
        })
      }),
    shut() {
      for (const socket of handshakes.values()) socket.destroy()
    },
  }
}

function contextOf({ cert, key }: ServerCredential): SecureContextOptions {
  return {
    cert,
    key,
    // No issuer is trusted here, so that none of the system's is taken for one of ours or put into what a caller sent.
    ca: [],
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** What a handshake that failed is called; undefined for callers who hung up, were silent, or did not like us. */
function faultOf(fault: string): HandshakeFault['code'] | undefined {
  if (fault === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'head_too_slow'
  return fault.startsWith('ERR_SSL_') && !fault.includes('_ALERT_') ? 'bad_request' : undefined
}
