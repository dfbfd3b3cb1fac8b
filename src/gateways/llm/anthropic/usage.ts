import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { StopReason } from '../conversation.ts'

/**
 * Tokens of a reply. Anthropic counts cached and cache-writing input apart from `input_tokens`, and a stream's
 * `message_delta` repeats only what changed: absent or null counts keep what `before` knew.
 */
export function usageOf(tree: Tree | undefined, before?: Usage): Usage | undefined {
  if (!isObject(tree)) return before
  const count = (name: string, known: number): number => numberOf(tree.get(name)) ?? known
  const cachedInput = count('cache_read_input_tokens', before?.cachedInput ?? 0)
  const cacheWrite = count('cache_creation_input_tokens', before?.cacheWrite ?? 0)
  const plain = count('input_tokens', before === undefined ? 0 : before.input - before.cachedInput - before.cacheWrite)
  const details = tree.get('output_tokens_details')
  return {
    input: plain + cachedInput + cacheWrite,
    output: count('output_tokens', before?.output ?? 0),
    cachedInput,
    cacheWrite,
    reasoning: (isObject(details) ? numberOf(details.get('thinking_tokens')) : undefined) ?? before?.reasoning ?? 0,
  }
}

/** Anthropic's own form; clients rely on the counts being there, so an unknown usage is zeros. */
export function usageTree(usage: Usage | undefined): TreeObject {
  return object({
    input_tokens: usage === undefined ? 0 : Math.max(0, usage.input - usage.cachedInput - usage.cacheWrite),
    cache_creation_input_tokens: usage?.cacheWrite ?? 0,
    cache_read_input_tokens: usage?.cachedInput ?? 0,
    output_tokens: usage?.output ?? 0,
    output_tokens_details: usage !== undefined && usage.reasoning > 0 ? object({ thinking_tokens: usage.reasoning }) : undefined,
  })
}

const stops: Readonly<Record<string, StopReason>> = {
  end_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  stop_sequence: 'stop_sequence',
  tool_use: 'tool_calls',
  pause_turn: 'pause',
  compaction: 'pause',
  refusal: 'refusal',
}

export function stopOf(reason: Tree | undefined): StopReason {
  return (typeof reason === 'string' ? stops[reason] : undefined) ?? 'stop'
}

const words: Readonly<Record<StopReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
  stop_sequence: 'stop_sequence',
  refusal: 'refusal',
  pause: 'pause_turn',
}

export function stopWord(stop: StopReason): string {
  return words[stop]
}
