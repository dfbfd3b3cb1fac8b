import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import type { Arrival, Outlet, Peer } from '../../contract/arrival.ts'
import { type Code, reasonOf } from '../../contract/reasons.ts'
import { admitter, plainAddress } from './admit.ts'
import { rawAnswer, refusalAnswer } from './refusal.ts'
import { peerOf, Turn, type TurnSettings } from './turn.ts'
import type { Inflight } from './upload.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Makes correlation ids for the listener's own refusals. */
  readonly newId: () => string
  /** Host names that are served besides localhost and the address that was connected to. */
  readonly hosts?: readonly string[]
  /** Web origins whose pages may call. Default: none. */
  readonly origins?: readonly string[]
  /** Default 32 KiB; more is refused with 431. */
  readonly headerBytes?: number
  /** Default 100; more is refused with 431. */
  readonly headerCount?: number
  /** Longest that a head may take. Default 10,000 ms. */
  readonly headMs?: number
  /** Longest that a body may take, from when somebody reads it. Default 30,000 ms. */
  readonly bodyMs?: number
  /** Least bytes a second of a body. Default 500. */
  readonly bodyRate?: number
  /** How often the rate of a body is looked at. Default 5,000 ms. */
  readonly bodyWindowMs?: number
  /** How long an unused connection stays open. Default 65,000 ms. */
  readonly idleMs?: number
  /** How long a caller may refuse to take what is written for it. Default 60,000 ms. */
  readonly stallMs?: number
  /** How long the rest of an unwanted body is awaited after its answer. Default 2,000 ms. */
  readonly lingerMs?: number
  /** Most connections at once; more are closed unanswered. Default 10,000. */
  readonly connections?: number
  /** Accounts for body bytes: a body for which `take` says no fails as BodyError `inflight` (503). */
  readonly inflight?: Inflight
  /** Called for every request that the listener refused itself, so that it leaves a receipt. */
  readonly onMalformed?: (info: Malformed) => void
  /** Called when a handler threw, or returned without an answer. */
  readonly onDefect?: (error: unknown) => void
}

/** A request that never became an arrival. */
export interface Malformed {
  readonly id: string
  readonly code: Code
  readonly status: number
  /** What exactly was wrong; never content. */
  readonly detail: string
  readonly peer: Peer
  readonly verb?: string
  /** Without the query, and shortened. */
  readonly path?: string
}

export type Handler = (arrival: Arrival, outlet: Outlet) => Promise<void>

export interface Listener {
  readonly host: string
  readonly port: number
  /** Requests that are not answered to their end. */
  inFlight(): number
  /**
   * Stops accepting, closes idle connections, lets answers in flight end for up to `graceMs`, then cuts them.
   * Resolves when the last socket is closed.
   */
  close(options: { readonly graceMs: number }): Promise<void>
}

/**
 * Listens for HTTP/1.1. The handler gets every request that is well formed and meant for this place; it must
 * answer through the outlet before its promise settles. A handler that throws or forgets is answered for with 503,
 * or cut off where its answer had begun.
 * @throws {RangeError} for a malformed host name in the options; rejects when the address cannot be bound.
 */
