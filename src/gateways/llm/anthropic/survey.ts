import { isRefusal, type Refusal } from '../../../contract/verdict.ts'
import { isObject, numberOf, stringOf, type TreeObject } from '../../../formats/tree.ts'
import type { Surveyed } from '../dialect.ts'
import { walk } from '../walk.ts'
import type { ObjectField } from '../fields.ts'
import { countTable, messagesTable } from './table.ts'

export function survey(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  return surveyBy(messagesTable, tree, allowed)
}

/** The same for POST /v1/messages/count_tokens: what is counted is read by the provider, so it is inspected alike. */
export function surveyCount(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  return surveyBy(countTable, tree, allowed)
}

function surveyBy(table: ObjectField, tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const walked = walk(table, tree, allowed)
  if (isRefusal(walked)) return walked
  const messages = tree.get('messages')
  const last = Array.isArray(messages) ? messages.at(-1) : undefined
  // The caller puts words into the model's mouth: policy may want to know.
  const prefill = isObject(last) && last.get('role') === 'assistant'
  const maxTokens = numberOf(tree.get('max_tokens'))
  return {
    model: stringOf(tree.get('model')) ?? '',
    stream: tree.get('stream') === true,
    ...walked,
    parameters: prefill ? { ...walked.parameters, prefill } : walked.parameters,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    choices: 1,
  }
}
