import { extractions } from './rules/injection/extraction.ts'
import { forgeries } from './rules/injection/forgery.ts'
import { hijacks } from './rules/injection/hijack.ts'
import { overrides } from './rules/injection/override.ts'
import { world } from './rules/injection/world.ts'
import type { Guardrail } from './guardrail.ts'

/** Signatures of open attempts to take the model over. Subtle ones are the classifiers' business. */
export const promptInjection: Guardrail = {
  id: 'prompt_injection',
  about: 'Text that tries to override the instructions, extract the system prompt, change the role or forge the chat template.',
  layer: 'rules',
  categories: ['instruction_override', 'prompt_extraction', 'role_hijack', 'template_forgery'],
  on: ['user', 'tool_result', 'document', 'tool_definition', 'body'],
  phase: 'both',
  action: 'deny',
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'injection', reply: 'answer_refused' },
  matchers: [...overrides, ...extractions, ...hijacks, ...forgeries, ...world],
  marker: () => '[REMOVED_TEXT]',
  // An instruction is no secret: the record shows it as it was, cut to size.
  mask: (_category, text) => (text.length <= 120 ? text : `${text.slice(0, 117)}...`),
}
