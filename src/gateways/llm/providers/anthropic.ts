import { below, same, type Provider } from './provider.ts'

/** The Messages API has kept this date since it exists; `apiVersion` in settings overrides it. */
const VERSION = '2023-06-01'

export const anthropic: Provider = {
  kind: 'anthropic',
  dialects: ['anthropic.messages'],
  baseUrl: 'https://api.anthropic.com',
  needsCredential: true,
  presets: [],
  pricedAs: 'anthropic',
  headers: (credential, at) => [
    ...(credential === undefined ? [] : [['x-api-key', credential] as const]),
    ['anthropic-version', at.apiVersion ?? VERSION],
  ],
  url: (at, path) => below(at.baseUrl, path),
  adapt: same,
  modelFor: same,
}
