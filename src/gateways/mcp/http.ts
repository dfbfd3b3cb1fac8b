import { BodyError, field, type Fields } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import { DialError, type Dial, type DialReply } from '../../contract/dial.ts'
import { endedBy, refuse, Refused, type Refusal } from '../../contract/verdict.ts'
import { SseError, sseParser } from '../../formats/sse.ts'
import type { TreeObject } from '../../formats/tree.ts'
import { initializeParams, introductionOf, malformed } from './introduce.ts'
import { LIST_CHANGED, NEVER, within, type AskOptions, type Introduction, type Link, type ServerEvent } from './link.ts'
import { OFFERED } from './revisions.ts'
import { notificationText, readMessage, requestText, RpcMistake, type Answer } from './rpc.ts'

export interface HttpParts {
  readonly url: string
  /** Credentials among them: they stay in here. */
  readonly fields: Fields
  readonly dial: Dial
  readonly clock: Clock
  readonly version: string
  /** Largest answer, in bytes. */
  readonly answerBytes: number
  readonly on: (event: ServerEvent) => void
}

const CONNECT_MS = 10_000
/** Messages besides the answer that one stream may bring. */
const MOST_BESIDE = 2_000
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/

/** One acquaintance with the server: its session, if it keeps any. */
interface Met {
  readonly introduction: Introduction
  readonly session: string | undefined
}

