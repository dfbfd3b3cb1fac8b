import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import { isRefusal, type Refusal } from '../../../../contract/verdict.ts'
import type { Surveyed } from '../../dialect.ts'
import { isForeign } from '../../signature.ts'
import { surveyed } from '../../surveyed.ts'
import { walk } from '../../walk.ts'
import { responsesTable } from './table.ts'

/** Reads a Responses request by its table. An input string counts as one message. */
export function survey(tree: TreeObject, allowed: readonly string[]): Surveyed | Refusal {
  const walked = walk(responsesTable, tree, allowed)
  if (isRefusal(walked)) return walked
  const model = stringOf(tree.get('model')) ?? ''
  const stream = tree.get('stream') === true
  const maxTokens = numberOf(tree.get('max_output_tokens'))
  return surveyed(walked, {
    dialect: 'openai.responses',
    model,
    stream,
    choices: 1,
    maxTokens,
    ...(typeof tree.get('input') === 'string' ? { facts: { messages: 1 } } : {}),
  })
}

/**
 * The same request for another model. Without `store` OpenAI would keep the answer, so its absence becomes
 * `store: false`; an explicit `true` has passed as provider-held state. Where nothing is kept, OpenAI refuses
 * reasoning that it has not sealed itself: such items, of another maker's answer, are taken out.
 */
export function retarget(tree: TreeObject, model: string): TreeObject {
  const made = new Map(tree)
  made.set('model', model)
  const store = tree.get('store')
  if (store === undefined || store === null) made.set('store', false)
  const input = tree.get('input')
  if (store !== true && Array.isArray(input) && input.some(isUnsealed)) made.set('input', input.filter((item) => !isUnsealed(item)))
  return made
}

function isUnsealed(item: Tree): boolean {
  if (!isObject(item) || item.get('type') !== 'reasoning') return false
  const sealed = stringOf(item.get('encrypted_content')) ?? ''
  return sealed === '' || isForeign('openai', sealed)
}
