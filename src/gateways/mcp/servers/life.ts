import type { Clock } from '../../../contract/clock.ts'
import type { Program, ProgramSpec, StartProgram } from '../../../contract/program.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { floodGauge } from './flood.ts'
import { OUT_OF_USE, type ServerEvent } from './link.ts'
import { readMessage, RpcMistake, type Id, type Message } from '../rpc.ts'

export interface LifeParts {
  readonly spec: ProgramSpec
  readonly start: StartProgram
  readonly clock: Clock
  readonly on: (event: ServerEvent) => void
}

/** Who hears what a program writes, as long as it lives. */
export interface Hearing {
  /** False for an answer to nothing. */
  answer(message: Extract<Message, { kind: 'answer' }>): boolean
  request(message: Extract<Message, { kind: 'request' }>): void
  notification(message: Extract<Message, { kind: 'notification' }>): void
  /** An answer that cannot be read; `id` is whose it seems to be. False for an answer to nothing. */
  unreadable(id: Id, problem: string): boolean
  /** An answer that is too long, and whose it seems to be, if that can be told. False for an answer to nothing. */
  tooLong(id: Id | undefined): boolean
  /** Nothing is heard of it any more. */
  over(why: string): void
}

/** One life of a program. */
export interface Life {
  readonly began: number
  readonly over: boolean
  /** False where it takes nothing any more. */
  write(text: string): boolean
  /** Takes it out of use at once. */
  end(why: string): void
}

export interface Lives {
  /** The life of now, or a new one with `hearing` for it. @throws {Refused} between two lives, and after the last. */
  living(hearing: (life: Life) => Hearing): Life
  close(): Promise<void>
}

/** Pauses before it is started anew, in milliseconds: doubled each time until it has stayed up for a while. */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 30_000
const STEADY_MS = 60_000
/** Answers to what nobody asked, and texts that are no messages, in one minute, until it is ended. */
const MOST_MISTAKES = 32
const MISTAKES_MS = 60_000

/** A program that is started when it is needed, and again when it ended, after a pause. */
export function lives({ spec, start, clock, on }: LifeParts): Lives {
  let current: Life | undefined
  let closed = false
  let pause = 0
  let notBefore = 0
  let stopping: Promise<void> = Promise.resolve()

  function begin(hearing: (life: Life) => Hearing): Life {
    const began = clock.monotonic()
    let over = false
    let mistakes = 0
    let since = began
    const isFlood = floodGauge(clock)

    const finish = (why: string): void => {
      if (over) return
      over = true
      if (current === life) current = undefined
      const now = clock.monotonic()
      pause = now - began > STEADY_MS ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, pause * 2))
      notBefore = now + pause
      heard.over(why)
      on({ kind: 'ended', why, pause })
    }
    const flooded = (bytes: number): boolean => {
      if (!isFlood(bytes)) return false
      on({ kind: 'broke_protocol', problem: 'a flood of messages' })
      life.end('a flood of messages')
      return true
    }
    /** What it did wrong; what was `asked` for fails, and counts no further: callers would end it by asking. */
    const mistaken = (problem: string, asked: boolean): void => {
      on({ kind: 'broke_protocol', problem })
      if (asked) return
      const now = clock.monotonic()
      if (now - since > MISTAKES_MS) [since, mistakes] = [now, 0]
      if (++mistakes > MOST_MISTAKES) life.end('too many mistakes')
    }
    const line = (bytes: Uint8Array): void => {
      if (over) return
      let message: Message
      try {
        message = readMessage(bytes)
      } catch (error) {
        if (!(error instanceof RpcMistake)) throw error
        if (flooded(bytes.length)) return
        // An answer that cannot be read is still the answer to something.
        const text = Buffer.from(bytes).toString('latin1')
        const id = error.id ?? guessedId(text.slice(0, GUESSED), text.slice(-GUESSED))
        return mistaken(error.message, id !== undefined && heard.unreadable(id, error.message))
      }
      if (message.kind === 'answer') {
        if (!heard.answer(message) && !flooded(bytes.length)) mistaken('an answer to nothing that waits', false)
      } else if (flooded(bytes.length)) return
      else if (message.kind === 'request') heard.request(message)
      else heard.notification(message)
    }
    const life: Life = {
      began,
      get over() {
        return over
      },
      write: (text) => program.write(text),
      end(why) {
        if (over) return
        finish(why)
        stopping = Promise.all([stopping, program.stop()]).then(() => undefined)
      },
    }
    const heard = hearing(life)
    const program: Program = start(spec, {
      line,
      oversized(head, tail) {
        if (!over) mistaken('a message that is too long', heard.tooLong(guessedId(head, tail)))
      },
      said: (text) => on({ kind: 'said', text }),
      ended: finish,
    })
    return life
  }

  return {
    living(hearing) {
      if (closed) throw new Refused(OUT_OF_USE)
      if (current !== undefined) return current
      const wait = notBefore - clock.monotonic()
      if (wait > 0) throw new Refused(refuse('upstream_error', { say: 'The server has ended and is started again in a moment.', retryAfterMs: Math.ceil(wait), detail: 'between two starts' }))
      return (current = begin(hearing))
    },
    async close() {
      closed = true
      current?.end('stopped')
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
