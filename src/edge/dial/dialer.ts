import { type Dispatcher, Pool } from 'undici'
import { type Dial, DialError, type DialFault, type DialReply, type DialRequest } from '../../contract/dial.ts'
import { Received, type Source } from '../received.ts'
import { codingOf, type DecodeLimits, decoded, type Sink } from './decode.ts'
import { incoming, outgoing } from './fields.ts'
import { guardedLookup, type OriginRule, type Resolve, settleOrigin, systemResolve } from './origins.ts'

export interface DialerOptions {
  /** The only places that can be dialled. */
  readonly origins: readonly OriginRule[]
  /** Most sockets to one origin; more calls wait, within their connect timeout. Default 1,024. */
  readonly connections?: number
  /** Idle sockets are kept this long unless the server says otherwise. Default 15,000 ms. */
  readonly keepAliveMs?: number
  /** Limits for replies that came compressed although none was asked for. Default 64 MiB, ratio 100. */
  readonly decode?: DecodeLimits
  /** A reply that nobody reads for so long is dropped, so that it cannot keep a socket. Default 30,000 ms. */
  readonly unreadMs?: number
  /** Most bytes of reply fields. Default 32 KiB. */
  readonly headBytes?: number
  /** Replaces the system's resolver. */
  readonly resolve?: Resolve
}

export interface Dialer {
  readonly dial: Dial
  /** Cuts what is still open and closes all sockets. */
  close(): Promise<void>
}

/**
 * Builds the way out: HTTP/1.1 over pooled keep-alive sockets to an allow-list of origins. Addresses are checked
 * when connecting, TLS is always verified, redirects are never followed, nothing is retried.
 * Bodies end in a BodyError: `cut` (reset, bad framing, broken compression, aborted) or `too_large`.
 * @throws {RangeError} when an origin is malformed or must never be dialled.
 */
