import type { Clock } from '../../contract/clock.ts'
import type { Program, ProgramSpec, StartProgram } from '../../contract/program.ts'
import { endedBy, refuse, Refused, type Refusal } from '../../contract/verdict.ts'
import { object, type TreeObject } from '../../formats/tree.ts'
import { initializeParams, introductionOf } from './introduce.ts'
import { LIST_CHANGED, NEVER, within, type AskOptions, type Introduction, type Link, type ServerEvent } from './link.ts'
import { answerText, METHOD_NOT_FOUND, notificationText, readMessage, requestText, RpcMistake, type Answer, type Id, type Message } from './rpc.ts'

export interface StdioParts {
  readonly spec: ProgramSpec
  readonly start: StartProgram
  readonly clock: Clock
  readonly version: string
  /** Longest that it may take to introduce itself, in milliseconds. */
  readonly startMs: number
  readonly on: (event: ServerEvent) => void
}

/** Pauses before it is started anew, in milliseconds: doubled each time until it has stayed up for a while. */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 30_000
const STEADY_MS = 60_000
/** Requests that wait for one server. */
const MOST_PENDING = 1_024
/** Messages that nobody waits for: how many in ten seconds end it. */
const MOST_UNASKED = 2_000
const UNASKED_MS = 10_000
/** Answers to what nobody asked, and texts that are no messages, until it is ended. */
const MOST_MISTAKES = 32

interface Pending {
  readonly settle: (answer: Answer | Refusal) => void
}

/** One life of the program. */
interface Life {
  readonly program: Program
  readonly began: number
  readonly pending: Map<Id, Pending>
  readonly introduced: Promise<Introduction>
  /** Set when it has introduced itself, so that nobody waits for what is there. */
  ready: boolean
  over: boolean
  mistakes: number
  unasked: number
  since: number
}

