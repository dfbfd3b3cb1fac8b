import type { Fields } from '../../contract/arrival.ts'
import { reasonOf, type Code } from '../../contract/reasons.ts'
import type { Refusal } from '../../contract/verdict.ts'

/** Which parameter is at fault says which error of OAuth it is; RFC 8693 section 2.2.2 has `invalid_request` for tokens. */
const BY_PARAMETER: Readonly<Record<string, string>> = {
  grant_type: 'unsupported_grant_type',
  audience: 'invalid_target',
  resource: 'invalid_target',
  scope: 'invalid_scope',
  DPoP: 'invalid_dpop_proof',
}

const BY_KIND: Readonly<Record<ReturnType<typeof reasonOf>['kind'], string>> = {
  unauthenticated: 'invalid_client',
  forbidden: 'unauthorized_client',
  rate: 'temporarily_unavailable',
  overloaded: 'temporarily_unavailable',
  timeout: 'temporarily_unavailable',
  internal: 'server_error',
  upstream: 'server_error',
  invalid: 'invalid_request',
  not_found: 'invalid_request',
  too_large: 'invalid_request',
}

/** A refusal as OAuth says it (RFC 6749 section 5.2, RFC 9449 section 5). */
export function mistakeOf(refusal: Refusal): { readonly status: number; readonly fields: Fields; readonly body: { readonly error: string; readonly error_description: string } } {
  const { status, kind, say, retry } = { retry: false, ...reasonOf(refusal.refuse) }
  const error = (kind === 'invalid' || kind === 'unauthenticated' ? BY_PARAMETER[refusal.param ?? ''] : undefined) ?? BY_KIND[kind]
  const fields: [string, string][] = [['x-should-retry', retry ? 'true' : 'false']]
  if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
  if (status === 401) fields.push(['www-authenticate', 'Bearer'], ['www-authenticate', 'DPoP algs="ES256 ES384 EdDSA"'])
  return { status, fields, body: { error, error_description: description(refusal.refuse, refusal.say ?? say) } }
}

/** Printable ASCII without quotes and backslashes is all that OAuth allows here. */
function description(code: Code, sentence: string): string {
  return `${sentence.replaceAll(/["\\]/g, "'").replaceAll(/[^ -~]/g, '?')} (${code})`
}
