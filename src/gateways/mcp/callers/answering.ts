import type { Arrival, Fields, Outlet } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'
import type { Exchange, Reading } from '../../../contract/exchange.ts'
import type { Delivery } from '../../../contract/gateway.ts'
import { accepts, fieldsOf } from './answers.ts'
import { KeptStream } from './resume.ts'
import type { Session } from './sessions.ts'
import { EventStream } from './stream.ts'

/** The revision in which callers come back for what they missed. */
const RESUMED = '2025-11-25'
/** An answer that takes longer is a stream from then on, with signs of life. */
const LONG_MS = 10_000
const JSON_TYPE = ['content-type', 'application/json'] as const
const NOT_KEPT = ['cache-control', 'no-store'] as const

/** What of a request decides how it is answered. */
export interface Asking {
  readonly session: Session | undefined
  readonly reading: Reading | undefined
  /** Nothing of it is under way any more: before the caller can know, because its next request may have the same id. */
  free(): void
}

/** The answer to one HTTP request: by itself, or at the end of a stream, which its caller may come back for. */
export class Answering {
  private readonly arrival: Arrival
  private readonly outlet: Outlet
  private readonly clock: Clock
  private readonly asking: Asking
  private stream: EventStream | KeptStream | undefined
  private wire: EventStream | undefined
  /** Ends the wait for an answer that takes so long that whoever is on the way may give up. */
  private long: (() => void) | undefined

  constructor(arrival: Arrival, outlet: Outlet, clock: Clock, asking: Asking) {
    this.arrival = arrival
    this.outlet = outlet
    this.clock = clock
    this.asking = asking
  }

  get streams(): boolean {
    return this.stream !== undefined
  }

  /** From some time on it is a stream, though nothing was said yet. */
  lasts(exchange: Exchange): void {
    if (this.resumes) this.long = this.clock.timer(LONG_MS, () => void this.besides(exchange))
  }

  /** The stream of the answer, for what is said besides it; undefined where no more can be said. */
  besides(exchange: Exchange): EventStream | KeptStream | undefined {
    if (this.stream === undefined && (this.arrival.gone.aborted || this.outlet.committed)) return undefined
    return this.streaming(fieldsOf(exchange))
  }

  /** The server goes on later, and so may the caller. */
  part(exchange: Exchange): void {
    const stream = this.besides(exchange)
    if (stream instanceof KeptStream) stream.part()
  }

  /** The connection as a stream, for what stays open. */
  wireOf(fields: Fields): EventStream {
    const made = (this.wire ??= new EventStream(this.outlet, this.clock, fields))
    this.stream ??= made
    return made
  }

  write(status: number, fields: Fields, text: string): Delivery {
    // Whoever left before a stream began knows nothing to come back with.
    if (this.stream === undefined && (this.arrival.gone.aborted || status !== 200 || this.takesJson())) return this.plain(status, [...fields, JSON_TYPE, NOT_KEPT], text)
    if (this.stream === undefined && this.outlet.committed) return { status, bytes: 0, complete: false }
    this.streaming(fields)
    return this.ended(text)
  }

  /** Ends the stream, with a last word or without. */
  ended(text: string | undefined): Delivery {
    const { stream } = this
    this.asking.free()
    const reached = stream instanceof KeptStream && stream.end(text)
    if (stream instanceof EventStream) stream.end(text)
    return { status: 200, bytes: this.wire?.written ?? 0, complete: stream instanceof KeptStream ? reached : !this.arrival.gone.aborted }
  }

  plain(status: number, fields: Fields, text?: string): Delivery {
    const { gone } = this.arrival
    if (this.outlet.committed) return { status, bytes: 0, complete: false }
    this.asking.free()
    this.outlet.head(status, fields)
    this.outlet.end(text)
    return { status, bytes: text?.length ?? 0, complete: !gone.aborted }
  }

  /** The caller's connection is gone. */
  drop(): void {
    this.wire?.drop()
  }

  over(): void {
    this.long?.()
  }

  private get resumes(): boolean {
    return this.asking.session?.protocol === RESUMED
  }

  /** Where its caller knows how, one that it can come back for. */
  private streaming(fields: Fields): EventStream | KeptStream {
    if (this.stream !== undefined) return this.stream
    const { session, reading } = this.asking
    const wire = this.wireOf(fields)
    return (this.stream = (this.resumes ? session?.kept.open(wire, reading) : undefined) ?? wire)
  }

  private takesJson(): boolean {
    const { json, streamFirst } = accepts(this.arrival.fields)
    return json && !(streamFirst && this.resumes)
  }
}
