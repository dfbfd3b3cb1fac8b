import { isObject, numberOf, type TreeObject } from '../../../../formats/tree.ts'
import type { StreamFrame } from '../../dialect.ts'
import { without } from '../leaf.ts'
import { callChannel } from './view.ts'

/**
 * The reply or chunk without these calls. A complete choice that is left without any says `stop`; in a stream the
 * finish reason stays, because a chunk does not know what other chunks held.
 */
export function dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject {
  return mapChoices(tree, (choice, index) => {
    const field = choice.has('message') ? 'message' : 'delta'
    const message = choice.get(field)
    if (!isObject(message)) return choice
    const kept = withoutCalls(message, index, channels)
    if (kept === message) return choice
    const made = new Map(choice)
    made.set(field, kept)
    const reason = made.get('finish_reason')
    if (field === 'message' && (reason === 'tool_calls' || reason === 'function_call') && !kept.has('tool_calls')) made.set('finish_reason', 'stop')
    return made
  })
}

function withoutCalls(message: TreeObject, index: number, channels: ReadonlySet<string>): TreeObject {
  const calls = message.get('tool_calls')
  let kept = message
  if (Array.isArray(calls)) {
    const left = calls.filter((call, place) => !isObject(call) || !channels.has(callChannel(call, index, place)))
    if (left.length < calls.length) kept = without(message, 'tool_calls', left.length === 0 ? undefined : left)
  }
  return channels.has(`${index}/tool/0`) ? without(kept, 'function_call') : kept
}

/** The reply or chunk without its token probabilities, which would spell out what an edit took away. */
export function scrub(tree: TreeObject): TreeObject {
  return mapChoices(tree, (choice) => (isObject(choice.get('logprobs')) ? without(choice, 'logprobs', null) : choice))
}

function mapChoices(tree: TreeObject, change: (choice: TreeObject, index: number) => TreeObject): TreeObject {
  const choices = tree.get('choices')
  if (!Array.isArray(choices)) return tree
  let changed = false
  const made = choices.map((choice, place) => {
    if (!isObject(choice)) return choice
    const one = change(choice, numberOf(choice.get('index')) ?? place)
    changed ||= one !== choice
    return one
  })
  return changed ? new Map(tree).set('choices', made) : tree
}

/** True for the chunk that only brings usage: no choices, behind all content. */
export function isUsageOnly({ data }: StreamFrame): boolean {
  if (!isObject(data)) return false
  const choices = data.get('choices')
  return Array.isArray(choices) && choices.length === 0 && isObject(data.get('usage'))
}
