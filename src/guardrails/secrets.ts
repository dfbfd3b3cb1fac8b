import { marker } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'
import { contextual } from './rules/secrets/context.ts'
import { tokens } from './rules/secrets/tokens.ts'

function maskOf(category: string, text: string): string {
  return category === 'password' || text.length < 16 ? '***' : `${text.slice(0, 4)}***`
}

/** Credentials: tokens in the formats of their providers, keys, passwords in URLs and beside their names. */
export const secrets: Guardrail = {
  id: 'secrets',
  about: 'API keys, tokens, private keys, passwords and connection strings.',
  layer: 'rules',
  categories: ['api_key', 'jwt', 'private_key', 'password', 'secret'],
  on: ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  threshold: 0.8,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'secret_found', reply: 'leak_in_answer' },
  matchers: [...tokens, ...contextual],
  marker,
  rewritten: maskOf,
  mask: maskOf,
}
