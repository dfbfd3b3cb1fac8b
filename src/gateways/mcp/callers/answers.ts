import { field, type Fields } from '../../../contract/arrival.ts'
import type { Exchange } from '../../../contract/exchange.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import { object } from '../../../formats/tree.ts'
import { deniedResult } from '../methods/results.ts'
import type { Challenge } from './challenge.ts'
import { INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, REFUSED, type Answer, type Message, type RpcMistake } from '../rpc.ts'

/** What a refusal comes to on the wire. */
export interface Refusing {
  readonly refusal: Refusal
  readonly exchange: Exchange
  readonly message: Message | undefined
  /** True where the message was understood: what is wrong is wrong with what it asks. */
  readonly begun: boolean
  /** True where it is known what it comes to. */
  readonly placed: boolean
  /** Of the revision without sessions. */
  readonly modern: boolean
  readonly mistake: Pick<RpcMistake, 'code' | 'id' | 'data'> | undefined
  readonly challenge: Challenge | undefined
}

export interface Refused {
  readonly status: number
  readonly fields: Fields
  readonly answer: Answer
}

/** The fields that each answer has. */
export function fieldsOf({ id }: Exchange): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id]]
}

export function refusedWith({ refusal, exchange, message, begun, placed, modern, mistake, challenge }: Refusing): Refused {
  const { status, say, kind, retry } = { retry: false, ...reasonOf(refusal.refuse) }
  const spoken = refusal.say ?? say
  const fields: [string, string][] = [...fieldsOf(exchange), ['x-should-retry', String(retry)]]
  if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
  if (challenge !== undefined) fields.push(['www-authenticate', challenge.value])
  if (refusal.refuse === 'method_not_allowed') fields.push(['allow', 'GET, POST, DELETE'])
  const asked = placed && mistake === undefined && message?.kind === 'request'
  const answer: Answer = asked && message.method === 'tools/call' && challenge === undefined && isDecision(refusal)
    ? deniedResult(refusal, spoken, exchange.id)
    : { error: { code: mistake?.code ?? codeOf(refusal, asked), message: spoken, data: new Map([...(mistake?.data ?? []), ...object({ code: refusal.refuse, id: exchange.id, retry })]) } }
  // What the protocol can say itself is no failure of HTTP; a wait, and a message that is none, are told to everybody.
  const inside = challenge !== undefined ? false : mistake === undefined ? asked && kind !== 'rate' && kind !== 'overloaded' : message?.kind === 'request' && begun && (mistake.code === METHOD_NOT_FOUND || mistake.code === INVALID_PARAMS)
  // Without sessions, a method that is not there is no place either.
  const missing = modern && mistake?.code === METHOD_NOT_FOUND
  return { status: missing ? 404 : inside ? 200 : (challenge?.status ?? status), fields, answer }
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

export function isJson(type: string | undefined): boolean {
  return type !== undefined && /^application\/json\s*(?:;|$)/i.test(type)
}

/** What of the two forms of an answer the caller reads (RFC 9110 section 12.5.1, without weights other than none), and whether it names streams first. */
export function accepts(fields: Fields): { readonly json: boolean; readonly stream: boolean; readonly streamFirst: boolean } {
  const said = field(fields, 'accept')
  if (said === undefined) return { json: true, stream: false, streamFirst: false }
  const text = said.toLowerCase()
  const stream = names(text, 'text/event-stream')
  const json = names(text, 'application/json') || text.includes('*/*')
  return { json: !stream || json, stream, streamFirst: stream && text.indexOf('text/event-stream') < text.indexOf('application/json') }
}

function names(accept: string, type: string): boolean {
  const at = accept.indexOf(type)
  return at >= 0 && !/^\s*;\s*q=0(?:\.0*)?\s*(?:,|$)/.test(accept.slice(at + type.length))
}
