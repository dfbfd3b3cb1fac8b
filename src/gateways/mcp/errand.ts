import { field, type Arrival, type Fields, type Outlet } from '../../contract/arrival.ts'
import type { Exchange } from '../../contract/exchange.ts'
import type { Delivery, Errand, Pass } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import { reasonOf } from '../../contract/reasons.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { object } from '../../formats/tree.ts'
import { callDoing, deniedResult } from './call.ts'
import { challengeOf } from './challenge.ts'
import { discoverDoing, initializeDoing, ownDoing } from './connect.ts'
import type { Doing, McpDesk, Request } from './desk.ts'
import type { TreeEvent } from './leaves.ts'
import { listDoing } from './list.ts'
import { isModern, modernAnswer, single } from './modern.ts'
import { answerText, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, NO_SESSION, PARSE_ERROR, readMessage, REFUSED, RpcMistake, type Answer, type Message } from './rpc.ts'
import type { Server } from './server.ts'
import type { Session } from './sessions.ts'

const ROOT = '/mcp/'

export function isMcpPath(target: string): boolean {
  return target.startsWith(ROOT)
}

/** Answers one HTTP request to `/mcp/<server>`: streamable HTTP, one JSON-RPC message each, every one an exchange. */
export async function serveMcp(desk: McpDesk & { readonly pass: Pass }, arrival: Arrival, outlet: Outlet): Promise<void> {
  const visit = new Visit(desk, arrival, outlet)
  try {
    await desk.pass(visit)
  } finally {
    visit.over()
  }
}

type Methods = Readonly<Record<string, (request: Request) => Doing>>

/** The methods of requests, and who answers them: with sessions, and without. */
const methods: Methods = {
  initialize: initializeDoing,
  ping: ownDoing,
  'tools/list': listDoing,
  'tools/call': callDoing,
}
const modernMethods: Methods = {
  'server/discover': discoverDoing,
  'tools/list': listDoing,
  'tools/call': callDoing,
}
/** What callers may tell; nothing of it goes on. */
const notifications: ReadonlySet<string> = new Set(['notifications/initialized', 'notifications/cancelled', 'notifications/progress', 'notifications/roots/list_changed'])

/** One HTTP request, from its head to its answer. */
class Visit implements Errand {
  readonly signal: AbortSignal
  private readonly desk: McpDesk
  private readonly arrival: Arrival
  private readonly outlet: Outlet
  private readonly server: Server | undefined
  private readonly stop = new AbortController()
  private readonly hungUp: () => void
  private principal: Principal | undefined
  private message: Message | undefined
  /** True once the message has its place: what is wrong from then on is wrong with what it asks. */
  private begun = false
  private session: Session | undefined
  private doing: Doing | undefined
  /** Of the revision without sessions. */
  private modern = false
  /** What was wrong with the message itself, and the id that it had. */
  private mistake: Pick<RpcMistake, 'code' | 'id' | 'data'> | undefined

  constructor(desk: McpDesk, arrival: Arrival, outlet: Outlet) {
    this.desk = desk
    this.arrival = arrival
    this.outlet = outlet
    this.server = desk.servers.get(arrival.target.slice(ROOT.length))
    this.signal = this.stop.signal
    const { gone } = arrival
    this.hungUp = () => {
      // Revisions with sessions say that a connection which ends cancels nothing; whoever stopped the call does.
      if (this.session === undefined || isRefusal(gone.reason)) this.stop.abort(gone.reason)
    }
    gone.addEventListener('abort', this.hungUp, { once: true })
  }

  get gateway(): string {
    return this.server === undefined ? 'mcp' : `mcp:${this.server.settings.name}`
  }

  identify(): Principal | Refusal | Promise<Principal | Refusal> {
    return this.desk.identify(this.arrival)
  }

  async read(principal: Principal, exchange: Exchange): Promise<Doing['reading'] | Refusal> {
    const { arrival, server } = this
    this.principal = principal
    if (server === undefined) return refuse('unknown_path', { say: 'There is no MCP server of that name.' })
    if (arrival.verb !== 'POST' && arrival.verb !== 'DELETE') return refuse('method_not_allowed', { say: 'This path takes POST and DELETE.' })
    try {
      return arrival.verb === 'DELETE' ? this.leave(server, principal) : await this.listen(server, principal, exchange)
    } catch (error) {
      if (!(error instanceof RpcMistake)) throw error
      this.mistake = error
      return refuse(error.code === PARSE_ERROR ? 'bad_json' : 'bad_request', { say: `The message is not acceptable: ${error.message}.` })
    }
  }

