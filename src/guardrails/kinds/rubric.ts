import { z } from 'zod'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import { Capped, type Tools } from '../tools.ts'
import { gradeOf } from './fence.ts'

const MASKED = 120
/** A judge takes longer than a classifier. */
const TIMEOUT = 15_000
const LEAST = 0.75

const keys = {
  says: z.string().min(3).max(2000).optional().describe('rubric: the rule in a sentence about the assistant, e.g. "never promises a price, a refund or a contract". The judge grades how clearly a text breaks it; grade 3 of 4 and more counts, unless threshold says otherwise.'),
}

const written = z.object({ says: z.string({ error: 'a rubric needs "says": the rule in a sentence' }) })

/** A guardrail written in a sentence, graded by the judge. It only adds findings: nothing that a text says lowers another's. */
export const rubrics: Kind = {
  use: 'rubric',
  about: 'A rule of your own in a sentence, graded by the judge.',
  keys,
  make(id, values) {
    const { says } = written.parse(values)
    const rubric = `The rule: ${says}\nGrade how clearly the text breaks this rule.`
    const kindOf = settled(id, 'judge')
    const look = async (text: string, glance: Glance, { judge }: Tools, signal: AbortSignal): Promise<Sight> => {
      if (judge === undefined) throw new Error('no judge is configured')
      if (text.trim() === '' || !glance.layers.has('judge')) return { spans: [] }
      try {
        const { grade } = await gradeOf(judge, rubric, text, glance, signal)
        const score = grade / 4
        return { score, spans: score === 0 ? [] : [{ kind: kindOf(`judge:${id}`, 'broken_rule', score, LEAST), start: 0, end: text.length }] }
      } catch (error) {
        if (error instanceof Capped) return { spans: [], inconclusive: error.message }
        throw error
      }
    }
    return {
      id,
      about: says,
      layer: 'judge',
      categories: ['broken_rule'],
      on: ['assistant'],
      phase: 'both',
      action: 'deny',
      threshold: LEAST,
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'content_refused', reply: 'answer_refused' },
      timeout: TIMEOUT,
      needs: 'judge',
      look,
      // The same answer breaks a rule after one question and not after another.
      context: ({ task }) => task,
      marker: () => '[REMOVED_TEXT]',
      mask: (_category, text) => (text.length <= MASKED ? text : `${text.slice(0, MASKED - 3)}...`),
    } satisfies Guardrail
  },
}
