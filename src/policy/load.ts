import { createHash } from 'node:crypto'
import type { Action } from '../contract/exchange.ts'
import type { Authorize, Decision, Question } from '../contract/policy.ts'
import { BUILTIN } from './builtin.ts'
import { decide, makeSlice, type Slice } from './decide.ts'
import { project } from './project.ts'
import { readPolicies, type PolicyFile, type PolicyProblem, type ReadPolicy } from './read.ts'
import { makeSchema, RESOURCES, type Extras, type Schema } from './schema.ts'

export interface Policy {
  /** Content hash of the policies and of what the schema was generated from; part of the epoch's id. */
  readonly id: string
  /** Every policy, in the order of the files. */
  readonly policies: readonly Pick<ReadPolicy, 'id' | 'set' | 'verdict' | 'file' | 'line'>[]
  readonly schema: Schema
  /** Answers at once and never throws; whatever goes wrong is a denial that names it in `errors`. */
  readonly authorize: Authorize
  /**
   * Decides again, under these policies, a question whose hold a reviewer has lifted: everything is evaluated anew
   * with just the named holds set aside. Never answered from memory.
   */
  release(question: Question, approved: readonly string[]): Decision
}

/**
 * Cedar texts → policy, or every problem with its file, line, column and what was expected. Files are taken in the
 * order given. No file at all is a policy too: it permits nothing.
 */
export function loadPolicy(files: readonly PolicyFile[], extras: Extras = {}): Policy | readonly PolicyProblem[] {
  const schema = makeSchema(extras)
  const own = readPolicies(files, schema)
  if ('problems' in own) return own.problems
  const stray = own.flatMap((policy) => undeclared(policy, schema))
  if (stray.length > 0) return stray
  const house = readPolicies([BUILTIN], schema, false)
  if ('problems' in house) return house.problems
  const policies = [...house, ...own]
  const slices = new Map<Action, ReadonlyMap<string, Slice>>()
  for (const [action, types] of Object.entries(RESOURCES) as [Action, readonly string[]][]) {
    slices.set(action, new Map(types.map((type) => [type, makeSlice(action, type, policies.filter((one) => concerns(one, action, type)), schema)])))
  }
  const sliceOf = (question: Question): Slice | undefined => slices.get(question.action)?.get(question.resource.type)
  return {
    id: createHash('sha256').update(JSON.stringify([policies.map((one) => one.text), schema.json])).digest('hex'),
    policies: policies.map(({ id, set, verdict, file, line }) => ({ id, set, verdict, file, line })),
    schema,
    authorize(question) {
      const slice = sliceOf(question)
      return slice === undefined ? unknown(question) : slice.authorize(question)
    },
    release(question, approved) {
      const slice = sliceOf(question)
      return slice === undefined ? unknown(question) : decide(slice, question, new Set(approved))
    },
  }
}

function unknown({ action, resource }: Question): Decision {
  return { verdict: 'deny', policies: [], shadow: [], errors: [`${action} cannot be asked about a ${resource.type}`], cached: false }
}

/**
 * False only where the policy's scope rules out every such question, so that leaving it out of the slice can never
 * drop a forbid. Resources have no parents: `in` means the very entity.
 */
function concerns({ json }: ReadPolicy, action: Action, type: string): boolean {
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
function undeclared(policy: ReadPolicy, schema: Schema): readonly PolicyProblem[] {
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
