import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation } from '../conversation.ts'

/** Tokens for an effort where a model takes budgets only; the same table as Google's OpenAI compatibility. */
export const BUDGETS: Readonly<Record<string, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24576, xhigh: 32768, max: 32768 }

/** Least budget that the API accepts. */
const LEAST = 1024

/** Claude up to 4.5 thinks within a budget; from 4.6 on it decides itself, guided by an effort. */
const BUDGETED = /claude-(3|(opus|sonnet|haiku)-4(-[0-5])?($|-\d{8}|@))/

export interface ThinkingFields {
  readonly maxTokens: number
  readonly thinking?: TreeObject
  readonly effort?: string
}

/**
 * Thinking and output limit for a model. In a tool loop whose calls came from another provider there is no signed
 * thinking before the calls, which budgeted models refuse: for them such a turn runs without thinking. The same goes
 * for an output limit too small to think within.
 */
export function thinkingFields(conversation: Conversation, model: string, messages: readonly TreeObject[], fallback: number): ThinkingFields {
  const asked = conversation.reasoning
  const limit = conversation.maxTokens
  const plain = { maxTokens: limit ?? fallback }
  if (asked === undefined) return plain
  const off = asked.budget === 0 || (asked.effort === 'none' && asked.budget === undefined)
  if (off) return { ...plain, thinking: object({ type: 'disabled' }) }
  if (asked.effort === undefined && asked.budget === undefined) return plain
  if (!BUDGETED.test(model)) {
    const effort = asked.effort ?? effortOf(asked.budget ?? -1)
    const display = asked.includeThoughts === false ? 'omitted' : asked.includeThoughts === true || asked.summary !== undefined ? 'summarized' : undefined
    return {
      ...plain,
      thinking: object({ type: 'adaptive', display }),
      ...(effort === undefined ? {} : { effort: effort === 'minimal' ? 'low' : effort }),
    }
  }
  if (unsignedLoop(messages)) return plain
  const wanted = asked.budget !== undefined && asked.budget > 0 ? asked.budget : (BUDGETS[asked.effort ?? 'medium'] ?? BUDGETS['medium'] ?? LEAST)
  const budget = Math.min(Math.max(wanted, LEAST), limit === undefined ? Infinity : limit - 1)
  if (budget < LEAST) return plain
  return { maxTokens: limit ?? budget + fallback, thinking: object({ type: 'enabled', budget_tokens: budget }) }
}

function effortOf(budget: number): string | undefined {
  if (budget < 0) return undefined
  return budget <= 2048 ? 'low' : budget <= 12_288 ? 'medium' : 'high'
}

/** True where the last assistant turn calls tools without thinking before it. */
function unsignedLoop(messages: readonly TreeObject[]): boolean {
  const last = messages.findLast((message) => message.get('role') === 'assistant')
  const content: Tree | undefined = last?.get('content')
  if (!Array.isArray(content)) return false
  const types = content.map((block) => (isObject(block) ? block.get('type') : undefined))
  return types.includes('tool_use') && types[0] !== 'thinking' && types[0] !== 'redacted_thinking'
}
