import type { ScopeName } from '../../contract/token.ts'

/**
 * What one credential allows, as far as a token made from it can inherit it. Absent = it sets no limit of its own:
 * a user's token says nothing about routes, an API key may name no tools.
 */
export interface Holding {
  readonly audience?: string
  readonly routes?: readonly string[]
  readonly models?: readonly string[]
  readonly tools?: readonly string[]
  readonly roles?: readonly string[]
  readonly rights?: readonly string[]
  /** Milliseconds since the Unix epoch. */
  readonly expires?: number
}

/** The most that a token may allow: never more than each of the holdings that it was made from. */
export interface Share {
  readonly audience: string
  readonly routes?: readonly string[]
  readonly models?: readonly string[]
  readonly tools: readonly string[]
  readonly roles: readonly string[]
  readonly rights: readonly string[]
}

/** Why there is no share: what was asked for, and held by nobody. */
export interface Excess {
  readonly excess: 'audience' | 'scope'
  readonly name: string
}

/**
 * The share of `holdings` that is asked for. Whatever is named must be held by all of them: more is refused, never
 * cut down in silence. A name that ends in `*` is only taken where one of the holdings has that very pattern.
 *
 * Of routes and models, one that is not named at all stays as limited as the holdings are, if the other one is named:
 * a model is reached by a route, so naming either narrows both. Where neither is named, none is allowed. Tools are
 * only ever those named. Roles and rights are those that every holding has.
 */
export function shareOf(asked: { readonly audience: string; readonly scope: readonly ScopeName[] }, holdings: readonly Holding[]): Share | Excess {
  const foreign = holdings.some(({ audience }) => audience !== undefined && audience !== asked.audience)
  if (foreign) return { excess: 'audience', name: asked.audience }
  for (const { kind, name } of asked.scope) {
    const lists = holdings.map((one) => one[listOf[kind]])
    const held = lists.every((list) => list === undefined || coveredBy(list, name))
    const written = !name.endsWith('*') || lists.some((list) => list?.includes(name) === true)
    if (!held || !written) return { excess: 'scope', name: `${kind}:${name}` }
  }
  const named = (kind: ScopeName['kind']): readonly string[] => [...new Set(asked.scope.filter((one) => one.kind === kind).map(({ name }) => name))]
  const routes = named('route')
  const models = named('model')
  const reachable = routes.length > 0 || models.length > 0
  const limit = (names: readonly string[], list: 'routes' | 'models'): readonly string[] | undefined =>
    names.length > 0 || !reachable ? names : holdings.map((one) => one[list]).reduce(meet, undefined)
  const ofRoutes = limit(routes, 'routes')
  const ofModels = limit(models, 'models')
  return {
    audience: asked.audience,
    ...(ofRoutes !== undefined && { routes: ofRoutes }),
    ...(ofModels !== undefined && { models: ofModels }),
    tools: named('tool'),
    roles: common(holdings.map(({ roles }) => roles)),
    rights: common(holdings.map(({ rights }) => rights)),
  }
}

const listOf = { tool: 'tools', model: 'models', route: 'routes' } as const satisfies Record<ScopeName['kind'], keyof Holding>

/** True when one of the patterns matches everything that `pattern` matches. */
export function coveredBy(patterns: readonly string[], pattern: string): boolean {
  return patterns.some((one) => covers(one, pattern))
}

/** Every name that `inner` matches is one that `outer` matches; either may end in `*`. */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  return outer.endsWith('*') && (inner.endsWith('*') ? inner.slice(0, -1) : inner).startsWith(outer.slice(0, -1))
}

/** Patterns that match what both match. Prefixes either contain each other or have nothing in common. */
export function meet(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return [...new Set([...a.filter((one) => coveredBy(b, one)), ...b.filter((one) => coveredBy(a, one))])]
}

/** When a token ends: no later than asked, than any credential it was made from, and than five minutes. In ms. */
export function endOf(now: number, lifetimeSeconds: number | undefined, holdings: readonly Holding[]): number {
  const longest = Math.min(lifetimeSeconds ?? LONGEST_SECONDS, LONGEST_SECONDS)
  return Math.min(now + longest * 1000, ...holdings.map(({ expires }) => expires ?? Number.POSITIVE_INFINITY))
}

/** Longest life of a task token. */
export const LONGEST_SECONDS = 300

function common(lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  return lists.reduce((sum, list) => (sum === undefined ? list : list === undefined ? sum : sum.filter((one) => list.includes(one))), undefined) ?? []
}
