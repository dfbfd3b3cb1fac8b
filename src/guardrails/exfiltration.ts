import type { Guardrail } from './guardrail.ts'
import { links } from './rules/exfiltration/links.ts'
import { carryOut } from './rules/exfiltration/orders.ts'

/** What leaves by an address: pictures that load by themselves, links that carry text, orders to write such. */
export const exfiltration: Guardrail = {
  id: 'exfiltration',
  about: 'Images, frames and links whose address carries text, personal data or a slot for it; addresses of request collectors; data in names to look up; orders to send something out that way.',
  layer: 'rules',
  categories: ['auto_loading', 'data_link', 'collector', 'exfiltration_order'],
  on: ['assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  // Links that somebody must click first, long addresses and tunnels stay below it: recorded, and passed.
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'injection', reply: 'leak_in_answer' },
  matchers: [...links, ...carryOut('exfiltration', 'exfiltration_order')],
  marker: () => '[REMOVED_LINK]',
  mask: (_category, text) => (text.length <= 80 ? text : `${text.slice(0, 77)}...`),
}
