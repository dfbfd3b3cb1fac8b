import { object, type TreeObject } from '../../../formats/tree.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { Surveyed } from '../dialect.ts'
import { surveyBy } from './survey.ts'
import { countTable } from './table.ts'

/** Reads a request to POST /v1/messages/count_tokens: what is counted goes to the provider, so it is inspected alike. */
export function surveyCount(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  return surveyBy(countTable, tree, allowed)
}

/** Path below the provider's base URL. */
export const COUNT_PATH = '/v1/messages/count_tokens'

/** The answer of count_tokens, for counts that were made here or by another provider. */
export function countReply(inputTokens: number): TreeObject {
  return object({ input_tokens: inputTokens })
}

/** Input that a request would cost by our own estimate, where the target cannot count: about four characters a token. */
export function estimateInput({ segments, mediaBytes }: Pick<Surveyed, 'segments' | 'mediaBytes'>): number {
  let characters = 0
  for (const segment of segments) characters += segment.text.length
  return Math.ceil(characters / 4) + Math.ceil(mediaBytes / 100) + 8 * segments.length
}
