import { field, type Fields } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'
import type { Dial, DialReply } from '../../../contract/dial.ts'
import { endedBy, refuse, Refused } from '../../../contract/verdict.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { Asides, ASKING, type Aside } from './asides.ts'
import { deadline } from './deadline.ts'
import { askModern, discoveryOf, plain, spoken } from './era.ts'
import { initializeParams, introductionOf, malformed } from './introduce.ts'
import { LIST_CHANGED, NEVER, OUT_OF_USE, within, type AskOptions, type Introduction, type Link, type ServerEvent } from './link.ts'
import { HeaderParams, headerValue } from './params.ts'
import { BROKEN_OFF, CONNECT_MS, errorIn, isJson, isStream, messageOf, messagesIn, post, refusalOf, replies, statusOf, statusProblem, type Streamed } from './posts.ts'
import { MODERN, OFFERED } from '../revisions.ts'
import { answerText, HEADER_MISMATCH, INVALID_REQUEST, MISSING_CAPABILITY, notificationText, PARSE_ERROR, requestText, UNSUPPORTED_VERSION, type Answer, type Message } from '../rpc.ts'
import { streamKept, type KeptStream } from './kept.ts'
import { listenParams, Subscriptions } from './subscriptions.ts'
import { sessionAnswer } from './urls.ts'

export interface HttpParts {
  readonly url: string
  /** Credentials among them: they stay in here. */
  readonly fields: Fields
  readonly dial: Dial
  readonly clock: Clock
  readonly version: string
  /** What it may ask of callers at all, as capabilities. */
  readonly offers: TreeObject
  /** Largest answer, in bytes. */
  readonly answerBytes: number
  readonly on: (event: ServerEvent) => void
}

const SESSION_ID = /^[\x21-\x7e]{1,1024}$/
/** What of a request the header Mcp-Name repeats. */
const NAMED: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' }
/** Times that a stream which broke off is taken up again where it ended, and the pause before. */
const MOST_RESUMES = 5
const RESUME_MS = 500
/** How long the server's own stream stays open when nobody needs it any more. */
const LINGER_MS = 30_000

/** One acquaintance with the server: its session, if it keeps any. */
interface Met {
  readonly introduction: Introduction
  readonly session: string | undefined
}

/**
 * A server behind streamable HTTP: revision 2026-07-28, or 2025-11-25 and its forerunners, as the server turns out to
 * speak. Answers come whole or at the end of a stream, with what is said beside them before.
 */
