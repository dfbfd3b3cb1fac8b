import { isObject, object, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import { without } from '../leaf.ts'
import { isCall, runs } from './leaves.ts'

/** What stands in place of a call that was taken out of a stream: output items are numbered, and clients do not survive a gap. */
const REMOVED = '[A tool call was removed by policy.]'

/**
 * The reply without these calls. Also takes single stream events: there a removed call becomes a short message, and
 * events about its arguments become `keepalive`, which OpenAI sends too and clients ignore.
 */
export function dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject {
  const output = tree.get('output')
  if (Array.isArray(output)) {
    const kept = output.filter((item, index) => !isDropped(item, index, channels))
    return kept.length === output.length ? tree : without(tree, 'output', kept)
  }
  const response = tree.get('response')
  if (isObject(response)) {
    const items = response.get('output')
    if (!Array.isArray(items) || !items.some((item, index) => isDropped(item, index, channels))) return tree
    const made = items.map((item, index) => (isDropped(item, index, channels) ? removed(item as TreeObject, true) : item))
    return without(tree, 'response', without(response, 'output', made))
  }
  const index = tree.get('output_index')
  if (typeof index !== 'number' || !channels.has(`0/tool/${index}`)) return tree
  const item = tree.get('item')
  if (isObject(item)) return isCall(item.get('type')) ? without(tree, 'item', removed(item, tree.get('type') === 'response.output_item.done')) : tree
  return runs.get(String(tree.get('type')))?.run === 'tool' ? object({ type: 'keepalive', sequence_number: tree.get('sequence_number') }) : tree
}

function isDropped(item: Tree, index: number, channels: ReadonlySet<string>): boolean {
  return isObject(item) && isCall(item.get('type')) && channels.has(`0/tool/${index}`)
}

function removed(item: TreeObject, done: boolean): TreeObject {
  return object({
    id: item.get('id'),
    type: 'message',
    role: 'assistant',
    status: done ? 'completed' : 'in_progress',
    content: done ? [object({ type: 'output_text', text: REMOVED, annotations: [] })] : [],
  })
}

/** The reply or event without token probabilities, which would spell out what an edit took away. */
export function scrub(tree: TreeObject): TreeObject {
  let made = listed(tree.get('logprobs')) ? without(tree, 'logprobs', []) : tree
  for (const field of ['part', 'item', 'response'] as const) {
    const inner = made.get(field)
    if (!isObject(inner)) continue
    const clean = scrub(inner)
    if (clean !== inner) made = without(made, field, clean)
  }
  for (const field of ['output', 'content'] as const) {
    const list = made.get(field)
    if (!Array.isArray(list)) continue
    const clean = list.map((one) => (isObject(one) ? scrub(one) : one))
    if (clean.some((one, index) => one !== list[index])) made = without(made, field, clean)
  }
  return made
}

function listed(logprobs: Tree | undefined): boolean {
  return Array.isArray(logprobs) && logprobs.length > 0
}
