import type { Kind } from '../matcher.ts'

/**
 * Kinds of unsafe output. An answer to a programmer shows such code all day, so in what a model says a hit stays far
 * below the threshold; the full score is that of the arguments of a tool call, which something will run.
 */
export function unsafe(rule: string, category: string, score: number, said = 0.5): Kind {
  return { guardrail: 'unsafe_output', rule, category, score, at: { assistant: Math.min(said, score), reasoning: Math.min(said, score), document: Math.min(said, score), tool_result: Math.min(said, score) } }
}
