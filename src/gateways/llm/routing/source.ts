import { BodyError, field } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'
import { DialError, type Dial, type DialReply } from '../../../contract/dial.ts'
import type { Fields } from '../../../contract/arrival.ts'
import { NO_USAGE, type Candidate, type Usage } from '../../../contract/exchange.ts'
import { Refused } from '../../../contract/verdict.ts'
import { JsonError, parseJson } from '../../../formats/json.ts'
import { isObject, type Tree } from '../../../formats/tree.ts'
import type { Dialect, FrameView } from '../dialect.ts'
import { masked } from '../providers/mask.ts'
import type { Timeouts } from '../settings.ts'
import { treeEvent, type LlmEvent } from './event.ts'
import { answered, dialFailed, failed, retryAfter, UpstreamFailed } from './fault.ts'
import { note, type Notes, type ReplyLimits, type Wait } from './received.ts'
import { readStream } from './stream.ts'

/** A request ready to go to one target. */
export interface Prepared {
  readonly method?: string
  readonly url: string
  readonly fields: Fields
  readonly body: string | Uint8Array
  readonly dialect: Dialect
  readonly stream: boolean
  readonly dial: Dial
}

/** Bytes of an error body that are read: providers' reasons are short, and nobody else's words need to be kept. */
const ERROR_BYTES = 65_536

/** One try at one target: its events in batches, as the network brings them. */
export interface Source {
  /**
   * The next events, or undefined after the last.
   * @throws {UpstreamFailed} for whatever the target did wrong; nothing follows.
   */
  next(): Promise<readonly LlmEvent[] | undefined>
  /** As reported so far; `output` at least what the streamed text amounts to. */
  usage(): Usage
  /** Model that the target says it is. */
  model(): string | undefined
  /** The target took the request and may be charging for it. */
  began(): boolean
  abort(): void
}

export interface Conditions {
  readonly candidate: Candidate
  readonly prepared: Prepared
  readonly timeouts: Timeouts
  readonly limits: ReplyLimits
  readonly clock: Clock
  /** Counted input, charged where an upstream died without a word about usage. */
  readonly estimatedInput: number
}

/** Dials at once; the events are read as they are asked for. */
export function openSource(conditions: Conditions): Source {
  const { prepared, timeouts, clock, estimatedInput } = conditions
  const controller = new AbortController()
  const notes: Notes = { usage: NO_USAGE, characters: 0, reported: false, model: undefined, began: false }
  let interrupted: UpstreamFailed | undefined
  let rejectWait: ((error: UpstreamFailed) => void) | undefined

  function interrupt(error: UpstreamFailed): void {
    if (interrupted !== undefined) return
    interrupted = error
    rest()
    controller.abort()
    rejectWait?.(error)
  }

  // Not Promise.race: racing against one long-lived promise keeps a reaction per chunk alive until the stream ends.
  const wait: Wait = (work) =>
    interrupted !== undefined
      ? (work.catch(ignore), Promise.reject(interrupted))
      : new Promise((resolve, reject) => {
          waiting = true
          rejectWait = reject
          work.then(
            (value) => {
              waiting = false
              resolve(value)
            },
            (error: unknown) => reject((interrupted ?? error) as Error),
          )
        })

  const firstMs = prepared.stream ? timeouts.firstToken : timeouts.answer
  let rest = clock.timer(firstMs, () => interrupt(failed({ code: 'upstream_timeout', cause: 'timeout', retry: 'never', detail: `no content within ${firstMs} ms` })))
  let lastSign = 0
  let waiting = false
  let over = false
  let complete = false

  // One timer for the whole stream: when it fires it looks how long nothing came, instead of being set anew per frame.
  // A caller that reads slowly is not the upstream's fault, so only waiting counts.
  function watchForStall(ms: number): void {
    rest = clock.timer(ms, () => {
      const quiet = waiting ? clock.monotonic() - lastSign : 0
      if (quiet + 1 < timeouts.stall) watchForStall(timeouts.stall - quiet)
      else interrupt(failed({ code: 'upstream_timeout', cause: 'stalled', retry: 'never', detail: `nothing came for ${timeouts.stall} ms` }))
    })
  }

  async function open(): Promise<AsyncIterator<readonly LlmEvent[], undefined>> {
    const reply = await wait(dialled(conditions, controller.signal, firstMs))
    if (reply.status < 200 || reply.status > 299) throw await refusedBy(conditions, reply, wait)
    notes.began = true
    if (!prepared.stream) {
      const [event, view] = await whole(conditions, reply, wait)
      note(notes, view, true)
      return only([event])
    }
    return readStream({
      dialect: prepared.dialect,
      candidate: conditions.candidate,
      limits: conditions.limits,
      clock,
      reply,
      wait,
      notes,
      alive: () => (lastSign = clock.monotonic()),
      begun() {
        rest()
        watchForStall(timeouts.stall)
      },
      cut: abort,
    })
  }

  function abort(): void {
    if (!over) interrupt(failed({ code: 'cancelled', cause: 'caller', retry: 'never', trips: false, detail: 'aborted' }))
  }

  let events: AsyncIterator<readonly LlmEvent[], undefined> | undefined
  return {
    async next() {
      try {
        events ??= await open()
        const step = await events.next()
        if (step.done !== true) return step.value
        over = true
        complete = true
        rest()
        return undefined
      } catch (error) {
        over = true
        rest()
        controller.abort()
        throw withoutCredential(explained(error), prepared.fields)
      }
    },
    usage() {
      const { usage, reported, characters, began } = notes
      if (complete && reported) return usage
      if (!began) return usage
      return { ...usage, input: usage.input > 0 ? usage.input : estimatedInput, output: Math.max(usage.output, Math.ceil(characters / 4)) }
    },
    model: () => notes.model,
    began: () => notes.began,
    abort,
  }
}

