import { createHash } from 'node:crypto'
import type { Action } from '../contract/exchange.ts'
import type { Authorize, Decision, Question } from '../contract/policy.ts'
import type { ToolFacts } from '../contract/tool.ts'
import { BUILTIN } from './builtin.ts'
import { decide, makeSlice, type Slice } from './decide.ts'
import { readPolicies, type PolicyFile, type PolicyProblem, type ReadPolicy } from './read.ts'
import { readRule, suggestRule, type Rule } from './rule.ts'
import { makeSchema, RESOURCES, type Extras, type Schema } from './schema.ts'
import { concerns, undeclared } from './scope.ts'

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
  /** A rule of a reviewer's, or what is wrong with it. It belongs to this policy: the next may have another schema. */
  rule(text: string): Rule | readonly PolicyProblem[]
  /** A rule to start from that covers the question, as text; undefined where none can be written. */
  suggest(question: Question, tool: ToolFacts): string | undefined
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
    rule: (text) => readRule(text, schema),
    suggest(question, tool) {
      const text = suggestRule(question, tool)
      const rule = text === undefined ? undefined : readRule(text, schema)
      return rule !== undefined && 'matches' in rule && rule.matches(question) ? text : undefined
    },
  }
}

function unknown({ action, resource }: Question): Decision {
  return { verdict: 'deny', policies: [], shadow: [], errors: [`${action} cannot be asked about a ${resource.type}`], cached: false }
}
