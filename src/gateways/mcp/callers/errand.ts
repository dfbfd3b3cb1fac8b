import { field, type Arrival, type Outlet } from '../../../contract/arrival.ts'
import type { Exchange } from '../../../contract/exchange.ts'
import type { Delivery, Errand, Permit } from '../../../contract/gateway.ts'
import type { Principal } from '../../../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../../../contract/verdict.ts'
import { Answering, type Asking } from './answering.ts'
import { accepts, fieldsOf, isJson, refusedWith } from './answers.ts'
import { withAnswers } from '../asks/asking.ts'
import { answered, callerOf, wishesOf } from './caller.ts'
import { challengeOf } from './challenge.ts'
import { ownDoing } from '../methods/connect.ts'
import type { Doing, McpDesk } from './desk.ts'
import { endpointAt, type Endpoint } from './endpoint.ts'
import { initiatedBy } from '../asks/initiated.ts'
import type { TreeEvent } from '../methods/leaves.ts'
import type { Beside } from '../servers/link.ts'
import { METHODS, MODERN_METHODS, NOTIFICATIONS } from '../methods/methods.ts'
import { heardDoing, resumedDoing } from './listening.ts'
import { isModern, modernAnswer, single } from './modern.ts'
import { visitFor } from '../oauth/visiting.ts'
import { MODERN } from '../revisions.ts'
import { answerText, HEADER_MISMATCH, INVALID_REQUEST, METHOD_NOT_FOUND, MISSING_CAPABILITY, NO_SESSION, readMessage, RpcMistake, unacceptable, type Answer, type Message } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import type { Turn } from '../asks/rounds.ts'
import { ownerOf, type Session } from './sessions.ts'

/** Stops a call whose caller may have left, once somebody serves it. */
export interface Leash {
  stop?: (reason: Refusal) => void
}

/**
 * Answers one HTTP request to `/mcp` or `/mcp/<server>`: streamable HTTP, one JSON-RPC message each, every one an
 * exchange. `leash` is held by whoever revokes: a call outlives its connection, and not its credential.
 */
export async function serveMcp(desk: McpDesk, arrival: Arrival, outlet: Outlet, leash: Leash): Promise<void> {
  const visit = new Visit(desk, arrival, outlet)
  leash.stop = (reason) => visit.halt(reason)
  try {
    await desk.pass(visit)
  } finally {
    visit.over()
  }
}

type Asked = Extract<Message, { kind: 'request' }>
const VERBS: ReadonlySet<string> = new Set(['POST', 'GET', 'DELETE'])

/** One HTTP request, from its head to its answer. */
class Visit implements Errand, Asking {
  readonly signal: AbortSignal
  private readonly desk: McpDesk
  private readonly arrival: Arrival
  private readonly endpoint: Endpoint | undefined
  private readonly stop = new AbortController()
  private readonly hungUp: () => void
  private readonly answering: Answering
  private principal: Principal | undefined
  private begunAs: Exchange | undefined
  private message: Message | undefined
  /** True once the message has its place: what is wrong from then on is wrong with what it asks. */
  private begun = false
  session: Session | undefined
  private doing: Doing | undefined
  private turn: Turn | undefined
  /** Of the revision without sessions. */
  private modern = false
  /** What was wrong with the message itself, and the id that it had. */
  private mistake: Pick<RpcMistake, 'code' | 'id' | 'data'> | undefined
  private caller: ReturnType<typeof callerOf> | undefined

  constructor(desk: McpDesk, arrival: Arrival, outlet: Outlet) {
    this.desk = desk
    this.arrival = arrival
    this.endpoint = endpointAt(arrival.target, desk.servers)
    this.signal = this.stop.signal
    this.answering = new Answering(arrival, outlet, desk.clock, this)
    const { gone } = arrival
    this.hungUp = () => {
      this.answering.drop()
      // Revisions with sessions say that a connection which ends cancels nothing; whoever stopped the call does.
      if (this.session === undefined || this.message === undefined || isRefusal(gone.reason)) this.stop.abort(gone.reason)
    }
    gone.addEventListener('abort', this.hungUp, { once: true })
  }