export function listen(options: ListenOptions, handler: Handler): Promise<Listener> {
  const admit = admitter({ hosts: options.hosts ?? [], origins: options.origins ?? [], headerCount: options.headerCount ?? 100 })
  const headMs = options.headMs ?? 10_000
  const lingerMs = options.lingerMs ?? 2_000
  const turns = new Set<Turn>()
  const latest = new WeakMap<Socket, Turn>()
  const spoilt = new WeakSet<Socket>()
  let closing = false
  let drained = (): void => {}

  const server = createServer({
    insecureHTTPParser: false,
    // Both are checked by `admit`: the server's own answers would leave no receipt.
    requireHostHeader: false,
    maxHeaderSize: options.headerBytes ?? 32_768,
    headersTimeout: headMs,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, headMs / 2)),
    keepAliveTimeout: options.idleMs ?? 65_000,
    noDelay: true,
  })
  // The default drops fields beyond a number silently: a handler must see all or nothing.
  server.maxHeadersCount = 0
  server.maxConnections = options.connections ?? 10_000

  const settings: TurnSettings = {
    bodyMs: options.bodyMs ?? 30_000,
    bodyRate: options.bodyRate ?? 500,
    bodyWindowMs: options.bodyWindowMs ?? 5_000,
    stallMs: options.stallMs ?? 60_000,
    lingerMs,
    inflight: options.inflight,
    closing: () => closing,
    onOver(turn) {
      turns.delete(turn)
      if (!closing) return
      setImmediate(() => server.closeIdleConnections())
      if (turns.size === 0) drained()
    },
  }

  function report(code: Code, detail: string, peer: Peer, request?: IncomingMessage): string {
    const id = options.newId()
    const asked = request === undefined ? {} : { verb: request.method ?? '', path: (request.url ?? '').split('?', 1)[0]?.slice(0, 200) ?? '' }
    options.onMalformed?.({ id, code, status: reasonOf(code).status, detail, peer, ...asked })
    return id
  }

  function take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const admitted = closing ? { code: 'draining' as const, detail: 'draining' } : admit(request)
    const refused = 'code' in admitted
    const turn = new Turn(request, response, refused ? { fields: [], announced: undefined, empty: false } : admitted, expectsContinue, settings)
    turns.add(turn)
    latest.set(request.socket, turn)
    if (refused) {
      turn.refuse(refusalAnswer(admitted.code, report(admitted.code, admitted.detail, turn.arrival.peer, request)))
      return
    }
    const failed = (error: unknown): void => {
      if (!turn.settle()) turn.refuse(refusalAnswer('unfinished', report('unfinished', 'the handler failed', turn.arrival.peer, request)))
      options.onDefect?.(error)
    }
    try {
      handler(turn.arrival, turn).then(() => {
        if (!turn.settle()) failed(new Error('the handler returned without an answer'))
      }, failed)
    } catch (error) {
      failed(error)
    }
  }

  server.on('request', (request, response) => take(request, response, false))
  server.on('checkContinue', (request, response) => take(request, response, true))
  server.on('checkExpectation', (request, response) => {
    const turn = new Turn(request, response, { fields: [], announced: undefined, empty: false }, true, settings)
    turns.add(turn)
    turn.refuse(refusalAnswer('bad_request', report('bad_request', 'expectation', turn.arrival.peer, request)))
  })
  server.on('connect', (request, socket) => {
    const id = report('method_not_allowed', 'connect', peerOf(request), request)
    if (socket instanceof Socket) say(socket, 'method_not_allowed', id, lingerMs)
    else socket.destroy()
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!(socket instanceof Socket) || socket.destroyed) return
    const code = codeOf(error.code ?? '')
    // Nothing was asked yet, or nobody is there to be answered.
    if (code === undefined || socket.bytesRead === 0) {
      socket.destroy()
      return
    }
    const peer = { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    const turn = latest.get(socket)
    if (turn !== undefined && turns.has(turn)) {
      // A body that breaks off is its handler's to record; only what follows a whole request is ours.
      if (turn.whole && !spoilt.has(socket)) report(code, error.code ?? '', peer)
      turn.break()
    } else if (!spoilt.has(socket)) say(socket, code, report(code, error.code ?? '', peer), lingerMs)
    // The parser complains again about every further chunk of the same mess.
    spoilt.add(socket)
  })

  async function close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    closing = true
    const down = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    const empty = new Promise<void>((resolve) => {
      drained = resolve
      if (turns.size === 0) resolve()
    })
    const cut = setTimeout(() => {
      for (const turn of turns) turn.destroy()
    }, graceMs)
    await empty
    clearTimeout(cut)
    // A last moment for answers that are complete here and still in the socket.
    const late = setTimeout(() => server.closeAllConnections(), lingerMs)
    await down
    clearTimeout(late)
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port, backlog: 1_024 }, () => {
      server.off('error', reject)
      const { address, port } = server.address() as AddressInfo
      resolve({ host: address, port, inFlight: () => turns.size, close })
    })
  })
}

/** Why the parser gave up; undefined for a connection that simply broke. */
function codeOf(fault: string): Code | undefined {
  if (fault === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (fault === 'ERR_HTTP_REQUEST_TIMEOUT') return 'head_too_slow'
  if (fault.startsWith('HPE_')) return 'bad_request'
  return undefined
}

/** Answers on a socket without a parser, throws away what still comes, and closes. */
function say(socket: Socket, code: Code, id: string, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.on('close', () => clearTimeout(timer))
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  socket.on('data', () => {})
  socket.end(rawAnswer(refusalAnswer(code, id)))
  socket.resume()
}
