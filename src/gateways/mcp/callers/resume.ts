import type { Reading } from '../../../contract/exchange.ts'
import type { EventStream } from './stream.ts'

/** Streams of one session that are kept, and what one, those of one owner and all may hold, in UTF-16 units. */
const MOST_STREAMS = 16
const MOST_OF_ONE = 1024 * 1024 * 4
const MOST_OF_OWNER = 1024 * 1024 * 16
const MOST_OF_ALL = 1024 * 1024 * 64
/** When a caller that lost its stream comes back, if it does as it is told. */
const RETRY_MS = 500

/** What the kept streams of all sessions hold together, or those of one owner in it. */
export class Shelf {
  private readonly whole: Shelf | undefined
  private held = 0

  constructor(whole?: Shelf) {
    this.whole = whole
  }

  /** False where no more fits. */
  take(chars: number): boolean {
    if (this.held + chars > (this.whole === undefined ? MOST_OF_ALL : MOST_OF_OWNER) || this.whole?.take(chars) === false) return false
    this.held += chars
    return true
  }

  give(chars: number): void {
    this.held -= chars
    this.whole?.give(chars)
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

  /** `of` is what is answered. Undefined where as many as there may be are still being written. */
  open(wire: EventStream, of?: Reading): KeptStream | undefined {
    const asked = of?.call?.arguments.length ?? 0
    if ((this.streams.size >= MOST_STREAMS && !this.clear()) || !this.take(asked)) return undefined
    const made = new KeptStream({ name: String(++this.last), take: (chars) => this.take(chars), give: (chars) => this.shelf.give(chars), of, chars: asked }, wire)
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

  private take(chars: number): boolean {
    while (!this.shelf.take(chars)) if (!this.clear()) return false
    return true
  }

  /** The oldest that is over gives way; false where none is. */
  private clear(): boolean {
    const oldest = [...this.streams].find(([, { over }]) => over)
    if (oldest !== undefined) this.drop(...oldest)
    return oldest !== undefined
  }

  private drop(key: number, stream: KeptStream): void {
    this.streams.delete(key)
    stream.forget()
  }
}

interface KeptParts {
  readonly name: string
  readonly take: (chars: number) => boolean
  readonly give: (chars: number) => void
  readonly of: Reading | undefined
  /** What `of` takes. */
  readonly chars: number
}

/** The events of one answer: written to whoever reads it now, and kept for whoever comes back. */
export class KeptStream {
  /** What is answered, so that nobody is given later what it may not ask for any more. */
  readonly of: Reading | undefined
  private readonly parts: KeptParts
  private wire: EventStream | undefined
  private readonly events: string[] = []
  private chars: number
  /** False once something was too much to be kept: who comes back would miss it. */
  private whole = true
  private ended = false
  private left: (() => void) | undefined

  constructor(parts: KeptParts, wire: EventStream) {
    this.parts = parts
    this.of = parts.of
    this.chars = parts.chars
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
    const taken = this.wire?.send(message, id) === true
    // Whoever fell behind comes back for all that follows: what it was not told it would not know to miss.
    if (!taken) this.part()
    return taken || this.whole
  }

  /** False where it reaches nobody: neither a reader, nor one that comes back. */
  end(message?: string): boolean {
    if (this.ended) return false
    const id = message === undefined ? undefined : this.keep(message)
    this.ended = true
    const reached = this.whole || this.wire?.open === true
    this.wire?.end(message, id)
    this.leave()
    return reached
  }

  /** Ends the connection, not the answer: its caller comes back for what is still to come. Not where it would find nothing. */
  part(): void {
    if (this.whole) this.leave()
  }

  holds(after: number): boolean {
    return this.whole && after <= this.events.length
  }

  /**
   * Goes on after event number `after`, on another connection; whoever read it until now reads no more. Resolves when it
   * is over, or read elsewhere, or the signal aborts.
   */
  resume(wire: EventStream, after: number, signal: AbortSignal): Promise<void> {
    this.leave()
    wire.begin(this.idOf(after), RETRY_MS)
    const rest = this.events.slice(after)
    const last = this.ended ? rest.pop() : undefined
    const all = rest.every((event, index) => wire.send(event, this.idOf(after + index + 1)))
    if (this.ended || !all) {
      // As much as it took: it comes back for what follows.
      if (all) wire.end(last, this.idOf(this.events.length))
      else wire.end()
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
    this.leave()
    this.ended = true
    this.whole = false
    this.parts.give(this.chars)
    this.chars = this.events.length = 0
  }

  private leave(): void {
    this.wire?.end()
    this.wire = undefined
    this.left?.()
  }

  private keep(message: string): string {
    if (this.whole && this.chars + message.length <= MOST_OF_ONE && this.parts.take(message.length)) {
      this.events.push(message)
      this.chars += message.length
    } else this.whole = false
    return this.idOf(this.events.length)
  }

  private idOf(event: number): string {
    return `${this.parts.name}-${event}`
  }
}