/** A server that is a child process, shared by all who may use it: ids are ours, so that no answer finds another's question. */
export function stdioLink(parts: StdioParts): Link {
  const { clock, on } = parts
  let life: Life | undefined
  let closed = false
  let lastId = 0
  let changes = 0
  let pause = 0
  let notBefore = 0
  let stopping: Promise<void> = Promise.resolve()

  function living(): Life {
    if (closed) throw new Refused(refuse('draining'))
    if (life !== undefined) return life
    const wait = notBefore - clock.monotonic()
    if (wait > 0) throw new Refused(refuse('upstream_error', { say: 'The server has ended and is started again in a moment.', retryAfterMs: Math.ceil(wait), detail: 'between two starts' }))
    const began = clock.monotonic()
    const made: Life = {
      program: parts.start(parts.spec, {
        line: (bytes) => heard(made, bytes),
        oversized: (head, tail) => tooLong(made, head, tail),
        said: (text) => on({ kind: 'said', text }),
        ended: (why) => ended(made, why),
      }),
      began,
      pending: new Map(),
      introduced: Promise.resolve().then(() => introduce(made)),
      ready: false,
      over: false,
      mistakes: 0,
      unasked: 0,
      since: began,
    }
    // Whoever asks next hears of it; nobody may be asking yet.
    made.introduced.catch(() => undefined)
    changes++
    return (life = made)
  }

  async function introduce(one: Life): Promise<Introduction> {
    try {
      const answer = await ask(one, 'initialize', initializeParams(parts.version), { signal: NEVER, timeoutMs: parts.startMs })
      const introduction = introductionOf(answer)
      if (!one.program.write(notificationText('notifications/initialized'))) throw new Refused(gone('it left while it introduced itself'))
      one.ready = true
      on({ kind: 'started', took: clock.monotonic() - one.began })
      return introduction
    } catch (error) {
      // What cannot introduce itself is started anew, not asked again.
      end(one, 'it did not introduce itself')
      throw error
    }
  }

  function ask(one: Life, method: string, params: TreeObject, { signal, timeoutMs }: AskOptions): Promise<Answer> {
    if (signal.aborted) return Promise.reject(new Refused(endedBy(signal)))
    if (one.over) return Promise.reject(new Refused(gone('it has ended')))
    if (one.pending.size >= MOST_PENDING) return Promise.reject(new Refused(refuse('concurrency', { detail: 'too many requests wait for the server' })))
    const id = ++lastId
    return new Promise((resolve, reject) => {
      const leave = (refusal: Refusal): void => {
        if (method !== 'initialize') one.program.write(notificationText('notifications/cancelled', object({ requestId: id, reason: refusal.refuse })))
        settle(refusal)
      }
      const cancel = clock.timer(timeoutMs, () => leave(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: method })))
      const aborted = (): void => leave(endedBy(signal))
      const settle = (answer: Answer | Refusal): void => {
        if (!one.pending.delete(id)) return
        cancel()
        signal.removeEventListener('abort', aborted)
        if ('refuse' in answer) reject(new Refused(answer))
        else resolve(answer)
      }
      one.pending.set(id, { settle })
      signal.addEventListener('abort', aborted, { once: true })
      if (!one.program.write(requestText(id, method, params))) settle(gone('it takes nothing more'))
    })
  }

  function heard(one: Life, bytes: Uint8Array): void {
    if (one.over) return
    let message: Message
    try {
      message = readMessage(bytes)
    } catch (error) {
      if (!(error instanceof RpcMistake)) throw error
      // An answer that cannot be read is still the answer to something.
      const text = Buffer.from(bytes).toString('latin1')
      const id = error.id ?? guessedId(text.slice(0, GUESSED), text.slice(-GUESSED))
      if (id !== undefined) one.pending.get(id)?.settle(refuse('upstream_malformed', { say: 'The server\'s answer could not be understood.', detail: error.message }))
      return mistaken(one, error.message)
    }
    if (message.kind === 'answer') {
      const asked = message.id === undefined ? undefined : one.pending.get(message.id)
      if (asked === undefined) return mistaken(one, 'an answer to nothing that waits')
      return asked.settle(message.answer)
    }
    if (flooded(one)) return
    if (message.kind === 'request') {
      // Nothing was offered that it could ask for, but whether we are there.
      const answer: Answer = message.method === 'ping' ? { result: new Map() } : { error: { code: METHOD_NOT_FOUND, message: 'This client takes no such request.' } }
      one.program.write(answerText(message.id, answer))
    } else if (LIST_CHANGED.test(message.method)) changes++
  }

  function flooded(one: Life): boolean {
    const now = clock.monotonic()
    if (now - one.since > UNASKED_MS) {
      one.since = now
      one.unasked = 0
    }
    if (++one.unasked <= MOST_UNASKED) return false
    on({ kind: 'broke_protocol', problem: 'a flood of messages' })
    end(one, 'a flood of messages')
    return true
  }

  function mistaken(one: Life, problem: string): void {
    on({ kind: 'broke_protocol', problem })
    if (++one.mistakes > MOST_MISTAKES) end(one, 'too many mistakes')
  }

  function tooLong(one: Life, head: string, tail: string): void {
    if (one.over) return
    const id = guessedId(head, tail)
    const asked = id === undefined ? undefined : one.pending.get(id)
    const refusal = refuse('upstream_too_large', { say: 'The server\'s answer is larger than this gateway accepts.', detail: `a line of more than ${parts.spec.lineBytes} bytes` })
    for (const { settle } of asked === undefined ? [...one.pending.values()] : [asked]) settle(refusal)
    mistaken(one, 'a message that is too long')
  }

  /** Takes it out of use at once; the next request starts another, after the pause. */
  function end(one: Life, why: string): void {
    if (one.over) return
    over(one, why)
    stopping = Promise.all([stopping, one.program.stop()]).then(() => undefined)
  }

  function ended(one: Life, why: string): void {
    if (!one.over) over(one, why)
  }

  function over(one: Life, why: string): void {
    one.over = true
    if (life === one) life = undefined
    const now = clock.monotonic()
    pause = now - one.began > STEADY_MS ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, pause * 2))
    notBefore = now + pause
    for (const { settle } of [...one.pending.values()]) settle(gone(why))
    on({ kind: 'ended', why, pause })
  }

  return {
    async introduction(options) {
      return within(living().introduced, options.signal)
    },
    async request(method, params, options) {
      const one = living()
      if (!one.ready) await within(one.introduced, options.signal)
      return ask(one, method, params, options)
    },
    changes: () => changes,
    async close() {
      closed = true
      if (life !== undefined) end(life, 'stopped')
      await stopping
    },
  }
}

/** How much of each end of a message that cannot be read is searched for its id. */
const GUESSED = 256

/** Whose answer it was stands at its beginning or its end; a wrong guess fails one call and shows nobody anything. */
function guessedId(head: string, tail: string): number | undefined {
  const id = /^\s*\{\s*(?:"jsonrpc":\s*"2\.0",\s*)?"id":\s*(\d+)/.exec(head)?.[1] ?? /"id":\s*(\d+)\s*(?:,\s*"jsonrpc":\s*"2\.0"\s*)?\}\s*$/.exec(tail)?.[1]
  return id === undefined ? undefined : Number(id)
}

function gone(detail: string): Refusal {
  return refuse('upstream_cut', { say: 'The server ended before it answered.', detail })
}
