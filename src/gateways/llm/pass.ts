import { createHash } from 'node:crypto'
import { field, type Arrival, type Outlet } from '../../contract/arrival.ts'
import type { Reading } from '../../contract/exchange.ts'
import type { Errand } from '../../contract/gateway.ts'
import { NO_USAGE } from '../../contract/exchange.ts'
import type { ReplyEvent } from '../../contract/reply.ts'
import type { Segment } from '../../contract/segment.ts'
import { refuse } from '../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import type { Dialect } from './dialect.ts'
import type { Desk } from './desk.ts'
import { sendOnce, type OnceAnswer } from './once.ts'
import type { Operation } from './paths.ts'
import type { PlannedRoute } from './plan.ts'
import { writeRefusal } from './render.ts'
import { allows, withinScope } from './scope.ts'

const DEEPEST_REPLY = 128

interface PassReading extends Reading {
  readonly body: Uint8Array
  readonly type: string | undefined
}

/**
 * A path that no dialect covers. It passes only where a route declares it and policy permits `llm.passthrough` (law 3):
 * text is inspected as one leaf in each direction, anything else travels unseen, and the exchange says that it did.
 */
export function passThroughErrand(desk: Desk, arrival: Arrival, outlet: Outlet, dialect: Dialect, operation: Extract<Operation, { kind: 'unknown' }>): Errand {
  const path = `/${operation.rest}`
  const route = desk.plan.passThrough(path, arrival.verb)
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      if (route === undefined || !isPlain(path)) return refuse('unknown_path')
      if (arrival.target.includes('?')) return refuse('bad_request', { param: 'query', say: 'A query is not passed through, because nothing would look at it.' })
      if (!allows(principal.scope.routes, route.name)) return refuse('out_of_scope', { detail: `route ${route.name}` })
      // Nobody reads which model or tool it is about, so whoever may use some only may not use it at all.
      if (principal.scope.models !== undefined || principal.scope.tools !== undefined) return refuse('out_of_scope', { detail: 'a credential for certain models or tools, and a path that is not read' })
      const type = field(arrival.fields, 'content-type')
      const bytes = await arrival.body.whole(desk.limits.bodyBytes)
      const body = bytes.length > 0 && isJson(type) ? spelt(bytes, desk.limits.depth) : bytes
      return body === undefined ? refuse('bad_json') : passReading(route, path, arrival.verb, body, type)
    },
    resolve: (_reading, principal) => withinScope(desk.plan.passTargets(route as PlannedRoute), principal),
    dial(reading, permit) {
      const { body, type } = reading as PassReading
      return sendOnce({
        ...desk.plan.onceLimits(route as PlannedRoute),
        candidates: permit.candidates,
        upstream: desk.plan.upstreamOf,
        request(candidate) {
          const upstream = desk.plan.upstreamOf(candidate)
          return {
            method: arrival.verb,
            url: upstream.provider.url(upstream.settings, path, candidate.model, upstream.preset),
            fields: [...upstream.headers(), ...(type === undefined ? [] : ([['content-type', type]] as const))],
            ...(body.length > 0 && { body }),
          }
        },
        read: (answer) => ({ event: passEvent(answer), usage: NO_USAGE }),
        signal: arrival.gone,
        clock: desk.clock,
      })
    },
    async deliver(guarded) {
      let last: PassEvent | undefined
      for await (const event of guarded.events) last = event as PassEvent
      const { status, type, bytes } = (last as PassEvent).answer
      outlet.head(status, [['x-sallyport-id', guarded.exchange.id], ['content-type', type]])
      outlet.end(bytes)
      return { status, bytes: bytes.length, complete: true }
    },
    refuse: (refusal, exchange) => writeRefusal(refusal, exchange, outlet, dialect),
  }
}

/** A path means one thing only: what a URL parser would rewrite (`%2e%2e`, a backslash) could leave the declared one. */
function isPlain(path: string): boolean {
  return !path.includes('//') && URL.canParse(path, 'http://passed.invalid') && new URL(path, 'http://passed.invalid').pathname === path
}

function passReading(route: PlannedRoute, path: string, method: string, body: Uint8Array, type: string | undefined): PassReading {
  const text = isText(type) ? Buffer.from(body).toString('utf8') : undefined
  const segments: Segment[] = text === undefined || text === '' ? [] : [{ origin: 'body', text, path: [], group: 'body' }]
  const reading: PassReading = {
    action: 'llm.passthrough',
    resource: { type: 'Route', id: route.name, attributes: { path } },
    route: route.name,
    direction: 'outbound',
    effect: 'dial',
    // Nobody knows what the call does, so its intent is on disk before it is made.
    overlapsIntent: false,
    stream: false,
    segments,
    effects: ['passthrough'],
    parameters: { method, bytes: body.length, inspected: text !== undefined },
    subordinates: [],
    estimate: { input: Math.ceil(body.length / 4), choices: 1 },
    body,
    type,
    apply(edits) {
      const changed = edits.reduceRight((here, edit) => here.slice(0, edit.start) + edit.text + here.slice(edit.end), text ?? '')
      return passReading(route, path, method, Buffer.from(changed), type)
    },
    fingerprint: () => createHash('sha256').update(`${route.name}\n${method} ${path}\n`).update(body).digest('base64'),
  }
  return reading
}

interface PassEvent extends ReplyEvent {
  readonly answer: OnceAnswer
}

function passEvent(answer: OnceAnswer): PassEvent {
  const text = isText(answer.type) ? Buffer.from((isJson(answer.type) ? spelt(answer.bytes, DEEPEST_REPLY) : undefined) ?? answer.bytes).toString('utf8') : undefined
  const event: PassEvent = {
    kind: 'end',
    leaves: text === undefined ? [] : [{ channel: 'body', origin: 'assistant', text, whole: true }],
    closes: [],
    opensCall: false,
    proposals: [],
    rewrite: ([changed]) => (changed === undefined || changed === text ? event : passEvent({ ...answer, bytes: Buffer.from(changed) })),
    drop: () => event,
    answer,
  }
  return event
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && /^application\/json\b/i.test(type)
}

/**
 * JSON as our own writer spells it: guards read the text, and a letter written as an escape would be another one to
 * them. Undefined where it is no JSON.
 */
function spelt(bytes: Uint8Array, depth: number): Uint8Array | undefined {
  try {
    return Buffer.from(writeJson(parseJson(bytes, { depth })))
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

function isText(type: string | undefined): boolean {
  return type !== undefined && /^(text\/|application\/(json|x-ndjson|jsonl|xml|x-www-form-urlencoded)\b)/i.test(type)
}
