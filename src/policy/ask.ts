import type { Action } from '../contract/exchange.ts'
import type { Question } from '../contract/policy.ts'
import { conditionsOf } from './conditions.ts'
import { makeNarrow, type Bucket } from './narrow.ts'
import { prepareSet, together, type Answer } from './prepare.ts'
import { project } from './project.ts'
import { makeReader, readerOf } from './question.ts'
import type { ReadPolicy } from './read.ts'
import type { Schema } from './schema.ts'
import type { Reads } from './telling.ts'

/** What one set of policies says about a question that has no problem: exactly what all of them say together. */
export type Ask = (question: Question) => Answer

/**
 * Cedar evaluates every policy of a set, so each question is put only to those that it may concern. Few of them are
 * prepared as the set that they are; beyond that, sets of their own for every mix would cost more to parse than they
 * save, and the buckets that they came from are asked one by one.
 */
const FEW = 32
/** Mixes remembered per set; the oldest goes first. */
const MIXES = 1024
/** What asking Cedar at all costs, in evaluations of a policy. */
const CALL = 40

const NOTHING: Answer = Object.freeze({ permitted: false, reasons: [], errors: [], broken: false })

export function makeAsk(action: Action, resource: string, policies: readonly ReadPolicy[], schema: Schema): Ask {
  if (policies.length === 0) return () => NOTHING
  const reads: Reads = (path) => readerOf(path, schema.scores)
  const narrow = makeNarrow(policies.map(({ json }) => conditionsOf(json, action, resource, reads)), reads)
  const askOf = (numbers: readonly number[]): Ask => askTogether(action, resource, numbers.map((one) => policies[one] as ReadPolicy), schema)
  const mixes = new Map<string, Ask>()
  const buckets = new Map<Bucket, Ask>()
  let all: Ask | undefined
  return (question) => {
    const found = narrow(question)
    if (found.policies.length === 0) return NOTHING
    if (found.policies.length <= FEW) {
      const mix = String.fromCharCode(...found.policies)
      let ask = mixes.get(mix)
      if (ask === undefined) {
        if (mixes.size >= MIXES) mixes.delete(mixes.keys().next().value as string)
        mixes.set(mix, (ask = askOf(found.policies)))
      }
      return ask(question)
    }
    const apart = found.buckets.reduce((sum, bucket) => sum + CALL + bucket.policies.length, 0)
    if (apart >= CALL + policies.length) return (all ??= askOf(policies.map((_, number) => number)))(question)
    return together(found.buckets.map((bucket) => {
      let ask = buckets.get(bucket)
      if (ask === undefined) buckets.set(bucket, (ask = askOf(bucket.policies)))
      return ask(question)
    }))
  }
}

/** All of these policies at once, told only what they can read. */
export function askTogether(action: Action, resource: string, policies: readonly ReadPolicy[], schema: Schema): Ask {
  const reader = makeReader(action, resource, project(policies.map(({ json }) => json)), schema)
  const prepared = prepareSet(policies)
  return (question) => prepared.evaluate(reader.call(question))
}
