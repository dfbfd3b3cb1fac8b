import type { Action } from '../contract/exchange.ts'
import type { EntityType, RecordType, SchemaJson, TypeOfAttribute } from '@cedar-policy/cedar-wasm/nodejs'

/** Types that configuration may declare for what policies read. Cedar has no floating point. */
export type Declared = 'String' | 'Long' | 'Boolean' | 'StringSet'

/**
 * What configuration adds to the built-in schema. Everything added is optional, so that strict validation makes a
 * policy ask `has` first: a gateway that leaves a parameter out then never causes an evaluation error.
 */
export interface Extras {
  /** `context.parameters.<name>`, per action; `'*'` = every action. */
  readonly parameters?: Readonly<Partial<Record<Action | '*', Readonly<Record<string, Declared>>>>>
  /** More attributes of a resource type. */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, Declared>>>>
  /** `context.scores.<name>`: guardrails that give scores. */
  readonly scores?: readonly string[]
  /** `context.dimensions.<name>`: facts that the operator's own sources add. */
  readonly dimensions?: Readonly<Record<string, Declared>>
  /**
   * `context.history.<name>`: temporal facts (once, count, sum). Decisions that read them are never cached. Not
   * optional: a question without them is denied, so that lost counters open nothing.
   */
  readonly history?: Readonly<Record<string, Declared>>
}

type Attribute = TypeOfAttribute<string>
type Attributes = Readonly<Record<string, Attribute>>

const text: Attribute = { type: 'String' }
const whole: Attribute = { type: 'Long' }
const flag: Attribute = { type: 'Boolean' }
const texts: Attribute = { type: 'Set', element: { type: 'String' } }
const optional = (type: Attribute): Attribute => ({ ...type, required: false })
const declared: Readonly<Record<Declared, Attribute>> = { String: text, Long: whole, Boolean: flag, StringSet: texts }

/**
 * Which resource types an action may be asked about. Exhaustive over the contract: a new action does not compile
 * until somebody has said what it acts on.
 */
export const RESOURCES: Readonly<Record<Action, readonly string[]>> = {
  'llm.generate': ['Model', 'Route'],
  'llm.embed': ['Model', 'Route'],
  'llm.count': ['Model', 'Route'],
  'llm.list': ['Model', 'Route'],
  'llm.passthrough': ['Route', 'Endpoint', 'Host', 'Model'],
  'llm.fetch_url': ['Host', 'Endpoint'],
  'llm.provider_tool': ['Tool'],
  'llm.provider_state': ['State', 'Route', 'Model'],
  'tool.propose': ['Tool'],
  'guard.evaluate': ['Endpoint', 'Route'],
  'identity.enrol': ['Endpoint'],
  'identity.renew': ['Endpoint'],
  'identity.bundle': ['Endpoint'],
  'token.exchange': ['Endpoint'],
  'mcp.connect': ['Endpoint'],
  'mcp.list': ['Endpoint'],
  'mcp.call': ['Tool', 'Endpoint'],
  'mcp.read': ['Resource'],
  'mcp.prompt': ['Prompt'],
  'mcp.complete': ['Prompt', 'Resource'],
  'mcp.subscribe': ['Resource', 'Endpoint'],
  'mcp.task': ['Tool'],
  'mcp.sample': ['Endpoint'],
  'mcp.elicit': ['Endpoint'],
  'mcp.roots': ['Endpoint'],
  'mcp.notify': ['Endpoint'],
  'mcp.metadata': ['Endpoint'],
  'mcp.consent': ['Endpoint'],
  'a2a.send': ['Agent', 'Endpoint'],
  'egress.request': ['Host', 'Endpoint'],
  'dns.resolve': ['Host'],
  'shell.exec': ['Command'],
  'tunnel.dial': ['Service'],
  'admin.change': ['Setting', 'Endpoint'],
}

