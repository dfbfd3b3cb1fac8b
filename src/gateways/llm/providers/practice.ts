import { below, same, type Provider } from './provider.ts'

/** The built-in model. Its host exists nowhere (RFC 6761): the dial in practice/ answers for it inside the process. */
export const practice: Provider = {
  kind: 'practice',
  dialects: ['openai.chat', 'openai.responses', 'anthropic.messages', 'gemini.generate'],
  baseUrl: 'http://practice.invalid',
  needsCredential: false,
  presets: [],
  headers: () => [],
  url: (at, path) => below(at.baseUrl, path),
  adapt: same,
  // Whatever was asked for, what answers is the practice model, and its name says so.
  modelFor: (requested) => (requested.startsWith('practice') ? requested : 'practice'),
}
