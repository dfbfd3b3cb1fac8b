import { at, isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'

/** Tokens of a Chat Completions, Responses or Embeddings reply; DeepSeek's cache counters are understood. */
export function usageOf(tree: Tree | undefined): Usage | undefined {
  if (!isObject(tree)) return undefined
  const input = numberOf(tree.get('prompt_tokens') ?? tree.get('input_tokens'))
  const output = numberOf(tree.get('completion_tokens') ?? tree.get('output_tokens'))
  if (input === undefined && output === undefined) return undefined
  const before = tree.get('prompt_tokens_details') ?? tree.get('input_tokens_details')
  const after = tree.get('completion_tokens_details') ?? tree.get('output_tokens_details')
  return {
    input: input ?? 0,
    output: output ?? 0,
    cachedInput: numberOf(at(before, ['cached_tokens'])) ?? numberOf(tree.get('prompt_cache_hit_tokens')) ?? 0,
    cacheWrite: numberOf(at(before, ['cache_write_tokens'])) ?? 0,
    reasoning: numberOf(at(after, ['reasoning_tokens'])) ?? 0,
  }
}

export function chatUsage(usage: Usage): TreeObject {
  return object({
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: object({ cached_tokens: usage.cachedInput, cache_write_tokens: usage.cacheWrite > 0 ? usage.cacheWrite : undefined }),
    completion_tokens_details: object({ reasoning_tokens: usage.reasoning }),
  })
}

export function responsesUsage(usage: Usage): TreeObject {
  return object({
    input_tokens: usage.input,
    input_tokens_details: object({ cached_tokens: usage.cachedInput, cache_write_tokens: usage.cacheWrite }),
    output_tokens: usage.output,
    output_tokens_details: object({ reasoning_tokens: usage.reasoning }),
    total_tokens: usage.input + usage.output,
  })
}

/** Seconds since the Unix epoch. Both shapes demand a time, and other dialects give none. */
export function createdAt(created: number | undefined): number {
  return created ?? Math.floor(Date.now() / 1000)
}
