import type { Candidate } from '../../contract/exchange.ts'
import type { Principal } from '../../contract/principal.ts'
import { refuse, type Refusal } from '../../contract/verdict.ts'
import type { Plan, PlannedRoute } from './plan.ts'

/** The route that serves a model name, if the credential may use it. */
export function scopedRoute(plan: Plan, model: string, { scope }: Principal): PlannedRoute | Refusal {
  const route = plan.routeFor(model)
  if (route === undefined) return refuse('unknown_model', { param: 'model' })
  return allows(scope.routes, route.name) ? route : refuse('out_of_scope', { param: 'model', detail: `route ${route.name}` })
}

/** The targets that the credential may use: fail-over never leaves them. */
export function withinScope(candidates: readonly Candidate[], { scope }: Principal): readonly Candidate[] | Refusal {
  if (candidates.length === 0) return refuse('no_candidate')
  if (scope.models === undefined) return candidates
  const allowed = candidates.filter((one) => allows(scope.models, one.id) || allows(scope.models, one.model))
  return allowed.some((one) => one.role !== 'mirror') ? allowed : refuse('out_of_scope', { param: 'model' })
}

/** A list of names, of which one may end in `*`. Absent = everything. */
export function allows(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one))
}
