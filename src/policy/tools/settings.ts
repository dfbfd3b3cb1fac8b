import * as z from 'zod'
import type { Effect } from '../../contract/exchange.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import type { ToolClass } from '../../contract/tool_class.ts'
import { TOOL_PARAMETERS, type Declared } from '../schema.ts'

/** What a tool of this class does at the least; configuration may add effects and takes none away. */
const IMPLIED: Readonly<Record<ToolClass, readonly Effect[]>> = {
  read: ['read'],
  internal_write: ['internal_write'],
  external_send: ['external_write'],
  money: ['external_write', 'money'],
  destructive: ['destructive'],
  privilege: ['privilege'],
  code_execution: ['code_execution'],
}

const MOST_TOOLS = 4096
const classes = Object.keys(IMPLIED) as [ToolClass, ...ToolClass[]]
const effects = ['read', 'internal_write', 'external_write', 'url_fetch', 'code_execution', 'money', 'destructive', 'privilege'] as const satisfies readonly Effect[]
const parameter = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'the name of an argument: letters, digits and _')
const path = z.string().regex(/^[^.\s]{1,64}(?:\.[^.\s]{1,64}){0,7}$/, 'the name of an argument, or a dotted path to one inside it')

const tool = z.strictObject({
  class: z.enum(classes).optional().describe('What calling it does. Each class brings its effects: external_send and money write outside, destructive cannot be undone, …'),
  effects: z.array(z.enum(effects)).max(8).optional().describe('Effects beyond those of the class; policies read them as context.effects.'),
  environment: z.string().min(1).max(64).optional().describe('Where it acts, e.g. staging or production; policies read it as resource.environment.'),
  tenant: z.string().min(1).max(64).optional().describe('Whose data it works on; policies read it as resource.tenant.'),
  sensitivity: z.number().int().min(0).max(3).optional().describe('How confidential what it gives is: 0 public, 1 internal, 2 confidential, 3 secret.'),
  tags: z.array(z.string().min(1).max(64)).max(32).optional().describe('Words of your own; policies read them as resource.tags.'),
  parameters: z
    .record(parameter, z.enum(['String', 'Long', 'Boolean', 'StringSet']))
    .optional()
    .describe('Arguments that policies may read as context.parameters.<name>, with their types. Others never reach policy. One name has one type, whichever tool declares it.'),
  control: z.array(path).max(32).optional().describe('Arguments that say whom or what the call acts on (recipient, payee, path): shown first to reviewers, and what they endorse. A dotted path reaches inside.'),
  trust: z.enum(['operator', 'directory']).optional().describe('Whose word its results are. operator: as good as configuration. directory: a system of record, whose identifier-shaped values (addresses, account numbers, ids) count as trusted where a call acts on them; the rest of its results stays untrusted. Absent: untrusted.'),
  fields: z.array(path).min(1).max(64).optional().describe('Of trust: directory: only these fields of its results count, by name or dotted path. Absent = every field.'),
}).refine(({ trust, fields }) => fields === undefined || trust === 'directory', { path: ['fields'], message: 'stands beside trust: directory' })

/** `tools:` as people write it. */
export const toolsSettings = z
  .record(z.string().regex(/^(?:[^*\s]{1,256}\*?|\*)$/, 'the name of a tool; a trailing * matches a prefix'), tool)
  .superRefine((written, context) => {
    if (Object.keys(written).length > MOST_TOOLS) context.addIssue({ code: 'custom', path: [], message: `more than ${MOST_TOOLS} tools` })
    const first = new Map<string, { readonly tool: string; readonly type: Declared }>()
    for (const [name, { parameters = {} }] of Object.entries(written)) {
      for (const [parameter, type] of Object.entries(parameters)) {
        const wrong = (message: string): void => context.addIssue({ code: 'custom', path: [name, 'parameters', parameter], message })
        const other = first.get(parameter)
        if (Object.hasOwn(TOOL_PARAMETERS, parameter)) wrong(`"${parameter}" is what Sallyport itself tells about every call`)
        else if (other === undefined) first.set(parameter, { tool: name, type })
        else if (other.type !== type) wrong(`the tool "${name}" says that "${parameter}" is a ${type}, the tool "${other.tool}" that it is a ${other.type}`)
      }
    }
  })
  .describe('What is known of tools, by name; a trailing * matches a prefix, and the most specific name counts. Policies read it as attributes of the tool and as effects of calling it.')

export type ToolsSettings = z.infer<typeof toolsSettings>

export interface SettledTools {
  /** By written name. */
  readonly byName: ReadonlyMap<string, ToolFacts>
  /** Of all tools together: what `context.parameters` has when a tool is proposed or called. */
  readonly parameters: Readonly<Record<string, Declared>>
}

/** The schema has ruled out that two tools give one parameter two types. */
export function settleTools(written: ToolsSettings | undefined): SettledTools {
  const byName = new Map<string, ToolFacts>()
  const parameters: Record<string, Declared> = {}
  for (const [name, one] of Object.entries(written ?? {})) {
    byName.set(name, factsOf(one))
    Object.assign(parameters, one.parameters)
  }
  return Object.freeze({ byName, parameters: Object.freeze(parameters) })
}

function factsOf({ class: kind, effects = [], environment, tenant, sensitivity, tags, parameters = {}, control = [], trust, fields }: ToolsSettings[string]): ToolFacts {
  return Object.freeze({
    ...(kind !== undefined && { class: kind }),
    effects: Object.freeze([...new Set<Effect>([...(kind === undefined ? [] : IMPLIED[kind]), ...effects])]),
    attributes: Object.freeze({
      ...(kind !== undefined && { class: kind }),
      ...(environment !== undefined && { environment }),
      ...(tenant !== undefined && { tenant }),
      ...(sensitivity !== undefined && { sensitivity }),
      ...(tags !== undefined && { tags: Object.freeze([...tags]) }),
    }),
    parameters: Object.freeze({ ...parameters }),
    control: Object.freeze([...control]),
    ...(trust !== undefined && { trust }),
    ...(fields !== undefined && { fields: Object.freeze([...fields]) }),
  })
}
