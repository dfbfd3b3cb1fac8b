import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { isRefusal, refuse, type Refusal } from '../../../contract/verdict.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { Surveyed } from '../dialect.ts'
import { either, identifier, integer, list, object, required, text } from '../fields.ts'
import { walk } from '../walk.ts'
import { usageOf } from './usage.ts'

/** Most inputs in one request, as OpenAI has it. */
const INPUTS = 2048

const table = object({
  model: required(identifier()),
  input: required(either({ string: text('document'), list: list(text('document'), { max: INPUTS, grouped: true, fact: 'inputs' }) })),
  dimensions: integer({ min: 1, fact: 'dimensions' }),
  encoding_format: identifier(),
  user: text('body'),
})

/**
 * Reads an Embeddings request. Inputs in tokens are refused as `inconclusive`: which words they are depends on the
 * model's vocabulary, and nothing here could look at them.
 */
export function surveyEmbeddings(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const input = tree.get('input')
  if (Array.isArray(input) && input.some((one) => Array.isArray(one) || numberOf(one) !== undefined)) {
    return refuse('inconclusive', { param: 'input', say: 'The request\'s input is given in tokens, which cannot be inspected. Send text.' })
  }
  const walked = walk(table, tree, allowed)
  if (isRefusal(walked)) return walked
  const model = stringOf(tree.get('model')) ?? ''
  return {
    model,
    stream: false,
    segments: walked.segments,
    effects: walked.effects,
    subordinates: walked.subordinates,
    parameters: { inputs: 1, ...walked.parameters, model, dialect: 'openai.embeddings', stream: false, choices: 1 },
    maxTokens: 0,
    choices: 1,
    mediaBytes: 0,
  }
}

export function retargetEmbeddings(tree: TreeObject, model: string): TreeObject {
  return new Map(tree).set('model', model)
}

/** Path below the provider's base URL. */
export const EMBEDDINGS_PATH = '/v1/embeddings'

/** Tokens of an Embeddings reply, which has input only; undefined where the server counted none. */
export function embeddingsUsage(tree: Tree): Usage | undefined {
  return isObject(tree) ? usageOf(tree.get('usage')) : undefined
}