async function dialled({ prepared, timeouts }: Conditions, signal: AbortSignal, headMs: number): Promise<DialReply> {
  const { method = 'POST', url, fields, body, dial } = prepared
  return await dial({ method, url, fields, body, signal, timeouts: { connectMs: Math.min(timeouts.connect, headMs), headMs } })
}

async function refusedBy({ prepared, limits, clock }: Conditions, reply: DialReply, wait: Wait): Promise<UpstreamFailed> {
  const after = retryAfter(field(reply.fields, 'retry-after'), field(reply.fields, 'retry-after-ms'), clock.wall())
  if (reply.status < 400) {
    reply.abort()
    return failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'never', status: reply.status, detail: `status ${reply.status}: redirects are not followed` })
  }
  let text = ''
  let tree: Tree | undefined
  try {
    const bytes = await wait(reply.body.whole(ERROR_BYTES))
    text = new TextDecoder().decode(bytes)
    tree = parseJson(bytes, { depth: limits.depth })
  } catch (error) {
    // The status alone says enough to go on; only an interruption is more important than it.
    if (error instanceof UpstreamFailed) throw error
  }
  return answered(prepared.dialect.readError(reply.status, tree, text), after)
}

async function whole({ candidate, prepared, limits }: Conditions, reply: DialReply, wait: Wait): Promise<readonly [LlmEvent, FrameView]> {
  const tree = parseJson(await wait(reply.body.whole(limits.bytes)), { depth: limits.depth })
  if (!isObject(tree)) throw failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'last', detail: 'the reply is no JSON object' })
  const view = prepared.dialect.viewReply(tree)
  if (view.kind === 'fault') throw answered(view.fault ?? prepared.dialect.readError(reply.status, tree, ''), undefined)
  return [treeEvent(prepared.dialect, candidate, tree, view), view]
}

/** Any error of dial, body and readers as a fault. A defect of our own stays what it is. */
function explained(error: unknown): unknown {
  if (error instanceof UpstreamFailed || error instanceof Refused) return error
  if (error instanceof DialError) {
    return error.fault === 'aborted' ? failed({ code: 'cancelled', cause: 'caller', retry: 'never', trips: false, detail: error.message }) : dialFailed(error.fault, error.message)
  }
  if (error instanceof BodyError) {
    if (error.kind === 'too_large') return failed({ code: 'upstream_too_large', cause: 'malformed', retry: 'never', trips: false, detail: 'reply too large' })
    if (error.kind === 'too_slow') return failed({ code: 'upstream_timeout', cause: 'stalled', retry: 'never', detail: 'reply too slow' })
    return failed({ code: 'upstream_cut', cause: 'truncated', retry: 'last', detail: 'the reply broke off' })
  }
  if (error instanceof JsonError) {
    return error.reason === 'truncated' || error.reason === 'empty'
      ? failed({ code: 'upstream_cut', cause: 'truncated', retry: 'last', detail: error.message })
      : failed({ code: 'upstream_malformed', cause: 'malformed', retry: 'last', detail: error.message })
  }
  return error
}

/** A provider's words leave the house, its credential does not. */
function withoutCredential(error: unknown, fields: Fields): unknown {
  if (!(error instanceof UpstreamFailed)) return error
  const { detail, upstream } = error.fault
  const code = upstream?.code
  return new UpstreamFailed({
    ...error.fault,
    detail: masked(detail, fields),
    ...(upstream !== undefined && { upstream: { ...upstream, message: masked(upstream.message, fields), ...(code !== undefined && { code: masked(code, fields) }) } }),
  })
}

async function* only(batch: readonly LlmEvent[]): AsyncGenerator<readonly LlmEvent[], undefined> {
  yield batch
  return undefined
}

function ignore(): void {
  return undefined
}