  get reading(): Doing['reading'] | undefined {
    return this.doing?.reading
  }

  get gateway(): string {
    return this.endpoint?.route ?? 'mcp'
  }

  identify(): Principal | Refusal | Promise<Principal | Refusal> {
    return this.desk.identify(this.arrival)
  }

  async read(principal: Principal, exchange: Exchange): Promise<Doing['reading'] | Refusal> {
    const { arrival, endpoint } = this
    this.principal = principal
    this.begunAs = exchange
    if (endpoint === undefined) return refuse('unknown_path', { say: 'There is no MCP server of that name.' })
    const { audience } = principal.scope
    // Here, because a call through all servers at one place is one to its server for everybody after this.
    if (audience !== undefined && audience !== endpoint.route) return refuse('out_of_scope', { detail: `${audience} at ${endpoint.route}` })
    if (!VERBS.has(arrival.verb)) return refuse('method_not_allowed', { say: 'This path takes POST, GET and DELETE.' })
    // Without sessions there is nothing to listen to, and nothing to leave.
    if (arrival.verb !== 'POST' && (field(arrival.fields, 'mcp-protocol-version') === MODERN || (arrival.verb === 'GET' && field(arrival.fields, 'mcp-session-id') === undefined))) return refuse('method_not_allowed', { say: 'Without a session this path takes POST.' })
    try {
      if (arrival.verb === 'POST') return await this.take(endpoint, principal, exchange)
      return arrival.verb === 'GET' ? this.listen(endpoint, principal, exchange) : this.leave(endpoint, principal)
    } catch (error) {
      if (!(error instanceof RpcMistake)) throw error
      this.mistake = error
      return unacceptable(error)
    }
  }

