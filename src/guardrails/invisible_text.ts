import type { Guardrail } from './guardrail.ts'
import { invisible } from './rules/invisible.ts'

/** Characters that a reader does not see and a model does. */
export const invisibleText: Guardrail = {
  id: 'invisible_text',
  about: 'Tag characters, direction overrides and runs of zero-width characters that carry data.',
  layer: 'normalise',
  categories: ['tag_characters', 'bidi_override', 'zero_width_data'],
  on: ['user', 'tool_result', 'document', 'tool_definition', 'body'],
  phase: 'both',
  action: 'deny',
  // Overrides and zero-width runs occur in honest right-to-left text and in emoji art: by default only tags decide.
  threshold: 0.95,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
  refusal: { request: 'injection', reply: 'answer_refused' },
  matchers: invisible,
  marker: () => '',
  mask: (category, text) => `${category}: ${text.length} units`,
}
