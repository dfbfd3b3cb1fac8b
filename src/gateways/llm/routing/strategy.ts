import { costOf, NO_USAGE, type Price } from '../../../contract/exchange.ts'
import type { Strategy } from '../settings.ts'
import type { Latency } from './latency.ts'

/** What a strategy weighs of one target. */
export interface Weighed {
  readonly price?: Price
  readonly quality: number
  readonly weight: number
  readonly priority: number
  readonly latency: Latency
}

/** This call's size in tokens, as estimated. */
export interface CallSize {
  readonly input: number
  readonly output: number
}

/** Targets in the order in which they should be tried. Equals keep the order of the settings. */
export function ordered<T extends Weighed>(strategy: Strategy, targets: readonly T[], size: CallSize, random: () => number): readonly T[] {
  if (targets.length < 2) return targets
  switch (strategy) {
    case 'cost':
      return by(targets, (one) => (one.price === undefined ? Number.POSITIVE_INFINITY : costOf({ ...NO_USAGE, ...size }, one.price)))
    case 'quality':
      return by(targets, (one) => -one.quality)
    case 'priority':
      return by(targets, (one) => one.priority)
    case 'latency':
      // One call at a time finds out about a target that nobody has measured; the others need not wait for it.
      return by(targets, (one) => one.latency.score() ?? (one.latency.busy() === 0 ? -1 : Number.POSITIVE_INFINITY))
    case 'weighted':
      return drawn(targets, random)
  }
}

function by<T>(targets: readonly T[], rank: (target: T) => number): readonly T[] {
  const ranked = targets.map((target) => ({ target, rank: rank(target) }))
  // Infinity minus Infinity is no number, so equals are told apart first.
  ranked.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
  return ranked.map(({ target }) => target)
}

/** Draws without putting back, each by its weight; those of weight 0 come last. */
function drawn<T extends Weighed>(targets: readonly T[], random: () => number): readonly T[] {
  const left = [...targets]
  const order: T[] = []
  while (left.length > 0) {
    const total = left.reduce((sum, one) => sum + one.weight, 0)
    let point = random() * total
    const found = total === 0 ? 0 : left.findIndex((one) => (point -= one.weight) < 0)
    order.push(...left.splice(found < 0 ? left.length - 1 : found, 1))
  }
  return order
}
