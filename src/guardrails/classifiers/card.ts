import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const pair = z.tuple([z.number(), z.number()])
const perChannel = <T extends z.ZodType>(value: T) => z.strictObject({ user: value, document: value, tool_definition: value, assistant: value })

const thresholds = perChannel(z.tuple([z.number(), z.number(), z.number(), z.number()]))
const outputs = <T extends z.ZodType>(value: T) =>
  z.strictObject({
    injection: value, jailbreak: value, harmful: value, toxicity: value,
    hate: value, harassment: value, threat: value, sexual: value, violence: value, self_harm: value, profanity: value,
  })
const heads = <T extends z.ZodType>(value: T) => z.strictObject({ injection: value, jailbreak: value, harmful: value, toxicity: value })

/** `models/card.json`: what belongs to the weights and is not weights. Written by training/calibrate.py. */
const cardSchema = z.strictObject({
  version: z.string(),
  /** SHA-256 of each file of the folder, in hex. */
  files: z.record(z.string(), z.string()),
  /** Token ids that begin, end and fill a window, and the words that tell the model where a text stands. */
  tokens: z.strictObject({ begin: z.number(), end: z.number(), pad: z.number() }),
  outputs: z.array(z.string()),
  tags: z.array(z.string()),
  fast: z.strictObject({ scale: z.array(z.number()), bias: z.array(z.number()) }),
  /** Slope and offset: probability = sigmoid(slope × logit + offset). */
  calibration: z.strictObject({ fast: heads(pair), deep: outputs(pair) }),
  /** Probabilities from which an output counts, for levels 1 to 4. */
  thresholds: z.strictObject({ fast: heads(thresholds), deep: outputs(thresholds) }),
  /** Fast probability of any output from which the encoder is asked where it need not be. */
  grey: perChannel(z.number()),
})

export type Card = z.infer<typeof cardSchema>

/** Total size that the shipped models may have, in bytes. */
export const MOST_BYTES = 60 * 1024 * 1024

/**
 * Reads the card of a models folder and compares every file with its hash. Throws with a sentence that names the file
 * where one is missing, changed or malformed.
 */
export function readCard(folder: string): Card {
  const card = cardSchema.safeParse(parsed(join(folder, 'card.json')))
  if (!card.success) throw new Error(`models: card.json is not what this version reads: ${card.error.issues[0]?.path.join('.') ?? ''} ${card.error.issues[0]?.message ?? ''}`)
  for (const [name, expected] of Object.entries(card.data.files)) {
    const found = createHash('sha256').update(contents(join(folder, name))).digest('hex')
    if (found !== expected) throw new Error(`models: ${name} is not the file that card.json names; restore the models folder from the release`)
  }
  return card.data
}

function contents(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`models: ${path} cannot be read; restore the models folder from the release`, { cause: error })
  }
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(contents(path).toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`models: ${path} is not JSON`, { cause: error })
    throw error
  }
}
