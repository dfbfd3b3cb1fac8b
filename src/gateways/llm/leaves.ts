import { JsonError, parseJson, writeJson } from '../../formats/json.ts'
import { at, isNumber, isObject, withAt, type Tree, type TreeObject } from '../../formats/tree.ts'
import type { Code } from '../../contract/reasons.ts'
import { Refused, refuse } from '../../contract/verdict.ts'

/** Deepest nesting that arguments of a tool call may have; the whole request is bounded by the reader before. */
const DEPTH = 200

/** The text that guards see for a value: a string as it is, anything else as its JSON text, nothing as ''. */
export function leafText(value: Tree | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : writeJson(value)
}

/**
 * The tree with another text at `path`. Where an object or array stands (Gemini's `functionCall.args`, Anthropic's
 * `tool_use.input`) the text is its JSON and is read back; a number becomes a string; the same text gives the very
 * same tree.
 * @throws {Refused} with `code` where nothing editable stands (a key, text inside base64) or where the edit broke the
 * JSON: what was to be hidden must not travel half changed.
 */
export function replaceLeaf(tree: Tree, path: readonly (string | number)[], text: string, code: Code = 'answer_refused'): Tree {
  const here = at(tree, path)
  if (typeof here === 'string') return here === text ? tree : withAt(tree, path, text)
  if (leafText(here) === text) return tree
  if (here === undefined) throw new Refused(refuse(code, { detail: `an edit at ${path.join('.')}, where nothing can be edited` }))
  if (isNumber(here)) return withAt(tree, path, text)
  const value = parsed(text)
  if (value === undefined || isObject(value) !== isObject(here) || Array.isArray(value) !== Array.isArray(here)) {
    throw new Refused(refuse(code, { detail: `an edit at ${path.join('.')} broke the JSON there` }))
  }
  return withAt(tree, path, value)
}

/** The tree of a JSON text; undefined when it is none. */
export function parsed(text: string): Tree | undefined {
  try {
    return parseJson(text, { depth: DEPTH })
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

/** The object of a tool call's argument text ('' = no arguments); undefined when the text is no object. */
export function argumentsOf(text: string): TreeObject | undefined {
  if (text.trim() === '') return new Map()
  const value = parsed(text)
  return isObject(value) ? value : undefined
}

/**
 * The same for a call in an answer, on its way into a dialect that carries objects.
 * @throws {Refused} for a text that is none: an answer that was cut inside its arguments must not pass for a whole one.
 */
export function answeredArguments(text: string): TreeObject {
  const value = argumentsOf(text)
  if (value === undefined) throw new Refused(refuse('upstream_malformed', { detail: 'the arguments of a tool call are no JSON object' }))
  return value
}

/** Visits every string below `value`, with its path behind `path`. Keys are not visited. */
export function eachString(
  value: Tree,
  path: readonly (string | number)[],
  visit: (text: string, path: readonly (string | number)[], key: string) => void,
  key = '',
): void {
  if (typeof value === 'string') visit(value, path, key)
  else if (Array.isArray(value)) value.forEach((item, index) => eachString(item, [...path, index], visit, key))
  else if (isObject(value)) for (const [name, item] of value) eachString(item, [...path, name], visit, name)
}
