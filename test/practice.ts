import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { practise, type Practised } from '../src/gateways/llm/practice/dial.ts'

/**
 * How a simulated provider misbehaves, once. Counts are frames of a stream, times milliseconds. Absent = it behaves.
 */
export interface Fault {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Closes the connection before any header. */
  readonly reset?: true
  /** Accepts and never answers. */
  readonly silent?: true
  readonly firstTokenAfter?: number
  /** Resets the connection after so many frames. */
  readonly cutAfter?: number
  /** Sends nothing more after so many frames, and keeps the connection. */
  readonly stallAfter?: number
  /** Sends a broken event after so many frames. */
  readonly malformedAfter?: number
  /** Leaves out the last frames, and ends (`close`) or keeps (`open`) the connection. */
  readonly noTerminator?: 'close' | 'open'
}

export interface Seen {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface PracticeServer {
  readonly url: string
  /** Every request, in order of arrival. */
  readonly seen: Seen[]
  /** Connections that callers ended before the answer did. */
  readonly hungUp: () => number
  script: (index: number) => Fault | undefined
  stop(): Promise<void>
}

/** The practice model on a loopback socket: the simulated provider of the tests, told to misbehave by a script. */
export async function startPractice(script: PracticeServer['script'] = () => undefined, gapMs = 0): Promise<PracticeServer> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  let hungUp = 0
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (bytes: Buffer) => parts.push(bytes))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      const path = (request.url ?? '/').split('?')[0] as string
      const index = seen.push({ path, headers: request.headers, body }) - 1
      response.on('close', () => void (response.writableFinished || hungUp++))
      void answerWith(self.script(index) ?? {}, practise(path, body), response, gapMs)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const self: PracticeServer = {
    url: `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`,
    seen,
    hungUp: () => hungUp,
    script,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
  return self
}

async function answerWith(fault: Fault, practised: Practised, response: ServerResponse, gapMs: number): Promise<void> {
  if (fault.reset === true) return void response.socket?.resetAndDestroy()
  if (fault.silent === true) return
  if (fault.firstTokenAfter !== undefined) await sleep(fault.firstTokenAfter)
  if (fault.status !== undefined) {
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
    return void response.end(JSON.stringify(fault.body ?? { error: { message: 'simulated failure', type: 'server_error' } }))
  }
  response.writeHead(practised.status, Object.fromEntries(practised.fields))
  response.flushHeaders()
  const chunks = fault.noTerminator === undefined ? practised.chunks : practised.chunks.filter((one) => !/\[DONE\]|message_stop/.test(one))
  for (const [index, chunk] of chunks.entries()) {
    if (response.destroyed) return
    if (fault.cutAfter === index) return void response.socket?.resetAndDestroy()
    if (fault.stallAfter === index) return
    if (fault.malformedAfter === index) response.write('data: {"broken": \n\n')
    response.write(chunk)
    if (gapMs > 0) await sleep(gapMs)
  }
  if (fault.noTerminator !== 'open') response.end()
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
