import type { EventStream } from './stream.ts'

/** Streams of one session that are kept, and what they and all others may hold, in UTF-16 units. */
const MOST_STREAMS = 16
const MOST_OF_ONE = 1024 * 1024 * 4
const MOST_OF_ALL = 1024 * 1024 * 64
/** When a caller that lost its stream comes back, if it does as it is told. */
const RETRY_MS = 500

/** What the kept streams of all sessions hold together. */
export class Shelf {
  private held = 0

  /** False where no more fits. */
  take(chars: number): boolean {
    if (this.held + chars > MOST_OF_ALL) return false
    this.held += chars
    return true
  }

  give(chars: number): void {
    this.held -= chars
  }
}

/**
 * The streams of one session's answers, so that a caller whose connection ended can go on where it was: revision
 * 2025-11-25, "Resumability and Redelivery". The names of events are good for nothing without the session.
 */
export class KeptStreams {
  private readonly shelf: Shelf
  /** Oldest first. */
  private readonly streams = new Map<number, KeptStream>()
  private last = 0

  constructor(shelf: Shelf) {
    this.shelf = shelf
  }

  /** Undefined where as many as there may be are still being written. */
  open(wire: EventStream): KeptStream | undefined {
    if (this.streams.size >= MOST_STREAMS) {
      const oldest = [...this.streams].find(([, { over }]) => over)
      if (oldest === undefined) return undefined
      this.drop(...oldest)
    }
    const made = new KeptStream(String(++this.last), this.shelf, wire)
    this.streams.set(this.last, made)
    return made
  }

  /** `event` is the last that its caller saw. Undefined where it is not kept, or not any more. */
  find(event: string): { readonly stream: KeptStream; readonly after: number } | undefined {
    const [, stream, after] = /^(\d{1,15})-(\d{1,15})$/.exec(event) ?? []
    const found = this.streams.get(Number(stream))
    return found?.holds(Number(after)) === true ? { stream: found, after: Number(after) } : undefined
  }

  end(): void {
    for (const one of this.streams) this.drop(...one)
  }

  private drop(key: number, stream: KeptStream): void {
    this.streams.delete(key)
    stream.forget()
  }
}

/** The events of one answer: written to whoever reads it now, and kept for whoever comes back. */
export class KeptStream {
  private readonly name: string
  private readonly shelf: Shelf
  private wire: EventStream | undefined
  private readonly events: string[] = []
  private chars = 0
  /** False once something was too much to be kept: who comes back would miss it. */
  private whole = true
  private ended = false
  private left: (() => void) | undefined

  constructor(name: string, shelf: Shelf, wire: EventStream) {
    this.name = name
    this.shelf = shelf
    this.wire = wire
    wire.begin(this.idOf(0), RETRY_MS)
  }

  get over(): boolean {
    return this.ended
  }

  /** False where nobody will read it. */
  send(message: string): boolean {
    if (this.ended) return false
    const id = this.keep(message)
    return this.wire?.send(message, id) === true || this.whole
  }

  end(message?: string): void {
    if (this.ended) return
    const id = message === undefined ? undefined : this.keep(message)
    this.ended = true
    this.wire?.end(message, id)
    this.part()
  }

  /** Ends the connection, not the answer: its caller comes back for what is still to come. */
  part(): void {
    this.wire?.end()
    this.wire = undefined
    this.left?.()
  }

  holds(after: number): boolean {
    return this.whole && after <= this.events.length
  }

  /**
   * Goes on after event number `after`, on another connection; whoever read it until now reads no more. Resolves when it
   * is over, or read elsewhere, or the signal aborts.
   */
  resume(wire: EventStream, after: number, signal: AbortSignal): Promise<void> {
    this.part()
    wire.begin(this.idOf(after), RETRY_MS)
    const rest = this.events.slice(after)
    const last = this.ended ? rest.pop() : undefined
    for (const [index, event] of rest.entries()) wire.send(event, this.idOf(after + index + 1))
    if (this.ended) {
      wire.end(last, this.idOf(this.events.length))
      return Promise.resolve()
    }
    this.wire = wire
    return new Promise((resolve) => {
      const gone = (): void => {
        if (this.wire === wire) this.wire = undefined
        this.left?.()
      }
      this.left = () => {
        this.left = undefined
        signal.removeEventListener('abort', gone)
        resolve()
      }
      signal.addEventListener('abort', gone, { once: true })
      if (signal.aborted) gone()
    })
  }

  forget(): void {
    this.part()
    this.ended = true
    this.whole = false
    this.shelf.give(this.chars)
    this.chars = this.events.length = 0
  }

  private keep(message: string): string {
    if (this.whole && this.chars + message.length <= MOST_OF_ONE && this.shelf.take(message.length)) {
      this.events.push(message)
      this.chars += message.length
    } else this.whole = false
    return this.idOf(this.events.length)
  }

  private idOf(event: number): string {
    return `${this.name}-${event}`
  }
}
