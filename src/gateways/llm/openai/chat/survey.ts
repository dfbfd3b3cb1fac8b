import { numberOf, stringOf, type TreeObject } from '../../../../formats/tree.ts'
import { isRefusal, type Refusal } from '../../../../contract/verdict.ts'
import type { Surveyed } from '../../dialect.ts'
import { walk } from '../../walk.ts'
import { chatTable } from './table.ts'

/** Reads a Chat Completions request by its table. Where both output limits are set, the larger one counts. */
export function survey(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const walked = walk(chatTable, tree, allowed)
  if (isRefusal(walked)) return walked
  const model = stringOf(tree.get('model')) ?? ''
  const stream = tree.get('stream') === true
  const choices = numberOf(tree.get('n')) ?? 1
  const limits = [numberOf(tree.get('max_completion_tokens')), numberOf(tree.get('max_tokens'))].filter((limit) => limit !== undefined)
  const maxTokens = limits.length === 0 ? undefined : Math.max(...limits)
  return {
    model,
    stream,
    segments: walked.segments,
    effects: walked.effects,
    subordinates: walked.subordinates,
    parameters: {
      messages: 0,
      tools: 0,
      images: 0,
      ...walked.parameters,
      model,
      dialect: 'openai.chat',
      stream,
      choices,
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    },
    choices,
    mediaBytes: walked.mediaBytes,
    ...(maxTokens === undefined ? {} : { maxTokens }),
  }
}

/**
 * The same request for another model. A streamed one asks for usage, because a stream that was cut short or that
 * fails over must still be settled; the frame that the caller did not ask for is held back by the gateway.
 */
export function retarget(tree: TreeObject, model: string): TreeObject {
  const made = new Map(tree)
  made.set('model', model)
  if (tree.get('stream') === true) {
    const options = tree.get('stream_options')
    made.set('stream_options', new Map(options instanceof Map ? options : []).set('include_usage', true))
  }
  return made
}
