import { field, type Arrival, type Fields, type Outlet } from '../contract/arrival.ts'
import { BodyError } from '../contract/arrival.ts'
import { reasonOf, type Code } from '../contract/reasons.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import type { Principal } from '../contract/principal.ts'
import { JsonError, parseJson, toPlain } from '../formats/json.ts'

interface Route {
  readonly verb: 'GET' | 'POST' | 'DELETE'
  /** Path below `/api/`, with `:name` for a single segment. The first that fits counts. */
  readonly path: string
  /** Reviewers may ask it too, each as far as the route itself lets them. Absent = the admin key only. */
  readonly for?: 'reviewers'
}

/** One thing an operator may ask, answered with JSON. */
interface AnswerRoute extends Route {
  run(asked: AdminAsked): Promise<unknown> | unknown
}

/**
 * One thing an operator may ask, answered for as long as it listens: the route writes head and content itself, and
 * resolves when it has ended the outlet. What it throws before the head becomes a JSON error. `signal` = nobody listens.
 */
interface StreamRoute extends Route {
  readonly verb: 'GET'
  stream(asked: AdminAsked, outlet: Outlet, signal: AbortSignal): Promise<void>
}

export type AdminRoute = AnswerRoute | StreamRoute

/** `body` is what the strict reader made of the request, as plain values. */
export interface AdminAsked {
  readonly operator: Principal
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly fields: Fields
  readonly body: unknown
}

export interface AdminDeps {
  /** Validates the admin key and those of reviewers; keys of agents are neither, and the other way round. */
  readonly identify: (arrival: Arrival) => Principal | Refusal
  readonly ready: () => { readonly ready: boolean; readonly why: readonly string[] }
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
  readonly routes: readonly AdminRoute[]
  readonly newId: () => string
  readonly onDefect: (step: string, error: unknown) => void
}

/** Admin bodies are small by nature; whoever sends more is not an operator's tool. */
const MOST_BYTES = 64 * 1024

/** Thrown by a route for what the operator did wrong; the sentence is shown, and the code where programs should tell. */
export class AdminError extends Error {
  readonly status: number
  readonly code: string | undefined
  constructor(status: number, message: string, code?: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/**
 * The admin listener's handler: health for orchestrators without a credential, everything else for operators only.
 * It is another listener than the data port on purpose: nothing that agents reach can administer.
 */
export function adminHandler(deps: AdminDeps): (arrival: Arrival, outlet: Outlet) => Promise<void> {
  const compiled = deps.routes.map((route) => ({ route, steps: route.path.split('/') }))
  return async (arrival, outlet) => {
    const id = deps.newId()
    try {
      if (!URL.canParse(arrival.target, 'http://admin.invalid')) return refusal(outlet, refuse('bad_request'), id)
      const url = new URL(arrival.target, 'http://admin.invalid')
      if (arrival.verb === 'GET' && url.pathname === '/healthz') return json(outlet, 200, { ok: true }, id)
      if (arrival.verb === 'GET' && url.pathname === '/readyz') {
        const state = deps.ready()
        return json(outlet, state.ready ? 200 : 503, state, id)
      }
      const operator = deps.identify(arrival)
      if (isRefusal(operator)) return refusal(outlet, operator, id)
      const reviewer = operator.proof.kind !== 'admin'
      if (arrival.verb === 'GET' && url.pathname === '/metrics') {
        if (reviewer) return refusal(outlet, NOT_FOR_REVIEWERS, id)
        const { type, text } = await deps.metrics()
        outlet.head(200, [['content-type', type]])
        return outlet.end(text)
      }
      const steps = url.pathname.startsWith('/api/') ? url.pathname.slice(5).split('/') : []
      const fits = compiled.filter((one) => matches(one.steps, steps))
      if (fits.length === 0) return refusal(outlet, refuse('unknown_path'), id)
      const found = fits.find((one) => one.route.verb === arrival.verb)
      if (found === undefined) return refusal(outlet, refuse('method_not_allowed'), id)
      const { route } = found
      if (reviewer && route.for !== 'reviewers') return refusal(outlet, NOT_FOR_REVIEWERS, id)
      const body = arrival.verb === 'POST' ? await bodyOf(arrival) : undefined
      const asked: AdminAsked = { operator, params: paramsOf(found.steps, steps), query: url.searchParams, fields: arrival.fields, body }
      if ('stream' in route) await route.stream(asked, outlet, arrival.gone)
      else json(outlet, 200, (await route.run(asked)) ?? {}, id)
    } catch (error) {
      failed(deps, outlet, error, id)
    }
  }
}

const NOT_FOR_REVIEWERS = refuse('out_of_scope', { say: "A reviewer's key does not open this: it takes the admin key." })

async function bodyOf(arrival: Arrival): Promise<unknown> {
  if (!/^application\/json\b/i.test(field(arrival.fields, 'content-type') ?? '')) throw new AdminError(415, 'Send content-type: application/json.')
  return toPlain(parseJson(await arrival.body.whole(MOST_BYTES), { depth: 16 }))
}

function failed(deps: AdminDeps, outlet: Outlet, error: unknown, id: string): void {
  if (outlet.committed) return outlet.cut()
  if (error instanceof AdminError) return json(outlet, error.status, { error: { ...(error.code !== undefined && { code: error.code }), message: error.message, request_id: id } }, id)
  if (error instanceof JsonError) return refusal(outlet, refuse('bad_json', { say: `The request body is not acceptable JSON (${error.message}).` }), id)
  if (error instanceof BodyError) return refusal(outlet, refuse(error.kind === 'too_large' ? 'body_too_large' : error.kind === 'too_slow' ? 'body_too_slow' : 'body_cut'), id)
  deps.onDefect('admin', error)
  refusal(outlet, refuse('step_failed'), id)
}

function refusal(outlet: Outlet, { refuse: code, say }: Refusal, id: string): void {
  const reason = reasonOf(code)
  json(outlet, reason.status, { error: { code: code satisfies Code, message: say ?? reason.say, request_id: id } }, id)
}

function json(outlet: Outlet, status: number, value: unknown, id: string): void {
  outlet.head(status, [
    ['content-type', 'application/json'],
    ['cache-control', 'no-store'],
    ['x-sallyport-id', id],
  ])
  outlet.end(JSON.stringify(value) + '\n')
}

function matches(pattern: readonly string[], steps: readonly string[]): boolean {
  return pattern.length === steps.length && pattern.every((one, at) => one.startsWith(':') || one === steps[at])
}

function paramsOf(pattern: readonly string[], steps: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [at, one] of pattern.entries()) if (one.startsWith(':')) params[one.slice(1)] = decoded(steps[at] ?? '')
  return params
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    throw new AdminError(400, 'The path is not well-formed percent-encoding.')
  }
}
