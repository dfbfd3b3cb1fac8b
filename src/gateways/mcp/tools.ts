import { isObject, object, type Tree, type TreeObject } from '../../formats/tree.ts'
import { malformed } from './introduce.ts'
import type { AskOptions, Link } from './link.ts'
import { argumentSchema, type ArgumentSchema } from './schema.ts'

/** A tool as its server describes it. */
export interface Tool {
  readonly name: string
  readonly definition: TreeObject
  /** What its arguments must be; read when it is first called. */
  schema(): ArgumentSchema
}

/** Visible ASCII: what looks alike is the same, and no name writes over another. */
const NAME = /^[\x21-\x7e]{1,128}$/
const MOST_TOOLS = 1_000
const MOST_PAGES = 100

/**
 * All tools of a server, from all pages. A tool without a usable name or schema, and the second of two of one name, is
 * left out: nobody could decide about it.
 * @throws {Refused}
 */
export async function listTools(link: Link, options: AskOptions): Promise<readonly Tool[]> {
  const tools = new Map<string, Tool>()
  const cursors = new Set<string>()
  let params: TreeObject = new Map()
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await link.request('tools/list', params, options)
    if ('error' in answer) throw malformed(`tools/list: error ${answer.error.code}`)
    const listed = answer.result.get('tools')
    if (!Array.isArray(listed)) throw malformed('tools/list: no tools')
    for (const one of listed) {
      const tool = toolOf(one)
      if (tool === undefined || tools.has(tool.name)) continue
      if (tools.size >= MOST_TOOLS) throw malformed(`tools/list: more than ${MOST_TOOLS} tools`)
      tools.set(tool.name, tool)
    }
    const next = answer.result.get('nextCursor')
    if (next === undefined || next === null) return [...tools.values()]
    if (typeof next !== 'string' || cursors.has(next)) throw malformed('tools/list: a cursor that leads nowhere')
    cursors.add(next)
    params = object({ cursor: next })
  }
  throw malformed(`tools/list: more than ${MOST_PAGES} pages`)
}

function toolOf(listed: Tree): Tool | undefined {
  if (!isObject(listed)) return undefined
  const [name, inputSchema] = [listed.get('name'), listed.get('inputSchema')]
  if (typeof name !== 'string' || !NAME.test(name) || !isObject(inputSchema)) return undefined
  const definition = new Map(listed)
  // Of the exchange that listed it, not of the tool.
  definition.delete('_meta')
  let schema: ArgumentSchema | undefined
  return { name, definition, schema: () => (schema ??= argumentSchema(inputSchema)) }
}
