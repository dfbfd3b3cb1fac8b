import type { Action } from '../contract/exchange.ts'
import type { Decision, Question } from '../contract/policy.ts'
import { makeAsk, type Ask } from './ask.ts'
import type { Answer } from './prepare.ts'
import { project } from './project.ts'
import { makeReader, type QuestionReader } from './question.ts'
import type { ReadPolicy } from './read.ts'
import type { Schema } from './schema.ts'

/** All policies that can concern one action on one type of resource, in their three sets. */
export interface Slice {
  readonly reader: QuestionReader
  readonly enforced: Ask
  readonly holds: Ask
  readonly shadow: Ask
  readonly byId: ReadonlyMap<string, ReadPolicy>
  readonly authorize: (question: Question) => Decision
}

/** Decisions remembered per slice; the oldest goes first. A key longer than this is not worth keeping. */
const REMEMBERED = 8192
const LONGEST_KEY = 4096

export function makeSlice(action: Action, resource: string, policies: readonly ReadPolicy[], schema: Schema): Slice {
  const setOf = (name: ReadPolicy['set']): readonly ReadPolicy[] => policies.filter((policy) => policy.set === name)
  const askOf = (members: readonly ReadPolicy[]): Ask => makeAsk(action, resource, members, schema)
  const reader = makeReader(action, resource, project(policies.map((policy) => policy.json)), schema)
  const remembered = new Map<string, Decision>()
  const slice: Slice = {
    reader,
    enforced: askOf(setOf('enforced')),
    holds: askOf(setOf('holds')),
    // A shadow permit permits nothing, so there is nothing to ask it.
    shadow: askOf(setOf('shadow').filter((policy) => policy.verdict !== 'allow')),
    byId: new Map(policies.map((policy) => [policy.id, policy])),
    authorize(question) {
      if (!reader.cacheable) return decide(slice, question, NONE)
      const key = reader.key(question)
      const known = remembered.get(key)
      if (known !== undefined) return known
      const decision = decide(slice, question, NONE)
      // A denial for an error may be the evaluator's, not the question's: the next one is decided anew.
      if ((decision.verdict !== 'deny' || decision.errors.length === 0) && key.length <= LONGEST_KEY) {
        if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value as string)
        remembered.set(key, Object.freeze({ ...decision, cached: true }))
      }
      return decision
    },
  }
  return slice
}

const NONE: ReadonlySet<string> = new Set()

/**
 * Deny beats hold beats allow. Holds and shadow are asked only where the enforced set permits, so nothing is held
 * that is not otherwise permitted. An evaluation error denies, because Cedar itself would skip the policy: a skipped
 * forbid widens access. An error in a shadow policy is only reported, because shadow never refuses.
 */
export function decide(slice: Slice, question: Question, released: ReadonlySet<string>): Decision {
  const problem = slice.reader.problem(question)
  if (problem !== undefined) return denial([], undefined, [problem])
  const enforced = slice.enforced(question)
  if (enforced.errors.length > 0 || enforced.broken || !enforced.permitted) {
    const forbids = enforced.permitted ? [] : enforced.reasons
    return denial(forbids, messageOf(slice, forbids), enforced.errors)
  }
  const holds = slice.holds(question)
  if (holds.errors.length > 0 || holds.broken) return denial([], undefined, holds.errors)
  const shadow = slice.shadow(question)
  const rest = { shadow: shadowOf(slice, shadow), errors: shadow.errors, cached: false }
  const holding = holds.reasons.filter((id) => !released.has(id))
  if (holding.length === 0) return { verdict: 'allow', policies: enforced.reasons, ...rest }
  // One group of reviewers at a time: what the next group holds comes up when this one has released its own.
  const approvers = slice.byId.get(holding[0] as string)?.approvers
  const policies = holding.filter((id) => slice.byId.get(id)?.approvers === approvers)
  const message = messageOf(slice, policies)
  return { verdict: 'hold', policies, ...(message !== undefined && { message }), ...(approvers !== undefined && { approvers }), ...askingOf(slice, policies), ...rest }
}

/** Holds released together are asked about as the strictest of them asks. */
function askingOf(slice: Slice, policies: readonly string[]): Pick<Decision, 'reviewers' | 'holdMs'> {
  let reviewers: number | undefined
  let holdMs: number | undefined
  for (const id of policies) {
    const policy = slice.byId.get(id)
    if (policy?.reviewers !== undefined) reviewers = Math.max(reviewers ?? 0, policy.reviewers)
    if (policy?.holdMs !== undefined) holdMs = Math.min(holdMs ?? policy.holdMs, policy.holdMs)
  }
  return { ...(reviewers !== undefined && { reviewers }), ...(holdMs !== undefined && { holdMs }) }
}

function denial(policies: readonly string[], message: string | undefined, errors: readonly string[]): Decision {
  return { verdict: 'deny', policies, ...(message !== undefined && { message }), shadow: [], errors, cached: false }
}

function messageOf(slice: Slice, policies: readonly string[]): string | undefined {
  for (const id of policies) {
    const message = slice.byId.get(id)?.message
    if (message !== undefined) return message
  }
  return undefined
}

function shadowOf(slice: Slice, answer: Answer): Decision['shadow'] {
  return answer.reasons.map((policy) => ({ policy, verdict: slice.byId.get(policy)?.verdict === 'hold' ? ('hold' as const) : ('deny' as const) }))
}
