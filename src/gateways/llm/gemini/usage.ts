import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { StopReason } from '../conversation.ts'

/** Google counts tool-use prompts and thoughts apart; each chunk of a stream repeats the counts so far. */
export function usageOf(tree: Tree | undefined, before?: Usage): Usage | undefined {
  if (!isObject(tree)) return before
  const count = (name: string): number | undefined => numberOf(tree.get(name))
  const prompt = count('promptTokenCount')
  const candidates = count('candidatesTokenCount')
  const thoughts = count('thoughtsTokenCount')
  return {
    input: prompt === undefined ? (before?.input ?? 0) : prompt + (count('toolUsePromptTokenCount') ?? 0),
    output: candidates === undefined && thoughts === undefined ? (before?.output ?? 0) : (candidates ?? 0) + (thoughts ?? 0),
    cachedInput: count('cachedContentTokenCount') ?? before?.cachedInput ?? 0,
    cacheWrite: 0,
    reasoning: thoughts ?? before?.reasoning ?? 0,
  }
}

export function usageTree(usage: Usage | undefined): TreeObject | undefined {
  if (usage === undefined) return undefined
  return object({
    promptTokenCount: usage.input,
    candidatesTokenCount: Math.max(0, usage.output - usage.reasoning),
    totalTokenCount: usage.input + usage.output,
    cachedContentTokenCount: usage.cachedInput > 0 ? usage.cachedInput : undefined,
    thoughtsTokenCount: usage.reasoning > 0 ? usage.reasoning : undefined,
  })
}

/** Reasons after which the answer is no answer: the model or the API failed, and another try may not. */
export const BROKEN = new Set(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS', 'MALFORMED_RESPONSE'])

export function stopOf(reason: string, calls: boolean): StopReason {
  switch (reason) {
    case 'STOP':
    case 'FINISH_REASON_UNSPECIFIED':
      return calls ? 'tool_calls' : 'stop'
    case 'MAX_TOKENS':
      return 'length'
    case 'CONTINUATION':
      return 'pause'
    default:
      // SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, SPII, LANGUAGE, IMAGE_…, OTHER and what comes next: withheld.
      return 'content_filter'
  }
}

const words: Readonly<Record<StopReason, string>> = {
  stop: 'STOP',
  stop_sequence: 'STOP',
  tool_calls: 'STOP',
  length: 'MAX_TOKENS',
  content_filter: 'SAFETY',
  refusal: 'SAFETY',
  pause: 'OTHER',
}

export function stopWord(stop: StopReason): string {
  return words[stop]
}