  /** One message. @throws {RpcMistake} */
  private async take(endpoint: Endpoint, principal: Principal, exchange: Exchange): Promise<Doing['reading'] | Refusal> {
    const { fields, body } = this.arrival
    if (!isJson(field(fields, 'content-type'))) return refuse('bad_content_type')
    if ((field(fields, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity') return refuse('bad_content_encoding')
    const message = readMessage(await body.whole(this.desk.bodyBytes))
    this.message = message
    const refusal = this.place(message, principal, endpoint)
    if (refusal !== undefined) return refusal
    this.begun = true
    this.doing = await this.begin(message, endpoint, principal, exchange)
    return this.doing.reading
  }

  resolve(): Doing['candidates'] | Refusal {
    const { doing, principal } = this
    if (doing?.refusal === undefined || principal === undefined) return doing?.candidates ?? []
    // What somebody may not use says nothing of itself, neither what its arguments are nor that it is there: policy says no.
    if (!this.desk.visible(principal, this.begunAs as Exchange, doing.reading)) return doing.candidates
    this.mistake = doing.mistake
    return doing.refusal
  }

  dial(reading: Doing['reading'], permit: Permit): ReturnType<NonNullable<Doing['dial']>> | Refusal {
    return this.doing?.refusal ?? this.doing?.dial?.(reading, permit) ?? refuse('step_failed', { detail: 'nothing to dial' })
  }

  async deliver({ exchange, events }: Parameters<Errand['deliver']>[0]): Promise<Delivery> {
    let last: TreeEvent | undefined
    for await (const event of events) last = event as TreeEvent
    const { doing, message } = this
    if (doing === undefined) throw new Error('an answer to nothing')
    let answer: Answer | undefined = doing.answer(last)
    const fields = [...fieldsOf(exchange), ...(doing.fields?.() ?? [])]
    if (doing.stay !== undefined && !('error' in answer)) answer = await doing.stay(this.answering.wireOf(fields))
    else if (message?.kind !== 'request') return this.answering.plain(message === undefined ? 204 : 202, fieldsOf(exchange))
    if (this.caller !== undefined) await this.caller.settled()
    if (message?.kind !== 'request' || answer === undefined) return this.answering.ended(undefined)
    // What these say, the revision without sessions says with the status too.
    const plainly = this.modern && 'error' in answer && (answer.error.code === HEADER_MISMATCH || answer.error.code === MISSING_CAPABILITY)
    return this.answering.write(plainly ? 400 : 200, fields, this.spoken(message, answer))
  }

  async refuse(refusal: Refusal, exchange: Exchange): Promise<Delivery> {
    const { doing, message, mistake, begun, modern } = this
    const challenge = challengeOf(this.desk.login, this.arrival, refusal, this.principal && { principal: this.principal, gateway: this.gateway, ...(doing?.reading.resource.type === 'Tool' && { tool: doing.reading.resource.id }) })
    const { status, fields, answer } = refusedWith({ refusal, exchange, message, begun, placed: doing !== undefined, modern, mistake, challenge })
    if (this.caller !== undefined) await this.caller.settled()
    const visit = message?.kind === 'request' ? visitFor({ refusal, message, exchange, capabilities: this.session?.capabilities, rounds: this.turn !== undefined }) : undefined
    const text = message?.kind === 'request' ? this.spoken(message, visit ?? answer) : answerText(mistake?.id, answer)
    const written = message === undefined && this.answering.streams ? this.answering.ended(undefined) : this.answering.write(status, fields, text)
    return { ...written, complete: written.complete && refusal.refuse !== 'cancelled' }
  }

  /** Its caller may not have it go on, whether or not it is still there. */
  halt(reason: Refusal): void {
    this.stop.abort(reason)
  }

  /** Whatever became of it: nothing of it is under way any more. */
  over(): void {
    this.answering.over()
    this.arrival.gone.removeEventListener('abort', this.hungUp)
    this.turn?.drop()
    this.free()
  }

  free(): void {
    if (this.session === undefined) return
    if (this.message?.kind === 'request' && this.session.underWay.get(this.message.id) === this.stop) this.session.underWay.delete(this.message.id)
  }

  /** Finds the session that the message belongs to. */
  private place(message: Message, principal: Principal, endpoint: Endpoint): Refusal | undefined {
    this.modern = message.kind !== 'answer' && isModern(message, this.arrival.fields)
    if (this.modern || (message.kind === 'request' && message.method === 'initialize')) return undefined
    const found = this.sessionOf(principal, endpoint)
    if (isRefusal(found)) return found
    if (message.kind === 'request') {
      if (found.underWay.has(message.id)) throw new RpcMistake(INVALID_REQUEST, 'this id is in use', message.id)
      found.underWay.set(message.id, this.stop)
    }
    this.session = found
    return undefined
  }

  private sessionOf(principal: Principal, { route }: Endpoint): Session | Refusal {
    const id = single(this.arrival.fields, 'mcp-session-id', undefined)
    if (id === undefined) return refuse('bad_request', { param: 'mcp-session-id', say: 'The header Mcp-Session-Id is missing: initialize a session first.' })
    const session = this.desk.sessions.find(id, principal, route)
    if (session === undefined) {
      this.mistake = { code: NO_SESSION, id: this.message?.kind === 'request' ? this.message.id : undefined, data: undefined }
      return refuse('unknown_path', { say: 'There is no such session: initialize a new one.' })
    }
    const named = single(this.arrival.fields, 'mcp-protocol-version', undefined)
    return named === undefined || named === session.protocol ? session : refuse('bad_request', { param: 'mcp-protocol-version', say: `This session speaks revision ${session.protocol}.` })
  }

  private begin(message: Message, endpoint: Endpoint, principal: Principal, exchange: Exchange): Doing | Promise<Doing> {
    const { session } = this
    switch (message.kind) {
      case 'request': {
        const make = (this.modern ? MODERN_METHODS : METHODS).get(message.method)
        if (make === undefined) throw new RpcMistake(METHOD_NOT_FOUND, 'there is no such method here', message.id)
        const { fields } = this.arrival
        const { stream } = accepts(fields)
        if (!stream && STREAMED.has(message.method)) throw new RpcMistake(INVALID_REQUEST, 'the answer is a stream of events, which the header Accept does not name', message.id)
        const hears = stream && HEARD.has(message.method) ? (server: Server) => this.hearing(message, server, principal, exchange) : undefined
        const { id, method, params } = message
        const turn = (this.turn = this.modern && HEARD.has(method) ? this.desk.rounds.turn(principal, exchange, id, method, params) : undefined)
        const doing = make({ desk: this.desk, endpoint, principal, exchange, signal: this.signal, id, method, params: turn?.params ?? params, ...(session && { session }), ...(this.modern && { mirrors: fields }), ...(hears && { hears }), ...(turn && { turn }) })
        if (turn?.carried === undefined) return doing
        const { capabilities } = wishesOf(message, session)
        return doing instanceof Promise ? doing.then((one) => withAnswers(one, turn, id, capabilities)) : withAnswers(doing, turn, id, capabilities)
      }
      case 'answer': {
        const of = session as Session
        const doing = ownDoing({ endpoint, method: 'answer' })
        return { ...doing, answer: (event) => (answered(of, message), doing.answer(event)) }
      }
      case 'notification': {
        if (!NOTIFICATIONS.has(message.method)) throw new RpcMistake(METHOD_NOT_FOUND, 'there is no such notification here')
        const doing = ownDoing({ endpoint, method: message.method })
        return message.method === 'notifications/cancelled' ? { ...doing, answer: (event) => (this.cancel(message.params.get('requestId')), doing.answer(event)) } : doing
      }
    }
  }

  /** What hears the server that is asked. */
  private hearing(message: Asked, server: Server, principal: Principal, exchange: Exchange): Beside {
    const { session, desk } = this
    const wishes = wishesOf(message, session)
    const initiate = initiatedBy({ pass: desk.pass, clock: desk.clock, server, principal, exchange, method: message.method, capabilities: wishes.capabilities })
    this.answering.lasts(exchange)
    return (this.caller = callerOf({ wishes, session, ...(this.turn && { ask: this.turn.ask }), stream: () => this.answering.besides(exchange), part: () => this.answering.part(exchange), initiate, caller: session?.id ?? ownerOf(principal) }))
  }

  /** Ends one of the session's own requests; of others it says nothing. */
  private cancel(id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number') this.session?.underWay.get(id)?.abort()
  }

  /** `GET`: the caller listens to its session, or goes on with an answer after the last event that it saw. */
  private listen(endpoint: Endpoint, principal: Principal, exchange: Exchange): Doing['reading'] | Refusal {
    const session = this.sessionOf(principal, endpoint)
    if (isRefusal(session)) return session
    if (!accepts(this.arrival.fields).stream) return refuse('bad_request', { param: 'accept', say: 'What is answered here is a stream of events, which the header Accept does not name.' })
    this.session = session
    const { desk, signal } = this
    const listening = { desk, endpoint, principal, exchange, signal }
    const last = single(this.arrival.fields, 'last-event-id', undefined)
    if (last === undefined) {
      if (session.listener !== undefined) return refuse('already_listening')
      this.doing = heardDoing(listening, session, () => this.stop.abort())
      return this.doing.reading
    }
    const found = session.kept.find(last)
    if (found === undefined) return refuse('bad_request', { param: 'last-event-id', say: 'Nothing is kept that goes on after this event: ask again.' })
    const { of } = found.stream
    // The call was permitted, perhaps to a credential that may more, or under another policy.
    if (of !== undefined && !desk.visible(principal, exchange, of)) return refuse('denied', { say: 'This is permitted no longer.', detail: `the answer to ${of.action} of ${of.resource.id}` })
    this.doing = resumedDoing(listening, found)
    return this.doing.reading
  }

  /** `DELETE`: the caller needs its session no more. */
  private leave(endpoint: Endpoint, principal: Principal): Doing['reading'] | Refusal {
    const session = this.sessionOf(principal, endpoint)
    if (isRefusal(session)) return session
    const doing = ownDoing({ endpoint, method: 'DELETE' })
    this.doing = { ...doing, answer: (event) => (this.desk.sessions.end(session), doing.answer(event)) }
    return doing.reading
  }

  private spoken({ id, method }: Asked, answer: Answer): string {
    return answerText(id, this.modern ? modernAnswer(method, answer) : answer)
  }
}

/** Requests on whose account servers say or ask something that callers are told of. */
const HEARD: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get'])
/** Requests whose answer does not end by itself. */
const STREAMED: ReadonlySet<string> = new Set(['subscriptions/listen'])