/** A server behind streamable HTTP, revision 2025-11-25 and its forerunners. Answers come whole or at the end of a stream. */
export function httpLink(parts: HttpParts): Link {
  const { clock, on } = parts
  let meeting: Promise<Met> | undefined
  let lastId = 0
  let changes = 0

  function met(options: AskOptions): Promise<Met> {
    if (meeting === undefined) {
      const made = introduce(options.timeoutMs)
      made.catch(() => {
        if (meeting === made) meeting = undefined
      })
      meeting = made
    }
    return within(meeting, options.signal)
  }

  async function introduce(timeoutMs: number): Promise<Met> {
    changes++
    const began = clock.monotonic()
    const { answer, reply } = await ask('initialize', initializeParams(parts.version), undefined, { signal: NEVER, timeoutMs })
    const introduction = introductionOf(answer)
    const session = field(reply.fields, 'mcp-session-id')
    if (session !== undefined && !SESSION_ID.test(session)) throw malformed('initialize: a session id that is none')
    const made = { introduction, session }
    await tell(notificationText('notifications/initialized'), made)
    on({ kind: 'started', took: clock.monotonic() - began })
    return made
  }

  async function ask(method: string, params: TreeObject, known: Met | undefined, { signal, timeoutMs }: AskOptions): Promise<{ readonly answer: Answer; readonly reply: DialReply }> {
    const id = ++lastId
    const late = new AbortController()
    const cancel = clock.timer(timeoutMs, () => late.abort(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: method })))
    const both = AbortSignal.any([signal, late.signal])
    try {
      const reply = await send(requestText(id, method, params), known, both, timeoutMs)
      const wrong = statusProblem(reply.status, known)
      if (wrong !== undefined) {
        reply.abort()
        throw new Refused(wrong)
      }
      return { answer: await answerIn(reply, id), reply }
    } catch (error) {
      if (both.aborted && known !== undefined) void tell(notificationText('notifications/cancelled', new Map([['requestId', id]])), known).catch(() => undefined)
      throw new Refused(both.aborted ? endedBy(both) : refusalOf(error))
    } finally {
      cancel()
    }
  }

  function send(body: string, known: Met | undefined, signal: AbortSignal, timeoutMs: number): Promise<DialReply> {
    const fields: (readonly [string, string])[] = [...parts.fields, ['content-type', 'application/json'], ['accept', 'application/json, text/event-stream'], ['mcp-protocol-version', known?.introduction.protocol ?? OFFERED]]
    if (known?.session !== undefined) fields.push(['mcp-session-id', known.session])
    return parts.dial({ method: 'POST', url: parts.url, fields, body, signal, timeouts: { connectMs: Math.min(CONNECT_MS, timeoutMs), headMs: timeoutMs } })
  }

  /** Something that has no answer. */
  async function tell(body: string, known: Met): Promise<void> {
    try {
      const reply = await send(body, known, NEVER, CONNECT_MS)
      reply.abort()
    } catch (error) {
      throw new Refused(refusalOf(error))
    }
  }

  async function answerIn(reply: DialReply, id: number): Promise<Answer> {
    const type = (field(reply.fields, 'content-type') ?? '').toLowerCase()
    if (/^application\/json\s*(?:;|$)/.test(type)) {
      const answer = answerTo(id, await reply.body.whole(parts.answerBytes))
      if (answer === undefined) throw malformed('an answer to something else')
      return answer
    }
    if (!/^text\/event-stream\s*(?:;|$)/.test(type)) {
      reply.abort()
      throw malformed('neither JSON nor a stream of events')
    }
    return streamed(reply, id)
  }

  async function streamed(reply: DialReply, id: number): Promise<Answer> {
    const parser = sseParser({ line: parts.answerBytes, event: parts.answerBytes })
    let beside = 0
    let read = 0
    try {
      for await (const bytes of reply.body.stream()) {
        read += bytes.length
        if (read > parts.answerBytes * 2) throw new Refused(TOO_LARGE)
        for (const { data, event } of parser.push(bytes)) {
          // Events without data are there to keep the line open, or to name an id.
          if (data === '' || (event !== undefined && event !== 'message')) continue
          const answer = answerTo(id, data)
          if (answer !== undefined) return answer
          if (++beside > MOST_BESIDE) throw new Refused(refuse('upstream_too_large', { say: 'The server sends more than this gateway accepts.', detail: 'a flood of messages' }))
        }
      }
    } finally {
      reply.abort()
    }
    throw new Refused(refuse('upstream_cut', { say: 'The server\'s answer broke off.' }))
  }

  /** Undefined for what is not the answer. What a server asks is left unanswered: nothing was offered. */
  function answerTo(id: number, text: Uint8Array | string): Answer | undefined {
    let message
    try {
      message = readMessage(text)
    } catch (error) {
      if (error instanceof RpcMistake) throw malformed(error.message)
      throw error
    }
    if (message.kind === 'answer') {
      if (message.id === id) return message.answer
      on({ kind: 'broke_protocol', problem: 'an answer to nothing that waits' })
    } else if (LIST_CHANGED.test(message.method)) changes++
    return undefined
  }

  return {
    introduction: async (options) => (await met(options)).introduction,
    async request(method, params, options) {
      const known = await met(options)
      try {
        return (await ask(method, params, known, options)).answer
      } catch (error) {
        if (!(error instanceof Refused) || error.refusal.detail !== FORGOTTEN) throw error
        // The server has forgotten the session, so it did nothing: once more, in another one.
        meeting = undefined
        return (await ask(method, params, await met(options), options)).answer
      }
    },
    changes: () => changes,
    async close() {
      const known = await meeting?.catch(() => undefined)
      if (known?.session === undefined) return
      const fields: Fields = [...parts.fields, ['mcp-session-id', known.session], ['mcp-protocol-version', known.introduction.protocol]]
      await parts.dial({ method: 'DELETE', url: parts.url, fields, signal: AbortSignal.timeout(1_000), timeouts: { connectMs: 1_000, headMs: 1_000 } }).then((reply) => reply.abort(), () => undefined)
    },
  }
}

const FORGOTTEN = 'the server has forgotten its session'

function statusProblem(status: number, known: Met | undefined): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 404 && known?.session !== undefined) return refuse('upstream_error', { say: 'The server does not know its session any more.', detail: FORGOTTEN })
  if (status === 401 || status === 403) return refuse('upstream_auth', { say: 'The server did not accept this gateway\'s credential.', detail: `status ${status}` })
  if (status === 429) return refuse('upstream_rate', { say: 'The server is limiting requests.' })
  return refuse('upstream_error', { say: 'The server failed.', detail: `status ${status}` })
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal
  if (error instanceof BodyError) return error.kind === 'too_large' ? TOO_LARGE : refuse('upstream_cut', { say: 'The server\'s answer broke off.' })
  if (error instanceof SseError) return error.kind === 'encoding' ? malformed('not UTF-8').refusal : TOO_LARGE
  if (error instanceof DialError) return error.fault.endsWith('timeout') ? refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: error.fault }) : refuse('upstream_error', { say: 'The server cannot be reached.', detail: error.fault })
  throw error
}

const TOO_LARGE = refuse('upstream_too_large', { say: 'The server\'s answer is larger than this gateway accepts.' })
