import type { CedarValueJson, RecordType, TypeOfAttribute } from '@cedar-policy/cedar-wasm/nodejs'
import type { Action } from '../contract/exchange.ts'
import type { Context, Question } from '../contract/policy.ts'
import { inScope, type Principal } from '../contract/principal.ts'
import type { Call } from './prepare.ts'
import type { Projection, Reference } from './project.ts'
import type { Schema } from './schema.ts'

/** Reads, out of a question, exactly what some policies can see. */
export interface QuestionReader {
  /** False where a policy reads what changes without the question changing: history, or the very second. */
  readonly cacheable: boolean
  /** Equal keys mean equal answers: every projected value, each written so that no two spellings run together. */
  key(question: Question): string
  /**
   * Which value is missing or not of its declared type; undefined = the question is complete. Only complete questions
   * are put to policies: one that misses what a forbid reads must not pass it by.
   */
  problem(question: Question): string | undefined
  /** Of a question without a problem. */
  call(question: Question): Call
}

/** `undefined`: the attribute is missing · `null`: so is the record that would have it, and reading it is an error. */
type Value = unknown

interface Leaf {
  readonly reference: Reference
  readonly type: TypeOfAttribute<string> | undefined
  /** Whether the attribute, or a record that would have it, may be missing. */
  readonly optional: { readonly own: boolean; readonly above: boolean }
  readonly read: (question: Question) => Value
}

export function makeReader(action: Action, resource: string, projection: Projection, schema: Schema): QuestionReader {
  const typeAt = (path: readonly string[]): TypeOfAttribute<string> | undefined => schema.typeAt(action, resource, path)
  const leaves = projection.references.map((reference): Leaf => {
    const type = typeAt(reference.path)
    const above = reference.path.some((_, length) => length > 1 && typeAt(reference.path.slice(0, length))?.required === false)
    return { reference, type, optional: { own: type?.required === false || type === undefined, above }, read: readerOf(reference.path, schema.scores) }
  })
  const actionUid = { type: 'Action', id: action }
  return {
    cacheable: !projection.references.some(fleeting),
    key(question) {
      let key = spell(question.principal.tenant)
      if (projection.principal) key += spell(question.principal.workload) + spell(question.principal.roles)
      if (projection.resource) key += spell(question.resource.id)
      for (const leaf of leaves) {
        const value = leaf.read(question)
        key += leaf.reference.cuts !== undefined && Number.isSafeInteger(value) ? `i${interval(value as number, leaf.reference.cuts)};` : spell(value)
      }
      return key
    },
    problem(question) {
      const { principal, resource: target } = question
      // Cedar would read half a character as another one, so that two ids become the same.
      if (![principal.workload, principal.tenant, target.id, ...principal.roles].every((one) => one.isWellFormed())) return 'an id is not well-formed text'
      for (const { reference, type, optional, read } of leaves) {
        const value = read(question)
        if (value === null ? optional.above : value === undefined && optional.own) continue
        if (value === null || value === undefined) return `${reference.path.join('.')} is missing`
        if (type === undefined || convert(value, type) === undefined) return `${reference.path.join('.')} is not of its declared type`
      }
      return undefined
    },
    call(question) {
      const roots = { principal: {}, resource: {}, context: {} } as Record<string, Record<string, CedarValueJson>>
      for (const { reference, type, read } of leaves) {
        const value = read(question)
        if (value === null) continue
        const converted = value === undefined || type === undefined ? undefined : convert(value, type)
        if (converted === undefined) recordAt(roots, reference.path)
        else place(roots, reference.path, converted)
      }
      const principal = { type: 'Workload', id: question.principal.workload }
      const target = { type: resource, id: question.resource.id }
      const parents = projection.principal
        ? [{ type: 'Tenant', id: question.principal.tenant }, ...question.principal.roles.map((id) => ({ type: 'Role', id }))]
        : []
      return {
        principal,
        action: actionUid,
        resource: target,
        context: roots['context'] as Record<string, CedarValueJson>,
        entities: [
          { uid: principal, attrs: roots['principal'] as Record<string, CedarValueJson>, parents },
          { uid: target, attrs: roots['resource'] as Record<string, CedarValueJson>, parents: [] },
        ],
      }
    },
  }
}

function fleeting({ path, cuts }: Reference): boolean {
  if (path[0] !== 'context') return false
  return path.length === 1 || path[1] === 'history' || (path[1] === 'time' && (path.length === 2 || (path[2] === 'unix' && cuts === undefined)))
}

function interval(value: number, cuts: readonly number[]): number {
  let index = 0
  while (index < cuts.length && value >= (cuts[index] as number)) index += 1
  return index
}

function spell(value: Value): string {
  switch (typeof value) {
    case 'string':
      return `${value.length}:${value}`
    case 'boolean':
      return value ? 't' : 'f'
    case 'number':
      return `n${value};`
    case 'undefined':
      return '-'
    default: {
      if (!Array.isArray(value)) {
        const text = JSON.stringify(value)
        return `o${text.length}:${text}`
      }
      let spelled = `a${value.length};`
      for (const one of value) spelled += spell(one)
      return spelled
    }
  }
}

