import type { DialReply } from '../../../contract/dial.ts'
import { refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import { sseParser } from '../../../formats/sse.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { Asides } from './asides.ts'
import { floodGauge } from './flood.ts'
import type { HttpParts } from './http.ts'
import { initializeParams, introductionOf, malformed } from './introduce.ts'
import { LIST_CHANGED, NEVER, OUT_OF_USE, within, type AskOptions, type Introduction, type Link } from './link.ts'
import { BROKEN_OFF, CONNECT_MS, FLOOD, isStream, messageOf, post, refusalOf, replies, statusProblem } from './posts.ts'
import { answerText, notificationText, type Answer, type Id, type Message } from '../rpc.ts'
import { Subscriptions } from './subscriptions.ts'
import { sessionAnswer } from './urls.ts'
import { waitFor, type Settle } from './waiting.ts'

const LONGEST_ENDPOINT = 2_048

/** One stream of the server's, and where it is written to. */
interface Talk {
  readonly pending: Map<Id, Settle>
  readonly stop: AbortController
  readonly endpoint: Promise<string>
  readonly introduced: Promise<Introduction>
}

/**
 * A server of the transport HTTP+SSE (revision 2024-11-05): everything that it says comes on one stream, which it opens
 * with the place where messages are sent. That place must be of its own origin.
 */
export function sseLink(parts: HttpParts): Link {
  const { clock, on, offers, version, url } = parts
  const asides = new Asides()
  const subscriptions = new Subscriptions()
  const reply = replies()
  let talk: Talk | undefined
  let lastId = 0
  let changes = 0

  function talking(timeoutMs: number): Talk {
    if (talk !== undefined) return talk
    const began = clock.monotonic()
    const stop = new AbortController()
    const place = Promise.withResolvers<string>()
    place.promise.catch(() => undefined)
    const made: Talk = { pending: new Map(), stop, endpoint: place.promise, introduced: Promise.resolve().then(() => introduce(made, timeoutMs, began)) }
    made.introduced.catch(() => undefined)
    const late = clock.timer(timeoutMs, () => place.reject(new Refused(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: 'no endpoint' }))))
    void run(made, place.resolve).then(
      () => over(made, BROKEN_OFF),
      (error: unknown) => over(made, refusalOf(error)),
    ).finally(late)
    void place.promise.then(late, () => stop.abort())
    made.stop.signal.addEventListener('abort', () => place.reject(new Refused(BROKEN_OFF)), { once: true })
    changes++
    return (talk = made)
  }

  async function introduce(one: Talk, timeoutMs: number, began: number): Promise<Introduction> {
    try {
      const introduction = introductionOf(await ask(one, 'initialize', initializeParams(version, offers), { signal: NEVER, timeoutMs }))
      await send(one, notificationText('notifications/initialized'))
      on({ kind: 'started', took: clock.monotonic() - began })
      void subscriptions.renew((params) => ask(one, 'resources/subscribe', params, { signal: NEVER, timeoutMs }))
      return introduction
    } catch (error) {
      over(one, refusalOf(error))
      throw error
    }
  }

  /** Reads the stream to its end. */
  async function run(one: Talk, placed: (endpoint: string) => void): Promise<void> {
    const reply = await parts.dial({ method: 'GET', url, fields: [...parts.fields, ['accept', 'text/event-stream']], signal: one.stop.signal, timeouts: { connectMs: CONNECT_MS, headMs: CONNECT_MS } })
    const wrong = statusProblem(reply.status) ?? (isStream(reply) ? undefined : malformed('no stream of events').refusal)
    if (wrong !== undefined) {
      reply.abort()
      throw new Refused(wrong)
    }
    try {
      await heard(one, reply, placed)
    } finally {
      reply.abort()
    }
  }

  async function heard(one: Talk, reply: DialReply, placed: (endpoint: string) => void): Promise<void> {
    const parser = sseParser({ line: parts.answerBytes, event: parts.answerBytes })
    const isFlood = floodGauge(clock)
    let at: string | undefined
    /** What came since the last event. */
    let read = 0
    for await (const bytes of reply.body.stream()) {
      read += bytes.length
      const events = parser.push(bytes)
      let asked = false
      for (const { event, data } of events) {
        if (event === 'endpoint' && at === undefined) placed((at = endpointOf(data)))
        else if (data !== '' && at !== undefined && (event === undefined || event === 'message') && take(one, messageOf(data))) {
          asked = true
          continue
        }
        if (isFlood(0)) throw flood()
      }
      // Bytes that belong to an answer cannot be told from the others among them; more than that has no answer in it.
      if (events.length === 0 ? read > parts.answerBytes * 2 : !asked && isFlood(read)) throw flood()
      if (events.length > 0) read = 0
    }
  }

  function flood(): Refused {
    on({ kind: 'broke_protocol', problem: 'a flood of messages' })
    return new Refused(FLOOD)
  }

  /** What is sent there has credentials in it: nobody but the configured server may name the place. */
  function endpointOf(data: string): string {
    const made = data.length > LONGEST_ENDPOINT ? null : URL.parse(data, url)
    if (made === null || made.origin !== new URL(url).origin || made.username !== '' || made.password !== '') throw malformed('an endpoint that is not of its own origin')
    made.hash = ''
    return made.href
  }

  /** Whether it is an answer for which somebody waits. */
  function take(one: Talk, message: Message): boolean {
    if (message.kind === 'answer') {
      const settle = message.id === undefined ? undefined : one.pending.get(message.id)
      if (settle === undefined) on({ kind: 'broke_protocol', problem: 'an answer to nothing that waits' })
      settle?.(message.answer)
      return settle !== undefined
    }
    if (message.kind === 'request') reply(async () => answerText(message.id, await asides.asked(message.id, message.method, message.params)), (body) => send(one, body))
    else {
      if (LIST_CHANGED.test(message.method)) changes++
      asides.told(message.method, message.params)
    }
    return false
  }

  function ask(one: Talk, method: string, params: TreeObject, options: AskOptions): Promise<Answer> {
    const { pending, stop } = one
    if (stop.signal.aborted) return Promise.reject(new Refused(BROKEN_OFF))
    return waitFor({
      clock,
      asides,
      pending,
      id: ++lastId,
      method,
      params,
      options,
      send: (text, settle) => void send(one, text).catch((error: unknown) => settle(refusalOf(error))),
      left: (text) => void (text !== undefined && send(one, text).catch(() => undefined)),
    })
  }

  /** Sends one message; the answer to it comes on the stream. */
  async function send(one: Talk, body: string): Promise<void> {
    const endpoint = await one.endpoint
    const reply = await post(parts, endpoint, body, [], one.stop.signal, CONNECT_MS)
    reply.abort()
    const wrong = statusProblem(reply.status)
    if (wrong !== undefined) throw new Refused(wrong)
  }

  function over(one: Talk, refusal: Refusal): void {
    if (talk === one) talk = undefined
    one.stop.abort()
    for (const settle of [...one.pending.values()]) settle(refusal)
  }

  return {
    introduction: async (options) => within(talking(options.timeoutMs).introduced, options.signal),
    async request(method, params, options) {
      const one = talking(options.timeoutMs)
      await within(one.introduced, options.signal)
      const sent = async (): Promise<Answer> => sessionAnswer(await ask(one, method, params, options), options)
      return Subscriptions.takes(method) ? subscriptions.request(method, params, sent) : sent()
    },
    changes: () => changes,
    heard: (listener) => asides.listen(listener),
    close() {
      if (talk !== undefined) over(talk, OUT_OF_USE)
      return Promise.resolve()
    },
  }
}
