import * as z from 'zod'
import type { Action } from '../contract/exchange.ts'
import { RESOURCES, type Declared, type Extras } from './schema.ts'
import type { SettledTools } from './tools.ts'

const type = z.enum(['String', 'Long', 'Boolean', 'StringSet'])
const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/)
const names = z.record(name, type)

const actions = ['*', ...(Object.keys(RESOURCES) as Action[])] as const

/** `policy:` as people write it. */
export const policySettings = z
  .strictObject({
    folders: z
      .array(z.string().min(1))
      .min(1)
      .max(32)
      .optional()
      .describe('Folders with *.cedar files, read in this order; relative to the configuration file. Absent = the shipped folder.'),
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
  })
  .describe('Which Cedar policies decide.')

export type PolicySettings = z.infer<typeof policySettings>

export interface SettledPolicy {
  /** Absent = the shipped folder. */
  readonly folders?: readonly string[]
  readonly extras: Extras
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
  return Object.freeze({
    ...(written?.folders !== undefined && { folders: Object.freeze([...written.folders]) }),
    extras: Object.freeze({ ...(scores.length > 0 && { scores: Object.freeze([...scores]) }), ...(parameters !== undefined && { parameters }), ...(dimensions !== undefined && { dimensions }) }),
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
