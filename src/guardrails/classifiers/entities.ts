import type { Glance, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import type { Span } from '../rules/matcher.ts'
import type { Tools } from '../tools.ts'

/** Entities that identify somebody by themselves. All others are recorded with less weight: most texts name a place or a day. */
const PERSONAL: ReadonlySet<string> = new Set(['person', 'address'])
const OTHERS = 0.75
// From here on one takes effect, unless an operator wrote another threshold.
const ENOUGH = 0.8
// Less sure than this, a word is more often no entity than one.
const LEAST = 0.4

/** A `look` that asks the tagger for persons, addresses, places, organisations, dates and jobs in free text. */
export function entityLook(guardrail: string) {
  const kindOf = settled(guardrail, 'deep')
  return async (text: string, { layers, allowance }: Glance, { models }: Tools, signal: AbortSignal): Promise<Sight> => {
    if (!layers.has('deep')) return { spans: [] }
    if (models === undefined) throw new Error('the local classifiers are not loaded')
    const { entities, skipped } = await models.entities(text, allowance, signal)
    const spans = entities
      .filter(({ score }) => score >= LEAST)
      .map(({ category, score, start, end }): Span => {
        const weighed = PERSONAL.has(category) ? Math.max(score, ENOUGH) : score * OTHERS
        return { kind: kindOf(`deep:${category}`, category, weighed, ENOUGH), start, end }
      })
    return { spans, score: Math.max(0, ...spans.map(({ kind }) => kind.score)), ...(skipped > 0 && { inconclusive: `${skipped} windows were not read for names` }) }
  }
}
