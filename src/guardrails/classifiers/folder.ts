import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { z } from 'zod'
import { tokenizerOf } from './tokenizer.ts'

/** A classifier that somebody brought. */
export interface Brought {
  readonly labels: readonly string[]
  /** The probability of each label; of several windows the highest counts. */
  classify(text: string): Promise<Float32Array>
}

const configSchema = z.looseObject({
  id2label: z.record(z.string().regex(/^\d+$/), z.string()),
  problem_type: z.string().nullish(),
  max_position_embeddings: z.number().int().positive().optional(),
})

const MODEL_FILES = ['model_quantized.onnx', 'model_int8.onnx', 'model.onnx', 'onnx/model_quantized.onnx', 'onnx/model_int8.onnx', 'onnx/model.onnx']
const LONGEST_WINDOW = 512
// Windows of one text that are read; the first and the last of longer texts.
const MOST_WINDOWS = 16

function jsonIn(folder: string, name: string): object {
  const path = join(folder, name)
  if (!existsSync(path)) throw new Error(`${path} is missing: a classifier folder holds config.json, tokenizer.json, tokenizer_config.json and model.onnx`)
  return JSON.parse(readFileSync(path, 'utf8')) as object
}

/** Labels of a classifier folder, in the order of its outputs. Throws where the folder is no text classifier. */
export function labelsIn(folder: string): readonly string[] {
  const config = configSchema.safeParse(jsonIn(folder, 'config.json'))
  if (!config.success) throw new Error(`${join(folder, 'config.json')}: ${config.error.issues[0]?.path.join('.') ?? ''} ${config.error.issues[0]?.message ?? ''}`)
  return Object.entries(config.data.id2label).sort(([a], [b]) => Number(a) - Number(b)).map(([, label]) => label)
}

/** Where the weights of a classifier folder are. */
export function modelIn(folder: string): string {
  const found = MODEL_FILES.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`${folder} holds no model: one of ${MODEL_FILES.join(', ')} is expected`)
  return found
}

function probabilities(logits: Float32Array, several: boolean): Float32Array {
  if (several) return logits.map((logit) => 1 / (1 + Math.exp(-logit)))
  const most = Math.max(...logits)
  const powers = logits.map((logit) => Math.exp(logit - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}

/** Opens a folder in the layout of the Hugging Face hub: config.json, tokenizer.json, tokenizer_config.json, an ONNX file. */
export async function openFolder(folder: string, options: ort.InferenceSession.SessionOptions): Promise<Brought> {
  const config = configSchema.parse(jsonIn(folder, 'config.json'))
  const labels = labelsIn(folder)
  const tokenizer = tokenizerOf(jsonIn(folder, 'tokenizer.json'), jsonIn(folder, 'tokenizer_config.json'))
  const session = await ort.InferenceSession.create(modelIn(folder), options)
  const several = config.problem_type === 'multi_label_classification'
  const room = Math.min(LONGEST_WINDOW, config.max_position_embeddings ?? LONGEST_WINDOW)
  const run = async (ids: readonly number[]): Promise<Float32Array> => {
    const row = (value: (id: number) => number): ort.Tensor => new ort.Tensor('int64', BigInt64Array.from(ids, (id) => BigInt(value(id))), [1, ids.length])
    const feeds: Record<string, ort.Tensor> = {}
    for (const name of session.inputNames) feeds[name] = row(name === 'attention_mask' ? () => 1 : name === 'token_type_ids' ? () => 0 : (id) => id)
    const output = (await session.run(feeds))[session.outputNames[0] as string] as ort.Tensor
    if (output.data.length !== labels.length) throw new Error(`${folder}: the model gives ${output.data.length} numbers for ${labels.length} labels`)
    return probabilities(output.data as Float32Array, several)
  }
  return {
    labels,
    async classify(text) {
      const whole = tokenizer.encode(text).ids
      const bare = tokenizer.encode('').ids
      const begin = bare.slice(0, bare.length > 1 ? 1 : 0)
      const end = bare.slice(begin.length)
      if (whole.length <= room) return run(whole)
      const inner = whole.slice(begin.length, whole.length - end.length)
      const size = room - begin.length - end.length
      const starts: number[] = []
      for (let at = 0; at + size < inner.length; at += Math.floor(size * 0.75)) starts.push(at)
      starts.push(inner.length - size)
      const kept = starts.length > MOST_WINDOWS ? [...starts.slice(0, MOST_WINDOWS / 2), ...starts.slice(-MOST_WINDOWS / 2)] : starts
      const best = new Float32Array(labels.length)
      for (const start of kept) {
        const found = await run([...begin, ...inner.slice(start, start + size), ...end])
        for (let j = 0; j < best.length; j++) best[j] = Math.max(best[j] as number, found[j] as number)
      }
      return best
    },
  }
}
