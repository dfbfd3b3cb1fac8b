import { field, type Arrival, type Outlet } from '../../contract/arrival.ts'
import type { Errand } from '../../contract/gateway.ts'
import { isRefusal, Refused, type Refusal } from '../../contract/verdict.ts'
import { at, type TreeObject } from '../../formats/tree.ts'
import type { Dialect, Surveyed } from './dialect.ts'
import type { Operation } from './paths.ts'
import { readCall, type Desk } from './desk.ts'
import type { PlannedRoute } from './plan.ts'
import { makeReading, type LlmReading } from './reading.ts'
import { deliver, writeRefusal } from './render.ts'
import { unwanted, withinScope } from './scope.ts'
import { withToolNames } from './tool_names.ts'

/** A call that makes a model answer, in any dialect, streamed or not. */
export function generateErrand(desk: Desk, arrival: Arrival, outlet: Outlet, dialect: Dialect, operation: Extract<Operation, { kind: 'generate' }>): Errand {
  let route: PlannedRoute | undefined
  let elements = 0
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    async read(principal) {
      const survey = (tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal => {
        const surveyed = dialect.survey(tree, allowed, operation.fromPath)
        if (isRefusal(surveyed)) return surveyed
        const named = { ...surveyed, segments: withToolNames(tree, surveyed.segments) }
        return operation.fromPath === undefined ? named : withPathModel(named)
      }
      const call = await readCall(desk, arrival, principal, survey, operation.fromPath?.model)
      if (isRefusal(call)) return call
      const { name, allowFields } = (route = call.route)
      return makeReading('llm.generate', name, call.tree, call.surveyed, (before, text) => {
        const tree = dialect.instruct(before, text)
        const surveyed = survey(tree, allowFields)
        if (isRefusal(surveyed)) throw new Refused(surveyed)
        return { tree, surveyed }
      })
    },
    resolve(reading, principal) {
      const { surveyed } = reading as LlmReading
      const planned = route as PlannedRoute
      const refusal = unwanted(planned, surveyed.effects)
      if (refusal !== undefined) return refusal
      return withinScope(desk.plan.order(planned, reading as LlmReading), principal)
    },
    dial(reading, permit) {
      return desk.plan.send({
        route: route as PlannedRoute,
        reading: reading as LlmReading,
        caller: dialect,
        fromPath: operation.fromPath,
        candidates: permit.candidates,
        signal: arrival.gone,
        betas: field(arrival.fields, 'anthropic-beta'),
      })
    },
    deliver(guarded) {
      const reading = guarded.reading as LlmReading
      return deliver(guarded, {
        dialect,
        outlet,
        framing: operation.framing,
        stream: reading.stream,
        conversation: () => dialect.decode(reading.tree, operation.fromPath),
        wantsUsage: dialect.id !== 'openai.chat' || at(reading.tree, ['stream_options', 'include_usage']) === true,
        heartbeatAfterMs: (route as PlannedRoute).heartbeatAfterMs,
        clock: desk.clock,
        onElement: () => void elements++,
      })
    },
    refuse: (refusal, exchange) => writeRefusal(refusal, exchange, outlet, dialect, operation.framing, elements),
  }
}

/** From this length on a name can carry a credential; the field tables look at names in the body by the same measure. */
const LOOKED_AT = 20

/** A model that stands in the path is sent on like any field, so it is looked at like one. It cannot be edited. */
function withPathModel(surveyed: Surveyed): Surveyed {
  if (surveyed.model.length < LOOKED_AT) return surveyed
  return { ...surveyed, segments: [...surveyed.segments, { origin: 'body', text: surveyed.model, path: ['model'], group: 'model' }] }
}
