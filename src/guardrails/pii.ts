import { entityLook } from './classifiers/entities.ts'
import { marker } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'
import { streets, suffixed } from './rules/pii/address.ts'
import { disguised, email } from './rules/pii/email.ts'
import { labelled } from './rules/pii/labelled.ts'
import { colons } from './rules/pii/network.ts'
import { numbers } from './rules/pii/numbers.ts'
import { profiles } from './rules/pii/profiles.ts'
import { zones } from './rules/pii/travel.ts'
import { wallets } from './rules/pii/wallets.ts'

function maskOf(category: string, text: string): string {
  if (category === 'email') return `${text.slice(0, 1)}***${text.slice(text.lastIndexOf('.'))}`
  if (category === 'ip_address') return `${text.slice(0, 3)}***`
  return text.length < 8 ? '***' : `***${text.slice(-3)}`
}

/** Personal data that can be told by its form: whatever has a check digit is checked. */
export const pii: Guardrail = {
  id: 'pii',
  about: 'E-mail and postal addresses, payment cards, bank accounts, phone numbers, network addresses, national identifiers, passports, licences, dates of birth, vehicles, devices, places and crypto wallets.',
  layer: 'rules',
  // Names in free text are the tagger's, which costs time on every text: whoever wants them writes `layers: [rules, deep]`.
  layers: ['rules'],
  categories: [
    'email', 'card', 'iban', 'bank_account', 'phone', 'ip_address', 'mac_address', 'device_id', 'national_id', 'passport', 'driver_licence', 'health_id', 'date_of_birth', 'age', 'address', 'location', 'vehicle', 'username', 'url_with_id', 'wallet', 'person', 'organization', 'date_time', 'job_title', 'nationality',
  ],
  on: ['user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  threshold: 0.8,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'personal_data', reply: 'leak_in_answer' },
  matchers: [email, disguised, numbers, colons, ...wallets, ...labelled, streets, suffixed, zones, ...profiles],
  needs: 'models',
  look: entityLook('pii'),
  marker,
  rewritten: maskOf,
  mask: maskOf,
}
