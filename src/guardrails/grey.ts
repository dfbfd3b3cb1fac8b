import { Capped } from './tools.ts'
import type { Tools } from './tools.ts'
import type { Glance, Guardrail, Sight } from './guardrail.ts'
import { settled } from './kind_of.ts'
import { gradeOf } from './kinds/fence.ts'
import { untrusted } from './origins.ts'

type Look = NonNullable<Guardrail['look']>

/** The grey zone, as shares of the score from which a finding counts: below it nobody asks, above it nobody doubts. */
const LOWEST = 0.25
const DOUBT = 0.5
/** Grades up to this one say no. */
const NO = 1
const YES = 3

/**
 * A look of the classifiers with the judge behind it: what they are not sure of is graded. Text that people whom
 * policy trusts have written may be cleared by a judge as well as accused; text from elsewhere may only be accused,
 * because it may speak to the judge. Without a judge, or without the layer, the classifiers stand alone.
 */
export function withJudge(guardrail: string, category: string, rubric: string, look: Look): Look {
  const kindOf = settled(guardrail, 'judge')
  return async (text: string, glance: Glance, tools: Tools, signal: AbortSignal): Promise<Sight> => {
    const seen = await look(text, glance, tools, signal)
    const { judge } = tools
    const doubtful = seen.spans.find(({ kind }) => kind.category === category)
    if (judge === undefined || doubtful === undefined || !glance.layers.has('judge')) return seen
    const { score, least: own } = doubtful.kind
    const least = glance.threshold ?? own ?? 1
    const mayClear = !untrusted(glance.origin)
    const highest = mayClear ? least + (1 - least) * DOUBT : least
    if (score < least * LOWEST || score >= highest) return seen
    try {
      const { grade } = await gradeOf(judge, rubric, text, glance, signal)
      const graded = { kind: kindOf(`judge:${category}`, category, grade >= YES ? Math.max(least, grade / 4) : grade / 4, least), start: doubtful.start, end: doubtful.end }
      if (grade >= YES) return { ...seen, spans: [...seen.spans, graded], score: Math.max(seen.score ?? 0, graded.kind.score) }
      if (grade > NO || !mayClear || score < least) return seen
      return { ...seen, spans: seen.spans.map((span) => (span === doubtful ? graded : span)), score: graded.kind.score }
    } catch (error) {
      if (!(error instanceof Capped)) throw error
      return { ...seen, inconclusive: seen.inconclusive ?? error.message }
    }
  }
}
