import type { Arrival } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import type { TreeObject } from '../../formats/tree.ts'
import type { Surveyed } from './dialect.ts'
import type { Plan, PlannedRoute } from './plan.ts'
import { readTree, type BodyLimits } from './reading.ts'
import { scopedRoute } from './scope.ts'

/** What every errand of the model gateway works with: one epoch's plan and limits. */
export interface Desk {
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  readonly limits: BodyLimits
  readonly plan: Plan
  readonly clock: Clock
}

export interface Call {
  readonly route: PlannedRoute
  readonly tree: TreeObject
  readonly surveyed: Surveyed
}

/** A call that names a model: its body read strictly, its route found within the credential's scope, its fields known. */
export async function readCall(
  { limits, plan }: Desk,
  arrival: Arrival,
  principal: Principal,
  survey: (tree: TreeObject, allowed: readonly string[]) => Surveyed | Refusal,
  modelInPath?: string,
): Promise<Call | Refusal> {
  const tree = await readTree(arrival, limits)
  if (isRefusal(tree)) return tree
  const model = modelInPath ?? tree.get('model')
  if (typeof model !== 'string' || model === '') return refuse('bad_request', { param: 'model', say: 'The field "model" must name a model.' })
  const route = scopedRoute(plan, model, principal)
  if (isRefusal(route)) return route
  const surveyed = survey(tree, route.allowFields)
  return isRefusal(surveyed) ? surveyed : { route, tree, surveyed }
}
