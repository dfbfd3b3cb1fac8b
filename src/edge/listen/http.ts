import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Arrival, Outlet, Peer } from '../../contract/arrival.ts'
import { type Code, reasonOf } from '../../contract/reasons.ts'
import { admitter } from './admit.ts'
import { addressOf, bindPort, type Door, type ParserLimits, parserOptions } from './door.ts'
import { localDoor, type LocalDoorOptions } from './local.ts'
import { refusalAnswer, say } from './refusal.ts'
import { secureDoor, type ServerCredential } from './secure.ts'
import { type Connection, Turn, type TurnSettings } from './turn.ts'
import type { Inflight } from './upload.ts'

/** What all listeners have in common. */
export interface ServeOptions extends ParserLimits {
  /** Makes correlation ids for the listener's own refusals. */
  readonly newId: () => string
  /** Host names that are served besides localhost and the address that was connected to. */
  readonly hosts?: readonly string[]
  /** Web origins whose pages may call. Default: none. */
  readonly origins?: readonly string[]
  /** Default 100; more is refused with 431. */
  readonly headerCount?: number
  /** Longest that a body may take, from when somebody reads it. Default 30,000 ms. */
  readonly bodyMs?: number
  /** Least bytes a second of a body. Default 500. */
  readonly bodyRate?: number
  /** How often the rate of a body is looked at. Default 5,000 ms. */
  readonly bodyWindowMs?: number
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

export interface ListenOptions extends ServeOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /**
   * Makes it speak TLS, with this certificate. Asked for every connection: another object than before replaces it for
   * new ones. One that is no certificate is told to `onDefect` once, and what was shown before stays.
   */
  readonly secure?: () => ServerCredential
}

export interface LocalOptions extends ServeOptions, Pick<LocalDoorOptions, 'path' | 'open' | 'onUnknown' | 'recognise'> {}

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

type Head = ConstructorParameters<typeof Turn>[2]

const NOTHING: Head = Object.freeze({ fields: Object.freeze([]), announced: undefined, empty: false })

export type Handler = (arrival: Arrival, outlet: Outlet) => Promise<void>

export interface Listener {
  /** The path of a unix socket, whose port is 0. */
  readonly host: string
  readonly port: number
  /** Requests that are not answered to their end. */
  inFlight(): number
  /**
   * Closes the connections whose peer passes the test: idle ones at once, the others when what is under way on them is
   * answered (to end that too: Outlet.stop). Returns how many.
   */
  drop(test: (peer: Peer) => boolean): number
  /**
   * Stops accepting, closes idle connections, lets answers in flight end for up to `graceMs`, then cuts them.
   * Resolves when the last socket is closed.
   */
  close(options: { readonly graceMs: number }): Promise<void>
}

/**
 * Listens for HTTP/1.1 on a port. The handler gets every request that is well formed and meant for this place; it must
 * answer through the outlet before its promise settles. A handler that throws or forgets is answered for with 503,
 * or cut off where its answer had begun.
 * @throws {RangeError} for a malformed host name in the options, {Error} when the first credential is none; rejects when
 * the address cannot be bound.
 */
export function listen(options: ListenOptions, handler: Handler): Promise<Listener> {
  const { secure } = options
  if (secure === undefined) return serve(options, plainDoor(options), handler)
  const door = secureDoor({
    ...options,
    secure,
    onRefused: ({ code, detail, peer }) => options.onMalformed?.({ id: options.newId(), code, status: reasonOf(code).status, detail, peer }),
    onDefect: (error) => options.onDefect?.(error),
  })
  return serve(options, door, handler)
}

/**
 * The same on a unix socket. Before the first request of a connection is handed over, the kernel is asked which process
 * is at the other end; it is absent from the peer where that is not clear, and `onUnknown` says why.
 */
export function listenLocal(options: LocalOptions, handler: Handler): Promise<Listener> {
  return serve(options, localDoor(options), handler)
}

function plainDoor(options: ListenOptions): Door {
  const server = createServer(parserOptions(options))
  return { server, made: 'connection', strict: false, peerOf: addressOf, open: () => bindPort(server, options) }
}

