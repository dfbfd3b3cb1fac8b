import type { Candidate, Effect } from '../../contract/exchange.ts'
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
  // Policy refuses this too, but for the list of models, which every credential may ask for within its scope.
  if (scope.audience !== undefined && scope.audience !== 'llm') return refuse('out_of_scope', { detail: `audience ${scope.audience}` })
  if (candidates.length === 0) return refuse('no_candidate')
  if (scope.models === undefined) return candidates
  const allowed = candidates.filter((one) => allows(scope.models, one.id) || allows(scope.models, one.model))
  return allowed.some((one) => one.role !== 'mirror') ? allowed : refuse('out_of_scope', { param: 'model' })
}

/** A list of names, of which one may end in `*`. Absent = everything. */
export function allows(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one))
}

/** Effects that a route must list under `allow` before policy is even asked, whatever the call is for. */
const routeDenials = {
  provider_tool: 'provider_tool_denied',
  url_fetch: 'url_fetch_denied',
  provider_state: 'provider_state_denied',
} as const

/** Why the route does not take a request with these effects, or undefined. */
export function unwanted(route: PlannedRoute, effects: readonly Effect[]): Refusal | undefined {
  const found = effects.find((effect) => effect in routeDenials && !route.allow.has(effect))
  return found === undefined ? undefined : refuse(routeDenials[found as keyof typeof routeDenials], { detail: `route ${route.name}` })
}
