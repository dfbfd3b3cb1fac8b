import type { Kind } from './rules/matcher.ts'

/** Few scores are in use at once; a caller that varies them must not grow the memory. */
const MOST = 5000

/**
 * Kinds of findings of one guardrail, each made once: equal findings are equal by identity. Scores are kept to three
 * digits; `least` is the score from which one takes effect.
 */
export function settled(guardrail: string, layer: NonNullable<Kind['layer']>) {
  const known = new Map<string, Kind>()
  return (rule: string, category: string, score: number, least: number): Kind => {
    const rounded = Math.round(score * 1000) / 1000
    const key = `${rule}|${category}|${rounded}|${least}`
    let kind = known.get(key)
    if (kind === undefined) {
      if (known.size >= MOST) known.clear()
      known.set(key, (kind = { guardrail, rule, category, score: rounded, least, layer }))
    }
    return kind
  }
}