/** What a principal's entity carries. `id` repeats the entity's id, because Cedar matches `like` on strings only. */
const WORKLOAD: Attributes = {
  id: text,
  tenant: text,
  roles: texts,
  cohort: optional(text),
  agent: optional(text),
  task: optional(text),
  proof: text,
  rights: texts,
  /** Whom it acts for, outermost first; `user` is the first of them. */
  chain: texts,
  user: optional({ type: 'Entity', name: 'User' }),
}

const RESOURCE_ATTRIBUTES: Readonly<Record<string, Attributes>> = {
  Model: { id: text, provider: text, model: text, route: optional(text), region: optional(text), environment: optional(text), tenant: optional(text), sensitivity: optional(whole), tags: optional(texts) },
  Tool: { id: text, name: optional(text), server: optional(text), provider: optional(text), kind: optional(text), field: optional(text), class: optional(text), environment: optional(text), tenant: optional(text), sensitivity: optional(whole), tags: optional(texts) },
  /** `id` is the URI; `listed`: the server lists it, or a template of the server's covers it. */
  Resource: { id: text, server: text, scheme: text, listed: flag, tenant: optional(text), sensitivity: optional(whole), tags: optional(texts) },
  Prompt: { id: text, server: text, tenant: optional(text), tags: optional(texts) },
  Route: { id: text, path: optional(text) },
  Host: { id: text, scheme: optional(text), port: optional(whole), path: optional(text), method: optional(text), field: optional(text) },
  Endpoint: { id: text, path: optional(text), method: optional(text), provider: optional(text) },
  State: { id: text, kind: optional(text), provider: optional(text), field: optional(text) },
  Agent: { id: text, skill: optional(text) },
  Command: { id: text, program: optional(text) },
  Service: { id: text, environment: optional(text) },
  Setting: { id: text, kind: optional(text) },
}

/** Always present in a context, whatever the gateway. `in_scope` is worked out here, from the credential's scope. */
const CONTEXT: Attributes = {
  gateway: text,
  route: text,
  stream: flag,
  direction: text,
  role: text,
  effects: texts,
  findings: texts,
  score: whole,
  /** 0 to 100: how far this is from what is usual for the principal; 0 = nothing is known. */
  anomaly: whole,
  labels: { type: 'Record', attributes: { untrusted: flag, sensitivity: whole } },
  time: { type: 'Record', attributes: { hour: whole, weekday: whole, unix: whole } },
  in_scope: flag,
}

/** Parameters that gateways tell about each call: those that the field tables of every dialect name as facts. */
const LLM_PARAMETERS: Readonly<Record<string, Declared>> = {
  model: 'String',
  dialect: 'String',
  stream: 'Boolean',
  choices: 'Long',
  max_tokens: 'Long',
  messages: 'Long',
  tools: 'Long',
  tool_choice: 'String',
  tool_names: 'String',
  images: 'Long',
  documents: 'Long',
  files: 'Long',
  media: 'Long',
  media_parts: 'Long',
  prefill: 'Boolean',
  effort: 'String',
  reasoning_effort: 'String',
  thinking_budget: 'Long',
  service_tier: 'String',
  speed: 'String',
  inference_geo: 'String',
}
/** Of `POST /guard`: the guardrails asked for (empty = all), and how many texts. */
const GUARD_PARAMETERS: Readonly<Record<string, Declared>> = { guardrails: 'String', inputs: 'Long', bytes: 'Long' }
/** Of `POST /token`: what is asked for, and for whom (docs/token-exchange.md). */
const TOKEN_PARAMETERS: Readonly<Record<string, Declared>> = { audience: 'String', scope: 'String', subject_kind: 'String', subject: 'String', depth: 'Long', bound: 'String', may_act: 'String', lifetime: 'Long' }
/** Of a person's consent to a server. */
const CONSENT_PARAMETERS: Readonly<Record<string, Declared>> = { server: 'String', issuer: 'String', scope: 'String' }
/** Of what an MCP server initiates: whom it would reach, on account of which method, and how (docs/mcp.md). */
const INITIATED_PARAMETERS: Readonly<Record<string, Declared>> = { caller: 'String', user: 'String', method: 'String', mode: 'String', host: 'String', fields: 'Long', messages: 'Long', max_tokens: 'Long', media_parts: 'Long', bytes: 'Long' }
const INITIATED: ReadonlySet<Action> = new Set(['mcp.sample', 'mcp.elicit', 'mcp.roots', 'mcp.notify'])
export const TOOL_PARAMETERS: Readonly<Record<string, Declared>> = { tool: 'String', argumentBytes: 'Long' }