export function makeDialer(options: DialerOptions): Dialer {
  const settled: Settled = {
    decode: options.decode ?? { bytes: 67_108_864, ratio: 100 },
    unreadMs: options.unreadMs ?? 30_000,
  }
  const pools = new Map<string, Pool>()
  for (const rule of options.origins) {
    const place = settleOrigin(rule)
    if (pools.has(place.origin)) continue
    const ca = place.ca === undefined ? {} : { ca: typeof place.ca === 'string' ? place.ca : [...place.ca] }
    const pool = new Pool(place.origin, {
      connections: options.connections ?? 1_024,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: options.keepAliveMs ?? 15_000,
      maxHeaderSize: options.headBytes ?? 32_768,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        ...ca,
        ...(place.secure ? { rejectUnauthorized: true, minVersion: 'TLSv1.2' } : {}),
        lookup: guardedLookup(place, options.resolve ?? systemResolve),
        timeout: LONGEST_CONNECT,
      },
    })
    pools.set(place.origin, pool)
  }

  return {
    dial: (request) =>
      new Promise((resolve, reject) => {
        const url = URL.parse(request.url)
        const path = url === null ? '' : url.pathname + url.search
        const pool = url === null || url.username !== '' || url.password !== '' ? undefined : pools.get(url.origin)
        if (pool === undefined) reject(new DialError('forbidden', 'this origin is not configured'))
        // Dot segments and the like would be sent in another spelling than the one that was decided on.
        else if (pathOf(request.url) !== path) reject(new DialError('protocol', 'the URL is not in its normal form'))
        else if (request.signal.aborted) reject(new DialError('aborted', 'aborted before the dial'))
        else new Call(request, settled, resolve, reject).start(pool, path)
      }),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

/** Path and query as written. The shortest prefix, `http://h`, is eight characters long. */
function pathOf(url: string): string {
  const slash = url.indexOf('/', 8)
  return slash < 0 ? '/' : url.slice(slash)
}

/** A bound for connections that no call waits for any more. */
const LONGEST_CONNECT = 60_000

interface Settled {
  readonly decode: DecodeLimits
  readonly unreadMs: number
}

/** One call, from dispatch to the last byte of its reply. */
class Call implements Dispatcher.DispatchHandler, Source {
  private readonly request: DialRequest
  private readonly settled: Settled
  private readonly resolve: (reply: DialReply) => void
  private readonly reject: (error: DialError) => void
  private readonly onAbort: () => void
  private controller: Dispatcher.DispatchController | undefined
  private timer: NodeJS.Timeout | undefined
  private error: DialError | undefined
  private sink: Sink | undefined
  private over = false

  constructor(request: DialRequest, settled: Settled, resolve: (reply: DialReply) => void, reject: (error: DialError) => void) {
    this.request = request
    this.settled = settled
    this.resolve = resolve
    this.reject = reject
    this.onAbort = () => this.stop(new DialError('aborted', 'aborted by the caller'))
  }

  start(pool: Pool, path: string): void {
    const { request } = this
    request.signal.addEventListener('abort', this.onAbort, { once: true })
    this.timer = setTimeout(() => this.stop(new DialError('connect_timeout', 'no connection in time')), request.timeouts.connectMs)
    try {
      pool.dispatch({ path, method: request.method, headers: outgoing(request.fields), body: request.body ?? null }, this)
    } catch (error) {
      this.end(new DialError('protocol', messageOf(error)))
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.error !== undefined) {
      controller.abort(this.error)
      return
    }
    this.controller = controller
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.stop(new DialError('head_timeout', 'no reply in time')), this.request.timeouts.headMs)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (status < 200) return
    clearTimeout(this.timer)
    const named = headers['content-encoding']
    const coding = codingOf(Array.isArray(named) ? named.join(',') : named)
    if (coding === undefined) {
      this.stop(new DialError('protocol', 'the reply has a content coding that cannot be undone'))
      return
    }
    const read = (): void => clearTimeout(this.timer)
    this.timer = setTimeout(() => this.stop(new DialError('aborted', 'nobody read the reply')), this.settled.unreadMs)
    let body: Received
    if (coding === 'identity') {
      body = new Received(this, read)
      this.sink = { push: (chunk) => body.push(chunk), finish: () => body.finish(), fail: () => body.fail('cut') }
    } else {
      const unpacked = decoded(coding, this.settled.decode, this, read)
      body = unpacked.body
      this.sink = unpacked.sink
    }
    this.resolve({
      status,
      fields: incoming(controller.rawHeaders as Buffer[], coding !== 'identity'),
      body,
      abort: this.onAbort,
    })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.sink?.push(chunk)
  }

  onResponseEnd(): void {
    this.end(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end(this.error ?? faultOf(error, this.controller !== undefined))
  }

  pause(): void {
    this.controller?.pause()
  }

  resume(): void {
    this.controller?.resume()
  }

  abort(): void {
    this.onAbort()
  }

  /** Ends the call now; its socket is closed, or will be as soon as the pool has one for it. */
  private stop(error: DialError): void {
    if (this.over) return
    this.error = error
    this.controller?.abort(error)
    this.end(error)
  }

  private end(error: DialError | undefined): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.timer)
    this.request.signal.removeEventListener('abort', this.onAbort)
    if (this.sink === undefined) this.reject(error ?? new DialError('protocol', 'the reply ended before it began'))
    else if (error === undefined) this.sink.finish()
    else this.sink.fail()
  }
}

/** `started`: the request was being written, so the connection had been made. */
function faultOf(error: Error, started: boolean): DialError {
  if (error instanceof DialError) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  let fault: DialFault
  if (code === 'UND_ERR_CONNECT_TIMEOUT') fault = 'connect_timeout'
  else if (error.name === 'HTTPParserError' || PROTOCOL.has(code)) fault = 'protocol'
  else if (!started) fault = 'connect'
  else fault = 'reset'
  return new DialError(fault, code === '' ? messageOf(error) : code)
}

const PROTOCOL = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}
