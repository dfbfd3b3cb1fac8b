import type { Guardrail } from './guardrail.ts'
import { links } from './rules/exfiltration/links.ts'

/** What leaves by an address: pictures that load by themselves, links that carry text. Orders to write such are injections. */
export const exfiltration: Guardrail = {
  id: 'exfiltration',
  about: 'Images, frames and links whose address carries text, personal data or a slot for it; addresses of request collectors; data in names to look up.',
  layer: 'rules',
  categories: ['auto_loading', 'data_link', 'collector'],
  on: ['assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'],
  phase: 'both',
  action: 'redact',
  // Links that somebody must click first, long addresses and tunnels stay below it: recorded, and passed.
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'injection', reply: 'leak_in_answer' },
  matchers: links,
  marker: () => '[REMOVED_LINK]',
  mask: (_category, text) => (text.length <= 80 ? text : `${text.slice(0, 77)}...`),
}
