import { below, same, type Provider } from './provider.ts'

export const gemini: Provider = {
  kind: 'gemini',
  dialects: ['gemini.generate'],
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
  needsCredential: true,
  presets: [],
  pricedAs: 'google',
  // Never `?key=`: a URL ends up in errors, logs and traces.
  headers: (credential) => (credential === undefined ? [] : [['x-goog-api-key', credential]]),
  url: (at, path) => below(at.baseUrl, path),
  adapt: same,
  modelFor: (requested) => requested.replace(/^models\//, ''),
}
