import { isAuthorized, policyToText, type Clause, type Expr, type PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Question } from '../contract/policy.ts'
import { BUILTIN } from './builtin.ts'
import type { Call } from './prepare.ts'
import { project } from './project.ts'
import { makeReader } from './question.ts'
import { readPolicies, type PolicyFile, type PolicyProblem, type ReadPolicy } from './read.ts'
import { makeSchema, RESOURCES, type Extras, type Schema } from './schema.ts'

/** One value that a policy read; absent `value` = the question does not have it. */
export interface ReadValue {
  /** As policies write it: `context.labels.untrusted`. */
  readonly path: string
  readonly value?: unknown
}

/** The first part of a policy that kept it from applying. */
export interface FailedPart {
  readonly where: 'principal' | 'when' | 'unless'
  /** The condition as Cedar text; of a scope, the constraint. */
  readonly text: string
  readonly reads: readonly ReadValue[]
  /** How many parts held before it: the more, the nearer the policy was. */
  readonly passed: number
}

/** What one policy made of one question. */
export interface Traced {
  readonly policy: ReadPolicy
  /** `error`: it could not be evaluated, so the question is denied. */
  readonly applies: 'yes' | 'no' | 'error'
  readonly reads: readonly ReadValue[]
  readonly failed?: FailedPart
  readonly error?: string
}

export interface Tracer {
  /** Every policy with its text, the builtin ones first. */
  readonly policies: readonly ReadPolicy[]
  readonly schema: Schema
  /**
   * Each policy that concerns the question's action and resource, evaluated alone: slow, for people. What a policy of
   * another action or resource would say is left out.
   */
  trace(question: Question): readonly Traced[]
}

/** The policies of the files, to be asked one by one; or every problem with them, as `loadPolicy` gives them. */
export function makeTracer(files: readonly PolicyFile[], extras: Extras = {}): Tracer | readonly PolicyProblem[] {
  const schema = makeSchema(extras)
  const own = readPolicies(files, schema)
  if ('problems' in own) return own.problems
  const house = readPolicies([BUILTIN], schema, false)
  if ('problems' in house) return house.problems
  const policies = [...house, ...own]
  return {
    policies,
    schema,
    trace: (question) => policies.flatMap((policy) => traceOne(policy, question, schema)),
  }
}

function traceOne(policy: ReadPolicy, question: Question, schema: Schema): readonly Traced[] {
  const { json } = policy
  if (ask({ ...json, principal: ANY, conditions: [] }, question, schema) !== true) return []
  const reads = readsOf(json, question, schema)
  const applies = ask(json, question, schema)
  if (typeof applies === 'string') return [{ policy, applies: 'error', reads, error: applies }]
  if (applies) return [{ policy, applies: 'yes', reads }]
  const failed = failedPart(json, question, schema)
  return [{ policy, applies: 'no', reads, ...(failed && { failed }) }]
}

const ANY = { op: 'All' } as const
const EVERYTHING: PolicyJson = { effect: 'permit', principal: ANY, action: ANY, resource: ANY, conditions: [] }

/**
 * Parts are asked in the order in which Cedar evaluates them and only up to the first that fails, so that what a
 * former part rules out (`has` before a read) is never evaluated.
 */
function failedPart(json: PolicyJson, question: Question, schema: Schema): FailedPart | undefined {
  const scope = { ...EVERYTHING, principal: json.principal }
  if (ask(scope, question, schema) !== true) return { where: 'principal', text: scopeText(scope), reads: readsOf(scope, question, schema), passed: 0 }
  let passed = 0
  for (const { kind, body } of json.conditions) {
    for (const part of kind === 'when' ? conjuncts(body, '&&') : conjuncts(body, '||')) {
      const clause: PolicyJson = { ...EVERYTHING, conditions: [{ kind, body: part } as Clause] }
      if (ask(clause, question, schema) !== true) return { where: kind, text: conditionText(clause), reads: readsOf(clause, question, schema), passed }
      passed++
    }
  }
  return undefined
}

/** `a && b && c` holds until its first false part, and `unless { a || b }` until its first true one. */
function conjuncts(body: Expr, operator: '&&' | '||'): readonly Expr[] {
  const sides = (body as Readonly<Record<string, { readonly left: Expr; readonly right: Expr } | undefined>>)[operator]
  return sides === undefined ? [body] : [...conjuncts(sides.left, operator), ...conjuncts(sides.right, operator)]
}