export interface Schema {
  readonly json: SchemaJson<string>
  /** Guardrails that `context.scores` has. */
  readonly scores: readonly string[]
  /** Type of a path below `principal`, `resource` or `context`, for one kind of request; undefined = not declared. */
  typeAt(action: Action, resource: string, path: readonly string[]): Attribute | undefined
}

/** The schema of Cedar for this configuration: entity types without namespace, one action for each of the contract. */
export function makeSchema(extras: Extras = {}): Schema {
  const resources: Record<string, Attributes> = {}
  for (const [type, own] of Object.entries(RESOURCE_ATTRIBUTES)) resources[type] = { ...optionals(extras.attributes?.[type] ?? {}), ...own }
  const contexts = new Map<Action, Attributes>()
  for (const action of Object.keys(RESOURCES) as Action[]) contexts.set(action, contextOf(action, extras))

  const entityTypes: Record<string, EntityType<string>> = {
    Tenant: {},
    Role: {},
    User: {},
    Workload: { memberOfTypes: ['Tenant', 'Role'], shape: record(WORKLOAD) },
  }
  for (const [type, attributes] of Object.entries(resources)) entityTypes[type] = { shape: record(attributes) }
  const actions: SchemaJson<string>[string]['actions'] = {}
  for (const [action, context] of contexts) {
    actions[action] = { appliesTo: { principalTypes: ['Workload'], resourceTypes: [...RESOURCES[action]], context: record(context) } }
  }
  return {
    json: { '': { entityTypes, actions } },
    scores: extras.scores ?? [],
    typeAt(action, resource, [root, ...rest]) {
      const from = root === 'principal' ? WORKLOAD : root === 'resource' ? resources[resource] : root === 'context' ? contexts.get(action) : undefined
      return from === undefined ? undefined : descend(record(from), rest)
    },
  }
}

function contextOf(action: Action, extras: Extras): Attributes {
  const parameters = { ...(action.startsWith('llm.') ? LLM_PARAMETERS : action === 'tool.propose' || action === 'mcp.call' ? TOOL_PARAMETERS : action === 'guard.evaluate' ? GUARD_PARAMETERS : action === 'token.exchange' ? TOKEN_PARAMETERS : action === 'mcp.consent' ? CONSENT_PARAMETERS : INITIATED.has(action) ? INITIATED_PARAMETERS : {}), ...extras.parameters?.['*'], ...extras.parameters?.[action] }
  const more: Record<string, Attribute> = { parameters: record(optionals(parameters)), scores: record(Object.fromEntries((extras.scores ?? []).map((name) => [name, whole]))) }
  if (extras.dimensions !== undefined) more['dimensions'] = { ...record(optionals(extras.dimensions)), required: false }
  if (extras.history !== undefined) more['history'] = record(Object.fromEntries(Object.entries(extras.history).map(([name, type]) => [name, declared[type]])))
  return { ...CONTEXT, ...more }
}

function optionals(types: Readonly<Record<string, Declared>>): Attributes {
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, optional(declared[type])]))
}

function record(attributes: Attributes): { type: 'Record' } & RecordType<string> {
  return { type: 'Record', attributes: { ...attributes } }
}

function descend(type: Attribute, path: readonly string[]): Attribute | undefined {
  let here: Attribute | undefined = type
  for (const step of path) {
    here = here !== undefined && here.type === 'Record' ? (here as RecordType<string>).attributes[step] : undefined
  }
  return here
}
