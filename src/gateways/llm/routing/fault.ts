import type { Code } from '../../../contract/reasons.ts'
import type { DialFault } from '../../../contract/dial.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { UpstreamFault } from '../dialect.ts'
import type { FallbackCause } from '../settings.ts'

/**
 * What went wrong at one target, and what may be done about it.
 * `retry`: `never` where the same would happen again or the route was silent · `once` after a short pause ·
 * `last` once, but only where no other target is left · `backoff` while the route's retries last.
 */
export interface Fault {
  readonly code: Code
  /** Under which name `fallback.on` lists it; `caller` = another target would not help, or must not be asked. */
  readonly cause: FallbackCause | 'context_length' | 'caller'
  readonly retry: 'never' | 'once' | 'last' | 'backoff'
  /** False for what a caller causes and for back-pressure: it never trips a breaker. */
  readonly trips: boolean
  readonly detail: string
  readonly status?: number
  readonly retryAfterMs?: number
  readonly upstream?: NonNullable<Refusal['upstream']>
}

export class UpstreamFailed extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.detail)
    this.fault = fault
  }
}

export function failed(fault: Omit<Fault, 'trips'> & { readonly trips?: boolean }): UpstreamFailed {
  return new UpstreamFailed({ trips: true, ...fault })
}

const dialFaults = {
  // Nothing was sent, so asking again is safe; but a host that takes no connection in time is silent.
  connect: { code: 'upstream_error', cause: 'server_error', retry: 'once' },
  connect_timeout: { code: 'upstream_timeout', cause: 'timeout', retry: 'never' },
  head_timeout: { code: 'upstream_timeout', cause: 'timeout', retry: 'never' },
  reset: { code: 'upstream_error', cause: 'server_error', retry: 'once' },
  protocol: { code: 'upstream_malformed', cause: 'malformed', retry: 'never' },
  forbidden: { code: 'upstream_error', cause: 'server_error', retry: 'never' },
} as const satisfies Record<Exclude<DialFault, 'aborted'>, Pick<Fault, 'code' | 'cause' | 'retry'>>

export function dialFailed(fault: Exclude<DialFault, 'aborted'>, message: string): UpstreamFailed {
  return failed({ ...dialFaults[fault], detail: `${fault}: ${message}` })
}

const answers = {
  invalid: { code: 'upstream_refused', cause: 'caller', retry: 'never', trips: false },
  context_length: { code: 'context_length', cause: 'context_length', retry: 'never', trips: false },
  content_policy: { code: 'content_policy', cause: 'caller', retry: 'never', trips: false },
  // Our credential or purse, not the caller's doing: another provider can still answer.
  auth: { code: 'upstream_auth', cause: 'server_error', retry: 'never', trips: true },
  // A retired model as much as one that never was: the next target may have it, and the caller may have made it up.
  not_found: { code: 'upstream_refused', cause: 'server_error', retry: 'never', trips: false },
  rate: { code: 'upstream_rate', cause: 'rate_limited', retry: 'backoff', trips: false },
  server: { code: 'upstream_error', cause: 'server_error', retry: 'backoff', trips: true },
} as const satisfies Record<UpstreamFault['kind'], Pick<Fault, 'code' | 'cause' | 'retry' | 'trips'>>

/** What the provider itself said was wrong. Its words reach the caller only where the request is to blame. */
export function answered(said: UpstreamFault, retryAfterMs: number | undefined): UpstreamFailed {
  const after = said.retryAfterMs ?? retryAfterMs
  const blamesRequest = said.kind === 'invalid' || said.kind === 'context_length' || said.kind === 'content_policy' || said.kind === 'not_found'
  return failed({
    ...answers[said.kind],
    status: said.status,
    detail: `status ${said.status}${said.code === undefined ? '' : ` ${said.code}`}: ${said.message.slice(0, 500)}`,
    ...(after !== undefined && { retryAfterMs: after }),
    ...(blamesRequest && { upstream: { status: said.status, ...(said.code !== undefined && { code: said.code }), message: said.message.slice(0, 2_000) } }),
  })
}

/**
 * Milliseconds that a `Retry-After` asks for: seconds or a date (RFC 9110 §10.2.3), else `retry-after-ms`.
 * Undefined when it is absent, in the past or nonsense.
 */
export function retryAfter(value: string | undefined, millis: string | undefined, now: number): number | undefined {
  if (millis !== undefined && /^\d{1,9}(\.\d+)?$/.test(millis)) return Math.ceil(Number(millis))
  if (value === undefined) return undefined
  if (/^\d{1,7}(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1_000)
  const at = Date.parse(value)
  return Number.isNaN(at) || at <= now ? undefined : at - now
}