async function serve(options: ServeOptions, door: Door, handler: Handler): Promise<Listener> {
  const { server } = door
  const admit = admitter({ hosts: options.hosts ?? [], origins: options.origins ?? [], headerCount: options.headerCount ?? 100, strict: door.strict })
  const lingerMs = options.lingerMs ?? 2_000
  const turns = new Set<Turn>()
  const connections = new Map<Socket, Connection>()
  let closing = false
  let drained = (): void => {}

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

  // Before the parser's own listener, so that a connection that is refused here is not read from.
  server.prependListener(door.made, (socket: Socket) => {
    const peer = door.peerOf(socket)
    if (typeof peer === 'string') {
      report('bad_request', peer, addressOf(socket))
      socket.destroy()
      return
    }
    connections.set(socket, { peer, latest: undefined, turns: 0, spoilt: false, leaving: false, recognised: undefined })
    socket.on('close', () => connections.delete(socket))
  })

  function begin(request: IncomingMessage, response: ServerResponse, head: Head, expectsContinue: boolean): Turn | undefined {
    const connection = connections.get(request.socket)
    if (connection === undefined) {
      request.socket.destroy()
      return undefined
    }
    const turn = new Turn(request, response, head, expectsContinue, settings, connection)
    turns.add(turn)
    connection.latest = turn
    connection.turns++
    return turn
  }

  function take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const admitted = closing ? { code: 'draining' as const, detail: 'draining' } : admit(request)
    const refused = 'code' in admitted
    const turn = begin(request, response, refused ? NOTHING : admitted, expectsContinue)
    if (turn === undefined) return
    if (refused) turn.refuse(refusalAnswer(admitted.code, report(admitted.code, admitted.detail, turn.arrival.peer, request)))
    else if (door.recognise === undefined) hand(turn, request)
    else void recognised(door.recognise, turn, request)
  }

  /** Hands a request over when it is known who sent it: asked once for each connection. */
  async function recognised(recognise: NonNullable<Door['recognise']>, turn: Turn, request: IncomingMessage): Promise<void> {
    const { connection } = turn
    connection.recognised ??= recognise(request.socket, connection.peer).then((peer) => {
      connection.peer = peer
    })
    await connection.recognised
    turn.introduce(connection.peer)
    hand(turn, request)
  }

  function hand(turn: Turn, request: IncomingMessage): void {
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
    const turn = begin(request, response, NOTHING, true)
    turn?.refuse(refusalAnswer('bad_request', report('bad_request', 'expectation', turn.arrival.peer, request)))
  })
  server.on('connect', (request, socket) => {
    const connection = socket instanceof Socket ? connections.get(socket) : undefined
    if (connection === undefined) socket.destroy()
    else say(request.socket, 'method_not_allowed', report('method_not_allowed', 'connect', connection.peer, request), lingerMs)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!(socket instanceof Socket) || socket.destroyed) return
    const connection = connections.get(socket)
    const code = codeOf(error.code ?? '')
    // Nothing was asked yet, or nobody is there to be answered.
    if (connection === undefined || code === undefined || socket.bytesRead === 0) {
      socket.destroy()
      return
    }
    const { latest: turn, peer, spoilt } = connection
    if (turn !== undefined && turns.has(turn)) {
      // A body that breaks off is its handler's to record; only what follows a whole request is ours.
      if (turn.whole && !spoilt) report(code, error.code ?? '', peer)
      turn.break()
    } else if (!spoilt) say(socket, code, report(code, error.code ?? '', peer), lingerMs)
    // The parser complains again about every further chunk of the same mess.
    connection.spoilt = true
  })

  function drop(test: (peer: Peer) => boolean): number {
    let count = 0
    for (const [socket, connection] of connections) {
      if (!test(connection.peer)) continue
      count++
      connection.leaving = true
      if (connection.turns === 0) socket.destroySoon()
    }
    return count
  }

  async function close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    closing = true
    const down = new Promise<void>((resolve) => server.close(() => resolve()))
    door.shut?.()
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

  const { host, port } = await door.open()
  return { host, port, inFlight: () => turns.size, drop, close }
}

/** Why the parser gave up; undefined for a connection that simply broke. */
function codeOf(fault: string): Code | undefined {
  if (fault === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (fault === 'ERR_HTTP_REQUEST_TIMEOUT') return 'head_too_slow'
  if (fault.startsWith('HPE_')) return 'bad_request'
  return undefined
}
