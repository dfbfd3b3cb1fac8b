import { BodyError, field, type Fields } from '../../../contract/arrival.ts'
import { DialError, type Dial, type DialReply } from '../../../contract/dial.ts'
import { refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import { SseError, sseParser } from '../../../formats/sse.ts'
import { malformed } from './introduce.ts'
import { readMessage, RpcMistake, type Message } from '../rpc.ts'

/** Where messages are sent, and how large those that come back may be. */
export interface Post {
  readonly dial: Dial
  /** Credentials among them: they stay in here. */
  readonly fields: Fields
  /** Largest answer, in bytes. */
  readonly answerBytes: number
}

/** Longest that a connection, and the answer to what has none, may take, in milliseconds. */
export const CONNECT_MS = 10_000
/** Messages besides the answer that one stream may bring. */
const MOST_BESIDE = 2_000
/** An event's id that a header field can say. */
const RESUMABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/
/** What of an error's body is read. */
const ERROR_BYTES = 65_536

/** What one stream brought, and the last event that it named: where another one can go on. */
export interface Streamed {
  last: string | undefined
}

/** One message, sent. */
export function post({ dial, fields }: Post, url: string, body: string, more: Fields, signal: AbortSignal, timeoutMs: number): Promise<DialReply> {
  return dial({ method: 'POST', url, fields: [...fields, ['content-type', 'application/json'], ['accept', 'application/json, text/event-stream'], ...more], body, signal, timeouts: { connectMs: Math.min(CONNECT_MS, timeoutMs), headMs: timeoutMs } })
}

export function isJson(reply: DialReply): boolean {
  return /^application\/json\s*(?:;|$)/i.test(field(reply.fields, 'content-type') ?? '')
}

export function isStream(reply: DialReply): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(field(reply.fields, 'content-type') ?? '')
}

/** Answers to a server's own questions that are on their way to it at once, on one connection. */
const MOST_REPLIES = 256

/** Sends what a server is answered, each as a request of its own: one that asks faster than it takes the answers is not heard. */
export function replies(): (answer: () => Promise<string>, send: (body: string) => Promise<void>) => void {
  let open = 0
  return (answer, send) => {
    if (open >= MOST_REPLIES) return
    open++
    void answer()
      .then(send)
      .catch(() => undefined)
      .finally(() => open--)
  }
}

/** The message that an error's body is, where it is one. */
export async function errorIn(reply: DialReply): Promise<Message | undefined> {
  if (!isJson(reply)) {
    reply.abort()
    return undefined
  }
  try {
    return readMessage(await reply.body.whole(ERROR_BYTES))
  } catch (error) {
    if (error instanceof RpcMistake || error instanceof BodyError) return undefined
    throw error
  }
}

/** @throws {Refused} for what is no message. */
export function messageOf(text: Uint8Array | string): Message {
  try {
    return readMessage(text)
  } catch (error) {
    if (error instanceof RpcMistake) throw malformed(error.message)
    throw error
  }
}

/**
 * Events of a stream. One that is to end has at most as many bytes as an answer may have twice, and `MOST_BESIDE` messages;
 * one that has no end is weighed by `isFlood`. Ends with the stream.
 */
export async function* messagesIn(reply: DialReply, { answerBytes }: Post, seen: Streamed, isFlood?: (bytes: number) => boolean): AsyncGenerator<Message> {
  const parser = sseParser({ line: answerBytes, event: answerBytes })
  let count = 0
  let read = 0
  try {
    for await (const bytes of reply.body.stream()) {
      read += bytes.length
      if (isFlood === undefined ? read > answerBytes * 2 : isFlood(bytes.length)) throw new Refused(TOO_LARGE)
      for (const { data, event, id } of parser.push(bytes)) {
        if (id !== undefined) seen.last = RESUMABLE.test(id) ? id : undefined
        // Events without data are there to keep the line open, or to name an id.
        if (data === '' || (event !== undefined && event !== 'message')) continue
        yield messageOf(data)
        if (isFlood === undefined ? ++count > MOST_BESIDE : isFlood(0)) throw new Refused(FLOOD)
      }
    }
  } finally {
    reply.abort()
  }
}

export const FLOOD = refuse('upstream_too_large', { say: 'The server sends more than this gateway accepts.', detail: 'a flood of messages' })
export const TOO_LARGE = refuse('upstream_too_large', { say: 'The server\'s answer is larger than this gateway accepts.' })
export const BROKEN_OFF = refuse('upstream_cut', { say: 'The server\'s answer broke off.' })

/** A status that is no answer; `statusOf` finds it again. */
export function statusProblem(status: number): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 401 || status === 403) return refuse('upstream_auth', { say: 'The server did not accept this gateway\'s credential.', detail: `status ${status}` })
  if (status === 429) return refuse('upstream_rate', { say: 'The server is limiting requests.' })
  return refuse('upstream_error', { say: 'The server failed.', detail: `status ${status}` })
}

/** The HTTP status behind a refusal, where it was one that says nothing but failure. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Refused) || error.refusal.refuse !== 'upstream_error') return undefined
  const status = /^status (\d{3})$/.exec(error.refusal.detail ?? '')?.[1]
  return status === undefined ? undefined : Number(status)
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal
  if (error instanceof BodyError) return error.kind === 'too_large' ? TOO_LARGE : BROKEN_OFF
  if (error instanceof SseError) return error.kind === 'encoding' ? malformed('not UTF-8').refusal : TOO_LARGE
  if (error instanceof DialError) return error.fault.endsWith('timeout') ? refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: error.fault }) : refuse('upstream_error', { say: 'The server cannot be reached.', detail: error.fault })
  throw error
}
