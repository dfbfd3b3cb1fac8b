import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { ContextValue, Question } from '../contract/policy.ts'
import type { ToolFacts } from '../contract/tool.ts'
import { askTogether, type Ask } from './ask.ts'
import { project } from './project.ts'
import { makeReader, type QuestionReader } from './question.ts'
import { readPolicies, type PolicyProblem, type ReadPolicy } from './read.ts'
import type { Schema } from './schema.ts'
import { concerns, undeclared } from './scope.ts'

/**
 * What a reviewer made of a decision: one permit whose match means that the holds it was made for are set aside. It
 * permits nothing by itself, and no forbid gives way to it.
 */
export interface Rule {
  /** Whether its scope is about questions of this action and type of resource. */
  concerns(question: Question): boolean
  /** Whether it covers this question. Never throws: what cannot be evaluated is not covered. */
  matches(question: Question): boolean
}

const MOST_BYTES = 4096
const FILE = 'rule'

/** Reads one Cedar permit against the schema, or says what is wrong with it; lines and columns are of the text. */
export function readRule(text: string, schema: Schema): Rule | readonly PolicyProblem[] {
  const wrong = (message: string, expected: string): readonly PolicyProblem[] => [{ file: FILE, line: 1, column: 1, message, expected }]
  if (Buffer.byteLength(text) > MOST_BYTES) return wrong(`the rule is longer than ${MOST_BYTES} bytes`, 'a shorter rule')
  const parts = policySetTextToParts(text)
  if (parts.type === 'success') {
    if (parts.policies.length !== 1 || parts.policy_templates.length > 0) return wrong('a rule is exactly one permit, without slots', 'permit (principal, action, resource) when { … };')
    const read = policyToJson(parts.policies[0] as string)
    if (read.type === 'success') {
      if (read.json.effect !== 'permit') return wrong('a rule permits: it cannot forbid', 'permit')
      const [other] = Object.keys(read.json.annotations ?? {}).filter((name) => name !== 'id')
      if (other !== undefined) return wrong(`@${other} means nothing in a rule`, 'no annotation, or @id')
      if (read.json.annotations?.['id'] === undefined) return compiled(`@id("${FILE}")\n${text}`, 1, schema)
    }
  }
  return compiled(text, 0, schema)
}

function compiled(text: string, linesBefore: number, schema: Schema): Rule | readonly PolicyProblem[] {
  const policies = readPolicies([{ name: FILE, text }], schema)
  const problems = 'problems' in policies ? policies.problems : policies.flatMap((one) => undeclared(one, schema))
  if (problems.length > 0) return problems.map((one) => ({ ...one, line: Math.max(1, one.line - linesBefore) }))
  const [policy] = policies as readonly ReadPolicy[]
  return ruleOf(policy as ReadPolicy, schema)
}

function ruleOf(policy: ReadPolicy, schema: Schema): Rule {
  const byKind = new Map<string, { readonly reader: QuestionReader; readonly ask: Ask }>()
  const about = ({ action, resource }: Question): boolean => concerns(policy, action, resource.type)
  return {
    concerns: about,
    matches(question) {
      const { action, resource } = question
      if (!about(question) || schema.typeAt(action, resource.type, ['resource', 'id']) === undefined) return false
      const kind = `${action} ${resource.type}`
      let asked = byKind.get(kind)
      if (asked === undefined) byKind.set(kind, (asked = { reader: makeReader(action, resource.type, project([policy.json]), schema), ask: askTogether(action, resource.type, [policy], schema) }))
      if (asked.reader.problem(question) !== undefined) return false
      const { permitted, errors, broken } = asked.ask(question)
      return permitted && errors.length === 0 && !broken
    },
  }
}

/**
 * The narrowest readable rule that covers this question: this principal (and the user that it acts for), action and
 * resource, the values that say whom or what the call acts on, and no larger numbers than these. Undefined where no
 * such rule can be written.
 */
export function suggestRule({ principal, action, resource, context }: Question, tool: ToolFacts): string | undefined {
  const [user] = principal.chain
  const parameters = context['parameters']
  const given = (typeof parameters === 'object' && !Array.isArray(parameters) ? parameters : {}) as Readonly<Record<string, ContextValue>>
  const conditions = user === undefined ? [] : [`principal has user && principal.user == User::${quoted(user)}`]
  for (const [name, type] of Object.entries(tool.parameters)) {
    const control = tool.control.includes(name)
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value === undefined) {
      if (control) conditions.push(`!(context.parameters has ${name})`)
    } else if (control || type === 'Long') {
      // Cedar has no empty set to compare with.
      const said = Array.isArray(value) && value.length === 0 ? '.isEmpty()' : ` ${control ? '==' : '<='} ${literal(value)}`
      conditions.push(`context.parameters has ${name} && context.parameters.${name}${said}`)
    }
  }
  const scope = `permit (\n  principal == Workload::${quoted(principal.workload)},\n  action == Action::${quoted(action)},\n  resource == ${resource.type}::${quoted(resource.id)}\n)`
  const text = conditions.length === 0 ? `${scope};\n` : `${scope}\nwhen {\n  ${conditions.join(' &&\n  ')}\n};\n`
  return text.isWellFormed() && Buffer.byteLength(text) <= MOST_BYTES ? text : undefined
}

function literal(value: ContextValue): string {
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${(value as readonly string[]).map(quoted).join(', ')}]`
  return String(value)
}

/** A Cedar string in which a reader sees every character, also those that show nothing or turn the text around. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)}"`
}
