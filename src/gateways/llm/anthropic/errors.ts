import { at, isObject, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { reasonOf, type Reason } from '../../../contract/reasons.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { ErrorAnswer, UpstreamFault } from '../dialect.ts'

const types: Readonly<Record<Reason['kind'], string>> = {
  invalid: 'invalid_request_error',
  unauthenticated: 'authentication_error',
  forbidden: 'permission_error',
  not_found: 'not_found_error',
  too_large: 'request_too_large',
  rate: 'rate_limit_error',
  upstream: 'api_error',
  internal: 'api_error',
  overloaded: 'overloaded_error',
  timeout: 'timeout_error',
}

/** Anthropic's error object; `error.code` and `error.param` are ours, clients ignore what they do not know. */
export function errorAnswer(refusal: Refusal, id: string): ErrorAnswer {
  const reason = reasonOf(refusal.refuse)
  const upstream = refusal.upstream
  let say = refusal.say ?? reason.say
  if (upstream !== undefined && upstream.message !== '') say += ` Provider: ${upstream.message}`
  // A provider's own refusal keeps its status, as long as it is one that blames the request.
  const own = refusal.refuse === 'upstream_refused' && upstream !== undefined && upstream.status >= 400 && upstream.status < 500
  return {
    status: own ? upstream.status : reason.status,
    body: object({
      type: 'error',
      error: object({ type: types[reason.kind], message: `${say} (${refusal.refuse}, ${id})`, code: refusal.refuse, param: refusal.param }),
      request_id: id,
    }),
  }
}

const tooLong = /prompt is too long|exceeds? (the )?(maximum )?context|context (window|limit|length)|too many (input )?tokens|input is too long/i
const filtered = /content filtering policy|content policy|violat\w+ (our|the) (usage )?polic/i
const unpaid = /credit balance|billing|spend(ing)? limit|usage limit/i

/** What Anthropic's error object says; `text` is the body where it was no JSON. */
export function errorFault(status: number, tree: Tree | undefined, text: string): UpstreamFault {
  const error = isObject(tree) ? at(tree, ['error']) : undefined
  const type = stringOf(at(error, ['type']))
  const message = stringOf(at(error, ['message'])) ?? stringOf(error) ?? text.slice(0, 500)
  return { kind: kindOf(status, type, message), status: status < 400 ? (statuses[type ?? ''] ?? 500) : status, message, ...(type === undefined ? {} : { code: type }) }
}

/** An error inside a stream comes under status 200: its type tells which one it would have been. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

function kindOf(status: number, type: string | undefined, message: string): UpstreamFault['kind'] {
  const as = type !== undefined && type in statuses ? (statuses[type] as number) : status
  if (as === 401 || as === 402 || as === 403) return 'auth'
  if (as === 404) return 'not_found'
  if (as === 429 || status === 429) return 'rate'
  if (as >= 500 || as === 408 || as === 409) return 'server'
  if (as < 400) return 'server'
  if (tooLong.test(message)) return 'context_length'
  if (filtered.test(message)) return 'content_policy'
  // An empty purse is the gateway's trouble: another provider can still answer.
  if (unpaid.test(message)) return 'auth'
  return 'invalid'
}

export function errorEvent(refusal: Refusal, id: string): TreeObject {
  return errorAnswer(refusal, id).body
}
