import type { DialectId } from './conversation.ts'
import type { Dialect } from './dialect.ts'
import { anthropicMessages } from './anthropic/dialect.ts'
import { geminiGenerate } from './gemini/dialect.ts'
import { openaiChat } from './openai/chat/dialect.ts'
import { openaiResponses } from './openai/responses/dialect.ts'

/** Every dialect in which a model can be asked to answer. */
export const dialects = [openaiChat, openaiResponses, anthropicMessages, geminiGenerate] as const satisfies readonly Dialect[]

export function dialectOf(id: DialectId): Dialect {
  const found: Dialect | undefined = dialects.find((one) => one.id === id)
  if (found === undefined) throw new RangeError(`no dialect ${id}`)
  return found
}
