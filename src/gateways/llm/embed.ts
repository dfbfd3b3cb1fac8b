import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Errand } from '../../contract/gateway.ts'
import { NO_USAGE } from '../../contract/exchange.ts'
import type { ReplyEvent } from '../../contract/reply.ts'
import { isRefusal, refuse, Refused } from '../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import { isObject, type TreeObject } from '../../formats/tree.ts'
import type { Dialect } from './dialect.ts'
import { sendOnce } from './once.ts'
import { EMBEDDINGS_PATH, embeddingsUsage, retargetEmbeddings, surveyEmbeddings } from './openai/embeddings.ts'
import { readCall, type Desk } from './desk.ts'
import type { PlannedRoute } from './plan.ts'
import { makeReading, type LlmReading } from './reading.ts'
import { writeRefusal } from './render.ts'
import { withinScope } from './scope.ts'

const DEEPEST_REPLY = 64

interface TreeEvent extends ReplyEvent {
  readonly tree: TreeObject
}

/** Embeddings: only providers that speak OpenAI have this endpoint, so only their targets are candidates. */
export function embedErrand(desk: Desk, arrival: Arrival, outlet: Outlet, dialect: Dialect): Errand {
  let route: PlannedRoute | undefined
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      const call = await readCall(desk, arrival, principal, surveyEmbeddings)
      if (isRefusal(call)) return call
      route = call.route
      return makeReading('llm.embed', route.name, call.tree, call.surveyed)
    },
    resolve(reading, principal) {
      const open = desk.plan.order(route as PlannedRoute, reading as LlmReading).filter((one) => one.role !== 'mirror' && desk.plan.upstreamOf(one).provider.dialects.includes('openai.chat'))
      return open.length === 0 ? refuse('inexpressible', { param: 'model', say: 'No target of this route makes embeddings.' }) : withinScope(open, principal)
    },
    dial(reading, permit) {
      const { tree } = reading as LlmReading
      return sendOnce({
        ...desk.plan.onceLimits(route as PlannedRoute),
        candidates: permit.candidates,
        upstream: desk.plan.upstreamOf,
        request(candidate) {
          const { provider, settings, preset, headers } = desk.plan.upstreamOf(candidate)
          return {
            method: 'POST',
            url: provider.url(settings, EMBEDDINGS_PATH, candidate.model, preset),
            fields: [...headers(), ['content-type', 'application/json']],
            body: writeJson(retargetEmbeddings(tree, candidate.model)),
          }
        },
        read({ bytes }) {
          const answer = treeOf(bytes)
          return { event: treeEvent(answer), usage: embeddingsUsage(answer) ?? { ...NO_USAGE, input: reading.estimate.input } }
        },
        signal: arrival.gone,
        clock: desk.clock,
      })
    },
    async deliver(guarded) {
      let last: TreeEvent | undefined
      for await (const event of guarded.events) last = event as TreeEvent
      const body = writeJson((last as TreeEvent).tree)
      outlet.head(200, [['x-sallyport-id', guarded.exchange.id], ['content-type', 'application/json']])
      outlet.end(body)
      return { status: 200, bytes: body.length, complete: true }
    },
    refuse: (refusal, exchange) => writeRefusal(refusal, exchange, outlet, dialect),
  }
}

/** An answer of numbers has nothing to read: it travels as the strict reader made it. */
function treeEvent(tree: TreeObject): TreeEvent {
  const event: TreeEvent = { kind: 'end', leaves: [], closes: [], opensCall: false, proposals: [], rewrite: () => event, drop: () => event, tree }
  return event
}

function treeOf(bytes: Uint8Array): TreeObject {
  try {
    const tree = parseJson(bytes, { depth: DEEPEST_REPLY })
    if (isObject(tree)) return tree
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
  }
  throw new Refused(refuse('upstream_malformed'))
}
