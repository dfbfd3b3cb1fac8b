import { createHash } from 'node:crypto'
import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Exchange, Reading } from '../../contract/exchange.ts'
import { deliverJson, type Errand, type Pass } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import { reasonOf } from '../../contract/reasons.ts'
import type { Origin } from '../../contract/segment.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { answerOf, briefly, type Answer } from './answer.ts'
import type { Probes } from './probes.ts'
import { readAsking, type Asking, type Evaluation } from './request.ts'
import type { SettledEvaluate } from './settings.ts'

/** What `POST /guard` works with: one epoch's settings, and what outlives it. */
export interface GuardDesk {
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  readonly bodyBytes: number
  /** Guardrails that are not off. */
  readonly on: ReadonlySet<string>
  readonly settings: SettledEvaluate
  readonly probes: Probes
  readonly pass: Pass
  readonly clock: Clock
}

const PATH = '/guard'
/** Inputs of one batch that are under way at once. */
const AT_ONCE = 8
/** The right of a credential to see more than whether a text passed. */
const RIGHT = 'scores'

export function isGuardPath(target: string): boolean {
  return target === PATH || target.startsWith(`${PATH}?`)
}

/**
 * `POST /guard`: what the guardrails say about a text. One input is one exchange; those of a batch are its children,
 * each authorised, counted and recorded for itself.
 */
export function guardErrand(desk: GuardDesk, arrival: Arrival, outlet: Outlet): Errand {
  const began = desk.clock.monotonic()
  let who: Principal
  let asking: Asking
  return {
    gateway: 'guard',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      who = principal
      if (arrival.verb !== 'POST') return refuse('method_not_allowed', { say: 'This path takes POST.' })
      if (arrival.target !== PATH) return refuse('bad_request', { param: 'query', say: 'This path takes no query.' })
      const probing = desk.probes.refusal(principal)
      if (probing !== undefined) return probing
      const read = await readAsking(arrival, desk.bodyBytes, desk.on)
      if (isRefusal(read)) return read
      asking = read
      const [only] = read.evaluations
      return readingOf(read, read.batch || only === undefined ? undefined : only)
    },
    resolve: () => [],
    async deliver({ exchange, inspection }) {
      if (asking.batch) return deliverJson(outlet, 200, fieldsOf(exchange), { id: exchange.id, evaluations: await each(desk, arrival, exchange, who, asking) })
      if (inspection === undefined) throw new Error('an evaluation without an inspection')
      return deliverJson(outlet, 200, fieldsOf(exchange), shown(desk, who, answerOf(exchange.id, inspection, asking.guardrails, desk.clock.monotonic() - began)))
    },
    refuse(refusal, exchange) {
      const { status, retry } = { retry: undefined, ...reasonOf(refusal.refuse) }
      const fields: [string, string][] = [...fieldsOf(exchange), ['x-should-retry', retry === true ? 'true' : 'false']]
      if (refusal.retryAfterMs !== undefined) fields.push(['retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))])
      if (refusal.refuse === 'unauthenticated') fields.push(['www-authenticate', 'Bearer'])
      if (outlet.committed) return { status, bytes: 0, complete: false }
      return { ...deliverJson(outlet, status, fields, { error: errorOf(refusal, exchange.id) }), complete: refusal.refuse !== 'cancelled' }
    },
  }
}

/** Every input of a batch as a child exchange, so many at once, answers in order. */
async function each(desk: GuardDesk, arrival: Arrival, parent: Exchange, principal: Principal, asking: Asking): Promise<readonly unknown[]> {
  const answers: unknown[] = new Array<unknown>(asking.evaluations.length)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < asking.evaluations.length) {
      const sequence = next++
      const began = desk.clock.monotonic()
      const evaluation = asking.evaluations[sequence] as Evaluation
      const delivered = { status: 200, bytes: 0, complete: true }
      await desk.pass({
        gateway: 'guard',
        parent: { exchange: parent, sequence },
        signal: arrival.gone,
        identify: () => principal,
        read: () => desk.probes.refusal(principal) ?? readingOf(asking, evaluation),
        resolve: () => [],
        deliver({ exchange, inspection }) {
          if (inspection === undefined) throw new Error('an evaluation without an inspection')
          answers[sequence] = shown(desk, principal, answerOf(exchange.id, inspection, asking.guardrails, desk.clock.monotonic() - began))
          return Promise.resolve(delivered)
        },
        refuse(refusal, exchange) {
          answers[sequence] = { id: exchange.id, error: errorOf(refusal, exchange.id) }
          return { ...delivered, status: reasonOf(refusal.refuse).status }
        },
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, asking.evaluations.length) }, work))
  return answers
}

/** Law 11: scores, and what leads to them, are for credentials that have the right to see them. */
function shown(desk: GuardDesk, principal: Principal, { answer, near }: Answer): unknown {
  if (answer.passed && near !== undefined) desk.probes.note(principal, near, desk.settings)
  return principal.scope.rights.includes(RIGHT) ? answer : briefly(answer)
}

function fieldsOf({ id }: Exchange): [string, string][] {
  return [['x-sallyport-id', id], ['x-request-id', id], ['content-type', 'application/json'], ['cache-control', 'no-store']]
}

function errorOf(refusal: Refusal, id: string): unknown {
  const { say, retry } = { retry: false, ...reasonOf(refusal.refuse) }
  return { code: refusal.refuse, message: refusal.say ?? say, id, retry, ...(refusal.param !== undefined && { param: refusal.param }) }
}

const REPLIES: ReadonlySet<Origin> = new Set(['assistant', 'reasoning', 'tool_call'])

/** Without an evaluation: a batch as a whole, which has nothing to look at itself. */
function readingOf(asking: Asking, evaluation: Evaluation | undefined): Reading {
  const segments = evaluation?.segments ?? []
  const last = segments.at(-1)
  const reading: Reading = {
    action: 'guard.evaluate',
    resource: { type: 'Endpoint', id: 'guard', attributes: { path: PATH } },
    route: 'guard',
    // What a model said is judged as a reply, everything else as a request.
    direction: last !== undefined && REPLIES.has(last.origin) ? 'inbound' : 'outbound',
    effect: 'none',
    overlapsIntent: false,
    stream: false,
    segments,
    effects: [],
    parameters: {
      guardrails: asking.guardrails?.join(',') ?? '',
      inputs: evaluation === undefined ? asking.evaluations.length : 1,
      bytes: segments.reduce((sum, { text }) => sum + text.length, 0),
    },
    subordinates: [],
    estimate: { input: 0, choices: 1 },
    ...(evaluation?.task !== undefined && { task: evaluation.task }),
    ...(asking.guardrails !== undefined && { guardrails: asking.guardrails }),
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(JSON.stringify([asking, segments])).digest('base64'),
  }
  return reading
}
