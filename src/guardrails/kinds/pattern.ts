import { RE2JS, RE2JSException } from 're2js'
import { z } from 'zod'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import type { Span } from '../rules/matcher.ts'

const MOST = 64
const LONGEST = 1000
// A pattern that matches everywhere says as much by its first matches as by a million of them.
const MOST_MATCHES = 256

const one = z.strictObject({
  match: z.string().min(1).max(LONGEST),
  category: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/).optional(),
  score: z.number().min(0).max(1).optional(),
  case: z.enum(['exact', 'any']).optional(),
})

const keys = {
  patterns: z
    .array(one)
    .min(1)
    .max(MOST)
    .optional()
    .describe('pattern: regular expressions in RE2 syntax, each {match, category?, score?, case?: exact | any}. They run in time linear in the text, whatever they are; look-around and back-references, which cannot, are refused.'),
}

const written = z.object({ patterns: z.array(one, { error: 'a pattern guardrail needs "patterns"' }).min(1) })

interface Compiled {
  readonly pattern: RE2JS
  readonly category: string
  readonly score: number
  readonly rule: string
}

function compiled(id: string, given: z.infer<typeof written>['patterns']): readonly Compiled[] {
  return given.map(({ match, category = id, score = 1, case: exactness = 'exact' }, n) => {
    try {
      const pattern = RE2JS.compile(match, exactness === 'any' ? RE2JS.CASE_INSENSITIVE : 0)
      if (pattern.matcher('').find()) throw new z.ZodError([{ code: 'custom', path: ['patterns', n, 'match'], message: 'matches the empty text, so it would match everywhere', input: undefined }])
      return { pattern, category, score, rule: `pattern:${n + 1}` }
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error
      throw new z.ZodError([{ code: 'custom', path: ['patterns', n, 'match'], message: `is not in RE2 syntax: ${error.message}`, input: undefined }])
    }
  })
}

/** Regular expressions that people bring. RE2 (Cox 2007) needs no trust in them: there is no input that makes one slow. */
export const patterns: Kind = {
  use: 'pattern',
  about: 'Your own regular expressions, in linear time.',
  keys,
  make(id, values) {
    const list = compiled(id, written.parse(values).patterns)
    const kindOf = settled(id, 'fast')
    const look = (text: string, { layers }: Glance): Promise<Sight> => {
      const spans: Span[] = []
      if (!layers.has('rules')) return Promise.resolve({ spans })
      for (const { pattern, category, score, rule } of list) {
        const matcher = pattern.matcher(text)
        for (let n = 0; n < MOST_MATCHES && matcher.find(); n++) spans.push({ kind: kindOf(rule, category, score, 0.5), start: matcher.start(), end: matcher.end() })
      }
      return Promise.resolve({ spans, score: Math.max(0, ...spans.map(({ kind }) => kind.score)) })
    }
    return {
      id,
      about: 'Patterns of your own.',
      layer: 'rules',
      categories: [...new Set(list.map(({ category }) => category))],
      on: ['user', 'assistant', 'tool_call', 'tool_result', 'document', 'body'],
      phase: 'both',
      action: 'redact',
      threshold: 0.5,
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'content_refused', reply: 'answer_refused' },
      look,
      marker: (category) => `[REDACTED_${category.toUpperCase()}]`,
      mask: (_category, text) => (text.length < 8 ? '***' : `${text.slice(0, 2)}***${text.slice(-2)}`),
    } satisfies Guardrail
  },
}
