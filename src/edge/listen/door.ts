import type { Server, ServerOptions } from 'node:http'
import type { AddressInfo, Server as PortServer, Socket } from 'node:net'
import type { Peer } from '../../contract/arrival.ts'
import { plainAddress } from './admit.ts'

/** What differs between plain TCP, TLS and the local socket, and nothing else: how a connection comes to be, and with whom. */
export interface Door {
  readonly server: Server
  /** The event that tells of a connection which is ready for requests. */
  readonly made: 'connection' | 'secureConnection'
  /** The version of HTTP in which a cut answer could be taken for a whole one is not spoken here. */
  readonly strict: boolean
  /** Who is at the other end, or in words why this connection is refused. */
  peerOf(socket: Socket): Peer | string
  /** Finds out more than `peerOf` can, before the first request is handed over. Never rejects. */
  recognise?(socket: Socket, peer: Peer): Promise<Peer>
  /** Starts to listen; rejects when the address cannot be bound. */
  open(): Promise<{ readonly host: string; readonly port: number }>
  /** Ends what is not a connection yet, and takes away what `open` made beside the socket. */
  shut?(): void
}

export interface ParserLimits {
  /** Default 32 KiB; more is refused with 431. */
  readonly headerBytes?: number
  /** Longest that a head may take, and a handshake. Default 10,000 ms. */
  readonly headMs?: number
  /** How long an unused connection stays open. Default 65,000 ms. */
  readonly idleMs?: number
}

export function parserOptions({ headerBytes, headMs = 10_000, idleMs }: ParserLimits): ServerOptions {
  return {
    insecureHTTPParser: false,
    // Both are checked by `admit`: the server's own answers would leave no receipt.
    requireHostHeader: false,
    maxHeaderSize: headerBytes ?? 32_768,
    headersTimeout: headMs,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, headMs / 2)),
    keepAliveTimeout: idleMs ?? 65_000,
    noDelay: true,
  }
}

export function addressOf({ remoteAddress, remotePort }: Socket): Pick<Peer, 'address' | 'port'> {
  return { address: plainAddress(remoteAddress ?? ''), port: remotePort ?? 0 }
}

/** Gives the address and port that it took; rejects when it cannot be had. */
export function bindPort(server: PortServer, { host, port }: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.off('error', reject)
      const taken = server.address() as AddressInfo
      resolve({ host: taken.address, port: taken.port })
    })
  })
}
