import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Errand } from '../../contract/gateway.ts'
import { NO_USAGE } from '../../contract/exchange.ts'
import type { ReplyEvent } from '../../contract/reply.ts'
import { isRefusal, refuse, Refused } from '../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import { isObject, numberOf } from '../../formats/tree.ts'
import { COUNT_PATH, countReply, estimateInput, surveyCount } from './anthropic/count.ts'
import type { Dialect } from './dialect.ts'
import { sendOnce } from './once.ts'
import { readCall, type Desk } from './desk.ts'
import type { PlannedRoute } from './plan.ts'
import { makeReading, type LlmReading } from './reading.ts'
import { writeRefusal } from './render.ts'
import { unwanted, withinScope } from './scope.ts'

interface CountEvent extends ReplyEvent {
  readonly count: number
}

/**
 * count_tokens. A target that speaks Anthropic's dialect counts for itself; for any other the estimate is ours, and
 * the answer says so in a header.
 */
export function countErrand(desk: Desk, arrival: Arrival, outlet: Outlet, dialect: Dialect): Errand {
  let route: PlannedRoute | undefined
  let estimated = false
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      const call = await readCall(desk, arrival, principal, surveyCount)
      if (isRefusal(call)) return call
      route = call.route
      return makeReading('llm.count', route.name, call.tree, { ...call.surveyed, maxTokens: 0 })
    },
    resolve(reading, principal) {
      const planned = route as PlannedRoute
      return unwanted(planned, reading.effects) ?? withinScope(desk.plan.order(planned, reading as LlmReading).filter((one) => one.role !== 'mirror'), principal)
    },
    dial(reading, permit) {
      const { tree, surveyed } = reading as LlmReading
      const counting = permit.candidates.filter((one) => desk.plan.upstreamOf(one).provider.dialects.includes('anthropic.messages'))
      if (counting.length === 0) {
        estimated = true
        return answered(estimateInput(surveyed))
      }
      return sendOnce({
        ...desk.plan.onceLimits(route as PlannedRoute),
        candidates: counting,
        upstream: desk.plan.upstreamOf,
        request(candidate) {
          const { provider, settings, preset, headers } = desk.plan.upstreamOf(candidate)
          return {
            method: 'POST',
            url: provider.url(settings, COUNT_PATH, candidate.model, preset),
            fields: [...headers(), ['content-type', 'application/json']],
            body: writeJson(new Map(tree).set('model', candidate.model)),
          }
        },
        read: ({ bytes }) => ({ event: countEvent(countIn(bytes)), usage: NO_USAGE }),
        signal: arrival.gone,
        clock: desk.clock,
      })
    },
    async deliver(guarded) {
      let last: CountEvent | undefined
      for await (const event of guarded.events) last = event as CountEvent
      const body = writeJson(countReply((last as CountEvent).count))
      outlet.head(200, [['x-sallyport-id', guarded.exchange.id], ['content-type', 'application/json'], ...(estimated ? ([['x-sallyport-estimate', 'true']] as const) : [])])
      outlet.end(body)
      return { status: 200, bytes: body.length, complete: true }
    },
    refuse: (refusal, exchange) => writeRefusal(refusal, exchange, outlet, dialect),
  }
}

function answered(count: number) {
  return {
    events: (async function* () {
      yield countEvent(count)
    })(),
    attempts: () => [],
    usage: () => NO_USAGE,
    released: () => undefined,
    abort: () => undefined,
    finished: () => Promise.resolve(),
  }
}

function countEvent(count: number): CountEvent {
  const event: CountEvent = { kind: 'end', leaves: [], closes: [], opensCall: false, proposals: [], rewrite: () => event, drop: () => event, count }
  return event
}

function countIn(bytes: Uint8Array): number {
  try {
    const tree = parseJson(bytes, { depth: 8 })
    const count = isObject(tree) ? numberOf(tree.get('input_tokens')) : undefined
    if (count !== undefined) return count
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
  }
  throw new Refused(refuse('upstream_malformed'))
}
