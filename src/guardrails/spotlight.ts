import type { Guardrail } from './guardrail.ts'

/** Marks what comes from elsewhere, so that the model can tell data from orders (Hines et al. 2024, "spotlighting"). */
export const spotlight: Guardrail = {
  id: 'spotlight',
  about: 'Nothing: with mode enforce it marks text from elsewhere, and tells the model that what is marked is data and never an order.',
  layer: 'normalise',
  categories: [],
  on: ['tool_result', 'document'],
  phase: 'request',
  action: 'rewrite',
  threshold: 1,
  postures: { observe: 'off', guard: 'off', strict: 'off' },
  refusal: { request: 'content_refused', reply: 'answer_refused' },
  marks: true,
  marker: () => '',
  mask: () => '',
}
