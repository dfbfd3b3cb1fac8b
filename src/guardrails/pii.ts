import { marker } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'
import { email } from './rules/pii/email.ts'
import { ipv6, wallets } from './rules/pii/network.ts'
import { numbers } from './rules/pii/numbers.ts'

function maskOf(category: string, text: string): string {
  if (category === 'email') return `${text.slice(0, 1)}***${text.slice(text.lastIndexOf('.'))}`
  if (category === 'ip_address') return `${text.slice(0, 3)}***`
  return text.length < 8 ? '***' : `***${text.slice(-3)}`
}

/** Personal data that can be told by its form: whatever has a check digit is checked. */
export const pii: Guardrail = {
  id: 'pii',
  about: 'E-mail addresses, payment cards, IBANs, phone numbers, IP addresses, national identifiers and crypto wallets.',
  layer: 'rules',
  categories: ['email', 'card', 'iban', 'phone', 'ip_address', 'national_id', 'wallet'],
  on: ['user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  threshold: 0.8,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'personal_data', reply: 'leak_in_answer' },
  matchers: [email, numbers, ipv6, ...wallets],
  marker,
  rewritten: maskOf,
  mask: maskOf,
}
