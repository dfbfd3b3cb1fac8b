import { isRefusal, refuse, type Refusal } from '../../../contract/verdict.ts'
import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Surveyed } from '../dialect.ts'
import { surveyed } from '../surveyed.ts'
import { walk } from '../walk.ts'
import { camel, get } from './names.ts'
import { generateTable } from './table.ts'

/** Objects with keys of the caller's choosing: `a_b` beside `aB` is no disguise there. */
const FREE = new Set(['args', 'response', 'properties', 'labels', 'default', 'example', 'headers', 'parametersJsonSchema', 'responseJsonSchema', 'partMetadata', 'defs', '$defs'])

/**
 * Google accepts both spellings of every field. Two of one field in one object would be read as one by us and as the
 * other by Google: the path of the second, or undefined.
 */
export function twin(tree: Tree, path: readonly (string | number)[] = []): readonly (string | number)[] | undefined {
  if (Array.isArray(tree)) {
    for (let index = 0; index < tree.length; index++) {
      const item = tree[index]
      if (typeof item !== 'object' || item === null) continue
      const found = twin(item, [...path, index])
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(tree)) return undefined
  for (const [key, value] of tree) {
    const name = key.includes('_') ? camel(key) : key
    if (name !== key && tree.has(name)) return [...path, key]
    if (typeof value !== 'object' || value === null || FREE.has(name)) continue
    const found = twin(value, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

export function survey(tree: TreeObject, allowed: readonly string[], fromPath?: { readonly model: string; readonly stream: boolean }): Surveyed | Refusal {
  const doubled = twin(tree)
  if (doubled !== undefined) {
    const param = doubled.join('.').slice(0, 200)
    return refuse('bad_request', { param, say: `The request is malformed: ${param} is there in both spellings.` })
  }
  const named = stringOf(tree.get('model'))?.replace(/^models\//, '')
  const model = fromPath?.model ?? named ?? ''
  if (named !== undefined && named !== model) {
    return refuse('bad_request', { param: 'model', say: 'The request is malformed: model must be the one that the path names.' })
  }
  if (!Array.isArray(tree.get('contents'))) {
    return refuse('bad_request', { param: 'contents', say: 'The request is malformed: contents must be an array: it is required.' })
  }
  const walked = walk(generateTable, tree, allowed)
  if (isRefusal(walked)) return walked
  const config = get(tree, 'generationConfig')
  const maxTokens = isObject(config) ? numberOf(get(config, 'maxOutputTokens')) : undefined
  const choices = (isObject(config) ? numberOf(get(config, 'candidateCount')) : undefined) ?? 1
  const last = (tree.get('contents') as Tree[]).at(-1)
  const stream = fromPath?.stream ?? false
  return surveyed(walked, {
    dialect: 'gemini.generate',
    model,
    stream,
    choices,
    maxTokens,
    // The caller puts words into the model's mouth: policy may want to know.
    ...(isObject(last) && last.get('role') === 'model' ? { facts: { prefill: true } } : {}),
  })
}
