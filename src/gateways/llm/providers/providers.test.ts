import assert from 'node:assert/strict'
import test from 'node:test'
import { writeJson, parseJson } from '../../../formats/json.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { presetOf, providerOf, providers } from './list.ts'
import { below } from './provider.ts'

const KEY = 'k-123'
const at = (baseUrl: string, more = {}) => ({ baseUrl, ...more })
const tree = (value: unknown): TreeObject => parseJson(JSON.stringify(value), { depth: 10 }) as TreeObject

test('each kind proves itself in its own header, and never in the URL', () => {
  const header = (kind: (typeof providers)[number]['kind'], preset?: string) => providerOf(kind).headers(KEY, at('https://x'), presetOf(providerOf(kind), preset))
  assert.deepEqual(header('openai'), [['authorization', `Bearer ${KEY}`]])
  assert.deepEqual(header('anthropic'), [['x-api-key', KEY], ['anthropic-version', '2023-06-01']])
  assert.deepEqual(header('gemini'), [['x-goog-api-key', KEY]])
  assert.deepEqual(header('openai-compatible', 'azure'), [['api-key', KEY]])
  assert.deepEqual(header('openai-compatible', 'groq'), [['authorization', `Bearer ${KEY}`]])
  assert.deepEqual(header('practice'), [])
  for (const one of providers) assert.doesNotMatch(one.url(at('https://x/v1'), '/v1/chat/completions', 'm', undefined), /key/)
})

test('a base URL with a version swallows the version of the path', () => {
  assert.equal(below('https://a/v1', '/v1/chat/completions'), 'https://a/v1/chat/completions')
  assert.equal(below('https://a/v1', '/chat/completions'), 'https://a/v1/chat/completions')
  assert.equal(below('https://a', '/v1/messages'), 'https://a/v1/messages')
  assert.equal(below('https://a/v1beta', '/models/m:generateContent'), 'https://a/v1beta/models/m:generateContent')
  assert.equal(below('https://a/openai/v1', '/v1/chat/completions'), 'https://a/openai/v1/chat/completions')
})

test('Azure names the deployment in the path, or takes the path without one', () => {
  const provider = providerOf('openai-compatible')
  const azure = presetOf(provider, 'azure')
  const url = (more: object): string => provider.url(at('https://me.openai.azure.com', more), '/v1/chat/completions', 'gpt 5', azure)
  assert.equal(url({}), 'https://me.openai.azure.com/openai/deployments/gpt%205/chat/completions?api-version=2024-10-21')
  assert.equal(url({ deployment: 'mine', apiVersion: '2025-01-01' }), 'https://me.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2025-01-01')
  assert.equal(url({ apiVersion: 'v1' }), 'https://me.openai.azure.com/openai/v1/chat/completions')
})

test('presets respell what their server spells differently, keep the order, and leave the original alone', () => {
  const provider = providerOf('openai-compatible')
  const asked = tree({ model: 'm', max_completion_tokens: 5, seed: 1, stream: true, stream_options: { include_usage: true }, messages: [{ role: 'developer', content: 'x' }, { role: 'user', content: 'y' }] })
  const as = (preset: string): string => writeJson(provider.adapt(asked, 'openai.chat', presetOf(provider, preset)))
  const before = writeJson(asked)
  assert.equal(as('mistral'), '{"model":"m","max_tokens":5,"random_seed":1,"stream":true,"messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}]}')
  assert.equal(as('groq'), before.replace('developer', 'system'))
  assert.equal(as('together'), before.replace('developer', 'system').replace('max_completion_tokens', 'max_tokens'))
  assert.equal(as('azure'), before)
  assert.equal(writeJson(asked), before)
  const plain = tree({ model: 'm', max_tokens: 5, messages: [] })
  assert.equal(provider.adapt(plain, 'openai.chat', presetOf(provider, 'together')), plain, 'nothing to change, nothing copied')
})

test('whoever is asked for, the practice model says that it is one', () => {
  const { modelFor } = providerOf('practice')
  assert.equal(modelFor('gpt-5'), 'practice')
  assert.equal(modelFor('practice-leaky'), 'practice-leaky')
})
