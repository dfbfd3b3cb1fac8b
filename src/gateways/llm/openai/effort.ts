import type { Reasoning } from '../conversation.ts'

/**
 * OpenAI's word for how much to think. A budget in tokens (Anthropic, Gemini) becomes the nearest word by the table
 * that Google publishes for its OpenAI compatibility; a budget that the model may choose itself becomes no word.
 */
export function effortOf(reasoning: Reasoning | undefined): string | undefined {
  if (reasoning === undefined) return undefined
  if (reasoning.effort !== undefined) return reasoning.effort
  const budget = reasoning.budget
  if (budget === undefined || budget < 0) return undefined
  if (budget === 0) return 'none'
  return budget <= 2048 ? 'low' : budget <= 12_288 ? 'medium' : 'high'
}

/** OpenAI has no field for a tool that failed: the result says it in words, unless it does so already. */
export function failedText(text: string): string {
  return /^\W*(error|failed|failure|exception)/i.test(text) ? text : `Error: ${text}`
}