  /** One message. @throws {RpcMistake} */
  private async listen(server: Server, principal: Principal, exchange: Exchange): Promise<Doing['reading'] | Refusal> {
    const { fields, body } = this.arrival
    if (!isJson(field(fields, 'content-type'))) return refuse('bad_content_type')
    if ((field(fields, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity') return refuse('bad_content_encoding')
    const message = readMessage(await body.whole(this.desk.bodyBytes))
    this.message = message
    const refusal = this.place(message, principal, server)
    if (refusal !== undefined) return refusal
    this.begun = true
    this.doing = this.begin(message, server, principal, exchange)
    return this.doing.reading
  }

  resolve(): Doing['candidates'] | Refusal {
    return this.doing?.refusal ?? this.doing?.candidates ?? []
  }

  dial(reading: Doing['reading']): ReturnType<NonNullable<Doing['dial']>> | Refusal {
    return this.doing?.dial?.(reading) ?? refuse('step_failed', { detail: 'nothing to dial' })
  }

  async deliver({ exchange, events }: Parameters<Errand['deliver']>[0]): Promise<Delivery> {
    let last: TreeEvent | undefined
    for await (const event of events) last = event as TreeEvent
    const { doing, message } = this
    if (doing === undefined) throw new Error('an answer to nothing')
    const answer = doing.answer(last)
    if (message?.kind === 'request') return this.write(200, [...fieldsOf(exchange), ...(doing.fields?.() ?? [])], this.spoken(message, answer))
    return this.write(message === undefined ? 204 : 202, [['x-sallyport-id', exchange.id]], undefined)
  }

  refuse(refusal: Refusal, exchange: Exchange): Delivery {
    const { status, say, kind, retry } = { retry: false, ...reasonOf(refusal.refuse) }
    const spoken = refusal.say ?? say
    const { doing, message, mistake } = this
    const id = message?.kind === 'request' ? message.id : mistake?.id
    const fields: [string, string][] = [...fieldsOf(exchange), ['x-should-retry', String(retry)]]
    if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
    const challenge = challengeOf(this.desk.login, this.arrival, refusal, this.principal && { principal: this.principal, gateway: this.gateway, ...(doing?.reading.resource.type === 'Tool' && { tool: doing.reading.resource.id }) })
    if (challenge !== undefined) fields.push(['www-authenticate', challenge.value])
    if (refusal.refuse === 'method_not_allowed') fields.push(['allow', 'POST, DELETE'])
    const placed = doing !== undefined && message?.kind === 'request'
    const denied = placed && message.method === 'tools/call' && challenge === undefined && isDecision(refusal)
    const answer: Answer = denied
      ? deniedResult(refusal, spoken, exchange.id)
      : { error: { code: mistake?.code ?? codeOf(refusal, placed), message: spoken, data: new Map([...(mistake?.data ?? []), ...object({ code: refusal.refuse, id: exchange.id, retry })]) } }
    // What the protocol can say itself is no failure of HTTP; a wait, and a message that is none, are told to everybody.
    const inside = challenge !== undefined ? false : mistake === undefined ? placed && kind !== 'rate' && kind !== 'overloaded' : message?.kind === 'request' && this.begun && (mistake.code === METHOD_NOT_FOUND || mistake.code === INVALID_PARAMS)
    // Without sessions, a method that is not there is no place either.
    const missing = this.modern && mistake?.code === METHOD_NOT_FOUND
    const written = this.write(missing ? 404 : inside ? 200 : (challenge?.status ?? status), fields, message?.kind === 'request' ? this.spoken(message, answer) : answerText(id, answer))
    return { ...written, complete: written.complete && refusal.refuse !== 'cancelled' }
  }

  /** Whatever became of it: nothing of it is under way any more. */
  over(): void {
    this.arrival.gone.removeEventListener('abort', this.hungUp)
    this.free()
  }

  private free(): void {
    if (this.message?.kind === 'request' && this.session?.underWay.get(this.message.id) === this.stop) this.session.underWay.delete(this.message.id)
  }

  /** Finds the session that the message belongs to. */
  private place(message: Message, principal: Principal, server: Server): Refusal | undefined {
    if (message.kind === 'answer') throw new RpcMistake(INVALID_REQUEST, 'nothing was asked of you')
    this.modern = isModern(message, this.arrival.fields)
    if (this.modern || (message.kind === 'request' && message.method === 'initialize')) return undefined
    const found = this.sessionOf(principal, server)
    if (isRefusal(found)) return found
    const named = single(this.arrival.fields, 'mcp-protocol-version', undefined)
    if (named !== undefined && named !== found.protocol) return refuse('bad_request', { param: 'mcp-protocol-version', say: `This session speaks revision ${found.protocol}.` })
    if (message.kind === 'request') {
      if (found.underWay.has(message.id)) throw new RpcMistake(INVALID_REQUEST, 'this id is in use', message.id)
      found.underWay.set(message.id, this.stop)
    }
    this.session = found
    return undefined
  }

  private sessionOf(principal: Principal, server: Server): Session | Refusal {
    const id = single(this.arrival.fields, 'mcp-session-id', undefined)
    if (id === undefined) return refuse('bad_request', { param: 'mcp-session-id', say: 'The header Mcp-Session-Id is missing: initialize a session first.' })
    const session = this.desk.sessions.find(id, principal, server.settings.name)
    if (session !== undefined) return session
    this.mistake = { code: NO_SESSION, id: this.message?.kind === 'request' ? this.message.id : undefined, data: undefined }
    return refuse('unknown_path', { say: 'There is no such session: initialize a new one.' })
  }

  private begin(message: Message, server: Server, principal: Principal, exchange: Exchange): Doing {
    if (message.kind === 'request') {
      const known = this.modern ? modernMethods : methods
      const make = Object.hasOwn(known, message.method) ? known[message.method] : undefined
      if (make === undefined) throw new RpcMistake(METHOD_NOT_FOUND, 'there is no such method here', message.id)
      return make({ desk: this.desk, server, principal, exchange, signal: this.signal, id: message.id, method: message.method, params: message.params, ...(this.session && { session: this.session }) })
    }
    if (message.kind !== 'notification' || !notifications.has(message.method)) throw new RpcMistake(METHOD_NOT_FOUND, 'there is no such notification here')
    const doing = ownDoing({ server, method: message.method })
    if (message.method !== 'notifications/cancelled') return doing
    return { ...doing, answer: (event) => (this.cancel(message.params.get('requestId')), doing.answer(event)) }
  }

  /** Ends one of the session's own requests; of others it says nothing. */
  private cancel(id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number') this.session?.underWay.get(id)?.abort()
  }

  /** `DELETE`: the caller needs its session no more. */
  private leave(server: Server, principal: Principal): Doing['reading'] | Refusal {
    const session = this.sessionOf(principal, server)
    if (isRefusal(session)) return session
    const doing = ownDoing({ server, method: 'DELETE' })
    this.doing = { ...doing, answer: (event) => (this.desk.sessions.end(session), doing.answer(event)) }
    return doing.reading
  }

  private spoken({ id, method }: Extract<Message, { kind: 'request' }>, answer: Answer): string {
    return answerText(id, this.modern ? modernAnswer(method, answer) : answer)
  }

  private write(status: number, fields: Fields, text: string | undefined): Delivery {
    const { gone } = this.arrival
    if (this.outlet.committed) return { status, bytes: 0, complete: false }
    // Before the caller can know: its next request may have the same id.
    this.free()
    this.outlet.head(status, fields)
    this.outlet.end(text)
    return { status, bytes: text?.length ?? 0, complete: !gone.aborted }
  }
}

function fieldsOf({ id }: Exchange): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id], ['content-type', 'application/json'], ['cache-control', 'no-store']]
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && /^application\/json\s*(?:;|$)/i.test(type)
}

/** What the model behind a call should read: that it was decided against, or that its arguments are wrong. */
function isDecision({ refuse: code }: Refusal): boolean {
  return reasonOf(code).kind === 'forbidden' || TOLD.has(code)
}

const TOLD: ReadonlySet<Refusal['refuse']> = new Set(['leak_in_answer', 'answer_refused', 'off_topic', 'bad_request', 'unknown_field'])

function codeOf({ refuse: code }: Refusal, placed: boolean): number {
  const { kind } = reasonOf(code)
  if (!placed && kind === 'invalid') return INVALID_REQUEST
  return kind === 'upstream' || kind === 'timeout' || kind === 'internal' ? INTERNAL_ERROR : REFUSED
}
