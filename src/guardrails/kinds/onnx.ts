import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { labelsIn, modelIn } from '../classifiers/folder.ts'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import type { Span } from '../rules/matcher.ts'
import type { Tools } from '../tools.ts'
import { KindError } from './error.ts'

const MASKED = 120
const FILES = ['tokenizer.json', 'tokenizer_config.json']

const keys = {
  folder: z.string().min(1).max(1000).optional().describe('onnx: folder of a text classifier in the layout of the Hugging Face hub: config.json, tokenizer.json, tokenizer_config.json and model.onnx. Relative paths start at the folder of this file.'),
  labels: z.record(z.string().min(1).max(100), z.number().min(0).max(1)).optional().describe('onnx: labels of the classifier that are findings, each with the probability from which it takes effect.'),
}

const written = z.object({
  folder: z.string({ error: 'onnx needs "folder"' }),
  labels: z.record(z.string(), z.number(), { error: 'onnx needs "labels": which of them are findings, and from which probability' }).refine((labels) => Object.keys(labels).length > 0, 'at least one label'),
})

// What a folder lacks, found at the start and not in somebody's call.
function checkFolder(folder: string, wanted: readonly string[]): void {
  let labels: readonly string[]
  try {
    labels = labelsIn(folder)
    modelIn(folder)
    const missing = FILES.find((name) => !existsSync(join(folder, name)))
    if (missing !== undefined) throw new Error(`${join(folder, missing)} is missing`)
  } catch (error) {
    throw new KindError('folder', error instanceof Error ? error.message : 'is no classifier folder')
  }
  const unknown = wanted.find((label) => !labels.includes(label))
  if (unknown !== undefined) throw new KindError('labels', `the classifier has no label "${unknown}"; it has ${labels.join(', ')}`)
}

function categoryOf(label: string): string {
  return label.toLowerCase().replace(/[^a-z0-9]+/g, '_').slice(0, 64)
}

/** Any local ONNX text classifier. */
export const onnxClassifiers: Kind = {
  use: 'onnx',
  about: 'A local ONNX text classifier of yours.',
  keys,
  make(id, values, place) {
    const { folder: given, labels } = written.parse(values)
    const folder = resolve(place?.base ?? '.', given)
    if (place !== undefined) checkFolder(folder, Object.keys(labels))
    const kindOf = settled(id, 'deep')
    const look = async (text: string, { layers, threshold }: Glance, { models }: Tools, signal: AbortSignal): Promise<Sight> => {
      if (models === undefined) throw new Error('the local classifiers are not loaded')
      if (text.trim() === '' || !layers.has('deep')) return { spans: [] }
      const found = await models.custom(folder, text, signal)
      const spans: Span[] = []
      let score = 0
      for (const [label, least] of Object.entries(labels)) {
        const probability = found[label]
        // No label may be silently nothing: a folder can change under a running process.
        if (probability === undefined || !Number.isFinite(probability)) throw new Error(`the classifier said nothing about "${label}"`)
        score = Math.max(score, probability)
        if (probability >= (threshold ?? least)) spans.push({ kind: kindOf(`onnx:${label}`, categoryOf(label), probability, least), start: 0, end: text.length })
      }
      return { spans, score }
    }
    return {
      id,
      about: `The local classifier in ${given}.`,
      layer: 'deep',
      categories: Object.keys(labels).map(categoryOf),
      on: ['user', 'tool_result', 'document'],
      phase: 'both',
      action: 'deny',
      threshold: Math.min(...Object.values(labels)),
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'content_refused', reply: 'answer_refused' },
      needs: 'models',
      look,
      marker: () => '[REMOVED_TEXT]',
      mask: (_category, text) => (text.length <= MASKED ? text : `${text.slice(0, MASKED - 3)}...`),
    } satisfies Guardrail
  },
}
