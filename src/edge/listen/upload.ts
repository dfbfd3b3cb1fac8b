import type { IncomingMessage } from 'node:http'
import { Received, type Source } from '../received.ts'

/** Counts the bytes of all bodies that are held at once. `take` says whether there is room, and takes it. */
export interface Inflight {
  take(bytes: number): boolean
  give(bytes: number): void
}

export interface UploadSettings {
  readonly bodyMs: number
  /** Bytes a second that a body must make, looked at once in each window. */
  readonly bodyRate: number
  readonly bodyWindowMs: number
  readonly inflight: Inflight | undefined
}

/** The body of one request on its way in: read when wanted, bounded in time, rate and shared memory. */
export class Upload implements Source {
  readonly body: Received
  private readonly request: IncomingMessage
  private readonly announced: number | undefined
  private readonly settings: UploadSettings
  private readonly onWanted: () => void
  private held = 0
  private given = false
  private bytes = 0
  private wasPaused = false
  private watch: NodeJS.Timeout | undefined

  /** `onWanted` is called before the first byte is asked for, and not for a body that is refused unread. */
  constructor(request: IncomingMessage, announced: number | undefined, settings: UploadSettings, onWanted: () => void) {
    this.request = request
    this.announced = announced
    this.settings = settings
    this.onWanted = onWanted
    this.body = new Received(this, (limit) => this.begin(limit), (bytes) => this.release(bytes))
  }

  pause(): void {
    this.wasPaused = true
    this.request.pause()
  }

  resume(): void {
    this.request.resume()
  }

  /** The body is not wanted any more; the socket stays for the answer. */
  abort(): void {
    this.unwatch()
    this.request.pause()
  }

  unwatch(): void {
    clearTimeout(this.watch)
  }

  /** Gives back what is still held: whoever read the body is done with it. */
  settle(): void {
    this.given = true
    this.release(this.held)
  }

  private begin(limit: number | undefined): void {
    if (this.body.over) return
    const whole = limit !== undefined && this.announced !== undefined
    if (whole) {
      if (this.announced > limit) return this.body.refuse('too_large')
      // Refusing before the first byte is cheaper for both sides than half-way.
      if (!this.take(this.announced)) return this.body.refuse('inflight')
    }
    this.onWanted()
    this.request.on('data', (chunk: Uint8Array) => {
      if (this.body.over) return
      this.bytes += chunk.length
      if (whole || this.take(chunk.length)) this.body.push(chunk)
      else this.body.refuse('inflight')
    })
    this.request.on('end', () => {
      this.unwatch()
      this.body.finish()
    })
    this.look(0, 0)
  }

  /** Looks again after a window: was it fast enough, and is there time left? */
  private look(elapsed: number, before: number): void {
    const step = Math.min(this.settings.bodyWindowMs, this.settings.bodyMs - elapsed)
    this.wasPaused = false
    this.watch = setTimeout(() => {
      const slow = !this.wasPaused && this.bytes - before < (this.settings.bodyRate * step) / 1_000
      if (slow || elapsed + step >= this.settings.bodyMs) this.body.refuse('too_slow')
      else this.look(elapsed + step, this.bytes)
    }, step)
  }

  private take(bytes: number): boolean {
    if (this.settings.inflight === undefined || this.given) return true
    if (!this.settings.inflight.take(bytes)) return false
    this.held += bytes
    return true
  }

  private release(bytes: number): void {
    const given = Math.min(bytes, this.held)
    if (given === 0) return
    this.held -= given
    this.settings.inflight?.give(given)
  }
}
