import { at, isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { ErrorAnswer, UpstreamFault } from '../dialect.ts'

/** google.rpc.Code for a status; clients switch on it. */
function statusWord(status: number): string {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED'
    case 403:
      return 'PERMISSION_DENIED'
    case 404:
      return 'NOT_FOUND'
    case 408:
    case 504:
      return 'DEADLINE_EXCEEDED'
    case 429:
      return 'RESOURCE_EXHAUSTED'
    case 499:
      return 'CANCELLED'
    case 500:
      return 'INTERNAL'
    case 502:
    case 503:
      return 'UNAVAILABLE'
    default:
      return status >= 500 ? 'UNKNOWN' : 'INVALID_ARGUMENT'
  }
}

/** google.rpc.Status with ErrorInfo (our code, in capitals as AIP-193 has it) and RetryInfo where waiting helps. */
export function errorAnswer(refusal: Refusal, id: string): ErrorAnswer {
  const reason = reasonOf(refusal.refuse)
  const upstream = refusal.upstream
  let say = refusal.say ?? reason.say
  if (upstream !== undefined && upstream.message !== '') say += ` Provider: ${upstream.message}`
  const own = refusal.refuse === 'upstream_refused' && upstream !== undefined && upstream.status >= 400 && upstream.status < 500
  const status = own ? upstream.status : reason.status
  const details: TreeObject[] = [
    object({
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: refusal.refuse.toUpperCase(),
      domain: 'sallyport',
      metadata: object({ code: refusal.refuse, requestId: id, param: refusal.param }),
    }),
  ]
  if (refusal.retryAfterMs !== undefined) {
    details.push(object({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))}s` }))
  }
  return { status, body: object({ error: object({ code: status, message: `${say} (${refusal.refuse}, ${id})`, status: statusWord(status), details }) }) }
}

const tooLong = /exceeds the maximum number of tokens|input token count|context (length|window|limit)|token limit/i
const filtered = /prohibited|blocked|safety|policy/i
const ourTrouble = /api[ _]?key|billing|user location|FAILED_PRECONDITION/i

/** What Google's error says. A stream without `alt=sse` reports errors as an array of one. */
export function errorFault(status: number, tree: Tree | undefined, text: string): UpstreamFault {
  const whole = Array.isArray(tree) ? tree[0] : tree
  const error = isObject(whole) ? whole.get('error') : undefined
  const message = stringOf(at(error, ['message'])) ?? text.slice(0, 500)
  const code = stringOf(at(error, ['status']))
  const as = status < 400 ? (numberOf(at(error, ['code'])) ?? 500) : status
  const wait = retryDelay(at(error, ['details']))
  return {
    kind: kindOf(as, code ?? '', message, infoReason(at(error, ['details']))),
    status: as,
    message,
    ...(code === undefined ? {} : { code }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  }
}

function kindOf(status: number, code: string, message: string, reason: string): UpstreamFault['kind'] {
  if (status === 401 || status === 403) return 'auth'
  if (status === 404) return 'not_found'
  if (status === 429) return 'rate'
  if (status >= 500 || status === 408 || status === 409 || status === 499) return 'server'
  if (tooLong.test(message)) return 'context_length'
  // A key, a bill or a country that Google does not like is the gateway's trouble, not the caller's.
  if (reason.startsWith('API_KEY') || ourTrouble.test(message) || code === 'FAILED_PRECONDITION') return 'auth'
  return filtered.test(message) ? 'content_policy' : 'invalid'
}

function detail(details: Tree | undefined, type: string): TreeObject | undefined {
  if (!Array.isArray(details)) return undefined
  return details.filter(isObject).find((item) => stringOf(item.get('@type'))?.endsWith(type) === true)
}

function infoReason(details: Tree | undefined): string {
  return stringOf(detail(details, 'google.rpc.ErrorInfo')?.get('reason')) ?? ''
}

/** `retryDelay` is a protobuf duration: seconds with up to nine decimals and an `s`. */
function retryDelay(details: Tree | undefined): number | undefined {
  const text = stringOf(detail(details, 'google.rpc.RetryInfo')?.get('retryDelay')) ?? ''
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(text)
  return seconds === null ? undefined : Math.ceil(Number(seconds[1]) * 1000)
}

/** A prompt that Google refuses comes as a success without candidates. */
export function blockedPrompt(tree: TreeObject): UpstreamFault | undefined {
  const feedback = tree.get('promptFeedback')
  const reason = isObject(feedback) ? stringOf(feedback.get('blockReason')) : undefined
  if (reason === undefined || !isObject(feedback)) return undefined
  const candidates = tree.get('candidates')
  if (Array.isArray(candidates) && candidates.length > 0) return undefined
  return { kind: 'content_policy', status: 400, code: reason, message: stringOf(feedback.get('blockReasonMessage')) ?? `The prompt was blocked: ${reason}.` }
}
