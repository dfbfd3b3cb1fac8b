import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import { argument, pathOf, sides, type Json } from './expression.ts'
import { makeTelling, type Condition, type Reads } from './telling.ts'

/**
 * The leading conditions of a policy, in the order in which Cedar evaluates them, up to the first that could be an
 * evaluation error. Sound because a validated policy asked about a complete question has no errors but those of
 * arithmetic and of extension functions, and because Cedar stops at the first conjunct that is false: nothing after
 * it is evaluated.
 */
export function conditionsOf({ principal, resource, conditions }: PolicyJson, action: string, type: string, reads: Reads): readonly Condition[] {
  const make = makeTelling(action, type, reads)
  const found: Condition[] = []
  const add = (expression: Json): void => {
    const condition = make(expression)
    if (condition !== undefined) found.push(condition)
  }
  for (const expression of [...scope('principal', principal), ...scope('resource', resource)]) add(expression)
  for (const { kind, body } of conditions) {
    for (const conjunct of conjuncts(kind === 'when' ? (body as Json) : { '!': { arg: body } })) {
      if (!safe(conjunct)) return found
      add(conjunct)
    }
  }
  return found
}

/** The scope as the expressions that it stands for. */
function scope(name: 'principal' | 'resource', constraint: PolicyJson['principal'] | PolicyJson['resource']): readonly Json[] {
  const left = { Var: name }
  const at = (entity: unknown): Json => ({ Value: { __entity: (entity as Json)['__entity'] ?? entity } })
  if (constraint.op === '==' && 'entity' in constraint) return [{ '==': { left, right: at(constraint.entity) } }]
  if (constraint.op === 'in' && 'entity' in constraint) return [{ in: { left, right: at(constraint.entity) } }]
  if (constraint.op !== 'is') return []
  const within = constraint.in
  return [{ is: { left, entity_type: constraint.entity_type } }, ...(within !== undefined && 'entity' in within ? [{ in: { left, right: at(within.entity) } }] : [])]
}

function conjuncts(expression: Json): readonly Json[] {
  const and = sides(expression, '&&')
  if (and !== undefined) return [...conjuncts(and.left), ...conjuncts(and.right)]
  const denied = argument(expression, '!')
  const or = denied && sides(denied, '||')
  if (or !== undefined) return [...conjuncts({ '!': { arg: or.left } }), ...conjuncts({ '!': { arg: or.right } })]
  return [expression]
}

const PURE = ['==', '!=', '<', '<=', '>', '>=', 'in', 'contains', 'containsAll', 'containsAny', '&&', '||'] as const

/** Whether its evaluation can never be an error. What is not known to be safe is not. */
function safe(expression: Json): boolean {
  if (pathOf(expression) !== undefined) return true
  const value = expression['Value']
  if (value !== undefined) return typeof value !== 'object' || (value !== null && '__entity' in value)
  for (const operator of PURE) {
    const both = sides(expression, operator)
    if (both !== undefined) return safe(both.left) && safe(both.right)
  }
  for (const operator of ['!', 'isEmpty'] as const) {
    const arg = argument(expression, operator)
    if (arg !== undefined) return safe(arg)
  }
  const set = expression['Set']
  if (set !== undefined) return (set as readonly Json[]).every(safe)
  const is = expression['is'] as { readonly left: Json; readonly in?: Json } | undefined
  if (is !== undefined) return safe(is.left) && (is.in === undefined || safe(is.in))
  const left = (expression['has'] ?? expression['like']) as { readonly left: Json } | undefined
  if (left !== undefined) return safe(left.left)
  const choice = expression['if-then-else'] as { readonly if: Json; readonly then: Json; readonly else: Json } | undefined
  return choice !== undefined && safe(choice.if) && safe(choice.then) && safe(choice.else)
}
