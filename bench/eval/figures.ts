/** A measured share or score with its 95 % interval. */
export interface Figure {
  /** Stable name: a later run is compared under it. */
  readonly key: string
  readonly value: number
  readonly low: number
  readonly high: number
  /** Texts, or spans, that it was measured on. */
  readonly n: number
  readonly better: 'more' | 'less'
}

/** The 95 % Wilson interval of `hits` of `n`. */
export function wilson(hits: number, n: number): readonly [number, number] {
  if (n === 0) return [0, 1]
  const z = 1.96
  const share = hits / n
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

export function share(key: string, hits: number, n: number, better: Figure['better']): Figure {
  const [low, high] = wilson(hits, n)
  return { key, value: n === 0 ? 0 : hits / n, low, high, n, better }
}

/**
 * The score above which (not at which) at most `rate` of the ordinary texts lie. Rules give the same score to many
 * texts: where those are too many, none of them counts.
 */
export function thresholdAt(ordinary: readonly number[], rate: number): number {
  const sorted = ordinary.toSorted((a, b) => b - a)
  return sorted[Math.floor(rate * sorted.length)] ?? 1
}

/** Right, wrongly found and missed, of one text. */
export interface Tally {
  readonly right: number
  readonly wrong: number
  readonly missed: number
}

export function sum(tallies: readonly Tally[]): Tally {
  let [right, wrong, missed] = [0, 0, 0]
  for (const one of tallies) {
    right += one.right
    wrong += one.wrong
    missed += one.missed
  }
  return { right, wrong, missed }
}

/** F-measure: `beta` 1 weighs precision and recall alike, 2 weighs recall four times. */
export function fScore({ right, wrong, missed }: Tally, beta: number): number {
  const square = beta * beta
  const of = (1 + square) * right + square * missed + wrong
  return of === 0 ? 0 : ((1 + square) * right) / of
}

const RESAMPLES = 400

/** An F-measure with its 95 % interval by resampling whole texts (percentile bootstrap, fixed seed). */
export function fFigure(key: string, tallies: readonly Tally[], beta: number): Figure {
  let state = 7
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * tallies.length)
  }
  const seen: number[] = []
  for (let i = 0; i < RESAMPLES; i++) seen.push(fScore(sum(tallies.map(() => tallies[next()] as Tally)), beta))
  seen.sort((a, b) => a - b)
  return { key, value: fScore(sum(tallies), beta), low: seen[Math.floor(RESAMPLES * 0.025)] ?? 0, high: seen[Math.floor(RESAMPLES * 0.975)] ?? 1, n: tallies.length, better: 'more' }
}

export interface Worse {
  readonly before: Figure
  readonly now: Figure
}

/** Figures that lie beyond the recorded interval on the wrong side. What only one of the two runs has is no regression. */
export function worse(recorded: readonly Figure[], now: readonly Figure[]): readonly Worse[] {
  const byKey = new Map(now.map((figure) => [figure.key, figure]))
  return recorded.flatMap((before) => {
    const found = byKey.get(before.key)
    if (found === undefined) return []
    return (before.better === 'more' ? found.value < before.low : found.value > before.high) ? [{ before, now: found }] : []
  })
}
