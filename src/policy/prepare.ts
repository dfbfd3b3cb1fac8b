import { createHash } from 'node:crypto'
import { preparsePolicySet, statefulIsAuthorized, type CedarValueJson, type EntityJson, type TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'

/**
 * Cedar keeps parsed policy sets by name and offers no way to forget one. Sets are therefore named by a slot: equal
 * texts share one (slices, reloads), and the slot that was asked longest ago is given to the next set once those
 * parsed exceed what may be kept, so that neither reloads nor questions of ever new kinds grow the process.
 */
interface Slot {
  readonly name: string
  readonly size: number
}

/** Parsed sets by their content, the one asked longest ago first. */
const parsed = new Map<string, Slot>()
const free: string[] = []
let names = 0
let size = 0

/** Characters of policy text that stay parsed, in the whole process; Cedar takes about twenty times as many bytes. */
const MOST_TEXT = 4_194_304

/** What Cedar is asked: entities and context hold only what the policies at hand can read. */
export interface Call {
  readonly principal: TypeAndId
  readonly action: TypeAndId
  readonly resource: TypeAndId
  readonly context: Record<string, CedarValueJson>
  readonly entities: EntityJson[]
}

export interface Answer {
  readonly permitted: boolean
  /** Policies that decided: satisfied forbids if any, else satisfied permits; sorted. */
  readonly reasons: readonly string[]
  readonly errors: readonly string[]
  /** The evaluator itself failed: the answer says nothing about the question. */
  readonly broken: boolean
}

export interface PreparedSet {
  evaluate(call: Call): Answer
}

/** Parsed when it is first asked, and again when others have taken its place meanwhile. Texts that do not parse leave a broken answer. */
export function prepareSet(policies: readonly { readonly id: string; readonly text: string }[]): PreparedSet {
  let content: string | undefined
  return {
    evaluate(call) {
      try {
        content ??= createHash('sha256').update(JSON.stringify(policies.map(({ id, text }) => [id, text]))).digest('base64')
        return evaluate(nameOf(content, policies), call)
      } catch (error) {
        return { permitted: false, reasons: [], errors: [String(error)], broken: true }
      }
    },
  }
}

function nameOf(content: string, policies: readonly { readonly id: string; readonly text: string }[]): string {
  const known = parsed.get(content)
  if (known !== undefined) {
    parsed.delete(content)
    parsed.set(content, known)
    return known.name
  }
  const slot = { name: '', size: policies.reduce((sum, { text }) => sum + text.length, 0) }
  for (const [oldest, { name, size: freed }] of parsed) {
    if (size + slot.size <= MOST_TEXT) break
    parsed.delete(oldest)
    preparsePolicySet(name, { staticPolicies: {} })
    free.push(name)
    size -= freed
  }
  const name = free.pop() ?? `set-${(names += 1)}`
  const answer = preparsePolicySet(name, { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) })
  if (answer.type === 'failure') {
    free.push(name)
    throw new Error(answer.errors.map((error) => error.message).join('; '))
  }
  parsed.set(content, { ...slot, name })
  size += slot.size
  return name
}

function evaluate(preparsedPolicySetId: string, call: Call): Answer {
  const answer = statefulIsAuthorized({ ...call, preparsedPolicySetId })
  if (answer.type === 'failure') return { permitted: false, reasons: [], errors: answer.errors.map((error) => error.message), broken: true }
  const { decision, diagnostics } = answer.response
  return {
    permitted: decision === 'allow',
    reasons: sorted(diagnostics.reason),
    errors: sorted(diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`)),
    broken: false,
  }
}

function sorted(texts: readonly string[]): readonly string[] {
  return texts.length > 1 ? texts.toSorted() : texts
}

/**
 * What all policies of some sets say together: a forbid that is satisfied in one of them denies, whatever the others
 * permit. The same as one set of all of them, which may be in several.
 */
export function together(answers: readonly Answer[]): Answer {
  const [only] = answers
  if (answers.length === 1 && only !== undefined) return only
  const all = (pick: (answer: Answer) => readonly string[], from = answers): readonly string[] => sorted([...new Set(from.flatMap(pick))])
  const forbidding = answers.filter((one) => !one.permitted && one.reasons.length > 0)
  return {
    permitted: forbidding.length === 0 && answers.some((one) => one.permitted),
    reasons: all((one) => one.reasons, forbidding.length > 0 ? forbidding : answers),
    errors: all((one) => one.errors),
    broken: answers.some((one) => one.broken),
  }
}
