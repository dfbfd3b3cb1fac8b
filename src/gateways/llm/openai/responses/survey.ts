import { numberOf, stringOf, type TreeObject } from '../../../../formats/tree.ts'
import { isRefusal, type Refusal } from '../../../../contract/verdict.ts'
import type { Surveyed } from '../../dialect.ts'
import { walk } from '../../walk.ts'
import { responsesTable } from './table.ts'

/** Reads a Responses request by its table. An input string counts as one message. */
export function survey(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const walked = walk(responsesTable, tree, allowed)
  if (isRefusal(walked)) return walked
  const model = stringOf(tree.get('model')) ?? ''
  const stream = tree.get('stream') === true
  const maxTokens = numberOf(tree.get('max_output_tokens'))
  return {
    model,
    stream,
    segments: walked.segments,
    effects: walked.effects,
    subordinates: walked.subordinates,
    parameters: {
      messages: typeof tree.get('input') === 'string' ? 1 : 0,
      tools: 0,
      images: 0,
      ...walked.parameters,
      model,
      dialect: 'openai.responses',
      stream,
      choices: 1,
    },
    choices: 1,
    mediaBytes: walked.mediaBytes,
    ...(maxTokens === undefined ? {} : { maxTokens }),
  }
}

/**
 * The same request for another model. Without `store` OpenAI would keep the answer, so its absence becomes
 * `store: false`; an explicit `true` has passed as provider-held state.
 */
export function retarget(tree: TreeObject, model: string): TreeObject {
  const made = new Map(tree)
  made.set('model', model)
  const store = tree.get('store')
  if (store === undefined || store === null) made.set('store', false)
  return made
}
