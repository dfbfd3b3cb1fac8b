import { at, isObject, numberOf, object, stringOf, type Tree } from '../../../formats/tree.ts'
import { reasonOf, type Reason } from '../../../contract/reasons.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { ErrorAnswer, UpstreamFault } from '../dialect.ts'

const types: Readonly<Record<Reason['kind'], string>> = {
  invalid: 'invalid_request_error',
  unauthenticated: 'authentication_error',
  forbidden: 'permission_error',
  not_found: 'not_found_error',
  too_large: 'invalid_request_error',
  rate: 'rate_limit_error',
  upstream: 'upstream_error',
  internal: 'server_error',
  overloaded: 'server_error',
  timeout: 'timeout_error',
}

/** OpenAI's error object with our code as its `code`; the correlation id stands in the message and beside it. */
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
      error: object({ message: `${say} (${id})`, type: types[reason.kind], param: refusal.param ?? null, code: refusal.refuse }),
      request_id: id,
    }),
  }
}

/** How OpenAI and the servers that speak its dialect spell the same trouble, in `code`, `type` or `innererror.code`. */
const kinds: ReadonlyMap<string, UpstreamFault['kind']> = new Map([
  ['context_length_exceeded', 'context_length'],
  ['string_above_max_length', 'context_length'],
  ['model_max_prompt_tokens_exceeded', 'context_length'],
  ['content_policy_violation', 'content_policy'],
  ['content_filter', 'content_policy'],
  ['responsibleaipolicyviolation', 'content_policy'],
  ['invalid_prompt', 'content_policy'],
  ['bio_policy', 'content_policy'],
  ['cyber_policy', 'content_policy'],
  ['misalignment_policy_violation', 'content_policy'],
  ['image_content_policy_violation', 'content_policy'],
  ['moderation_blocked', 'content_policy'],
  ['invalid_api_key', 'auth'],
  ['authentication_error', 'auth'],
  ['authenticationerror', 'auth'],
  ['permission_error', 'auth'],
  ['permission_denied', 'auth'],
  ['invalid_organization', 'auth'],
  ['account_deactivated', 'auth'],
  // An empty purse is the gateway's trouble, and waiting does not fill it: another provider can still answer.
  ['insufficient_quota', 'auth'],
  ['insufficient_balance', 'auth'],
  ['billing_not_active', 'auth'],
  ['billing_hard_limit_reached', 'auth'],
  ['model_not_found', 'not_found'],
  ['deploymentnotfound', 'not_found'],
  ['not_found_error', 'not_found'],
  ['model_not_available', 'not_found'],
  ['rate_limit_exceeded', 'rate'],
  ['rate_limit_error', 'rate'],
  ['too_many_requests', 'rate'],
  ['toomanyrequests', 'rate'],
  ['requests', 'rate'],
  ['tokens', 'rate'],
  ['server_error', 'server'],
  ['internal_error', 'server'],
  ['api_error', 'server'],
  ['engine_overloaded', 'server'],
  ['service_unavailable', 'server'],
  ['overloaded_error', 'server'],
])

const tooLong =
  /maximum context length|context[ _](length|window|limit)|prompt is too long|too many tokens|exceeds? the (maximum|available|limit)[^.]*(tokens|context)|reduce the length|input is too long|longer than the model/i
const filtered = /content (management )?(policy|filter)|usage polic|safety (system|filter)|flagged|moderation/i
const unpaid = /exceeded your current quota|insufficient (balance|quota|credits?|funds)|billing|payment required|credit balance/i
const missing = /model\b.{0,100}\b(does not exist|not found|is not available)|no such model/i

/** What a failed provider says; `text` is the body where it was no JSON. Also takes a bare error from inside a stream. */
export function errorFault(status: number, tree: Tree | undefined, text: string): UpstreamFault {
  const error = isObject(tree) ? (tree.get('error') ?? tree) : tree
  const code = wordOf(at(error, ['code']))
  const type = wordOf(at(error, ['type']))
  const inner = wordOf(at(error, ['innererror', 'code']) ?? at(error, ['inner_error', 'code']) ?? at(error, ['metadata', 'error_type']))
  const message = (stringOf(at(error, ['message'])) ?? stringOf(error) ?? detailOf(error) ?? text).slice(0, 2000)
  const as = status >= 400 ? status : statusOf(at(error, ['code']) ?? at(error, ['status']))
  const kind = kindOf(as, [inner, code, type], message)
  const wait = retryAfter(error, message)
  const named = inner ?? code ?? type
  return { kind, status: as ?? statuses[kind], message, ...(named === undefined ? {} : { code: named }), ...(wait === undefined ? {} : { retryAfterMs: wait }) }
}

const statuses: Readonly<Record<UpstreamFault['kind'], number>> = {
  invalid: 400,
  context_length: 400,
  content_policy: 400,
  auth: 401,
  not_found: 404,
  rate: 429,
  server: 500,
}

function kindOf(status: number | undefined, words: readonly (string | undefined)[], message: string): UpstreamFault['kind'] {
  for (const word of words) {
    const kind = word === undefined ? undefined : kinds.get(word.toLowerCase())
    // A generic `server_error` says less than a status that asks to wait or blames the request.
    if (kind !== undefined && (kind !== 'server' || status === undefined || status >= 500)) return kind
  }
  if (status === 401 || status === 402 || status === 403) return filtered.test(message) ? 'content_policy' : 'auth'
  if (status === 429) return unpaid.test(message) ? 'auth' : 'rate'
  if (status === 404) return 'not_found'
  if (status === undefined || status >= 500 || status === 408 || status === 409) return 'server'
  if (tooLong.test(message)) return 'context_length'
  if (filtered.test(message)) return 'content_policy'
  if (unpaid.test(message)) return 'auth'
  return missing.test(message) ? 'not_found' : 'invalid'
}

/** Some servers put the HTTP status where the code belongs. */
function statusOf(code: Tree | undefined): number | undefined {
  const number = typeof code === 'string' ? Number(code) : numberOf(code)
  return number !== undefined && Number.isInteger(number) && number >= 400 && number < 600 ? number : undefined
}

function wordOf(value: Tree | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** FastAPI's way (vLLM, TGI): `detail` is a sentence or a list of complaints. */
function detailOf(error: Tree | undefined): string | undefined {
  const detail = at(error, ['detail'])
  if (typeof detail === 'string') return detail
  return Array.isArray(detail) ? stringOf(at(detail, [0, 'msg'])) : undefined
}

const wait = /(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(\d+(?:\.\d+)?)?\s*(ms|milliseconds?|s|seconds?)?/i

/** Where a provider says in its body how long to wait; `Retry-After` headers are the caller's to read. */
function retryAfter(error: Tree | undefined, message: string): number | undefined {
  const field = numberOf(at(error, ['retry_after']) ?? at(error, ['metadata', 'retry_after']))
  if (field !== undefined && field >= 0) return Math.ceil(field * 1000)
  const found = wait.exec(message)
  if (found === null) return undefined
  const [, hours, minutes, amount, unit] = found
  if (hours === undefined && minutes === undefined && (amount === undefined || unit === undefined)) return undefined
  const rest = Number(amount ?? 0) * (unit?.startsWith('m') === true ? 1 : 1000)
  return Math.ceil(Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + rest)
}

