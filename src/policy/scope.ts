import type { Action } from '../contract/exchange.ts'
import { project } from './project.ts'
import type { PolicyProblem, ReadPolicy } from './read.ts'
import { RESOURCES, type Schema } from './schema.ts'

/**
 * False only where the policy's scope rules out every such question, so that leaving it out of the slice can never
 * drop a forbid. Resources have no parents: `in` means the very entity.
 */
export function concerns({ json }: Pick<ReadPolicy, 'json'>, action: string, type: string): boolean {
  if (json.action.op !== 'All') {
    const named = 'entities' in json.action ? json.action.entities : 'entity' in json.action ? [json.action.entity] : []
    if (!named.some((one) => uidOf(one).id === action)) return false
  }
  if (json.resource.op === 'is') return json.resource.entity_type === type
  if ((json.resource.op === '==' || json.resource.op === 'in') && 'entity' in json.resource) return uidOf(json.resource.entity).type === type
  return true
}

/**
 * Attributes that no question has. Cedar's validator lets `has` ask for them, so a misspelt name would make a forbid
 * that never applies: it does not load.
 */
export function undeclared(policy: ReadPolicy, schema: Schema): readonly PolicyProblem[] {
  const kinds = (Object.entries(RESOURCES) as [Action, readonly string[]][]).flatMap(([action, types]) =>
    types.filter((type) => concerns(policy, action, type)).map((type) => [action, type] as const),
  )
  return project([policy.json])
    .references.filter(({ path }) => !kinds.some(([action, type]) => schema.typeAt(action, type, path) !== undefined))
    .map(({ path }) => ({
      file: policy.file,
      line: policy.line,
      column: 1,
      message: `${policy.id}: ${path.join('.')} is not an attribute of anything that the policy concerns`,
      expected: 'an attribute of the schema, or one declared under policy.declare',
    }))
}

function uidOf(entity: { readonly __entity: { type: string; id: string } } | { readonly type: string; readonly id: string }): { readonly type: string; readonly id: string } {
  return '__entity' in entity ? entity.__entity : entity
}
