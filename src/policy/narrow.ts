import type { Question } from '../contract/policy.ts'
import { PRINCIPAL, RESOURCE, type Condition, type Key, type Reads, type Test } from './telling.ts'

/** Policies that a question may concern, by number; a bucket shares one key. */
export interface Narrowed {
  /** In order, each once. Whatever is not among them is neither satisfied nor an error. */
  readonly policies: readonly number[]
  /** Where they came from, before their other conditions were looked at. */
  readonly buckets: readonly Bucket[]
}

export interface Bucket {
  readonly policies: readonly number[]
}

interface Dimension {
  readonly read: (question: Question) => unknown
  readonly buckets: Map<string, { readonly policies: number[] }>
}

/**
 * Finds among policies those that a question may concern. Each policy waits under the condition that fewest others
 * share: a question reaches it only through a value that the condition needs; its other conditions are then looked at.
 */
export function makeNarrow(conditions: readonly (readonly Condition[])[], reads: Reads): (question: Question) => Narrowed {
  const shared = new Map<string, number>()
  for (const of of conditions) for (const { keys = [] } of of) for (const key of keys) shared.set(nameOf(key), (shared.get(nameOf(key)) ?? 0) + 1)
  const dimensions = new Map<string, Dimension>()
  const always: { readonly policies: number[] } = { policies: [] }
  const tests: (readonly Test[])[] = []
  for (const [policy, of] of conditions.entries()) {
    const chosen = narrowest(of, shared)
    tests.push(of.filter((one) => one !== chosen || !one.exact).map((one) => one.test))
    if (chosen === undefined) always.policies.push(policy)
    for (const key of chosen?.keys ?? []) {
      const { policies } = bucketOf(dimensions, key, reads)
      if (policies.at(-1) !== policy) policies.push(policy)
    }
  }
  const ways = [...dimensions.values()]
  return (question) => {
    const buckets: Bucket[] = always.policies.length > 0 ? [always] : []
    for (const { read, buckets: byValue } of ways) {
      const found = read(question)
      if (typeof found === 'string') push(buckets, byValue.get(found))
      else if (Array.isArray(found)) for (const one of new Set(found as readonly string[])) push(buckets, byValue.get(one))
    }
    const policies: number[] = []
    for (const bucket of buckets) {
      for (const policy of bucket.policies) if (may(tests[policy] as readonly Test[], question)) policies.push(policy)
    }
    if (buckets.length < 2) return { policies, buckets }
    policies.sort((a, b) => a - b)
    return { policies: policies.filter((policy, index) => policy !== policies[index - 1]), buckets }
  }
}

function push(buckets: Bucket[], bucket: Bucket | undefined): void {
  if (bucket !== undefined) buckets.push(bucket)
}

function may(tests: readonly Test[], question: Question): boolean {
  for (const test of tests) if (test(question) === false) return false
  return true
}

function nameOf({ path, value }: Key): string {
  return `${path.join('\0')}\0\0${value}`
}

/** The condition whose fullest bucket is emptiest; undefined = no condition has keys. */
function narrowest(conditions: readonly Condition[], shared: ReadonlyMap<string, number>): Condition | undefined {
  let best: Condition | undefined
  let least = Number.POSITIVE_INFINITY
  for (const condition of conditions) {
    if (condition.keys === undefined) continue
    const fullest = condition.keys.reduce((most, key) => Math.max(most, shared.get(nameOf(key)) ?? 0), 0)
    if (fullest < least) {
      best = condition
      least = fullest
    }
  }
  return best
}

function bucketOf(dimensions: Map<string, Dimension>, { path, value }: Key, reads: Reads): { readonly policies: number[] } {
  const name = path.join('\0')
  let dimension = dimensions.get(name)
  if (dimension === undefined) dimensions.set(name, (dimension = { read: path === PRINCIPAL ? itself : path === RESOURCE ? ({ resource }) => resource.id : reads(path), buckets: new Map() }))
  let bucket = dimension.buckets.get(value)
  if (bucket === undefined) dimension.buckets.set(value, (bucket = { policies: [] }))
  return bucket
}

/** The principal and what it lies in. */
function itself({ principal }: Question): readonly string[] {
  return [`Workload:${principal.workload}`, `Tenant:${principal.tenant}`, ...principal.roles.map((role) => `Role:${role}`)]
}
