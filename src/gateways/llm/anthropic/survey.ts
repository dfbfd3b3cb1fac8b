import { isRefusal, type Refusal } from '../../../contract/verdict.ts'
import { isObject, numberOf, stringOf, type TreeObject } from '../../../formats/tree.ts'
import type { Surveyed } from '../dialect.ts'
import { surveyed } from '../surveyed.ts'
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
  return surveyed(walked, {
    dialect: 'anthropic.messages',
    model,
    stream,
    choices: 1,
    maxTokens,
    // The caller puts words into the model's mouth: policy may want to know.
    ...(isObject(last) && last.get('role') === 'assistant' ? { facts: { prefill: true } } : {}),
  })
}
