import { below, type Preset, type Quirks } from './provider.ts'

const plain: Quirks = { maxTokens: 'max_tokens', streamOptions: true, developerRole: false, reasoning: true, rename: {} }
const modern: Quirks = { ...plain, maxTokens: 'max_completion_tokens' }
/** Groq, Cerebras, Mistral and Azure refuse fields of other makers in a message. */
const narrow: Quirks = { ...modern, reasoning: false }

const url: Preset['url'] = (at, path) => below(at.baseUrl, path)

/** Newest version of the deployments API that is generally available; `apiVersion: v1` takes the path without one. */
const AZURE_VERSION = '2024-10-21'

const azure: Preset = {
  name: 'azure',
  quirks: { ...plain, maxTokens: 'as_sent', developerRole: true, reasoning: false },
  auth: 'api-key',
  pricedAs: 'azure',
  url(at, path, model) {
    const rest = path.replace(/^\/v1(?=\/)/, '')
    const version = at.apiVersion ?? AZURE_VERSION
    if (version === 'v1') return `${at.baseUrl}/openai/v1${rest}`
    const deployment = encodeURIComponent(at.deployment ?? model)
    return `${at.baseUrl}/openai/deployments/${deployment}${rest}${rest.includes('?') ? '&' : '?'}api-version=${encodeURIComponent(version)}`
  },
}

/** Servers that speak Chat Completions, with where they are and what they spell differently. */
export const presets: readonly Preset[] = [
  azure,
  // Mistral refuses fields that it does not know, and reports usage in its last chunk unasked.
  { name: 'mistral', baseUrl: 'https://api.mistral.ai/v1', quirks: { ...plain, reasoning: false, streamOptions: false, rename: { seed: 'random_seed' } }, auth: 'bearer', pricedAs: 'mistral', url },
  { name: 'groq', baseUrl: 'https://api.groq.com/openai/v1', quirks: narrow, auth: 'bearer', pricedAs: 'groq', url },
  { name: 'together', baseUrl: 'https://api.together.xyz/v1', quirks: plain, auth: 'bearer', pricedAs: 'together', url },
  { name: 'openrouter', baseUrl: 'https://openrouter.ai/api/v1', quirks: plain, auth: 'bearer', pricedAs: 'openrouter', url },
  { name: 'deepseek', baseUrl: 'https://api.deepseek.com/v1', quirks: plain, auth: 'bearer', pricedAs: 'deepseek', url },
  { name: 'xai', baseUrl: 'https://api.x.ai/v1', quirks: modern, auth: 'bearer', pricedAs: 'x-ai', url },
  { name: 'fireworks', baseUrl: 'https://api.fireworks.ai/inference/v1', quirks: plain, auth: 'bearer', pricedAs: 'fireworks', url },
  { name: 'cerebras', baseUrl: 'https://api.cerebras.ai/v1', quirks: narrow, auth: 'bearer', pricedAs: 'cerebras', url },
  { name: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1', quirks: plain, auth: 'bearer', url },
  { name: 'vllm', baseUrl: 'http://127.0.0.1:8000/v1', quirks: plain, auth: 'bearer', url },
  { name: 'lmstudio', baseUrl: 'http://127.0.0.1:1234/v1', quirks: plain, auth: 'bearer', url },
]
