import { at, isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import { isRefusal, type Refusal } from '../../../../contract/verdict.ts'
import type { Surveyed } from '../../dialect.ts'
import { isForeign } from '../../signature.ts'
import { surveyed } from '../../surveyed.ts'
import { walk } from '../../walk.ts'
import { without } from '../leaf.ts'
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
  return surveyed(walked, { dialect: 'openai.chat', model, stream, choices, maxTokens })
}

/**
 * The same request for another model. A streamed one asks for usage, because a stream that was cut short or that
 * fails over must still be settled; the frame that the caller did not ask for is held back by the gateway.
 * What another maker signed stays here: its owner alone can read it, and others refuse it.
 */
export function retarget(tree: TreeObject, model: string): TreeObject {
  const made = new Map(tree)
  made.set('model', model)
  if (tree.get('stream') === true) {
    const options = tree.get('stream_options')
    made.set('stream_options', new Map(options instanceof Map ? options : []).set('include_usage', true))
  }
  const messages = tree.get('messages')
  if (Array.isArray(messages)) {
    const own = messages.map(ownMarks)
    if (own.some((message, index) => message !== messages[index])) made.set('messages', own)
  }
  return made
}

function ownMarks(message: Tree): Tree {
  if (!isObject(message)) return message
  let made = message
  const details = message.get('reasoning_details')
  if (Array.isArray(details) && details.some(isForeignDetail)) {
    const own = details.filter((detail) => !isForeignDetail(detail))
    made = without(made, 'reasoning_details', own.length === 0 ? undefined : own)
  }
  const calls = message.get('tool_calls')
  if (Array.isArray(calls) && calls.some(isForeignCall)) {
    made = without(made, 'tool_calls', calls.map((call) => (isObject(call) && isForeignCall(call) ? without(call, 'extra_content') : call)))
  }
  return made
}

function isForeignDetail(detail: Tree): boolean {
  return isForeign('openai', stringOf(at(detail, ['signature'])) ?? '') || isForeign('openai', stringOf(at(detail, ['data'])) ?? '')
}

function isForeignCall(call: Tree): boolean {
  return isForeign('openai', stringOf(at(call, ['extra_content', 'google', 'thought_signature'])) ?? '')
}