/** Whether one policy is satisfied; a string says why it cannot be evaluated. */
function ask(json: PolicyJson, question: Question, schema: Schema): boolean | string {
  const call = callFor(json, question, schema)
  if (typeof call === 'string') return call
  try {
    const answer = isAuthorized({ ...call, policies: { staticPolicies: { one: json } } })
    if (answer.type === 'failure') return answer.errors.map((error) => error.message).join('; ')
    const [error] = answer.response.diagnostics.errors
    return error === undefined ? answer.response.diagnostics.reason.length > 0 : error.error.message
  } catch (error) {
    return String(error)
  }
}

function callFor(json: PolicyJson, question: Question, schema: Schema): Call | string {
  const reader = makeReader(question.action, question.resource.type, project([json]), schema)
  return reader.problem(question) ?? reader.call(question)
}

/** The attributes that a policy mentions, with their values in the question. */
function readsOf(json: PolicyJson, question: Question, schema: Schema): readonly ReadValue[] {
  const { references, principal } = project([json])
  const call = callFor(json, question, schema)
  const named = principal ? [{ path: 'principal', value: `${question.principal.workload} of ${[question.principal.tenant, ...question.principal.roles].join(', ')}` }] : []
  if (typeof call === 'string') return named
  const roots: Readonly<Record<string, unknown>> = { principal: call.entities[0]?.attrs, resource: call.entities[1]?.attrs, context: call.context }
  return [
    ...named,
    ...references.map(({ path }) => {
      const value = path.reduce<unknown>((here, step) => (typeof here === 'object' && here !== null && Object.hasOwn(here, step) ? (here as Readonly<Record<string, unknown>>)[step] : undefined), roots)
      return { path: path.join('.'), ...(value !== undefined && { value: plain(value) }) }
    }),
  ]
}

/** A user stands in a call as an entity; people know it by its id. */
function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null && '__entity' in value ? (value.__entity as { readonly id: string }).id : value
}

function conditionText(json: PolicyJson): string {
  const text = textOf(json)
  return /(?:when|unless) \{ ([^]*) \};$/.exec(text)?.[1] ?? text
}

function scopeText(json: PolicyJson): string {
  return /^\w+\s*\(([^]*), action, resource\)/.exec(textOf(json))?.[1] ?? textOf(json)
}

function textOf(json: PolicyJson): string {
  const answer = policyToText(json)
  return answer.type === 'success' ? answer.text : answer.errors.map((error) => error.message).join('; ')
}

/** Which questions a policy's scope lets it concern, as `action type`: `tool.propose Tool`. */
export function kindsOf({ action, resource }: PolicyJson): readonly string[] {
  const actions = action.op === 'All' ? undefined : ('entities' in action ? action.entities : 'entity' in action ? [action.entity] : []).map((one) => uidOf(one).id)
  const type = resource.op === 'is' ? resource.entity_type : 'entity' in resource ? uidOf(resource.entity).type : undefined
  return Object.entries(RESOURCES).flatMap(([name, types]) =>
    actions !== undefined && !actions.includes(name) ? [] : types.flatMap((one) => (type === undefined || type === one ? [`${name} ${one}`] : [])),
  )
}

type Uid = { readonly type: string; readonly id: string }

function uidOf(entity: { readonly __entity: Uid } | Uid): Uid {
  return '__entity' in entity ? entity.__entity : entity
}

/**
 * Whether a policy applies wherever the other one does, as far as their texts show it: its scope is as wide, and
 * every one of its conditions is one of the other's. False proves nothing.
 */
export function covers(wide: PolicyJson, narrow: PolicyJson): boolean {
  const kinds = new Set(kindsOf(wide))
  const conditions = new Set(partsOf(narrow))
  return kindsOf(narrow).every((one) => kinds.has(one)) && within(narrow.principal, wide.principal) && within(narrow.resource, wide.resource) && partsOf(wide).every((one) => conditions.has(one))
}

function within(narrow: PolicyJson['principal'] | PolicyJson['resource'], wide: PolicyJson['principal'] | PolicyJson['resource']): boolean {
  if (wide.op === 'All') return true
  // There is one type of principal, and kinds have told the types of resources apart.
  if (wide.op === 'is' && !('in' in wide)) return true
  return JSON.stringify(narrow) === JSON.stringify(wide)
}

function partsOf({ conditions }: PolicyJson): readonly string[] {
  return conditions.flatMap(({ kind, body }) => conjuncts(body, kind === 'when' ? '&&' : '||').map((part) => `${kind} ${JSON.stringify(part)}`))
}
