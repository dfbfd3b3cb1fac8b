import type { Segment } from '../../contract/segment.ts'
import { isObject, stringOf, type Tree, type TreeObject } from '../../formats/tree.ts'

/** What a request says of one tool that it offers. */
export interface OfferedTool {
  readonly schema?: Tree
}

/**
 * Segments with the names of the tools whose calls and results they are: what a result answers is found by the id of its
 * call in the same transcript. All dialects alike, because each spells the same few fields.
 */
export function withToolNames(tree: TreeObject, segments: readonly Segment[]): readonly Segment[] {
  if (!segments.some(isOfTool)) return segments
  const names: Names = new Map()
  for (const key of ['messages', 'input', 'contents']) {
    const turns = tree.get(key)
    if (Array.isArray(turns)) turns.forEach((turn, at) => collect(turn, names, at, 0))
  }
  return segments.map((one) => {
    const tool = isOfTool(one) ? nameAlong(tree, one.path, names) : undefined
    return tool === undefined ? one : { ...one, tool }
  })
}

function isOfTool({ origin }: Segment): boolean {
  return origin === 'tool_call' || origin === 'tool_result'
}

/** A turn, its parts, and a call in a list of calls: deeper there are only arguments. */
const DEEPEST = 3

/** By the id of a call, in which turn what was called: some number their calls anew in each. */
type Names = Map<string, { readonly turn: number; readonly name: string }[]>

function collect(value: Tree, names: Names, turn: number, depth: number): void {
  if (!isObject(value)) return
  const called = calledHere(value)
  if (called?.id !== undefined) {
    const all = names.get(called.id)
    if (all === undefined) names.set(called.id, [{ turn, name: called.name }])
    else all.push({ turn, name: called.name })
  }
  if (depth === DEEPEST) return
  for (const key of ['content', 'tool_calls', 'parts']) {
    const inner = value.get(key)
    if (Array.isArray(inner)) for (const one of inner) collect(one, names, turn, depth + 1)
  }
}

/** The tool that an object calls, in the spelling of one of the dialects. */
function calledHere(value: TreeObject): { readonly name: string; readonly id: string | undefined } | undefined {
  const type = value.get('type')
  for (const key of ['function', 'custom', 'functionCall', 'function_call']) {
    const inner = value.get(key)
    const name = isObject(inner) ? stringOf(inner.get('name')) : undefined
    if (name !== undefined) return { name, id: stringOf(value.get('id')) ?? (isObject(inner) ? stringOf(inner.get('id')) : undefined) }
  }
  if (type !== 'tool_use' && type !== 'function_call' && type !== 'custom_tool_call') return undefined
  const name = stringOf(value.get('name'))
  return name === undefined ? undefined : { name, id: stringOf(value.get('call_id')) ?? stringOf(value.get('id')) }
}

/**
 * The outermost object on the way to a text, within its turn, that says which tool it is about: deeper ones may be a part
 * of what the tool answered, and say what they like.
 */
function nameAlong(tree: Tree, path: Segment['path'], names: Names): string | undefined {
  let here: Tree | undefined = tree
  const turn = typeof path[1] === 'number' ? path[1] : Infinity
  for (const [depth, step] of path.entries()) {
    if (isObject(here)) {
      const found = depth === 0 ? undefined : nameHere(here, names, turn)
      if (found !== undefined) return found.name
      here = here.get(String(step))
    } else here = Array.isArray(here) ? here[step as number] : undefined
  }
  return undefined
}

/** Undefined = it says nothing of tools; no name in it = of one that nobody can tell. */
function nameHere(value: TreeObject, names: Names, turn: number): { readonly name: string | undefined } | undefined {
  const called = calledHere(value)
  if (called !== undefined) return called
  for (const key of ['functionResponse', 'function_response']) {
    const inner = value.get(key)
    const name = isObject(inner) ? stringOf(inner.get('name')) : undefined
    if (name !== undefined) return { name }
  }
  const id = stringOf(value.get('tool_call_id')) ?? stringOf(value.get('tool_use_id')) ?? stringOf(value.get('call_id'))
  if (id !== undefined) {
    const said = names.get(id) ?? []
    const last = said.findLast((one) => one.turn <= turn)
    // Two calls of one turn with one id: nobody can tell which of them this answers.
    return { name: said.some((one) => one.turn === last?.turn && one.name !== last.name) ? undefined : last?.name }
  }
  // Before there were ids, a result named its function.
  return value.get('role') === 'function' ? { name: stringOf(value.get('name')) } : undefined
}

/** What the request says of a tool by its name, in any dialect; undefined where it offers none. */
export function offeredTool(tree: TreeObject, name: string): OfferedTool | undefined {
  const tools = [...listOf(tree.get('tools')), ...listOf(tree.get('functions'))]
  for (const tool of tools) {
    if (!isObject(tool)) continue
    const inner = tool.get('function') ?? tool.get('custom')
    const definitions = [isObject(inner) ? inner : tool, ...listOf(tool.get('functionDeclarations')), ...listOf(tool.get('function_declarations'))]
    for (const one of definitions) {
      if (!isObject(one) || one.get('name') !== name) continue
      const schema = one.get('parameters') ?? one.get('input_schema') ?? one.get('parametersJsonSchema') ?? one.get('parameters_json_schema')
      return schema === undefined ? {} : { schema }
    }
  }
  return undefined
}

function listOf(value: Tree | undefined): readonly Tree[] {
  return Array.isArray(value) ? value : []
}
