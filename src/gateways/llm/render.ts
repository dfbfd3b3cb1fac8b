import type { Fields, Outlet } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Delivery, Guarded } from '../../contract/gateway.ts'
import type { Exchange } from '../../contract/exchange.ts'
import { reasonOf } from '../../contract/reasons.ts'
import { Refused, refuse, type Refusal } from '../../contract/verdict.ts'
import type { Tree } from '../../formats/tree.ts'
import { writeJson } from '../../formats/json.ts'
import { sseText } from '../../formats/sse.ts'
import type { Conversation } from './conversation.ts'
import { Inexpressible, type Dialect, type StreamFrame } from './dialect.ts'
import type { LlmEvent } from './routing/event.ts'

/** The caller's end of a call: what it speaks and how it wants to be answered. */
export interface Caller {
  readonly dialect: Dialect
  readonly outlet: Outlet
  /** Gemini without `alt=sse` streams one JSON array instead of events. */
  readonly framing: 'sse' | 'array'
  readonly stream: boolean
  /** The request in no dialect's words; asked for only when the answer must be translated. */
  readonly conversation: () => Conversation
  /** False where the caller did not ask for a usage frame that we asked the provider for. */
  readonly wantsUsage: boolean
  readonly heartbeatAfterMs: number
  readonly clock: Clock
  /** Told of each element of a JSON array, so that an error after them is a further one. */
  readonly onElement: () => void
}

/** Writes a guarded reply to the caller, in its dialect, to the end. */
export function deliver(guarded: Guarded, caller: Caller): Promise<Delivery> {
  return caller.stream ? deliverStream(guarded, caller) : deliverWhole(guarded, caller)
}

async function deliverWhole(guarded: Guarded, { dialect, outlet, conversation }: Caller): Promise<Delivery> {
  let last: LlmEvent | undefined
  for await (const event of guarded.events) last = event as LlmEvent
  if (last?.tree === undefined) throw new Refused(refuse('upstream_malformed', { detail: 'no reply' }))
  const tree = last.dialect === dialect ? last.tree : translated(() => dialect.encodeReply(last.dialect.decodeReply(last.tree as NonNullable<typeof last.tree>), conversation()))
  const body = writeJson(tree)
  outlet.head(200, [...idFields(guarded.exchange), ['content-type', 'application/json']])
  outlet.end(body)
  return { status: 200, bytes: body.length, complete: true }
}

async function deliverStream(guarded: Guarded, caller: Caller): Promise<Delivery> {
  const { dialect } = caller
  const pen = framePen(caller, guarded.exchange)
  let translate: ((event: LlmEvent) => readonly StreamFrame[]) | undefined
  let finish: (() => readonly StreamFrame[]) | undefined
  let terminated = false
  try {
    for await (const event of guarded.events) {
      const { frame, dialect: from } = event as LlmEvent
      if (frame === undefined) throw new Refused(refuse('upstream_malformed', { detail: 'a whole reply to a stream' }))
      if (from === dialect) {
        if (isTerminator(dialect, frame)) terminated = true
        if (!caller.wantsUsage && dialect.isUsageOnly(frame)) continue
        await pen.write(frame)
        continue
      }
      if (translate === undefined) {
        const decoder = from.decoder()
        const encoder = dialect.encoder(caller.conversation())
        translate = ({ frame: one }) => translated(() => decoder.push(one as StreamFrame).flatMap((delta) => encoder.push(delta)))
        finish = () => translated(() => decoder.finish().flatMap((delta) => encoder.push(delta)))
      }
      for (const one of translate(event as LlmEvent)) if (caller.wantsUsage || !dialect.isUsageOnly(one)) await pen.write(one)
    }
    if (finish !== undefined) for (const one of finish()) if (caller.wantsUsage || !dialect.isUsageOnly(one)) await pen.write(one)
    const end = finish === undefined && !terminated ? dialect.terminator() : undefined
    if (end !== undefined) await pen.write(end)
    return { status: 200, bytes: pen.end(), complete: true }
  } finally {
    pen.rest()
  }
}

