import { isRefusal, type Refusal } from '../../../contract/verdict.ts'
import { isObject, numberOf, stringOf, type TreeObject } from '../../../formats/tree.ts'
import type { Surveyed } from '../dialect.ts'
import { walk } from '../walk.ts'
import type { ObjectField } from '../fields.ts'
import { messagesTable } from './table.ts'

export function survey(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  return surveyBy(messagesTable, tree, allowed)
}

export function surveyBy(table: ObjectField, tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const walked = walk(table, tree, allowed)
  if (isRefusal(walked)) return walked
  const messages = tree.get('messages')
  const last = Array.isArray(messages) ? messages.at(-1) : undefined
  const maxTokens = numberOf(tree.get('max_tokens'))
  const model = stringOf(tree.get('model')) ?? ''
  const stream = tree.get('stream') === true
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
      dialect: 'anthropic.messages',
      stream,
      choices: 1,
      // The caller puts words into the model's mouth: policy may want to know.
      ...(isObject(last) && last.get('role') === 'assistant' ? { prefill: true } : {}),
    },
    ...(maxTokens === undefined ? {} : { maxTokens }),
    choices: 1,
    mediaBytes: walked.mediaBytes,
  }
}
