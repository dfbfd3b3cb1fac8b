import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { errorBody, type Fault } from './fault.fixture.ts'
import { respond, type Asked, type Piece } from './respond.ts'
import { dialectOf } from '../dialects.ts'

export interface PracticeOptions {
  /** 0 takes any free port. */
  readonly port?: number
  /** What goes wrong with the request of this number (from 0); undefined = nothing. */
  readonly script?: (index: number, request: Seen) => Fault | undefined
}

/** A request as it arrived. */
export interface Seen {
  readonly method: string
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** True once the other side hung up before the answer had ended. */
  gone: boolean
}

export interface PracticeServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly seen: readonly Seen[]
  close(): Promise<void>
}

const MOST_BYTES = 33_554_432

/** The practice model as a loopback HTTP server that can be told to misbehave: for tests and for `bench/`. */
export async function startPractice({ port = 0, script }: PracticeOptions = {}): Promise<PracticeServer> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  const keep = script !== undefined
  let count = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MOST_BYTES) request.destroy()
      else chunks.push(chunk)
    })
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const one = noted(request, Buffer.concat(chunks).toString('utf8'))
      // A bench sends millions: only who scripts the server looks at what it saw.
      if (keep) seen.push(one)
      response.on('close', () => (one.gone = !response.writableFinished))
      serve(one, response, script?.(count++, one))
    })
  })
  server.on('connection', (socket) => {
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function noted(request: IncomingMessage, body: string): Seen {
  return { method: request.method ?? 'GET', target: request.url ?? '/', headers: request.headers, body, gone: false }
}

function serve(one: Seen, response: ServerResponse, fault: Fault | undefined): void {
  if (fault?.kind === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  if (fault?.kind === 'silence') return
  const { asked, answer } = respond(one.method, one.target, one.body)
  if (fault !== undefined && isRefusal(fault)) {
    const { status, body } = errorBody(asked?.dialect ?? dialectOf('openai.chat'), fault)
    response.writeHead(status, { 'content-type': 'application/json', ...(fault.kind === 'status' && fault.retryAfter !== undefined && { 'retry-after': String(fault.retryAfter) }) })
    response.end(body)
    return
  }
  if ('pieces' in answer) {
    response.writeHead(answer.status, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    stream(response, answer.pieces, answer.delayMs, fault, asked as Asked)
    return
  }
  const bytes = Buffer.from(answer.body)
  response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': bytes.length })
  if (fault?.kind === 'cut') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
    return
  }
  if (fault?.kind === 'late') setTimeout(() => response.end(bytes), fault.ms)
  else response.end(bytes)
}

function isRefusal(fault: Fault): boolean {
  return fault.kind === 'status' || fault.kind === 'context_length' || fault.kind === 'content_policy' || fault.kind === 'invalid'
}

/** Writes the pieces, each `delayMs` after the last; a plain chain of timers keeps hundreds of streams cheap. */
function stream(response: ServerResponse, pieces: readonly Piece[], delayMs: number, fault: Fault | undefined, asked: Asked): void {
  const end = fault?.kind === 'no_terminator' ? pieces.length - terminating(asked) : pieces.length
  let at = 0
  let content = 0
  let timer: NodeJS.Timeout | undefined

  const on = (): void => {
    let text = ''
    while (at < end) {
      const piece = pieces[at] as Piece
      if (piece.content) {
        if (fault !== undefined && 'after' in fault && content === fault.after) {
          if (text !== '') response.write(text)
          if (!misbehave(response, fault, asked)) return
        }
        content++
      }
      at++
      text += piece.text
      if (delayMs > 0 && pieces[at]?.content === true) {
        response.write(text)
        timer = setTimeout(on, delayMs)
        return
      }
      if (fault !== undefined) {
        response.write(text)
        text = ''
      }
    }
    if (fault?.kind === 'no_terminator' && fault.open) response.write(text)
    else response.end(text)
  }
  response.on('close', () => clearTimeout(timer))
  if (fault?.kind === 'late') {
    response.flushHeaders()
    timer = setTimeout(on, fault.ms)
  } else if (delayMs > 0) timer = setTimeout(on, delayMs)
  else on()
}

/** True where the stream goes on. */
function misbehave(response: ServerResponse, fault: Fault, asked: Asked): boolean {
  switch (fault.kind) {
    case 'cut':
      // After what was written has left: otherwise a reset could overtake it.
      setTimeout(() => response.destroy(), 20)
      return false
    case 'stall':
      return false
    case 'malformed':
      response.write(`data: ${fault.text ?? '{"choices":[{"delta":{"content":"tru'}\n\n`)
      return true
    case 'error_event': {
      const event = asked.dialect.id === 'anthropic.messages' ? 'event: error\n' : ''
      response.end(`${event}data: ${errorBody(asked.dialect, fault).body}\n\n`)
      return false
    }
    default:
      return true
  }
}

/** Pieces at the end that are the terminator and nothing else. */
function terminating({ dialect }: Asked): number {
  return dialect.terminator() === undefined ? 0 : 1
}
