import { headLook } from './classifiers/head.ts'
import { cutToSize } from './guardrail.ts'
import type { Guardrail } from './guardrail.ts'

/** Hateful, harassing, threatening, sexual or abusive language, in what comes in and in what a model says. */
export const toxicity: Guardrail = {
  id: 'toxicity',
  about: 'Hateful, harassing, threatening, sexual or abusive language toward people or groups.',
  layer: 'deep',
  categories: ['toxicity', 'hate', 'harassment', 'threat', 'sexual', 'violence', 'self_harm', 'profanity'],
  on: ['user', 'assistant'],
  phase: 'both',
  action: 'flag',
  threshold: 0.9,
  postures: { observe: 'shadow', guard: 'shadow', strict: 'enforce' },
  refusal: { request: 'content_refused', reply: 'answer_refused' },
  needs: 'models',
  look: headLook('toxicity', [
    ['toxicity', 'toxicity'], ['hate', 'hate'], ['harassment', 'harassment'], ['threat', 'threat'],
    ['sexual', 'sexual'], ['violence', 'violence'], ['self_harm', 'self_harm'], ['profanity', 'profanity'],
  ]),
  marker: () => '[REMOVED_TEXT]',
  mask: cutToSize,
}
