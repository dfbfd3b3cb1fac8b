import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import { pathOf, type Json } from './expression.ts'

/** One attribute that a policy reads: `['context', 'labels', 'untrusted']`. */
export interface Reference {
  readonly path: readonly string[]
  /**
   * Values at which an integer changes what the policies can see: the key of a decision then holds the interval, not
   * the value, so that neither a score nor a clock makes every question a new one. Undefined = the value itself counts.
   */
  readonly cuts?: readonly number[]
}

export interface Projection {
  readonly references: readonly Reference[]
  /** A policy compares the principal (resource) as an entity: its id and parents count. */
  readonly principal: boolean
  readonly resource: boolean
}

interface Found {
  readonly cuts: Map<string, Set<number> | undefined>
  readonly bare: Set<string>
}

/**
 * What a set of policies can read of a question, worked out from their JSON form. Sound: whatever is not listed
 * cannot change their answer, so leaving it out of the question and of the cache's key changes nothing.
 */
export function project(policies: readonly PolicyJson[]): Projection {
  const found: Found = { cuts: new Map(), bare: new Set() }
  for (const policy of policies) {
    if (policy.principal.op === '==' || policy.principal.op === 'in' || 'in' in policy.principal) found.bare.add('principal')
    if (policy.resource.op === '==' || policy.resource.op === 'in' || 'in' in policy.resource) found.bare.add('resource')
    for (const condition of policy.conditions) walk(condition.body, found)
  }
  const references = [...found.cuts].map(([key, cuts]) => {
    const path = key.split('\0')
    return cuts === undefined || cuts.size === 0 ? { path } : { path, cuts: [...cuts].sort((a, b) => a - b) }
  })
  return {
    references: covering(references),
    principal: found.bare.has('principal'),
    resource: found.bare.has('resource'),
  }
}

/** Drops what lies below another reference, whose value has it whole; sorts, so that equal policies give equal keys. */
function covering(references: readonly Reference[]): readonly Reference[] {
  const whole = references.filter((one) => one.cuts === undefined).map((one) => `${one.path.join('\0')}\0`)
  return references
    .filter((one) => !whole.some((prefix) => `${one.path.join('\0')}\0` !== prefix && `${one.path.join('\0')}\0`.startsWith(prefix)))
    .sort((a, b) => (a.path.join('\0') < b.path.join('\0') ? -1 : 1))
}

function walk(node: unknown, found: Found): void {
  if (typeof node !== 'object' || node === null) return
  if (Array.isArray(node)) {
    for (const one of node) walk(one, found)
    return
  }
  const expression = node as Json
  if ('Value' in expression) return
  if (comparison(expression, found)) return
  const path = pathOf(expression)
  if (path !== undefined) {
    reach(path, undefined, found)
    return
  }
  const record = expression['Record']
  if (record !== undefined) {
    // Its keys are names that the author chose, so it must not be read as an expression itself.
    for (const one of Object.values(record as Json)) walk(one, found)
    return
  }
  const is = expression['is'] as { readonly left: Json; readonly in?: Json } | undefined
  if (is !== undefined && is.in === undefined && pathOf(is.left)?.length === 1) return // the type is fixed for a slice
  const has = expression['has'] as { readonly left: Expr; readonly attr: string | readonly string[] } | undefined
  if (has !== undefined) {
    const base = pathOf(has.left as Json)
    if (base !== undefined) {
      reach([...base, ...(typeof has.attr === 'string' ? [has.attr] : has.attr)], undefined, found, true)
      return
    }
  }
  for (const key in expression) walk(expression[key], found)
}

/** `context.score >= 90`, either way round: notes where the answer changes. */
function comparison(expression: Json, found: Found): boolean {
  for (const operator of ['<', '<=', '>', '>=', '==', '!='] as const) {
    const sides = expression[operator] as { readonly left: Json; readonly right: Json } | undefined
    if (sides === undefined) continue
    const left = pathOf(sides.left)
    const right = pathOf(sides.right)
    const path = left ?? right
    const value = (left === undefined ? sides.left : sides.right)['Value']
    if (path === undefined || path.length < 2 || typeof value !== 'number') return false
    const turned = left === undefined ? ({ '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' } as const)[operator] : operator
    const cuts = turned === '<' || turned === '>=' ? [value] : turned === '>' || turned === '<=' ? [value + 1] : [value, value + 1]
    reach(path, cuts, found)
    return true
  }
  return false
}

/** `presence`: only whether it is there counts (`has`), so intervals that comparisons ask for stay intervals. */
function reach(path: readonly string[], cuts: readonly number[] | undefined, found: Found, presence = false): void {
  if (path.length === 1) {
    const root = path[0] as string
    // `action` is fixed for a slice; a bare `context` means all of it.
    if (root === 'context') found.cuts.set('context', undefined)
    else found.bare.add(root)
    return
  }
  const key = path.join('\0')
  const known = found.cuts.get(key)
  if (presence) {
    if (!found.cuts.has(key)) found.cuts.set(key, new Set())
  } else if (cuts === undefined) found.cuts.set(key, undefined)
  else if (known !== undefined) for (const cut of cuts) known.add(cut)
  else if (!found.cuts.has(key)) found.cuts.set(key, new Set(cuts))
}
