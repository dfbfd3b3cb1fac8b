import type { Fields, Outlet } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'

/** What may wait for a caller that does not read: more is not taken. */
const MOST_WAITING = 256
const MOST_WAITING_CHARS = 4 * 1024 * 1024
const KEEP_ALIVE_MS = 15_000

/** A stream of events to one caller (`text/event-stream`), one JSON-RPC message each. */
export class EventStream {
  private readonly outlet: Outlet
  private readonly clock: Clock
  private readonly waiting: string[] = []
  private chars = 0
  private draining = false
  private last: { readonly text: string | undefined } | undefined
  private keepAlive: (() => void) | undefined
  private sent = 0
  private closed = false

  /** `fields` are those of the answer, without its content type. */
  constructor(outlet: Outlet, clock: Clock, fields: Fields) {
    this.outlet = outlet
    this.clock = clock
    // Without it, proxies keep events back until there are many.
    outlet.head(200, [...fields, ['content-type', 'text/event-stream'], ['cache-control', 'no-store'], ['x-accel-buffering', 'no']])
    this.rest()
  }

  /** UTF-16 units that were written. */
  get written(): number {
    return this.sent
  }

  /** True while its caller is there, and more can follow. */
  get open(): boolean {
    return !this.closed && this.last === undefined
  }

  /** What its reader comes back with if the connection ends, and after how long (SSE `id` and `retry`). */
  begin(id: string, retryMs: number): void {
    this.push(`id: ${id}\nretry: ${retryMs}\ndata:\n\n`)
  }

  /** False where the caller does not read what there is, or no more can follow. */
  send(message: string, id?: string): boolean {
    if (this.closed || this.last !== undefined || this.waiting.length >= MOST_WAITING || this.chars + message.length > MOST_WAITING_CHARS) return false
    this.push(eventOf(message, id))
    return true
  }

  /** Nothing follows but this; it is taken however much waits. */
  end(message?: string, id?: string): void {
    if (this.closed || this.last !== undefined) return
    this.last = { text: message === undefined ? undefined : eventOf(message, id) }
    if (!this.draining) this.finish()
  }

  /** The caller is gone. */
  drop(): void {
    this.closed = true
    this.waiting.length = 0
    this.keepAlive?.()
  }

  private push(text: string): void {
    if (this.draining) {
      this.waiting.push(text)
      this.chars += text.length
      return
    }
    this.write(text)
  }

  private write(text: string): void {
    this.sent += text.length
    let full: Promise<void> | void
    try {
      full = this.outlet.write(text)
    } catch {
      return this.drop()
    }
    if (full === undefined) return
    this.draining = true
    full.then(
      () => this.drained(),
      () => this.drop(),
    )
  }

  private drained(): void {
    this.draining = false
    while (!this.draining) {
      const next = this.waiting.shift()
      if (next === undefined) break
      this.chars -= next.length
      this.write(next)
    }
    if (!this.draining && this.last !== undefined) this.finish()
  }

  private finish(): void {
    if (this.closed) return
    const text = this.last?.text
    this.drop()
    this.sent += text?.length ?? 0
    this.outlet.end(text)
  }

  /** A comment now and then, so that nobody on the way takes the line for dead. */
  private rest(): void {
    this.keepAlive = this.clock.timer(KEEP_ALIVE_MS, () => {
      if (this.closed) return
      if (!this.draining) this.write(':\n\n')
      if (!this.closed) this.rest()
    })
  }
}

function eventOf(message: string, id: string | undefined): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${message}\n\n`
}