function isTerminator(dialect: Dialect, frame: StreamFrame): boolean {
  const end = dialect.terminator()
  return end !== undefined && frame.event === end.event && (end.data !== undefined || frame.data === undefined)
}

/** What one dialect said and the other cannot say is the caller's to know, not ours to lose. */
function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Inexpressible) throw new Refused(refuse('inexpressible', { param: error.field, say: error.message }))
    throw error
  }
}

interface Pen {
  write(frame: StreamFrame): Promise<void> | void
  /** Ends the stream properly; gives the characters written. */
  end(): number
  rest(): void
}

/** Writes frames, and heartbeats while there are none. The head goes out with the first of either. */
function framePen({ outlet, dialect, framing, heartbeatAfterMs, clock, onElement }: Caller, exchange: Exchange): Pen {
  let written = 0
  let elements = 0
  let quietSince = clock.monotonic()
  let cancel = arm(heartbeatAfterMs)

  // The timer is not re-armed for each frame: it looks, when it fires, how long it has been quiet.
  function arm(ms: number): () => void {
    return clock.timer(ms, () => {
      const quiet = clock.monotonic() - quietSince
      if (quiet + 1 < heartbeatAfterMs) {
        cancel = arm(heartbeatAfterMs - quiet)
        return
      }
      quietSince = clock.monotonic()
      head()
      const beat = framing === 'array' ? (elements === 0 ? ' ' : '\n') : dialect.heartbeat()
      void outlet.write(beat)
      cancel = arm(heartbeatAfterMs)
    })
  }

  function head(): void {
    if (outlet.committed) return
    const type = framing === 'array' ? 'application/json' : 'text/event-stream; charset=utf-8'
    outlet.head(200, [...idFields(exchange), ['content-type', type], ['cache-control', 'no-store'], ['x-accel-buffering', 'no']])
  }

  return {
    write(frame) {
      head()
      quietSince = clock.monotonic()
      if (framing === 'array') onElement()
      const text = framing === 'array' ? arrayText(frame, elements++) : frameText(frame)
      written += text.length
      return text === '' ? undefined : outlet.write(text)
    },
    end() {
      head()
      outlet.end(framing === 'array' ? (elements === 0 ? '[]' : ']') : undefined)
      return written
    },
    rest: () => cancel(),
  }
}

function frameText({ event, data }: StreamFrame): string {
  return sseText(event, data === undefined ? '[DONE]' : writeJson(data))
}

function arrayText({ data }: StreamFrame, index: number): string {
  return data === undefined ? '' : (index === 0 ? '[' : ',\n') + writeJson(data)
}

/** Writes a refusal in the caller's dialect: a status before the commit point, an error event after it. */
export function writeRefusal(refusal: Refusal, exchange: Exchange, outlet: Outlet, dialect: Pick<Dialect, 'error' | 'streamError'>, framing: 'sse' | 'array' = 'sse', elements = 0): Delivery {
  if (outlet.committed) {
    const frame = dialect.streamError(refusal, exchange.id)
    outlet.end(framing === 'array' ? (elements === 0 ? '[' : ',\n') + writeJson(frame.data as Tree) + ']' : frameText(frame))
    return { status: 200, bytes: 0, complete: refusal.refuse !== 'cancelled' }
  }
  const { status, body } = dialect.error(refusal, exchange.id)
  const text = writeJson(body)
  outlet.head(status, refusalFields(refusal, exchange))
  outlet.end(text)
  return { status, bytes: text.length, complete: refusal.refuse !== 'cancelled' }
}

/** Headers that stop a client's SDK from retrying a decision, and tell it when a wait helps. */
export function refusalFields(refusal: Refusal, exchange: Exchange): Fields {
  const reason = reasonOf(refusal.refuse)
  const fields: [string, string][] = [...idFields(exchange), ['content-type', 'application/json'], ['x-should-retry', reason.retry === true ? 'true' : 'false']]
  if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
  if (refusal.refuse === 'unauthenticated') fields.push(['www-authenticate', 'Bearer'])
  return fields
}

function idFields(exchange: Exchange): [string, string][] {
  return [
    ['x-sallyport-id', exchange.id],
    ['x-request-id', exchange.id],
    ['request-id', exchange.id],
  ]
}
