import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { type Arrival, BodyError } from '../../contract/arrival.ts'
import { type Handler, listen, type Listener, type ListenOptions, type Malformed } from './http.ts'

/** A listener on a free port, and everything it told. */
export interface House {
  readonly listener: Listener
  readonly malformed: Malformed[]
  readonly defects: unknown[]
  readonly arrivals: Arrival[]
}

export async function house(t: TestContext, handler: Handler, more: Partial<ListenOptions> = {}): Promise<House> {
  const malformed: Malformed[] = []
  const defects: unknown[] = []
  const arrivals: Arrival[] = []
  let ids = 0
  const listener = await listen(
    { host: '127.0.0.1', port: 0, newId: () => `id-${++ids}`, onMalformed: (info) => malformed.push(info), onDefect: (error) => defects.push(error), lingerMs: 200, ...more },
    (arrival, outlet) => {
      arrivals.push(arrival)
      return handler(arrival, outlet)
    },
  )
  t.after(() => listener.close({ graceMs: 0 }))
  return { listener, malformed, defects, arrivals }
}

/** Gives the body back, or the kind of what went wrong with it. */
export const echo: Handler = async (arrival, outlet) => {
  try {
    const body = await arrival.body.whole(1_000_000)
    outlet.head(200, [['content-type', 'text/plain']])
    outlet.end(body)
  } catch (error) {
    assert.ok(error instanceof BodyError)
    outlet.head(400, [])
    outlet.end(error.kind)
  }
}

/** A raw socket: tests write bytes, not requests. */
export interface Wire {
  readonly socket: Socket
  /** What came back so far. */
  text(): string
  /** Resolves when the text matches. */
  until(pattern: RegExp): Promise<string>
  readonly closed: Promise<string>
}

export function wire(t: TestContext, port: number, bytes?: string | Uint8Array): Wire {
  let text = ''
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  if (bytes !== undefined) socket.write(bytes)
  t.after(() => socket.destroy())
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  return {
    socket,
    text: () => text,
    closed,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text)) resolve(text)
        }
        look()
        socket.on('data', look)
        socket.on('close', () => (pattern.test(text) ? resolve(text) : reject(new Error(`closed at ${JSON.stringify(text.slice(0, 300))}`))))
      }),
  }
}

export const HOST = 'Host: localhost\r\n'
