import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arrival, Fields, Outlet, Peer } from '../../contract/arrival.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Answer } from './refusal.ts'
import { Upload, type UploadSettings } from './upload.ts'

/** One connection, for as long as it is open. */
export interface Connection {
  peer: Peer
  /** Its newest request: what the parser complains about may belong to it. */
  latest: Turn | undefined
  /** Requests that are not answered to their end. */
  turns: number
  /** The parser gave up on it, and this was told. */
  spoilt: boolean
  /** Closes with the answers that are under way. */
  leaving: boolean
  /** Under way, or done, where finding out who calls takes time. */
  recognised: Promise<void> | undefined
}

export interface TurnSettings extends UploadSettings {
  readonly stallMs: number
  readonly lingerMs: number
  /** True while the listener drains: answers then close their connection. */
  closing(): boolean
  onOver(turn: Turn): void
}

/** A body that nobody wants is read and thrown away up to here, so that the caller gets to see the answer. */
const LINGER_BYTES = 1_048_576
/** Framing is the listener's own business: whatever a handler says about it is left out. */
const FRAMING = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/** The reason of `gone` and of failed writes: one for all, because it carries nothing. */
export const GONE = new Error('the caller is gone')

/** Marks a rejection as seen: a write whose promise nobody awaits must not end the process. */
function seen<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

const REFUSED: Promise<void> = seen(Promise.reject(GONE))

/** One request and its answer on one socket. */
export class Turn implements Outlet {
  readonly arrival: Arrival
  readonly connection: Connection
  private readonly request: IncomingMessage
  private readonly response: ServerResponse
  private readonly settings: TurnSettings
  private readonly announced: number | undefined
  private readonly upload: Upload
  private readonly controller = new AbortController()
  private status: number | undefined
  private fields: Fields = []
  private flushed = false
  private ended = false
  private over = false
  private broken = false
  private waiting: PromiseWithResolvers<void> | undefined
  private drainSeen = false
  private stall: NodeJS.Timeout | undefined
  private lingering: NodeJS.Timeout | undefined
  private stopping: NodeJS.Timeout | undefined
  private expectsContinue: boolean

  constructor(request: IncomingMessage, response: ServerResponse, head: { readonly fields: Fields; readonly announced: number | undefined; readonly empty: boolean }, expectsContinue: boolean, settings: TurnSettings, connection: Connection) {
    this.connection = connection
    this.request = request
    this.response = response
    this.settings = settings
    this.announced = head.announced
    this.expectsContinue = expectsContinue
    this.upload = new Upload(request, head.announced, settings, () => {
      if (!this.expectsContinue) return
      this.expectsContinue = false
      response.writeContinue()
    })
    if (head.empty) this.upload.body.finish()
    this.arrival = {
      verb: request.method ?? '',
      target: request.url ?? '',
      fields: head.fields,
      body: this.upload.body,
      gone: this.controller.signal,
      peer: connection.peer,
    }
    response.strictContentLength = true
    response.on('close', () => this.closed())
    response.on('error', () => this.destroy())
  }

  /** True once the whole request, body included, has arrived. */
  get whole(): boolean {
    return this.request.complete
  }

  get committed(): boolean {
    return this.status !== undefined
  }

  head(status: number, fields: Fields): void {
    if (this.status !== undefined) throw new Error('head was called already')
    this.status = status
    this.fields = fields
    // A handler that ends in the same breath gets its length announced, and one packet for head and body.
    setImmediate(() => {
      if (this.flushed || this.over) return
      try {
        this.flush(undefined)
        this.response.flushHeaders()
      } catch {
        // Closed already; the handler learns it from its next write.
      }
    })
  }

  write(bytes: Uint8Array | string): Promise<void> | void {
    if (this.over || this.ended) return REFUSED
    this.flush(undefined)
    if (this.surely(() => this.response.write(bytes))) return
    this.waiting ??= this.wait()
    return this.waiting.promise
  }

  end(bytes?: Uint8Array | string): void {
    if (this.over || this.ended) return
    const length = bytes === undefined ? 0 : typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
    this.flush(length)
    this.ended = true
    if (this.drainSeen || length > 16_384) this.startStall()
    this.surely(() => {
      if (this.request.complete || this.broken) this.response.end(bytes)
      else this.linger(bytes)
    })
  }

  cut(): void {
    if (this.over) return
    this.ended = true
    const { socket } = this.request
    // What was written so far may still leave; the missing last chunk tells that the answer is not whole. HTTP/1.0
    // has no last chunk, so there only a reset says it.
    if (this.request.httpVersion === '1.0') socket.resetAndDestroy()
    else {
      this.startStall()
      socket.destroySoon()
    }
  }

