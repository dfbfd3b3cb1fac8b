import { field, type Arrival } from '../../contract/arrival.ts'
import type { ScopeName, TokenRequest } from '../../contract/token.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'

/** What was asked for, and the type under which the answer names the token. */
export interface Asking {
  readonly request: TokenRequest
  readonly issuedType: string
}

const FORM_BYTES = 32 * 1024
const MOST_PARAMETERS = 32
const LONGEST_TOKEN = 8192
const LONGEST_SCOPE = 4096
const MOST_NAMES = 64
const LONGEST_LIFETIME = 300

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:ietf:params:oauth:token-type:'
const SUBJECT_TYPES: ReadonlyMap<string, NonNullable<TokenRequest['subject']>['type']> = new Map([[`${TYPE}access_token`, 'access_token'], [`${TYPE}id_token`, 'id_token'], [`${TYPE}jwt`, 'jwt']])
const ISSUED_TYPES: readonly string[] = [`${TYPE}access_token`, `${TYPE}jwt`]
const AUDIENCE = /^(?:llm|guard|egress|shell|(?:mcp|a2a|tunnel):[A-Za-z0-9][A-Za-z0-9._-]{0,127})$/
/** Characters of a scope in OAuth; a `*` only at the end, where it means a prefix. */
const SCOPE = /^(tool|model|route):([!#-)+-[\]-~]{1,255}\*?|\*)$/
const WORKLOAD = /^[!-~]{1,512}$/
/** Ways to authenticate that this house does not have, and what would widen the request if it were passed over. */
const UNSUPPORTED = { resource: 'Name the target in audience.', client_secret: 'Authenticate with a header.', client_assertion: 'Authenticate with a header.' } as const

/**
 * The form of RFC 8693 section 2.1, read strictly: every parameter once, and none with characters that nobody could
 * see. Parameters that OAuth does not know are passed over (RFC 6749 section 3.2), as are empty ones.
 */
export async function readAsking(arrival: Arrival): Promise<Asking | Refusal> {
  const encoding = field(arrival.fields, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuse('bad_content_encoding')
  if (!/^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(field(arrival.fields, 'content-type') ?? '')) {
    return refuse('bad_content_type', { say: 'This endpoint takes application/x-www-form-urlencoded.' })
  }
  const form = formOf(await arrival.body.whole(FORM_BYTES))
  return isRefusal(form) ? form : askingOf(form)
}

function formOf(bytes: Uint8Array): ReadonlyMap<string, string> | Refusal {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (!/^[!-~]*$/.test(text)) return wrong('body', 'The body is not a form.')
  const pieces = text.split('&')
  if (pieces.length > MOST_PARAMETERS) return wrong('body', 'The form has too many parameters.')
  const form = new Map<string, string>()
  for (const piece of pieces) {
    if (piece === '') continue
    const mark = piece.indexOf('=')
    const name = decoded(mark < 0 ? piece : piece.slice(0, mark))
    const value = decoded(mark < 0 ? '' : piece.slice(mark + 1))
    if (name === undefined || value === undefined) return wrong('body', 'The form is not well encoded.')
    if (form.has(name)) return wrong(name, name === 'audience' ? 'A task token has one audience.' : `The parameter ${shown(name)} is there twice.`)
    form.set(name, value)
  }
  for (const [name, value] of form) if (value === '') form.delete(name)
  return form
}

function askingOf(form: ReadonlyMap<string, string>): Asking | Refusal {
  if (form.get('grant_type') !== GRANT) return wrong('grant_type', `The grant type must be ${GRANT}.`)
  for (const [name, advice] of Object.entries(UNSUPPORTED)) if (form.has(name)) return wrong(name, `The parameter ${name} is not taken here. ${advice}`)
  const subject = subjectOf(form)
  if (isRefusal(subject)) return subject
  const actor = form.get('actor_token')
  if ((actor === undefined) !== (form.get('actor_token_type') === undefined)) return wrong('actor_token_type', 'actor_token and actor_token_type come together.')
  const audience = form.get('audience')
  if (audience === undefined || !AUDIENCE.test(audience)) return wrong('audience', 'The audience must be one of llm, guard, egress, shell, mcp:<server>, a2a:<agent> and tunnel:<service>.')
  const scope = scopeOf(form.get('scope') ?? '')
  if (isRefusal(scope)) return scope
  const issuedType = form.get('requested_token_type') ?? (ISSUED_TYPES[0] as string)
  if (!ISSUED_TYPES.includes(issuedType)) return wrong('requested_token_type', 'Only access_token and jwt are issued.')
  const written = form.get('expires_in')
  const lifetime = written === undefined ? undefined : Number(written)
  if (lifetime !== undefined && (!/^[1-9]\d{0,2}$/.test(written as string) || lifetime > LONGEST_LIFETIME)) return wrong('expires_in', `expires_in is a number of seconds, at most ${LONGEST_LIFETIME}.`)
  const mayAct = form.get('may_act')
  if (mayAct !== undefined && !WORKLOAD.test(mayAct)) return wrong('may_act', 'may_act names a workload.')
  const request: TokenRequest = {
    ...(subject && { subject }),
    ...(actor !== undefined && { actor }),
    audience,
    scope,
    ...(lifetime !== undefined && { lifetime }),
    ...(mayAct !== undefined && { mayAct }),
  }
  return { request, issuedType }
}

function subjectOf(form: ReadonlyMap<string, string>): TokenRequest['subject'] | Refusal {
  const token = form.get('subject_token')
  const written = form.get('subject_token_type')
  if (token === undefined && written === undefined) return undefined
  const type = SUBJECT_TYPES.get(written ?? '')
  if (token === undefined || type === undefined) return wrong('subject_token_type', 'A subject_token comes with its type: access_token, id_token or jwt.')
  return token.length <= LONGEST_TOKEN ? { token, type } : wrong('subject_token', 'The subject token is too long.')
}

function scopeOf(written: string): readonly ScopeName[] | Refusal {
  const words = [...new Set(written.split(' '))]
  if (written === '') return wrong('scope', 'The scope must name what the token is for: tool:<name>, model:<name>, route:<name>.')
  if (written.length > LONGEST_SCOPE || words.length > MOST_NAMES) return wrong('scope', `The scope is too long: at most ${MOST_NAMES} names.`)
  const names: ScopeName[] = []
  for (const word of words) {
    const [, kind, name] = SCOPE.exec(word) ?? []
    if (kind === undefined || name === undefined || name.length > 256) return wrong('scope', 'Each word of the scope is tool:<name>, model:<name> or route:<name>, one space apart.')
    names.push({ kind: kind as ScopeName['kind'], name })
  }
  return names
}

/** Plus signs are spaces, escapes are UTF-8; undefined for anything that does not decode to visible text and spaces. */
function decoded(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text.replaceAll('+', ' '))
    return /^[^\p{C}]*$/u.test(value) ? value : undefined
  } catch {
    return undefined
  }
}

function shown(name: string): string {
  return name.replace(/[^\w.-]/g, '?').slice(0, 32)
}

function wrong(param: string, say: string): Refusal {
  return refuse('exchange_refused', { param, say, detail: `exchange: ${param}` })
}
