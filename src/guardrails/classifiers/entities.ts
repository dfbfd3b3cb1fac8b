import type { Glance, Sight } from '../guardrail.ts'
import type { Kind, Span } from '../rules/matcher.ts'
import type { Tools } from '../tools.ts'

/** Entities that identify somebody by themselves. All others are recorded with less weight: most texts name a place or a day. */
const PERSONAL: ReadonlySet<string> = new Set(['person', 'address'])
const OTHERS = 0.75
// Less sure than this, a word is more often no entity than one.
const LEAST = 0.4

const kinds = new Map<string, Kind>()

function kindOf(guardrail: string, category: string, score: number): Kind {
  const rounded = Math.round(score * 100) / 100
  const key = `${guardrail}|${category}|${rounded}`
  let kind = kinds.get(key)
  if (kind === undefined) kinds.set(key, (kind = { guardrail, rule: `deep:${category}`, category, score: rounded, layer: 'deep' }))
  return kind
}

/** A `look` that asks the tagger for persons, addresses, places, organisations, dates and jobs in free text. */
export function entityLook(guardrail: string) {
  return async (text: string, { layers, allowance }: Glance, { models }: Tools, signal: AbortSignal): Promise<Sight> => {
    if (!layers.has('deep')) return { spans: [] }
    if (models === undefined) throw new Error('the local classifiers are not loaded')
    const { entities, skipped } = await models.entities(text, allowance, signal)
    const spans = entities
      .filter(({ score }) => score >= LEAST)
      .map(({ category, score, start, end }): Span => ({ kind: kindOf(guardrail, category, PERSONAL.has(category) ? Math.max(score, 0.8) : score * OTHERS), start, end }))
    return { spans, score: Math.max(0, ...spans.map(({ kind }) => kind.score)), ...(skipped > 0 && { inconclusive: `${skipped} windows were not read for names` }) }
  }
}
