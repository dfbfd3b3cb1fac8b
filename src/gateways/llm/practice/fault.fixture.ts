import { writeJson } from '../../../formats/json.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import type { Dialect } from '../dialect.ts'

/** How the practice server misbehaves for one request. `after` counts pieces of content. */
export type Fault =
  /** Answers with this status in the dialect's own error shape; `retryAfter` in seconds, as a header. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number }
  | { readonly kind: 'context_length' }
  | { readonly kind: 'content_policy' }
  /** Refuses the last message, as models without prefill do. */
  | { readonly kind: 'invalid'; readonly message: string }
  /** Resets the connection before any header. */
  | { readonly kind: 'reset' }
  /** Takes the request and never answers. */
  | { readonly kind: 'silence' }
  /** Head at once, first content so many milliseconds late. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Breaks the connection in the middle of the answer. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Says nothing more, and keeps the connection. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Sends an event that is no proper JSON; `text` is its data. */
  | { readonly kind: 'malformed'; readonly after: number; readonly text?: string }
  /** Leaves the dialect's terminator out; `open` keeps the connection too. */
  | { readonly kind: 'no_terminator'; readonly open: boolean }
  /** Reports an error inside the stream, then ends it. */
  | { readonly kind: 'error_event'; readonly after: number }

/** An error as the providers of a dialect write it. */
export function errorBody(dialect: Dialect, fault: Fault): { readonly status: number; readonly body: string } {
  const { status, code, word, message } = wordsOf(fault)
  return { status, body: writeJson(shaped(dialect, status, code, word, message)) }
}

function wordsOf(fault: Fault): { readonly status: number; readonly code: string | null; readonly word: string; readonly message: string } {
  switch (fault.kind) {
    case 'context_length':
      return { status: 400, code: 'context_length_exceeded', word: 'invalid_request_error', message: 'prompt is too long: it exceeds the maximum number of tokens allowed (practice)' }
    case 'content_policy':
      return { status: 400, code: 'content_policy_violation', word: 'invalid_request_error', message: 'Output blocked by content filtering policy (practice)' }
    case 'invalid':
      return { status: 400, code: null, word: 'invalid_request_error', message: fault.message }
    case 'status':
      return fault.status === 429
        ? { status: 429, code: 'rate_limit_exceeded', word: 'rate_limit_error', message: 'slow down (practice)' }
        : fault.status >= 500
          ? { status: fault.status, code: 'server_error', word: 'api_error', message: 'the practice server was told to fail' }
          : { status: fault.status, code: null, word: fault.status === 401 ? 'authentication_error' : fault.status === 404 ? 'not_found_error' : 'invalid_request_error', message: 'the practice server was told to refuse' }
    default:
      return { status: 500, code: 'server_error', word: 'api_error', message: 'the practice server was told to fail' }
  }
}

function shaped(dialect: Dialect, status: number, code: string | null, word: string, message: string): TreeObject {
  if (dialect.id === 'anthropic.messages') return object({ type: 'error', error: object({ type: word, message }) })
  if (dialect.id === 'gemini.generate') {
    const google = status === 429 ? 'RESOURCE_EXHAUSTED' : status >= 500 ? 'UNAVAILABLE' : status === 404 ? 'NOT_FOUND' : 'INVALID_ARGUMENT'
    return object({ error: object({ code: status, message, status: google }) })
  }
  return object({ error: object({ message, type: word, param: null, code }) })
}
