import { createHash } from 'node:crypto'
import { preparsePolicySet, statefulIsAuthorized, type CedarValueJson, type EntityJson, type TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'

/**
 * Cedar keeps parsed policy sets by name and offers no way to forget one. Sets are therefore named by a slot: equal
 * texts share one (slices, reloads), and a slot whose users are all gone is emptied and given to the next set, so
 * that reloads for ever do not grow the process.
 */
interface Slot {
  readonly name: string
  users: number
}

const byContent = new Map<string, Slot>()
const free: string[] = []
let slots = 0
const gone = new FinalizationRegistry<string>((content) => {
  const slot = byContent.get(content)
  if (slot === undefined) return
  slot.users -= 1
  if (slot.users > 0) return
  byContent.delete(content)
  preparsePolicySet(slot.name, { staticPolicies: {} })
  free.push(slot.name)
})

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

/** @throws {Error} when the texts do not parse, which `readPolicies` has ruled out. */
export function prepareSet(policies: readonly { readonly id: string; readonly text: string }[]): PreparedSet {
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.id, policy.text]))
  const content = createHash('sha256').update(JSON.stringify(staticPolicies)).digest('base64')
  let slot = byContent.get(content)
  if (slot === undefined) {
    const name = free.pop() ?? `set-${(slots += 1)}`
    const parsed = preparsePolicySet(name, { staticPolicies })
    if (parsed.type === 'failure') {
      free.push(name)
      throw new Error(parsed.errors.map((error) => error.message).join('; '))
    }
    slot = { name, users: 0 }
    byContent.set(content, slot)
  }
  slot.users += 1
  const preparsedPolicySetId = slot.name
  const prepared: PreparedSet = { evaluate: (call) => evaluate(preparsedPolicySetId, call) }
  gone.register(prepared, content)
  return prepared
}

function evaluate(preparsedPolicySetId: string, call: Call): Answer {
  try {
    const answer = statefulIsAuthorized({ ...call, preparsedPolicySetId })
    if (answer.type === 'failure') return { permitted: false, reasons: [], errors: answer.errors.map((error) => error.message), broken: true }
    const { decision, diagnostics } = answer.response
    return {
      permitted: decision === 'allow',
      reasons: diagnostics.reason.length > 1 ? diagnostics.reason.toSorted() : diagnostics.reason,
      errors: diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`),
      broken: false,
    }
  } catch (error) {
    return { permitted: false, reasons: [], errors: [String(error)], broken: true }
  }
}