/** What these come to where nobody has said. */
const ABSENT: Context = { gateway: '', anomaly: 0 }

/** How the value at a path is read out of a question. */
export function readerOf(path: readonly string[], scored: readonly string[]): (question: Question) => Value {
  const [root, first, ...rest] = path
  if (root === 'principal') return principalReader(first as string)
  if (root === 'resource') {
    if (first === 'id') return (question) => question.resource.id
    return (question) => question.resource.attributes[first as string]
  }
  if (first === 'scores') return scoreReader(rest, scored)
  if (first === undefined) return (question) => ({ ...ABSENT, ...question.context, scores: scoresOf(question, scored), in_scope: scoped(question) })
  if (first === 'in_scope') return scoped
  const usual = rest.length === 0 && Object.hasOwn(ABSENT, first) ? ABSENT[first] : undefined
  if (usual !== undefined) return (question) => question.context[first] ?? usual
  if (rest.length === 0) return (question) => question.context[first]
  return (question) => {
    let here: Value = question.context[first]
    for (const step of rest) {
      if (typeof here !== 'object' || here === null) return null
      here = Object.hasOwn(here, step) ? (here as Context)[step] : undefined
    }
    return here
  }
}

/** A guardrail that did not look, or saw nothing, gives 0: a policy need not ask `has`. */
function scoreReader([name]: readonly string[], scored: readonly string[]): (question: Question) => Value {
  if (name === undefined) return (question) => scoresOf(question, scored)
  return ({ context }) => (context['scores'] as Context | undefined)?.[name] ?? 0
}

function scoresOf({ context }: Question, scored: readonly string[]): Context {
  const known = (context['scores'] ?? {}) as Context
  return Object.fromEntries(scored.map((name) => [name, known[name] ?? 0]))
}

const principals: Readonly<Record<string, (principal: Principal) => Value>> = {
  id: (principal) => principal.workload,
  tenant: (principal) => principal.tenant,
  roles: (principal) => principal.roles,
  cohort: (principal) => principal.cohort,
  agent: (principal) => principal.agent,
  task: (principal) => principal.task,
  proof: (principal) => principal.proof.kind,
  rights: (principal) => principal.scope.rights,
  chain: (principal) => principal.chain,
  user: (principal) => principal.chain[0],
}

function principalReader(name: string): (question: Question) => Value {
  const read = principals[name]
  return read === undefined ? () => undefined : (question) => read(question.principal)
}

/** Whether the credential itself is meant for this. */
function scoped({ principal, context, resource }: Question): boolean {
  const { route, gateway } = context
  const { model } = resource.attributes
  return inScope(principal, {
    route: typeof route === 'string' ? route : '',
    gateway: typeof gateway === 'string' ? gateway : '',
    resourceType: resource.type,
    resourceId: resource.id,
    ...(typeof model === 'string' && { model }),
  })
}

function convert(value: Value, type: TypeOfAttribute<string>): CedarValueJson | undefined {
  switch (type.type) {
    case 'String':
      return typeof value === 'string' && value.isWellFormed() ? value : undefined
    case 'Boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'Long':
      return Number.isSafeInteger(value) ? (value as number) : undefined
    case 'Set':
      return Array.isArray(value) && value.every((one) => typeof one === 'string' && one.isWellFormed()) ? (value as string[]) : undefined
    case 'Entity':
      return typeof value === 'string' && value.isWellFormed() ? { __entity: { type: (type as { name: string }).name, id: value } } : undefined
    case 'Record': {
      if (typeof value !== 'object' || value === null) return undefined
      const record: Record<string, CedarValueJson> = {}
      for (const [name, inner] of Object.entries((type as RecordType<string>).attributes)) {
        const own = Object.hasOwn(value, name) ? (value as Context)[name] : undefined
        if (own === undefined) {
          if (inner.required === false) continue
          return undefined
        }
        const converted = convert(own, inner)
        if (converted === undefined) return undefined
        record[name] = converted
      }
      return record
    }
    default:
      return undefined
  }
}

function place(roots: Record<string, Record<string, CedarValueJson>>, path: readonly string[], value: CedarValueJson): void {
  if (path.length === 1) {
    Object.assign(roots[path[0] as string] as object, value)
    return
  }
  recordAt(roots, path)[path[path.length - 1] as string] = value
}

/** The record that holds the path's last step, made where it is missing: `has` on an empty record is no error. */
function recordAt(roots: Record<string, Record<string, CedarValueJson>>, path: readonly string[]): Record<string, CedarValueJson> {
  let here = roots[path[0] as string] as Record<string, CedarValueJson>
  for (const step of path.slice(1, -1)) here = (here[step] ??= {}) as Record<string, CedarValueJson>
  return here
}
