import { headLook } from './classifiers/head.ts'
import { cutToSize } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'

/** Requests for help with real harm. What a text merely mentions or discusses is not meant. */
export const harmful: Guardrail = {
  id: 'harmful',
  about: 'Requests for help with real harm: weapons, malware, fraud, abuse, self-harm.',
  layer: 'deep',
  categories: ['harmful_request'],
  on: ['user'],
  phase: 'request',
  action: 'deny',
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'content_refused', reply: 'answer_refused' },
  needs: 'models',
  look: headLook('harmful', [['harmful', 'harmful_request']]),
  marker: () => '[REMOVED_TEXT]',
  mask: cutToSize,
}
