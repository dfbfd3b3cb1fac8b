import type { Origin } from '../../contract/segment.ts'
import type { Glance, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import type { Span } from '../rules/matcher.ts'
import type { Channel, Depth, Output, Tools } from '../tools.ts'

/** Below this a score says nothing that anybody would want to read. */
const WORTH_RECORDING = 0.05

/** The calibration that fits an origin: who wrote such text, and what ordinary text there looks like. */
export function channelOf(origin: Origin): Channel {
  if (origin === 'user' || origin === 'system') return 'user'
  if (origin === 'assistant' || origin === 'reasoning') return 'assistant'
  return origin === 'tool_definition' ? 'tool_definition' : 'document'
}

// The linear model knows little of attacks from elsewhere: what it thinks harmless is trusted only where nothing hangs on it.
function depthOf({ layers, enforced }: Glance, untrusted: boolean): Depth {
  if (!layers.has('deep')) return 'fast'
  return untrusted || enforced || !layers.has('fast') ? 'always' : 'grey'
}

const UNTRUSTED: ReadonlySet<Channel> = new Set(['document', 'tool_definition'])

/**
 * A `look` that asks the local classifiers. `outputs` maps each of their answers to the category that it is a finding
 * of; the first is the guardrail's score. What the encoder could not read within its allowance is inconclusive.
 */
export function headLook(guardrail: string, outputs: readonly (readonly [Output, string])[]) {
  const kinds = { fast: settled(guardrail, 'fast'), deep: settled(guardrail, 'deep') }
  return async (text: string, glance: Glance, { models }: Tools, signal: AbortSignal): Promise<Sight> => {
    if (models === undefined) throw new Error('the local classifiers are not loaded')
    if (!glance.layers.has('fast') && !glance.layers.has('deep')) return { spans: [] }
    const channel = channelOf(glance.origin)
    const depth = depthOf(glance, UNTRUSTED.has(channel))
    const { spots, skipped } = await models.score(text, channel, depth, glance.allowance, signal)
    const spans: Span[] = []
    let score = 0
    for (const [i, [output, category]] of outputs.entries()) {
      const spot = spots[output]
      if (i === 0) score = spot.score
      const least = models.threshold(output, channel, glance.level, spot.layer)
      if (spot.score >= Math.min(least, WORTH_RECORDING)) spans.push({ kind: kinds[spot.layer](`${spot.layer}:${category}`, category, spot.score, least), start: spot.start, end: spot.end })
    }
    return { spans, score, ...(skipped > 0 && { inconclusive: `${skipped} windows were not read` }) }
  }
}
