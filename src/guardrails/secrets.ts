import { marker } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'
import { contextual } from './rules/secrets/context.ts'
import { headers } from './rules/secrets/headers.ts'
import { keys } from './rules/secrets/keys.ts'
import { seed } from './rules/secrets/seed.ts'
import { tokens } from './rules/secrets/tokens.ts'
import { prefixed } from './rules/secrets/unknown.ts'
import { urls } from './rules/secrets/urls.ts'

function maskOf(category: string, text: string): string {
  return category === 'password' || text.length < 16 ? '***' : `${text.slice(0, 4)}***`
}

/** Credentials: tokens in the formats of their providers, keys, passwords in URLs and beside their names. */
export const secrets: Guardrail = {
  id: 'secrets',
  about: 'API keys, tokens, private keys, passwords, connection strings and seed phrases.',
  layer: 'rules',
  categories: ['api_key', 'jwt', 'private_key', 'password', 'secret', 'seed_phrase'],
  on: ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  threshold: 0.8,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'secret_found', reply: 'leak_in_answer' },
  matchers: [...tokens, ...contextual, ...headers, ...urls, ...keys, seed, prefixed],
  marker,
  rewritten: maskOf,
  mask: maskOf,
}
