import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Fields } from '../../contract/arrival.ts'
import { type Code, reasonOf } from '../../contract/reasons.ts'

/** An answer of the listener itself, given before any gateway knows in which dialect to speak. */
export interface Answer {
  readonly status: number
  readonly fields: Fields
  readonly text: string
}

/** Says no in a shape in which the clients of all dialects find a message. */
export function refusalAnswer(code: Code, id: string): Answer {
  const reason = reasonOf(code)
  const text = JSON.stringify({
    type: 'error',
    error: { type: reason.kind, code, message: `${reason.say} (${id})`, param: null },
    request_id: id,
  })
  const fields: Fields = [
    ['content-type', 'application/json'],
    ['x-sallyport-id', id],
    ['x-request-id', id],
    ['x-should-retry', 'retry' in reason ? 'true' : 'false'],
  ]
  return { status: reason.status, fields, text }
}

/** The same as bytes, for a socket on which the parser has given up. */
function rawAnswer({ status, fields, text }: Answer): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`
}

/** Answers on a socket without a parser, throws away what still comes, and closes. */
export function say(socket: Socket, code: Code, id: string, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.on('close', () => clearTimeout(timer))
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  socket.on('data', () => {})
  socket.end(rawAnswer(refusalAnswer(code, id)))
  socket.resume()
}
