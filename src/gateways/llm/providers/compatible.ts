import { withoutReasoning } from '../openai/chat/encode.ts'
import { isObject, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { presets } from './presets.ts'
import { below, same, type Preset, type Provider, type Quirks } from './provider.ts'

/** Any server that speaks Chat Completions. */
export const compatible: Provider = {
  kind: 'openai-compatible',
  dialects: ['openai.chat'],
  needsCredential: false,
  presets,
  headers: (credential, _at, preset) =>
    credential === undefined ? [] : preset?.auth === 'api-key' ? [['api-key', credential]] : [['authorization', `Bearer ${credential}`]],
  url: (at, path, model, preset) => (preset === undefined ? below(at.baseUrl, path) : preset.url(at, path, model)),
  adapt: (tree, dialect, preset) => (preset === undefined || dialect !== 'openai.chat' ? tree : spelt(preset.quirks.reasoning ? tree : withoutReasoning(tree), preset)),
  modelFor: same,
}

function spelt(tree: TreeObject, preset: Preset): TreeObject {
  const { quirks } = preset
  const messages = tree.get('messages')
  const developers = !quirks.developerRole && Array.isArray(messages) && messages.some(isDeveloper)
  let changes = developers || (!quirks.streamOptions && tree.has('stream_options'))
  for (const key of tree.keys()) changes ||= nameFor(key, quirks) !== key
  if (!changes) return tree
  const made: TreeObject = new Map()
  for (const [key, value] of tree) {
    if (key === 'stream_options' && !quirks.streamOptions) continue
    made.set(nameFor(key, quirks), key === 'messages' && developers ? (value as Tree[]).map(asSystem) : value)
  }
  return made
}

function nameFor(key: string, quirks: Quirks): string {
  if (key === 'max_tokens' || key === 'max_completion_tokens') return quirks.maxTokens === 'as_sent' ? key : quirks.maxTokens
  return quirks.rename[key] ?? key
}

function isDeveloper(message: Tree): boolean {
  return isObject(message) && message.get('role') === 'developer'
}

function asSystem(message: Tree): Tree {
  return isDeveloper(message) ? new Map(message as TreeObject).set('role', 'system') : message
}
