import * as z from 'zod'
import type { Action } from '../contract/exchange.ts'
import { RESOURCES, type Extras } from './schema.ts'

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

/** @param scores guardrails whose scores policies may read. */
export function settlePolicy(written: PolicySettings | undefined, scores: readonly string[] = []): SettledPolicy {
  const { parameters, dimensions } = written?.declare ?? {}
  return Object.freeze({
    ...(written?.folders !== undefined && { folders: Object.freeze([...written.folders]) }),
    extras: Object.freeze({ ...(scores.length > 0 && { scores: Object.freeze([...scores]) }), ...(parameters !== undefined && { parameters: parameters as NonNullable<Extras['parameters']> }), ...(dimensions !== undefined && { dimensions }) }),
  })
}
