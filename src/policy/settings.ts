import * as z from 'zod'
import type { Action } from '../contract/exchange.ts'
import type { HistoryFact } from '../contract/history.ts'
import { DURATION, durationMs } from '../formats/units.ts'
import { RESOURCES, type Declared, type Extras } from './schema.ts'
import type { SettledTools } from './tools/settings.ts'

const type = z.enum(['String', 'Long', 'Boolean', 'StringSet'])
const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/)
const names = z.record(name, type)

const actions = ['*', ...(Object.keys(RESOURCES) as Action[])] as const

const LONGEST_WINDOW_MS = 30 * 86_400_000
const duration = z.string().refine((text) => {
  const ms = DURATION.test(text) ? durationMs(text) : 0
  return ms >= 1000 && ms <= LONGEST_WINDOW_MS
}, 'a time from 1s to 30d, for example "1h"')

const fact = z
  .strictObject({
    kind: z.enum(['count', 'once', 'sum']).describe('count: how often · once: whether at all · sum: how much together, of a parameter.'),
    of: z.array(z.enum(Object.keys(RESOURCES) as [Action, ...Action[]])).min(1).describe('Actions that count.'),
    resource: z
      .record(z.string().regex(/^[a-z][A-Za-z0-9_]{0,63}$/), z.union([z.string().min(1).max(256), z.number().int(), z.boolean()]))
      .optional()
      .describe('Only what acts on such a resource: type, id (a trailing * matches a prefix), or an attribute, e.g. class: money.'),
    parameter: z.string().min(1).max(64).optional().describe('Of a sum: the parameter that is added up; a tool declares it as Long.'),
    verdict: z.enum(['allowed', 'any']).optional().describe('any: what was refused or failed counts too. Default: allowed.'),
    within: duration.describe('How far back it reaches, for example "1h".'),
    per: z.enum(['task', 'principal', 'tenant']).optional().describe('Whose doings count together. Default: principal.'),
  })
  .superRefine((written, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (written.kind === 'sum' && written.parameter === undefined) wrong('kind', 'adds up a parameter: say which')
    if (written.kind !== 'sum' && written.parameter !== undefined) wrong('parameter', 'stands beside no sum')
    for (const key of ['type', 'id']) if (written.resource?.[key] !== undefined && typeof written.resource[key] !== 'string') wrong('resource', `${key} is a text`)
  })

const MOST_FACTS = 64

/** `policy:` as people write it. */
export const policySettings = z
  .strictObject({
    folders: z
      .array(z.string().min(1))
      .min(1)
      .max(32)
      .optional()
      .describe('Folders with *.cedar files, or single .cedar files, read in this order; relative to the configuration file. Absent = the shipped folder.'),
    declare: z
      .strictObject({
        parameters: z
          .partialRecord(z.enum(actions), names)
          .optional()
          .describe('Call parameters that policies may read as context.parameters.<name>, by action ("*" = every action), with their type: String, Long, Boolean or StringSet.'),
        dimensions: names.optional().describe('Facts of your own that policies may read as context.dimensions.<name>.'),
      })
      .optional()
      .describe('What policies may read beyond the built-in schema. Always optional: a policy asks `has` first.'),
    history: z
      .record(name, fact)
      .refine((facts) => Object.keys(facts).length <= MOST_FACTS, `at most ${MOST_FACTS} facts`)
      .optional()
      .describe('What is remembered of what was done; policies read it as context.history.<name>. An action counts from the moment it begins.'),
  })
  .describe('Which Cedar policies decide.')

export type PolicySettings = z.infer<typeof policySettings>

export interface SettledPolicy {
  /** Absent = the shipped folder. */
  readonly folders?: readonly string[]
  readonly extras: Extras
  /** What session/history.ts counts for these policies. */
  readonly history: readonly HistoryFact[]
}

/** What is wrong with settings that are each well-formed; config/ finds the line of `path`. */
export class PolicySettingsError extends Error {
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], problem: string) {
    super(problem)
    this.path = path
  }
}

/**
 * @param scores guardrails whose scores policies may read.
 * @param tools what calls of tools tell besides.
 * @throws {PolicySettingsError} where a tool and `declare` disagree about a parameter.
 */
export function settlePolicy(written: PolicySettings | undefined, scores: readonly string[] = [], tools?: SettledTools): SettledPolicy {
  const { dimensions } = written?.declare ?? {}
  const parameters = withTools(written?.declare?.parameters as Extras['parameters'], tools?.parameters ?? {})
  const history = Object.freeze(Object.entries(written?.history ?? {}).map(([name, one]) => settleFact(name, one)))
  return Object.freeze({
    ...(written?.folders !== undefined && { folders: Object.freeze([...written.folders]) }),
    extras: Object.freeze({
      ...(scores.length > 0 && { scores: Object.freeze([...scores]) }),
      ...(parameters !== undefined && { parameters }),
      ...(dimensions !== undefined && { dimensions }),
      ...(history.length > 0 && { history: Object.fromEntries(history.map(({ name, kind }) => [name, kind === 'once' ? 'Boolean' : 'Long'] as const)) }),
    }),
    history,
  })
}

function settleFact(name: string, { kind, of, resource, parameter, verdict = 'allowed', within, per = 'principal' }: z.infer<typeof fact>): HistoryFact {
  const { type, id, ...attributes } = resource ?? {}
  return Object.freeze({
    name,
    kind,
    of: Object.freeze([...of]),
    ...(resource !== undefined && { resource: Object.freeze({ ...(typeof type === 'string' && { type }), ...(typeof id === 'string' && { id }), attributes: Object.freeze(attributes) }) }),
    ...(parameter !== undefined && { parameter }),
    verdict,
    within: durationMs(within),
    per,
  })
}

/** Actions whose resource is a tool with arguments. */
const CALLS = ['tool.propose', 'mcp.call'] as const satisfies readonly Action[]

function withTools(declared: Extras['parameters'], ofTools: Readonly<Record<string, Declared>>): Extras['parameters'] {
  if (Object.keys(ofTools).length === 0) return declared
  for (const action of ['*', ...CALLS] as const) {
    for (const [name, type] of Object.entries(declared?.[action] ?? {})) {
      const other = ofTools[name]
      if (other !== undefined && other !== type) throw new PolicySettingsError(['policy', 'declare', 'parameters', action, name], `"${name}" is a ${type} here and a ${other} where a tool declares it`)
    }
  }
  return { ...declared, ...Object.fromEntries(CALLS.map((action) => [action, { ...declared?.[action], ...ofTools }])) }
}
