import type { ReadValue, Traced } from '../../policy/trace.ts'
import { printable } from '../show.ts'

/** `context.labels.untrusted = true, resource.environment is not there`. */
export function valuesText(reads: readonly ReadValue[]): string {
  return printable(reads.map(({ path, value }) => (value === undefined ? `${path} is not there` : path === 'principal' ? `the principal is ${String(value)}` : `${path} = ${JSON.stringify(value)}`)).join(', '))
}

const MOST_MISSES = 20

/** Policies of the same action and resource that did not apply, with what kept them from it, a line each; the nearest first. */
export function nearMisses(traced: readonly Traced[]): readonly string[] {
  // The built-in rule not applying is how things should be.
  const missed = traced.filter((one) => one.applies === 'no' && one.policy.file !== 'builtin').sort((a, b) => (b.failed?.passed ?? 0) - (a.failed?.passed ?? 0))
  const more = missed.length - MOST_MISSES
  return [...missed.slice(0, MOST_MISSES).map(({ policy, failed }) => `${policy.id} (${policy.set === 'shadow' ? 'shadow ' : ''}${policy.verdict === 'allow' ? 'permit' : policy.verdict === 'hold' ? 'hold' : 'forbid'}) did not apply: ${failedText(failed)}`), ...(more > 0 ? [`… and ${more} more that did not apply`] : [])]
}

function failedText(failed: Traced['failed']): string {
  if (failed === undefined) return 'one of its conditions is false'
  const { where, text, reads } = failed
  const values = reads.length === 0 ? '' : `; ${valuesText(reads)}`
  if (where === 'principal') return `it is for ${printable(text)}${values}`
  return `${where} { ${printable(text)} } ${where === 'when' ? 'is false' : 'is true'}${values}`
}
