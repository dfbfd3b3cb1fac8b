import { withoutReasoning } from '../openai/chat/encode.ts'
import { below, same, type Provider } from './provider.ts'

export const openai: Provider = {
  kind: 'openai',
  dialects: ['openai.chat', 'openai.responses'],
  baseUrl: 'https://api.openai.com/v1',
  needsCredential: true,
  presets: [],
  pricedAs: 'openai',
  headers: (credential) => (credential === undefined ? [] : [['authorization', `Bearer ${credential}`]]),
  url: (at, path) => below(at.baseUrl, path),
  // Thinking of other makers in the history is a field that OpenAI does not know.
  adapt: (tree, dialect) => (dialect === 'openai.chat' ? withoutReasoning(tree) : tree),
  modelFor: same,
}
