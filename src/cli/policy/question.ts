import type { RecordType, TypeOfAttribute } from '@cedar-policy/cedar-wasm/nodejs'
import * as z from 'zod'
import { closest } from '../../config/problem.ts'
import type { Action, Resource } from '../../contract/exchange.ts'
import type { Context, ContextValue, Question } from '../../contract/policy.ts'
import type { Principal, Proof } from '../../contract/principal.ts'
import { RESOURCES, type Schema } from '../../policy/schema.ts'
import { toolFactsOf } from '../../policy/tools.ts'
import type { SettledTools } from '../../policy/tools/settings.ts'

const proofs = ['api_key', 'mtls', 'oidc', 'task_token', 'local', 'enrolment', 'reviewer', 'admin', 'none'] as const satisfies readonly Proof['kind'][]

export const text = z.string().min(1).max(1000)
export const texts = z.array(text).max(1000)

const principalSchema = z.strictObject({
  id: text.optional(),
  tenant: text.optional(),
  roles: texts.optional(),
  cohort: text.optional(),
  agent: text.optional(),
  task: text.optional(),
  proof: z.enum(proofs).optional(),
  chain: texts.optional(),
  rights: texts.optional(),
  scope: z.strictObject({ routes: texts.optional(), models: texts.optional(), tools: texts.optional(), audience: text.optional() }).optional(),
})

/** Keys of a question as people write it. Attributes and context are checked against the schema of the policies. */
export const questionKeys = {
  principal: principalSchema.default({}),
  action: z.enum(Object.keys(RESOURCES) as [Action, ...Action[]]),
  resource: z.strictObject({ type: text, id: text, attributes: z.record(text, z.unknown()).default({}) }),
  context: z.record(text, z.unknown()).default({}),
}

export interface WrittenQuestion {
  readonly principal: z.infer<typeof principalSchema>
  readonly action: Action
  readonly resource: { readonly type: string; readonly id: string; readonly attributes: Readonly<Record<string, unknown>> }
  readonly context: Readonly<Record<string, unknown>>
}

type Type = TypeOfAttribute<string>
type Types = Readonly<Record<string, Type>>

/** Told what is wrong, at which key, and what was probably meant. */
export type Say = (path: readonly PropertyKey[], message: string, hint?: string) => void

/**
 * What a person wrote of a question, as a gateway would ask it: what is left out is what an ordinary call has, and a
 * described tool brings its attributes and effects. A key that no policy could read, or a value of another type than
 * policies read it as, is a mistake: a case with one would prove nothing.
 */
export function questionOf(written: WrittenQuestion, schema: Schema, tools: SettledTools, say: Say): Question {
  const { action } = written
  const { type, id } = written.resource
  const principal = principalOf(written.principal)
  if (!RESOURCES[action].includes(type)) {
    say(['resource', 'type'], `${action} is asked about ${RESOURCES[action].join(', ')}, not about "${type}".`)
    return { principal, action, resource: { type, id, attributes: {} }, context: {} }
  }
  // Of a tool that the provider runs, nothing is known but its name.
  const tool = action === 'tool.propose' || action === 'mcp.call' ? toolFactsOf(tools)(id) : undefined
  const { id: _id, ...attributes } = typesOf(schema.typeAt(action, type, ['resource']))
  const { in_scope: _inScope, ...context } = typesOf(schema.typeAt(action, type, ['context']))
  if (Object.hasOwn(written.context, 'in_scope')) say(['context', 'in_scope'], 'is worked out from principal.scope.')
  else check(written.context, ['context'], context, say)
  check(written.resource.attributes, ['resource', 'attributes'], attributes, say)
  return {
    principal,
    action,
    resource: { type, id, attributes: { ...tool?.attributes, ...(written.resource.attributes as Resource['attributes']) } },
    context: merged({ ...(emptyOf(context) as Context), ...usual(action), ...(tool && { effects: tool.effects, parameters: { tool: id } }) }, written.context as Context),
  }
}

function principalOf({ id, tenant, roles, cohort, agent, task, proof, chain, rights, scope }: WrittenQuestion['principal']): Principal {
  const kind = proof ?? 'api_key'
  return {
    tenant: tenant ?? 'default',
    workload: id ?? 'key:example',
    chain: chain ?? [],
    roles: roles ?? [],
    ...(cohort !== undefined && { cohort }),
    ...(agent !== undefined && { agent }),
    ...(task !== undefined && { task }),
    proof: { kind, id: 'example' },
    scope: { rights: rights ?? [], ...(scope?.routes && { routes: scope.routes }), ...(scope?.models && { models: scope.models }), ...(scope?.tools && { tools: scope.tools }), ...(scope?.audience !== undefined && { audience: scope.audience }) },
  }
}

function typesOf(type: Type | undefined): Types {
  return type === undefined ? {} : (type as RecordType<string>).attributes
}

/** What an ordinary call has: a Wednesday at noon. */
function usual(action: Action): Context {
  return {
    gateway: action.startsWith('mcp.') ? 'mcp' : 'llm',
    route: 'default',
    direction: action === 'tool.propose' ? 'inbound' : 'outbound',
    role: 'primary',
    time: { hour: 12, weekday: 3, unix: 1_800_000_000 },
  }
}

/** Everything that a question must have, empty: nothing found, nothing counted, nothing known. */
function emptyOf(types: Types): Readonly<Record<string, ContextValue>> {
  return Object.fromEntries(Object.entries(types).flatMap(([name, type]): [string, ContextValue][] => (type.required === false ? [] : [[name, emptyValue(type)]])))
}

function emptyValue(type: Type): ContextValue {
  switch (type.type) {
    case 'Long':
      return 0
    case 'Boolean':
      return false
    case 'Set':
      return []
    case 'Record':
      return emptyOf(typesOf(type))
    default:
      return ''
  }
}

function merged(below: Context, above: Context): Context {
  const both: Record<string, ContextValue> = { ...below }
  for (const [key, value] of Object.entries(above)) {
    const old = both[key]
    both[key] = isRecord(value) && isRecord(old) ? merged(old, value) : value
  }
  return both
}

function isRecord(value: unknown): value is Readonly<Record<string, ContextValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function check(found: Readonly<Record<string, unknown>>, path: readonly string[], types: Types, say: Say): void {
  for (const [key, value] of Object.entries(found)) {
    const type = Object.hasOwn(types, key) ? types[key] : undefined
    if (type === undefined) {
      const best = closest(key, Object.keys(types))
      say([...path, key], 'is nothing that policies can read here.', best === undefined ? undefined : `Did you mean "${best}"?`)
    } else if (type.type === 'Record' && isRecord(value)) check(value, [...path, key], typesOf(type), say)
    else if (!fits(value, type)) say([...path, key], `expected ${words[type.type] ?? type.type}.`)
  }
}

const words: Readonly<Record<string, string>> = { String: 'text', Long: 'a whole number', Boolean: 'true or false', Set: 'a list of texts', Record: 'a map of keys' }

function fits(value: unknown, { type }: Type): boolean {
  switch (type) {
    case 'String':
      return typeof value === 'string'
    case 'Long':
      return Number.isSafeInteger(value)
    case 'Boolean':
      return typeof value === 'boolean'
    case 'Set':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    default:
      return false
  }
}
