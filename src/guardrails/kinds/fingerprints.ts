import { resolve } from 'node:path'
import { z } from 'zod'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import { readingsOf } from '../normalise/readings.ts'
import type { Span } from '../rules/matcher.ts'
import { openLibrary } from './documents.ts'
import type { Library } from './documents.ts'
import { KindError } from './error.ts'
import { runsIn, shinglesOf, SHORTEST_RUN, wordsIn } from './shingles.ts'
import type { Run, Words } from './shingles.ts'

const SHARE = 0.2
// So many words in a row are no chance and no short quotation, however long the answer is around them.
const PASSAGE = 40
const MOST_WORDS = 200_000
const MOST_SYSTEM = 64_000
// Half of this many words of the instructions in a row, or half of the instructions, is a leak.
const SYSTEM_PASSAGE = 30
const LEAST_SYSTEM = 0.5
const MASKED = 60
const MOST_SPANS = 32

const keys = {
  documents: z.array(z.string().min(1).max(1000)).min(1).max(100).optional().describe('fingerprints: files and folders of text (UTF-8) whose words must not leave in an answer. Relative paths start at the folder of this file. They are read at the start and at each reload.'),
  share: z.number().min(0.01).max(1).optional().describe(`fingerprints: share of an answer's words that may come from the documents. Default ${SHARE}. ${PASSAGE} words in a row count whatever the share.`),
  system: z.boolean().optional().describe('fingerprints: the instructions of the exchange itself must not leave in its answer either. What the user wrote in the same words is no leak.'),
}

const written = z
  .object(keys)
  .refine(({ documents, system }) => documents !== undefined || system === true, { path: ['documents'], message: 'fingerprints needs "documents", "system: true", or both' })

interface Overlap {
  readonly runs: readonly Run[]
  readonly covered: number
  readonly longest: number
}

function overlapOf(shingles: Float64Array, known: (shingle: number) => number): Overlap {
  const runs = runsIn(shingles, known)
  let covered = 0
  let longest = 0
  for (const { from, to } of runs) {
    covered += to - from
    longest = Math.max(longest, to - from)
  }
  return { runs, covered, longest }
}

function systemShingles({ asked }: Glance): { readonly known: ReadonlySet<number>; readonly words: number } | undefined {
  const of = (origin: string): string => asked.reading.segments.filter((one) => one.origin === origin).map(({ text }) => text).join('\n').slice(0, MOST_SYSTEM)
  const words = wordsIn(of('system'), MOST_WORDS)
  if (words.hashes.length < SHORTEST_RUN) return undefined
  const known = new Set(shinglesOf(words))
  for (const shingle of shinglesOf(wordsIn(of('user'), MOST_WORDS))) known.delete(shingle)
  return { known, words: words.hashes.length }
}

/** Text of registered documents, or of the instructions, that leaves in an answer. */
export const fingerprints: Kind = {
  use: 'fingerprints',
  about: 'Text of your documents, or of the system prompt, leaving in an answer.',
  keys,
  make(id, values, place) {
    const { documents = [], share = SHARE, system = false } = written.parse(values)
    let library: Library | undefined
    if (place !== undefined && documents.length > 0) {
      try {
        library = openLibrary(documents.map((path) => resolve(place.base, path)))
      } catch (error) {
        throw new KindError('documents', error instanceof Error ? error.message : 'cannot be read')
      }
    }
    const kindOf = settled(id, 'deep')

    const compared = (text: string, glance: Glance, at: (start: number, end: number) => { readonly start: number; readonly end: number }, fromSystem: ReturnType<typeof systemShingles>): { spans: Span[]; score: number } => {
      const words: Words = wordsIn(text, MOST_WORDS)
      const shingles = shinglesOf(words)
      const spans: Span[] = []
      let best = 0
      const add = (runs: readonly Run[], score: number, least: number, category: string, rule: (run: Run) => string): void => {
        if (score === 0) return
        best = Math.max(best, score)
        for (const run of runs.slice(0, MOST_SPANS)) spans.push({ kind: kindOf(rule(run), category, score, least), ...at(words.starts[run.from] as number, words.ends[run.to - 1] as number) })
      }
      if (library !== undefined) {
        const { runs, covered, longest } = overlapOf(shingles, library.find)
        const names = library.names
        add(runs, longest >= PASSAGE ? Math.max(covered / words.hashes.length, 0.9) : covered / Math.max(1, words.hashes.length), share, 'document', ({ source }) => `document:${names[source] ?? ''}`)
      }
      if (fromSystem !== undefined) {
        const { runs, covered, longest } = overlapOf(shingles, (shingle) => (fromSystem.known.has(shingle) ? 0 : -1))
        add(runs, Math.min(1, Math.max(longest / SYSTEM_PASSAGE, covered / fromSystem.words)), LEAST_SYSTEM, 'system_prompt', () => 'system_prompt')
      }
      return { spans, score: best }
    }

    const look = async (text: string, glance: Glance): Promise<Sight> => {
      if (documents.length > 0 && library === undefined) throw new Error('the documents were not read')
      const fromSystem = system ? systemShingles(glance) : undefined
      const plain = compared(text, glance, (start, end) => ({ start, end }), fromSystem)
      const spans = plain.spans
      let { score } = plain
      for (const reading of readingsOf(text).readings) {
        // Most of a reading is what stands around what was decoded, and that was compared before.
        const seen = compared(reading.text, glance, reading.span, fromSystem)
        if (seen.score <= score) continue
        spans.push(...seen.spans)
        score = seen.score
      }
      return { spans, score }
    }

    return {
      id,
      about: system && documents.length === 0 ? 'The system prompt leaving in an answer.' : 'Text of registered documents leaving in an answer.',
      layer: 'deep',
      categories: ['document', 'system_prompt'],
      on: ['assistant', 'tool_call'],
      phase: 'both',
      action: 'deny',
      threshold: share,
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'content_refused', reply: 'leak_in_answer' },
      look,
      ...(system && { context: ({ asked }: Glance) => asked.reading.segments.filter(({ origin }) => origin === 'system' || origin === 'user').map(({ text }) => text).join('\n') }),
      marker: () => '[REDACTED_DOCUMENT]',
      mask: (_category, text) => (text.length <= MASKED ? text : `${text.slice(0, MASKED - 3)}...`),
    } satisfies Guardrail
  },
}
