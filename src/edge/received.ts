import { type Body, BodyError } from '../contract/arrival.ts'

/** Where a body comes from. `abort` ends it at once and for good. */
export interface Source {
  pause(): void
  resume(): void
  abort(): void
}

/** Bytes that wait here before the source is paused: enough to keep a socket busy, little enough for thousands. */
const HIGH_WATER = 65_536

/**
 * A body on its way in: the source pushes, one reader takes it whole or as a stream, and back-pressure reaches
 * the socket. Callbacks and not streams, because this runs for every chunk of every call.
 */
export class Received implements Body {
  private readonly source: Source
  private queue: Uint8Array[] = []
  private queued = 0
  private paused = false
  private ended = false
  private failure: BodyError | undefined
  private reading: 'whole' | 'stream' | undefined
  private wake: (() => void) | undefined
  private limit = Infinity
  private readonly onBegin: ((limit: number | undefined) => void) | undefined
  private readonly onTaken: ((bytes: number) => void) | undefined

  /**
   * `onBegin` is called when somebody starts to read, with the limit of a whole reading. `onTaken` counts bytes
   * that left a stream for good; what is read whole stays with its reader.
   */
  constructor(source: Source, onBegin?: (limit: number | undefined) => void, onTaken?: (bytes: number) => void) {
    this.source = source
    this.onBegin = onBegin
    this.onTaken = onTaken
  }

  /** True once nothing more will come: it ended or failed. */
  get over(): boolean {
    return this.ended || this.failure !== undefined
  }

  push(chunk: Uint8Array): void {
    if (this.over || chunk.length === 0) return
    this.queue.push(chunk)
    this.queued += chunk.length
    if (this.queued > this.limit) this.refuse('too_large')
    else if (this.reading === 'whole') return
    else if (this.wake !== undefined) this.wake()
    else if (this.queued > HIGH_WATER && !this.paused) {
      this.paused = true
      this.source.pause()
    }
  }

  finish(): void {
    if (this.over) return
    this.ended = true
    this.wake?.()
  }

  /** The source broke: whoever reads learns it after the bytes that did arrive (a stream) or at once (whole). */
  fail(kind: BodyError['kind']): void {
    if (this.over) return
    this.failure = new BodyError(kind)
    this.wake?.()
  }

  /** Fails, drops what waits and ends the source. */
  refuse(kind: BodyError['kind']): void {
    if (this.over) return
    this.fail(kind)
    this.drop()
    this.source.abort()
  }

  whole(limit: number): Promise<Uint8Array> {
    this.begin('whole', limit)
    if (this.queued > limit) {
      this.refuse('too_large')
      this.drop()
      return Promise.reject(new BodyError('too_large'))
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        if (this.failure !== undefined) {
          this.drop()
          reject(this.failure)
          return
        }
        const [first] = this.queue
        const all = first !== undefined && this.queue.length === 1 ? first : Buffer.concat(this.queue, this.queued)
        this.drop()
        resolve(all)
      }
      if (this.over) settle()
      else {
        this.limit = limit
        this.wake = settle
        this.flow()
      }
    })
  }

  stream(): AsyncIterable<Uint8Array> {
    this.begin('stream', undefined)
    let out = 0
    const release = (): void => {
      if (out > 0) this.onTaken?.(out)
      out = 0
    }
    /** What there is to give now; undefined when the source has to be waited for. */
    const ready = (): IteratorResult<Uint8Array, undefined> | undefined => {
      const value = this.queue.shift()
      if (value === undefined) {
        if (this.failure !== undefined) throw this.failure
        return this.ended ? { done: true, value: undefined } : undefined
      }
      out = value.length
      this.queued -= out
      if (this.queued === 0) this.flow()
      return { done: false, value }
    }
    const next = (): Promise<IteratorResult<Uint8Array, undefined>> =>
      new Promise((resolve, reject) => {
        release()
        const now = ready()
        if (now !== undefined) resolve(now)
        else if (this.wake !== undefined) reject(new Error('a body has one reader, and it waits already'))
        else {
          this.wake = () => {
            this.wake = undefined
            try {
              resolve(ready() as IteratorResult<Uint8Array, undefined>)
            } catch (error) {
              reject(error as BodyError)
            }
          }
          this.flow()
        }
      })
    const stop = (): Promise<IteratorResult<Uint8Array, undefined>> => {
      release()
      this.refuse('cut')
      this.drop()
      return Promise.resolve({ done: true, value: undefined })
    }
    const iterator: AsyncIterator<Uint8Array, undefined> = { next, return: stop }
    return { [Symbol.asyncIterator]: () => iterator }
  }

  private begin(how: 'whole' | 'stream', limit: number | undefined): void {
    if (this.reading !== undefined) throw new Error('a body can be read once')
    this.reading = how
    this.onBegin?.(limit)
  }

  private flow(): void {
    if (!this.paused) return
    this.paused = false
    this.source.resume()
  }

  private drop(): void {
    this.queue = []
    this.queued = 0
  }
}
