import type { Decision } from '../../contract/policy.ts'
import type { Rulebook } from '../../policing.ts'
import type { Case } from './cases.ts'
import { nearMisses, valuesText } from './why.ts'

export interface CaseResult {
  readonly name: string
  readonly ok: boolean
  readonly verdict: Decision['verdict']
  readonly policies: readonly string[]
  /** What was expected and what came, line by line. */
  readonly wrong: readonly string[]
  /** For a case that failed: what the deciding policies read, and what kept others from deciding. */
  readonly why: readonly string[]
}

/** Asks one case's question and compares. */
export function runCase({ name, question, approved, expect }: Case, book: Rulebook): CaseResult {
  const decision = approved.length === 0 ? book.policy.authorize(question) : book.policy.release(question, approved)
  const wrong: string[] = []
  const compare = (what: string, expected: string | undefined, got: string | undefined): void => {
    if (expected !== undefined && expected !== got) wrong.push(`expected ${what} ${expected}, got ${got ?? 'none'}`)
  }
  compare('verdict', expect.verdict, decision.verdict)
  compare('policies', expect.policies && listed(expect.policies), listed(decision.policies))
  compare('message', expect.message && JSON.stringify(expect.message), decision.message && JSON.stringify(decision.message))
  compare('approvers', expect.approvers, decision.approvers)
  compare('shadow', expect.shadow && listed(expect.shadow), listed(decision.shadow.map((one) => one.policy)))
  const { verdict, policies } = decision
  const ok = wrong.length === 0
  return { name, ok, verdict, policies, wrong, why: ok ? [] : whyOf(decision, book, question) }
}

function whyOf({ policies, errors }: Decision, { tracer }: Rulebook, question: Case['question']): readonly string[] {
  const traced = tracer.trace(question)
  return [
    ...errors.map((one) => `error: ${one}`),
    ...traced.filter((one) => policies.includes(one.policy.id)).flatMap(({ policy, reads }) => (reads.length === 0 ? [] : [`${policy.id} read ${valuesText(reads)}`])),
    ...nearMisses(traced),
  ]
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? '(none)' : [...ids].sort().join(', ')
}
