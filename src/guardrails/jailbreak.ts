import { headLook } from './classifiers/head.ts'
import { cutToSize } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'

/** Attempts to talk a model out of its safety rules: personas without limits, fictional frames, refusal suppression. */
export const jailbreak: Guardrail = {
  id: 'jailbreak',
  about: 'Attempts to strip a model of its safety rules: personas without limits, fictional frames, refusal suppression.',
  layer: 'deep',
  categories: ['jailbreak'],
  on: ['user', 'tool_result', 'document', 'body'],
  phase: 'request',
  action: 'deny',
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'injection', reply: 'answer_refused' },
  needs: 'models',
  look: headLook('jailbreak', [['jailbreak', 'jailbreak']]),
  marker: () => '[REMOVED_TEXT]',
  mask: cutToSize,
}