  stop(reason: Refusal): void {
    if (this.over || this.ended || this.controller.signal.aborted) return
    // Whose credential ended may not go on with the connection that it opened either.
    this.connection.leaving = true
    // A handler that does not notice, or a caller that does not read, may not keep it open.
    this.stopping = setTimeout(() => this.destroy(), this.settings.lingerMs)
    this.controller.abort(reason)
    this.upload.body.refuse('cut')
    this.waiting?.reject(GONE)
    this.waiting = undefined
  }

  /** Who calls, where that was found out after the request came. */
  introduce(peer: Peer): void {
    const arrival: { peer: Peer } = this.arrival
    arrival.peer = peer
  }

  /** The listener's own answer, or a cut where a handler's answer has begun. */
  refuse(answer: Answer): void {
    if (this.over || this.ended) return
    if (this.status !== undefined) {
      this.cut()
      return
    }
    this.head(answer.status, answer.fields)
    this.end(answer.text)
  }

  /** The handler is done: what it held of the body is free again. True when it also answered. */
  settle(): boolean {
    this.upload.settle()
    return this.ended || this.over
  }

  /** The parser gave up on this connection: the body, if it was still coming, will not be complete. */
  break(): void {
    this.broken = true
    if (!this.request.complete) this.upload.body.fail('cut')
    if (this.ended) this.cut()
  }

  destroy(): void {
    if (!this.over) this.request.socket.destroy()
  }

  /** Writes the head once; `length` is that of the whole body where it is known already. */
  private flush(length: number | undefined): void {
    if (this.flushed) return
    if (this.status === undefined) throw new Error('head was not called')
    this.flushed = true
    const flat: string[] = []
    let measured = length === undefined || this.status === 204 || this.status === 304
    for (const [name, value] of this.fields) {
      const lower = name.toLowerCase()
      if (FRAMING.has(lower)) continue
      if (lower === 'content-length') measured = true
      flat.push(name, value)
    }
    if (!measured) flat.push('content-length', String(length))
    const unwanted = !this.request.complete && (this.expectsContinue || (this.announced ?? 0) > LINGER_BYTES)
    if (this.broken || unwanted || this.connection.leaving || this.settings.closing()) flat.push('connection', 'close')
    const { status } = this
    this.surely(() => this.response.writeHead(status, flat))
  }

  /** What Node refuses to write (a line break in a field, more bytes than announced) ends the connection. */
  private surely<T>(write: () => T): T {
    try {
      return write()
    } catch (error) {
      this.destroy()
      throw error
    }
  }

  /**
   * Answers although the body has not arrived: the answer goes out, the rest of the body is thrown away, and only
   * then the exchange ends. Closing at once would reset the connection under an answer that is still on its way.
   */
  private linger(bytes: Uint8Array | string | undefined): void {
    const { request, response } = this
    this.upload.body.fail('cut')
    this.upload.unwatch()
    if (bytes === undefined || bytes.length === 0) response.flushHeaders()
    else response.write(bytes)
    if (this.expectsContinue) {
      // The caller waits for our leave and will not get it.
      response.end()
      return
    }
    this.lingering = setTimeout(() => this.destroy(), this.settings.lingerMs)
    let thrown = 0
    request.on('data', (chunk: Uint8Array) => {
      thrown += chunk.length
      if (thrown > LINGER_BYTES) this.destroy()
    })
    request.on('end', () => {
      clearTimeout(this.lingering)
      response.end()
    })
    request.resume()
  }

  private wait(): PromiseWithResolvers<void> {
    if (!this.drainSeen) {
      this.drainSeen = true
      this.response.on('drain', () => {
        clearTimeout(this.stall)
        const { waiting } = this
        this.waiting = undefined
        waiting?.resolve()
      })
    }
    this.startStall()
    const waiting = Promise.withResolvers<void>()
    void seen(waiting.promise)
    return waiting
  }

  /** A caller that stopped reading may not keep its answer in our memory. */
  private startStall(): void {
    clearTimeout(this.stall)
    this.stall = setTimeout(() => this.destroy(), this.settings.stallMs)
  }

  private closed(): void {
    if (this.over) return
    this.over = true
    this.upload.unwatch()
    clearTimeout(this.lingering)
    clearTimeout(this.stall)
    clearTimeout(this.stopping)
    this.connection.turns--
    if (!this.request.complete) this.upload.body.fail('cut')
    this.waiting?.reject(GONE)
    this.waiting = undefined
    if (!this.response.writableFinished) this.controller.abort(GONE)
    else if (this.broken || (this.connection.leaving && this.connection.turns === 0)) this.request.socket.destroySoon()
    this.settings.onOver(this)
  }
}
