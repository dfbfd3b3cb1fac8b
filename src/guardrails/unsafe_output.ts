import type { Guardrail } from './guardrail.ts'
import { commands } from './rules/output/commands.ts'
import { markup } from './rules/output/markup.ts'
import { queries } from './rules/output/queries.ts'
import { targets } from './rules/output/targets.ts'

/** What does harm where an answer is rendered or the arguments of a call are run. */
export const unsafeOutput: Guardrail = {
  id: 'unsafe_output',
  about:
    'Script, SQL, shell and template injection, path traversal, addresses of metadata services, external entities and serialised objects. Answers show such code honestly, so there hits score 0.6 at most and are only recorded; what reaches the threshold stands in the arguments of a tool call.',
  layer: 'rules',
  categories: ['script_injection', 'sql_injection', 'command_injection', 'path_traversal', 'ssrf', 'template_injection', 'xxe', 'deserialisation'],
  on: ['assistant', 'tool_call'],
  phase: 'both',
  action: 'flag',
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'content_refused', reply: 'answer_refused' },
  matchers: [...markup, ...queries, ...commands, ...targets],
  marker: () => '[REMOVED_CODE]',
  mask: (_category, text) => (text.length <= 80 ? text : `${text.slice(0, 77)}...`),
}
