import { constants } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import type { Peer } from '../../contract/arrival.ts'
import { addressOf, bindPort, type Door, type ParserLimits, parserOptions } from './door.ts'

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
  readonly peer: Pick<Peer, 'address' | 'port'>
}

interface Handshake {
  readonly socket: Socket
  readonly deadline: NodeJS.Timeout
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
    handshakeTimeout: 0,
  })
  const handshakes = new Map<string, Handshake>()

  function over(name: string): void {
    clearTimeout(handshakes.get(name)?.deadline)
    handshakes.delete(name)
  }

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
    const peer = addressOf(socket)
    const name = nameOf(socket)
    // Not left to the server, which would not say whose handshake it was and whether it had begun.
    const deadline = setTimeout(() => {
      if (socket.bytesRead > 0) options.onRefused({ code: 'head_too_slow', detail: 'tls: handshake', peer })
      socket.destroy()
    }, options.headMs ?? 10_000)
    handshakes.set(name, { socket, deadline })
    socket.on('close', () => {
      if (handshakes.get(name)?.socket === socket) over(name)
    })
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    // Callers who hang up or do not like us made no mistake of which there is something to record.
    if (error.code?.startsWith('ERR_SSL_') === true && !error.code.includes('_ALERT_')) options.onRefused({ code: 'bad_request', detail: `tls: ${error.code}`, peer: addressOf(socket) })
    socket.destroy()
  })

  return {
    server: server as unknown as HttpServer,
    made: 'secureConnection',
    strict: true,
    peerOf(socket) {
      over(nameOf(socket))
      if (!(socket instanceof TLSSocket) || socket.isSessionReused()) return 'a resumed session'
      const certificates: Uint8Array[] = []
      let bytes = 0
      for (let one = socket.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate) {
        bytes += one.raw.length
        if (certificates.length === MOST_CERTIFICATES || bytes > MOST_BYTES) return 'too many certificates'
        certificates.push(one.raw)
      }
      const peer = { ...addressOf(socket), secure: true } as const
      return certificates.length === 0 ? peer : { ...peer, certificates: Object.freeze(certificates) }
    },
    open: () => bindPort(server, options),
    shut() {
      for (const { socket } of handshakes.values()) socket.destroy()
    },
  }
}

function contextOf({ cert, key }: ServerCredential): SecureContextOptions {
  // Without them it would listen all the same, and fail every handshake.
  if (cert === '' || key === '') throw new Error('the credential of the listener is empty')
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
