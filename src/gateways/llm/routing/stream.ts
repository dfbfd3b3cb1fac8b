import { field } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'
import type { DialReply } from '../../../contract/dial.ts'
import type { Candidate } from '../../../contract/exchange.ts'
import { JsonError, parseJson } from '../../../formats/json.ts'
import { SseError, sseParser, type SseEvent } from '../../../formats/sse.ts'
import { isObject, type Tree } from '../../../formats/tree.ts'
import type { Dialect, StreamFrame } from '../dialect.ts'
import { newDrops } from './drop.ts'
import { frameEvent, type LlmEvent } from './event.ts'
import { answered, failed } from './fault.ts'
import { note, type Notes, type ReplyLimits, type Wait } from './received.ts'

export interface StreamConditions {
  readonly dialect: Dialect
  readonly candidate: Candidate
  readonly limits: ReplyLimits
  readonly clock: Clock
  readonly reply: DialReply
  readonly wait: Wait
  readonly notes: Notes
  /** Called for every frame: the upstream is alive. */
  readonly alive: () => void
  /** Called once, with the first content. */
  readonly begun: () => void
  /** Ends the wait that is under way, and with it the stream. */
  readonly cut: () => void
}

/**
 * An upstream's bytes as events, in the batches in which they came. Ends properly where the dialect's own terminator
 * was seen, or where the answer is logically complete and the connection ended or stayed silent for a moment.
 * @throws {UpstreamFailed} for an answer that broke off, cannot be read, or ends in an error of the provider.
 */
export async function* readStream(from: StreamConditions): AsyncGenerator<readonly LlmEvent[], undefined> {
  const { dialect, candidate, limits, reply, wait, notes, clock } = from
  if (/^application\/json\b/i.test(field(reply.fields, 'content-type') ?? '')) throw await insteadOfStream(from)
  const parser = sseParser({ line: limits.bytes, event: limits.bytes })
  const view = dialect.viewer()
  const terminator = dialect.terminator()
  const drops = newDrops()
  const bytes = reply.body.stream()[Symbol.asyncIterator]()
  let finished = false
  let content = false
  let received = 0
  let rest: (() => void) | undefined
  try {
    for (;;) {
      let step: IteratorResult<Uint8Array>
      try {
        step = await wait(bytes.next())
      } catch (error) {
        // The answer is whole: how its connection ended does not matter any more.
        if (finished) return undefined
        throw error
      }
      if (step.done === true) break
      received += step.value.length
      if (received > limits.bytes) throw tooLarge()
      const batch: LlmEvent[] = []
      for (const event of pushed(parser, step.value)) {
        const frame = frameOf(event, limits.depth)
        if (frame === undefined) continue
        if (frame === 'malformed') {
          if (batch.length > 0) yield batch
          throw failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'last', detail: 'an event of the stream is not JSON' })
        }
        from.alive()
        const seen = view(frame)
        note(notes, seen)
        for (const proposal of seen.proposals) drops.calls.add(proposal.channel)
        if (seen.kind === 'fault') {
          if (batch.length > 0) yield batch
          throw answered(seen.fault ?? dialect.readError(200, frame.data, ''), undefined)
        }
        if (!content && seen.kind !== 'preamble') {
          content = true
          from.begun()
        }
        batch.push(frameEvent(dialect, candidate, frame, seen, drops))
        if (isTerminator(terminator, frame)) {
          yield batch
          drain(bytes, reply, clock)
          return undefined
        }
        if (seen.kind === 'end') finished = true
      }
      if (finished && rest === undefined) rest = clock.timer(limits.graceMs, from.cut)
      if (batch.length > 0) {
        yield batch
        from.alive()
      }
    }
  } finally {
    rest?.()
  }
  if (!finished) throw failed({ code: 'upstream_cut', cause: 'truncated', retry: 'last', detail: 'the stream ended before its answer did' })
  return undefined
}

function tooLarge(): Error {
  return failed({ code: 'upstream_too_large', cause: 'malformed', retry: 'never', trips: false, detail: 'the stream is too large' })
}

function pushed(parser: ReturnType<typeof sseParser>, bytes: Uint8Array): SseEvent[] {
  try {
    return parser.push(bytes)
  } catch (error) {
    if (!(error instanceof SseError)) throw error
    throw error.kind === 'encoding' ? failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'last', detail: error.message }) : tooLarge()
  }
}

/**
 * The frame of an event; undefined for one that carries nothing. What is no JSON is passed over only where it cannot
 * be a piece of any: a half of an answer must not go missing silently.
 */
function frameOf(event: SseEvent, depth: number): StreamFrame | 'malformed' | undefined {
  const { data } = event
  if (data === '[DONE]') return event.event === undefined ? {} : { event: event.event }
  let tree: Tree
  try {
    tree = parseJson(data, { depth })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return /[{}[\]"]/.test(data) ? 'malformed' : undefined
  }
  if (!isObject(tree)) return tree === null ? undefined : 'malformed'
  return event.event === undefined ? { data: tree } : { event: event.event, data: tree }
}

function isTerminator(terminator: StreamFrame | undefined, frame: StreamFrame): boolean {
  return terminator !== undefined && frame.event === terminator.event && (terminator.data !== undefined || frame.data === undefined)
}

/** A provider that answers a streamed request with plain JSON mostly says what is wrong. */
async function insteadOfStream({ dialect, limits, reply, wait }: StreamConditions): Promise<Error> {
  const bytes = await wait(reply.body.whole(limits.bytes))
  const tree = parseJson(bytes, { depth: limits.depth })
  if (isObject(tree) && tree.has('error')) return answered(dialect.readError(reply.status, tree, ''), undefined)
  return failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'never', detail: 'a whole reply where a stream was asked for' })
}

const DRAIN_MS = 1_000

/** Reads what is left behind the terminator, so that the connection can be used again; not for long. */
function drain(bytes: AsyncIterator<Uint8Array>, reply: DialReply, clock: Clock): void {
  const cancel = clock.timer(DRAIN_MS, () => reply.abort())
  let left = 64
  const on = (): void => {
    bytes.next().then(
      (step) => {
        if (step.done === true) cancel()
        else if (left-- > 0) on()
        else reply.abort()
      },
      () => cancel(),
    )
  }
  on()
}