export function httpLink(parts: HttpParts): Link {
  const { clock, on, offers, version, url } = parts
  const asides = new Asides()
  const subscriptions = new Subscriptions()
  const headers = new HeaderParams()
  const answers = replies()
  const closing = new AbortController()
  let meeting: Promise<Met> | undefined
  /** False once the server has turned out to have sessions: it is asked no more. */
  let modern = true
  let stream: KeptStream<Met> | undefined
  /** The acquaintance of now. */
  let now: Met | undefined
  let needed = 0
  let unneeded: (() => void) | undefined
  let lastId = 0
  let changes = 0

  function met(options: AskOptions): Promise<Met> {
    if (meeting === undefined) {
      const made = introduce(options.timeoutMs)
      made.catch(() => {
        if (meeting === made) meeting = undefined
        // Whatever it spoke before, it may speak the newest by now.
        modern = true
      })
      meeting = made
    }
    return within(meeting, options.signal)
  }

  async function introduce(timeoutMs: number): Promise<Met> {
    changes++
    const began = clock.monotonic()
    const made = (await discovered(timeoutMs)) ?? (await initialized(timeoutMs))
    on({ kind: 'started', took: clock.monotonic() - began })
    modern = isModern(made)
    now = made
    stream?.restart(made)
    // It knows nothing of what it was asked for in an earlier session.
    if (!modern) void subscriptions.renew(async (params) => (await ask('resources/subscribe', params, made, { signal: closing.signal, timeoutMs })).answer)
    return made
  }

  /** Whoever notices it of an acquaintance before the last changes nothing: many notice at once, and one is enough. */
  function forget(known: Met): void {
    if (now !== known) return
    now = undefined
    meeting = undefined
    if (isModern(known)) modern = true
  }

  async function discovered(timeoutMs: number): Promise<Met | undefined> {
    if (!modern) return undefined
    try {
      const introduction = discoveryOf((await ask('server/discover', spoken(parts, new Map()), UNMET, { signal: closing.signal, timeoutMs })).answer)
      return introduction && { introduction, session: undefined }
    } catch (error) {
      // Servers of other revisions have many ways to say that they know no such thing.
      if (statusOf(error) !== undefined || (error instanceof Refused && error.refusal.refuse === 'upstream_timeout')) return undefined
      throw error
    }
  }

  async function initialized(timeoutMs: number): Promise<Met> {
    const { answer, reply } = await ask('initialize', initializeParams(version, offers), undefined, { signal: closing.signal, timeoutMs })
    const introduction = introductionOf(answer)
    const session = field(reply.fields, 'mcp-session-id')
    if (session !== undefined && !SESSION_ID.test(session)) throw malformed('initialize: a session id that is none')
    const made = { introduction, session }
    await tell(notificationText('notifications/initialized'), made)
    return made
  }

  async function ask(method: string, params: TreeObject, known: Met | undefined, { signal, timeoutMs, beside }: AskOptions): Promise<{ readonly answer: Answer; readonly reply: DialReply }> {
    const id = ++lastId
    const stop = new AbortController()
    const stopped = (): void => stop.abort(signal.reason)
    if (signal.aborted) stopped()
    signal.addEventListener('abort', stopped, { once: true })
    const limit = deadline(clock, timeoutMs, () => stop.abort(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: method })))
    const aside = asides.enter({ id, method, params, beside, hold: limit.hold })
    try {
      const fields = isModern(known) ? modernFields(method, params) : sessionFields(known)
      const reply = await post(parts, url, requestText(id, method, aside.params), fields, stop.signal, timeoutMs)
      return { answer: await answerOf(reply, id, known, aside, stop.signal), reply }
    } catch (error) {
      // Where there are no sessions, to close the connection is to cancel.
      if (stop.signal.aborted && known !== undefined && !isModern(known)) void tell(notificationText('notifications/cancelled', new Map([['requestId', id]])), known).catch(() => undefined)
      throw new Refused(stop.signal.aborted ? endedBy(stop.signal) : refusalOf(error))
    } finally {
      limit.end()
      aside.leave()
      signal.removeEventListener('abort', stopped)
    }
  }

  function modernFields(method: string, params: TreeObject): Fields {
    const fields: [string, string][] = [['mcp-protocol-version', MODERN], ['mcp-method', method]]
    const name = Object.hasOwn(NAMED, method) ? params.get(NAMED[method] as string) : undefined
    if (typeof name === 'string') fields.push(['mcp-name', headerValue(name)])
    return method === 'tools/call' && typeof name === 'string' ? [...fields, ...headers.fields(name, params.get('arguments'))] : fields
  }

  /** Something that has no answer. */
  async function tell(body: string, known: Met): Promise<void> {
    try {
      const reply = await post(parts, url, body, sessionFields(known), NEVER, CONNECT_MS)
      reply.abort()
    } catch (error) {
      throw new Refused(refusalOf(error))
    }
  }

  async function answerOf(reply: DialReply, id: number, known: Met | undefined, aside: Aside, signal: AbortSignal): Promise<Answer> {
    const wrong = statusProblem(reply.status)
    if (wrong !== undefined) {
      // An error of the protocol may be one of HTTP as well, and without sessions it is.
      const said = reply.status === 400 || (reply.status === 404 && isModern(known)) ? await errorIn(reply) : undefined
      // Without an id it is this one's where only a server of that revision says it; one that has sessions by now says other things.
      if (said?.kind === 'answer' && 'error' in said.answer && (said.id === id || (said.id === undefined && isModern(known) && UNREAD.has(said.answer.error.code)))) return said.answer
      reply.abort()
      throw new Refused(reply.status === 404 && known?.session !== undefined ? refuse('upstream_error', { say: 'The server does not know its session any more.', detail: FORGOTTEN }) : wrong)
    }
    if (isJson(reply)) {
      const answer = taken(messageOf(await reply.body.whole(parts.answerBytes)), id, known, aside)
      if (answer === undefined) throw malformed('an answer to something else')
      return answer
    }
    if (!isStream(reply)) {
      reply.abort()
      throw malformed('neither JSON nor a stream of events')
    }
    return streamed(reply, id, known, aside, signal)
  }

  /** Servers may close a stream before its end and go on with it on another (2025-11-25, `Last-Event-ID`). */
  async function streamed(first: DialReply, id: number, known: Met | undefined, aside: Aside, signal: AbortSignal): Promise<Answer> {
    const seen: Streamed = { last: undefined }
    let reply = first
    for (let resumes = 0; ; resumes++) {
      for await (const message of messagesIn(reply, parts, seen)) {
        const answer = taken(message, id, known, aside)
        if (answer !== undefined) return answer
      }
      if (seen.last === undefined || known === undefined || isModern(known) || resumes >= MOST_RESUMES) throw new Refused(BROKEN_OFF)
      aside.parted()
      await paused(signal)
      reply = await open(known, seen.last, signal)
      if (!isStream(reply) || reply.status !== 200) {
        reply.abort()
        throw new Refused(BROKEN_OFF)
      }
    }
  }

  function paused(signal: AbortSignal): Promise<void> {
    let cancel = (): void => undefined
    return within(new Promise<void>((resolve) => (cancel = clock.timer(RESUME_MS, resolve))), signal).finally(() => cancel())
  }

  /** The answer, or undefined for what was said beside it, which is passed on here. */
  function taken(message: Message, id: number | undefined, known: Met | undefined, aside?: Aside): Answer | undefined {
    if (message.kind === 'answer') {
      if (message.id === id) return message.answer
      on({ kind: 'broke_protocol', problem: 'an answer to nothing that waits' })
    } else if (message.kind === 'notification') {
      if (LIST_CHANGED.test(message.method)) changes++
      asides.told(message.method, message.params, aside)
    } else if (known === undefined || isModern(known)) on({ kind: 'broke_protocol', problem: 'a request where none may come' })
    else answers(async () => answerText(message.id, await asides.asked(message.id, message.method, message.params, aside)), (body) => tell(body, known))
    return undefined
  }

  function open(known: Met, last: string | undefined, signal: AbortSignal): Promise<DialReply> {
    const fields: Fields = [...parts.fields, ['accept', 'text/event-stream'], ...sessionFields(known), ...(last === undefined ? [] : [['last-event-id', last] as const])]
    return parts.dial({ method: 'GET', url, fields, signal, timeouts: { connectMs: CONNECT_MS, headMs: CONNECT_MS } })
  }

  /**
   * Its own stream, where servers ask as well: many send their questions there and not on the stream of the call. Kept
   * for a while after the last that needed it, because opening it costs a round trip.
   */
  function needStream(): () => void {
    needed++
    if (stream === undefined) {
      stream = streamKept({ clock, post: parts, open: changesOf, take: (message, known) => void taken(message, undefined, known) })
      if (now !== undefined) stream.restart(now)
    }
    let left = false
    return () => {
      if (left) return
      left = true
      if (--needed > 0) return
      unneeded?.()
      unneeded = clock.timer(LINGER_MS, () => {
        if (needed > 0) return
        stream?.end()
        stream = undefined
      })
    }
  }

  /** The stream on which it tells what belongs to no request: kept open while anybody listens. */
  function changesOf(known: Met, last: string | undefined, signal: AbortSignal): Promise<DialReply> {
    if (!isModern(known)) return open(known, last, signal)
    const params = spoken(parts, listenParams(known.introduction, subscriptions.uris))
    return post(parts, url, requestText(++lastId, 'subscriptions/listen', params), modernFields('subscriptions/listen', params), signal, CONNECT_MS)
  }

  return {
    introduction: async (options) => (await met(options)).introduction,
    async request(method, params, options) {
      let known = await met(options)
      const send = async (sent: TreeObject): Promise<Answer> => {
        try {
          const { answer } = await ask(method, sent, known, options)
          if (isModern(known) && 'error' in answer && answer.error.code === UNSUPPORTED_VERSION) {
            forget(known)
            throw new Refused(refuse('upstream_error', { say: 'The server speaks another revision than before.' }))
          }
          return answer
        } catch (error) {
          // What does not know this revision or its session any more, in whatever way it says so, is met anew when it is needed next.
          if (isModern(known) ? statusOf(error) !== undefined : known.session !== undefined && statusOf(error) === 400) forget(known)
          if (!(error instanceof Refused) || error.refusal.detail !== FORGOTTEN) throw error
          // The server has forgotten the session, so it did nothing: once more, in another one.
          forget(known)
          known = await met(options)
          return (await ask(method, sent, known, options)).answer
        }
      }
      if (isModern(known) && Subscriptions.takes(method)) return subscriptions.request(method, params, () => (stream?.restart(known), Promise.resolve({ result: new Map() })))
      if (Subscriptions.takes(method)) return subscriptions.request(method, params, async () => plain(await send(params)))
      if (!isModern(known)) {
        if (!mayAsk(offers, method, options)) return sessionAnswer(await send(params), options)
        const leave = needStream()
        try {
          await within(stream?.opened() ?? Promise.resolve(), options.signal)
          return await sessionAnswer(await send(params), options)
        } finally {
          leave()
        }
      }
      const answer = await askModern(method, params, options, (sent) => send(spoken(parts, sent, options.beside)), options.signal)
      return method === 'tools/list' && 'result' in answer ? { result: headers.learn(answer.result) } : answer
    },
    changes: () => changes,
    heard(listener) {
      const end = asides.listen(listener)
      const leave = needStream()
      return () => {
        end()
        leave()
      }
    },
    async close() {
      needed = Number.POSITIVE_INFINITY
      unneeded?.()
      stream?.end()
      closing.abort(OUT_OF_USE)
      const known = await meeting?.catch(() => undefined)
      if (known?.session === undefined) return
      const fields: Fields = [...parts.fields, ...sessionFields(known)]
      await parts.dial({ method: 'DELETE', url, fields, signal: AbortSignal.timeout(1_000), timeouts: { connectMs: 1_000, headMs: 1_000 } }).then((reply) => reply.abort(), () => undefined)
    },
  }
}

/** Whether the server could ask this caller anything on account of the request. */
function mayAsk(offers: TreeObject, method: string, { beside }: AskOptions): boolean {
  if (beside === undefined || offers.size === 0 || !ASKING.has(method)) return false
  for (const key of offers.keys()) if (beside.capabilities.has(key)) return true
  return false
}

/** Errors of this revision about messages whose id the server did not read. */
const UNREAD: ReadonlySet<number> = new Set([PARSE_ERROR, INVALID_REQUEST, HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION])
const FORGOTTEN = 'the server has forgotten its session'
/** Before it is known whether the server speaks the revision without sessions. */
const UNMET: Met = { introduction: { protocol: MODERN, capabilities: new Map(), info: new Map() }, session: undefined }

function isModern(known: Met | undefined): boolean {
  return known?.introduction.protocol === MODERN
}

function sessionFields(known: Met | undefined): Fields {
  const version = ['mcp-protocol-version', known?.introduction.protocol ?? OFFERED] as const
  return known?.session === undefined ? [version] : [version, ['mcp-session-id', known.session]]
}
